import CKaio
import CKernel
import Synchronization
import Testing

@testable import Kaio

@Suite struct `The slab` {
    @Test func `gives each request a block and a sequence of its own`() {
        let rounds = 3000
        var sequences: [[UInt64]] = Array(repeating: [], count: 4)
        let wrong = Atomic<Int>(0)
        sequences.withUnsafeMutableBufferPointer { sequences in
            concurrently(4) { thread in
                let mask = SignalMask.blockAll()
                var random = SystemRandomNumberGenerator()
                var mine: [(request: Request, sequence: UInt64)] = []
                for round in 0..<rounds {
                    if mine.count < 20, Bool.random(using: &random) || mine.isEmpty {
                        precondition(Engine.enter(1))
                        let request = Slab.allocate()!
                        request.block.pointee.length = thread
                        request.block.pointee.offset = round
                        mine.append((request, request.sequence))
                        sequences[thread].append(request.sequence)
                    } else {
                        let (request, sequence) = mine.remove(at: Int.random(in: 0..<mine.count, using: &random))
                        if request.block.pointee.length != thread || request.sequence != sequence {
                            wrong.add(1, ordering: .relaxed)
                        }
                        Engine.release(request)
                    }
                }
                for (request, _) in mine { Engine.release(request) }
                mask.restore()
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
        let all = sequences.flatMap { $0 }
        #expect(Set(all).count == all.count)
        #expect(!all.contains(0))
        for one in sequences { #expect(one == one.sorted()) }
    }

    /// One block only: each thread that gets it must be the only one, whatever the others did meanwhile.
    @Test func `gives a block that comes and goes to one thread at a time`() async {
        await #expect(processExitsWith: .success) {
            check(Slab.prepare(limit: 2), is: 2)
            let holders = Atomic<Int>(0)
            let most = Atomic<Int>(0)
            concurrently(4) { _ in
                for _ in 0..<20_000 {
                    guard let request = Slab.allocate() else { continue }
                    most.max(holders.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
                    request.block.pointee.length += 1
                    holders.subtract(1, ordering: .relaxed)
                    Slab.free(request)
                }
            }
            check((1...2).contains(most.load(ordering: .relaxed)))
            check(Slab.used <= 2)
            check(Slab.allocate() != nil && Slab.allocate() != nil && Slab.allocate() == nil)
        }
    }

    @Test func `gives no more than its limit, and gives again what was freed`() async {
        await #expect(processExitsWith: .success) {
            check(Slab.prepare(limit: 10), is: 10)
            check(Slab.prepare(limit: 1000), is: 10)
            check(Slab.used, is: 0)
            let requests = (0..<10).compactMap { _ in Slab.allocate() }
            check(requests.count, is: 10)
            check(Set(requests.map { Slab.number(of: $0) }) == Set(0..<10))
            check(Slab.allocate() == nil)
            Slab.free(requests[3])
            check(requests[3].sequence, is: 0)
            let again = Slab.allocate()
            check(again, is: requests[3])
            check(Slab.allocate() == nil)
            check(Slab.used, is: 10)
        }
    }

    @Test func `that has no memory says so`() async {
        await #expect(processExitsWith: .success) {
            var little = rlimit(rlim_cur: 1 << 20, rlim_max: 1 << 20)
            setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &little)
            check(Slab.prepare(limit: 1 << 24) == nil)
        }
    }

    @Test func `takes a quarter of the addresses that are left`() async {
        await #expect(processExitsWith: .success) {
            let left = 32 << 20
            let statm = "/proc/self/statm".withCString {
                systemCall(SYS_openat, Int(AT_FDCWD), address($0), Int(O_RDONLY))
            }
            var line = [CChar](repeating: 0, count: 200)
            check(Descriptor(number: CInt(statm)).read(&line, 199) > 0)
            let size = rlim_t(strtol(line, nil, 10) * Pages.size + left)
            var limit = rlimit(rlim_cur: size, rlim_max: size)
            setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
            let count = Slab.prepare(limit: 65536)
            check(count, is: 8192)
            let requests = (0..<8192).compactMap { _ in Slab.allocate() }
            check(requests.count, is: 8192)
            check(Slab.allocate() == nil)
        }
    }

    @Test func `never gives a sequence twice, not even after everything was given back`() async {
        await #expect(processExitsWith: .success) {
            check(Slab.prepare(limit: 10), is: 10)
            let requests = (0..<5).map { _ in Slab.allocate()! }
            let last = requests.map(\.sequence).max()!
            for request in requests { Slab.free(request) }
            Slab.discard()
            check(Slab.used, is: 0)
            let next = Slab.allocate()!
            check(next.sequence > last)
            check(Slab.used, is: 1)
            check(next.block.pointee.operation, is: .read)
        }
    }

    @Test func `gives a block without a trace of the request before`() async {
        await #expect(processExitsWith: .success) {
            check(Slab.prepare(limit: 1), is: 1)
            let request = Slab.allocate()!
            let sequence = request.sequence
            // All but the atomics, which have types of their own.
            let old = request.block
            memset(&old.pointee.iocb, 0xaa, MemoryLayout<iocb>.size)
            old.pointee.user = UserBlock(UnsafeRawPointer(bitPattern: 0x1000)!)
            old.pointee.next = request
            old.pointee.operation = .write
            old.pointee.position = 3
            old.pointee.watchers = 7
            old.pointee.priority = 20
            old.pointee.descriptor = Descriptor(number: 5)
            old.pointee.file.inode = 9
            old.pointee.buffer = UnsafeMutableRawPointer(bitPattern: 0x1000)
            old.pointee.length = 1
            old.pointee.offset = 1
            old.pointee.transferred = 1
            old.pointee.result = 1
            old.pointee.notification.kind = .signal
            old.pointee.list = request
            old.pointee.order.waiters = request
            old.pointee.pending.store(3, ordering: .relaxed)
            old.pointee.anyFailed.store(true, ordering: .relaxed)
            old.pointee.waitingIn.store(2, ordering: .relaxed)
            Slab.free(request)
            let block = Slab.allocate()!.block
            check(Request(block) == request && request.sequence == sequence + 1)
            let isZero = withUnsafeBytes(of: &block.pointee.iocb) { bytes in bytes.allSatisfy { $0 == 0 } }
            check(isZero)
            check(block.pointee.user == nil || block.pointee.user?.base == nil)
            check(block.pointee.next == nil)
            check(block.pointee.operation, is: .read)
            check(block.pointee.position == 0 && block.pointee.watchers == 0 && block.pointee.priority == 0)
            check(block.pointee.descriptor, is: .none)
            check(block.pointee.file.inode, is: 0)
            check(block.pointee.buffer == nil)
            check(block.pointee.length == 0 && block.pointee.offset == 0)
            check(block.pointee.transferred == 0 && block.pointee.result == 0)
            check(block.pointee.notification.kind, is: .none)
            check(block.pointee.list == nil && block.pointee.order.waiters == nil)
            check(block.pointee.pending.load(ordering: .relaxed), is: 0)
            check(block.pointee.anyFailed.load(ordering: .relaxed), is: false)
            check(block.pointee.waitingIn.load(ordering: .relaxed), is: 0)
        }
    }

    @Test func `finds a request by its number`() {
        withRequests(20) { requests in
            for request in requests {
                let number = Slab.number(of: request)
                #expect(number < Slab.used)
                #expect(Slab.request(number: number) == request)
            }
        }
    }

    @Test func `keeps blocks apart by cache lines`() {
        withRequests(20) { requests in
            let places = requests.map { UInt(bitPattern: $0.block) }
            #expect(places.allSatisfy { $0 % 64 == 0 })
            let sorted = places.sorted()
            for (one, next) in zip(sorted, sorted.dropFirst()) {
                #expect(next - one >= UInt(MemoryLayout<ControlBlock>.size))
            }
        }
    }
}
