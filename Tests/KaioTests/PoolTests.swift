import CKernel
import Testing

@testable import Kaio

@Suite struct `The pool` {
    @Test func `gives no page twice, and no more than its budget`() async {
        await #expect(processExitsWith: .success) {
            setenv("KAIO_POOL", "1M", 1)
            Options.read()
            check(Pool.budget, is: 1 << 20)
            var starts: [UnsafeMutableRawPointer] = []
            var pages = 0
            for size in [1, 3, 64, 5, 60, 1, 1, 64] {
                guard let memory = Pool.take(size) else { continue }
                memset(memory.start, Int32(size), memory.count)
                pages += size
                starts.append(memory.leak())
            }
            check(Pool.used, is: pages * 4096)
            check(Set(starts.map { UInt(bitPattern: $0) }).count, is: starts.count)
            check(Pool.take(64) == nil)
            check(Pool.take(257) == nil && Pool.take(0) == nil)
            for (start, size) in zip(starts, [1, 3, 64, 5, 60, 1, 1, 64]) {
                check(start.load(fromByteOffset: size * 4096 - 1, as: UInt8.self) == UInt8(size))
                _ = PoolMemory(start: start, pages: size)
            }
            check(Pool.used, is: 0)
            do {
                let whole = Pool.take(256)
                check(whole != nil)
                check(Pool.take(1) == nil)
            }
            check(Pool.take(200) != nil)
            Pool.trim()
            check(Pool.take(1)!.start.load(as: UInt8.self), is: 0)
        }
    }

    @Test func `is for several threads`() async {
        await #expect(processExitsWith: .success) {
            setenv("KAIO_POOL", "4M", 1)
            Options.read()
            concurrently(8) { thread in
                for round in 0..<200 {
                    guard let memory = Pool.take(1 + (round * 7 + thread) % 70) else { continue }
                    memset(memory.start, Int32(thread), memory.count)
                    var own = 0
                    for at in stride(from: 0, to: memory.count, by: 512)
                    where memory.start.load(fromByteOffset: at, as: UInt8.self) == UInt8(thread) { own += 1 }
                    check(own, is: memory.count / 512)
                }
            }
            check(Pool.used, is: 0)
        }
    }
}
