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
                        request.length = thread
                        request.offset = round
                        mine.append((request, request.sequence))
                        sequences[thread].append(request.sequence)
                    } else {
                        let (request, sequence) = mine.remove(at: Int.random(in: 0..<mine.count, using: &random))
                        if request.length != thread || request.sequence != sequence {
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
                    request.length += 1
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
            check(next.operation, is: .read)
        }
    }

    @Test func `gives a block without a trace of the request before`() async {
        await #expect(processExitsWith: .success) {
            check(Slab.prepare(limit: 1), is: 1)
            let old = Slab.allocate()!
            let sequence = old.sequence
            Slab.free(old)
            // All but the atomics, which have types of their own.
            memset(&old.iocb, 0xaa, MemoryLayout<iocb>.size)
            old.user = UserBlock(UnsafeRawPointer(bitPattern: 0x1000)!)
            old.next = old
            old.operation = .write
            old.position = 3
            old.observers = 7
            old.priority = 20
            old.descriptor = Descriptor(number: 5)
            old.file.inode = 9
            old.buffer = UnsafeMutableRawPointer(bitPattern: 0x1000)
            old.length = 1
            old.offset = 1
            old.transferred = 1
            old.result = 1
            old.notification.kind = .signal
            old.list = old
            old.order.waiters = old
            old.shared.pending.store(3, ordering: .relaxed)
            old.shared.anyFailed.store(true, ordering: .relaxed)
            let request = Slab.allocate()!
            check(old == request && request.sequence == sequence + 1)
            let isZero = withUnsafeBytes(of: &request.iocb) { bytes in bytes.allSatisfy { $0 == 0 } }
            check(isZero)
            check(request.user == nil || request.user?.base == nil)
            check(request.next == nil)
            check(request.operation, is: .read)
            check(request.position == 0 && request.observers == 0 && request.priority == 0)
            check(request.descriptor, is: .none)
            check(request.file.inode, is: 0)
            check(request.buffer == nil)
            check(request.length == 0 && request.offset == 0)
            check(request.transferred == 0 && request.result == 0)
            check(request.notification.kind, is: .none)
            check(request.list == nil && request.order.waiters == nil)
            check(request.shared.pending.load(ordering: .relaxed), is: 0)
            check(request.shared.anyFailed.load(ordering: .relaxed), is: false)
            check(request.state, is: .made)
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
