// The cells of `ordered`: who passes without the lock, who is found by those that take it, and that nothing is left
// behind. The table belongs to the process, so each test has one of its own.

import CKernel
import Glibc
import Synchronization
import Testing

@testable import Kaio

private func file(_ inode: UInt64) -> FileFacts {
    FileFacts(device: 1, inode: inode, size: 1 << 40, kind: .file, statusFlags: O_RDWR | __O_DIRECT)
}

private func make(
    _ operation: Operation, _ offset: Int, _ length: Int = 4096, on inode: UInt64 = 1
) -> Request {
    let request = makeRequest()
    request.operation = operation
    request.offset = offset
    request.length = length
    request.file = file(inode)
    return request
}

/// Registers as `ordered` does under its lock; gives those that were adopted.
private func lock(_ request: Request) -> [Request] {
    var adopted: [Request] = []
    request.order.start = request.offset
    request.order.end = request.end
    request.order.hasRange = true
    OrderedCells.enterLocked(request) { adopted.append($0) }
    return adopted
}

private func isClear(_ operation: Operation, _ offset: Int, _ length: Int = 4096, on inode: UInt64 = 1) -> Bool {
    OrderedCells.isClear(file(inode), offset, offset + length, isWrite: operation == .write)
}

private let wide = 129 << 10

@Suite struct `The cells of ordered` {
    @Test func `let pass what is in nobody's way, and are nobody's afterwards`() async {
        await #expect(processExitsWith: .success) {
            for _ in 0..<3 {
                let requests = (0..<100).map { make(.write, $0 * 8192, 8192) } + [make(.write, 0, on: 2)]
                check(requests.allSatisfy { OrderedCells.enter($0) })
                check(requests.allSatisfy { OrderedCells.state(of: $0) == .free })
                check(!isClear(.read, 8191, 1) && isClear(.write, 819_200) && !isClear(.read, 0, on: 2))
                check(requests.allSatisfy { OrderedCells.leave($0) })
                check(requests.allSatisfy { OrderedCells.state(of: $0) == .none })
                check(isClear(.write, 0, 128 << 10) && isClear(.write, 0, on: 2))
            }
        }
    }

    @Test func `let nobody pass where somebody is, nor where somebody is wide`() async {
        await #expect(processExitsWith: .success) {
            let first = make(.read, 4096, 8192)
            check(OrderedCells.enter(first))
            for (offset, length, passes) in [
                (0, 4096, true), (12288, 4096, true), (0, 4097, false), (12287, 1, false), (4096, 1, false),
                (0, 65536, false),
            ] {
                let other = make(.read, offset, length)
                check(OrderedCells.enter(other), is: passes)
                // Also where only a part of its cells could be had.
                check(OrderedCells.leave(other))
                check(isClear(.read, offset, length))
                check(isClear(.write, offset, length), is: passes)
            }
            check(OrderedCells.leave(first))
            let large = make(.write, 1 << 30, wide)
            check(lock(large), is: [])
            let (other, elsewhere) = (make(.read, 0), make(.read, 0, on: 2))
            check(!OrderedCells.enter(other) && OrderedCells.enter(elsewhere))
            check(!isClear(.read, 0) && isClear(.write, 4096, on: 2))
            check(OrderedCells.leave(other) && OrderedCells.leave(elsewhere))
            OrderedCells.leaveLocked(large)
            check(isClear(.write, 0))
        }
    }

    @Test func `do not take what is wide`() async {
        await #expect(processExitsWith: .success) {
            let request = make(.write, 0, wide)
            check(!OrderedCells.enter(request))
            check(OrderedCells.state(of: request) == .none && !OrderedCells.leave(request))
            check(isClear(.write, 0) && !isClear(.write, 0, wide))
            // The most cells, and one more for a start in the middle of a cell.
            check(isClear(.write, 0, 128 << 10) && !isClear(.write, 1, 128 << 10))
        }
    }

    @Test func `show those that passed to who overlaps them under the lock`() async {
        await #expect(processExitsWith: .success) {
            let passed = (0..<4).map { make(.write, $0 * 4096) }
            check(passed.allSatisfy { OrderedCells.enter($0) })
            let other = make(.write, 4000, 8192)
            check(lock(other), is: Array(passed[0..<3]))
            // Once; and what was not in the way is free still.
            let another = make(.read, 0, 16384)
            check(lock(another), is: [passed[3]])
            for request in passed { check(OrderedCells.state(of: request) == .adopted) }
            check(passed.allSatisfy { !OrderedCells.leave($0) })
            for request in passed + [other] { OrderedCells.leaveLocked(request) }
            check(!isClear(.read, 0) && !OrderedCells.enter(make(.read, 0)))
            OrderedCells.leaveLocked(another)
            for request in passed { check(OrderedCells.state(of: request) == .none) }
        }
    }

    @Test func `show all of a file to who is wide, and to an aio_fsync`() async {
        await #expect(processExitsWith: .success) {
            let passed = (0..<40).map { make(.write, $0 << 20) }
            let others = (0..<40).map { make(.write, $0 << 20, on: 2) }
            check((passed + others).allSatisfy { OrderedCells.enter($0) })
            check(OrderedCells.leave(passed[7]))
            check(lock(make(.read, 0, wide)), is: passed.filter { $0 != passed[7] })
            var adopted: [Request] = []
            OrderedCells.adoptAll(on: file(1)) { adopted.append($0) }
            check(adopted, is: [])
            OrderedCells.adoptAll(on: file(2)) { adopted.append($0) }
            check(adopted, is: others)
            for request in others { OrderedCells.leaveLocked(request) }
            check(isClear(.write, 0, on: 2))
        }
    }

    @Test func `take in under the lock who got a part of his cells`() async {
        await #expect(processExitsWith: .success) {
            let first = make(.write, 8192)
            check(OrderedCells.enter(first))
            let second = make(.write, 0, 16384)
            check(!OrderedCells.enter(second))
            check(Int(second.cellsHeld), is: 2)
            check(lock(second), is: [second, first])
            check(Int(second.cellsHeld), is: 4)
            OrderedCells.leaveLocked(first)
            for offset in [0, 4096, 8192, 12288] { check(!isClear(.read, offset)) }
            OrderedCells.leaveLocked(second)
            check(isClear(.write, 0, 16384))
        }
    }

    @Test func `never take a request for the one that was in its block before`() async {
        await #expect(processExitsWith: .success) {
            let first = make(.write, 0)
            check(OrderedCells.enter(first))
            // Over, but its word still stands there: the block is another's already.
            first.shared.lane.store(0, ordering: .relaxed)
            let mask = SignalMask.blockAll()
            Slab.free(first)
            let second = Slab.allocate()!
            mask.restore()
            check(second, is: first)
            second.operation = .write
            second.offset = 1 << 20
            second.length = 4096
            second.file = file(1)
            check(OrderedCells.enter(second))
            let other = make(.write, 0)
            check(!OrderedCells.enter(other))
            check(lock(other), is: [other])
            check(OrderedCells.state(of: second) == .free && OrderedCells.leave(second))
            OrderedCells.leaveLocked(other)
            check(isClear(.write, 0))
        }
    }

    @Test func `know nothing after a reset`() async {
        await #expect(processExitsWith: .success) {
            check(OrderedCells.enter(make(.write, 0)))
            _ = lock(make(.write, 0, wide))
            OrderedCells.reset()
            check(isClear(.write, 0))
        }
    }

    /// Each thread's requests overlap only each other, but all of them share cells, and some are wide. Whoever passes
    /// goes below at once, as `Express` does it.
    @Test(.timeLimit(.minutes(3))) func `keep the order of every thread when many come at once`() async {
        await #expect(processExitsWith: .success) {
            let below = Below()
            useStack([Ordered(position: 0), below])
            let passed = Atomic<Int>(0)
            let held = Atomic<Int>(0)
            concurrently(4) { thread in
                var random = SystemRandomNumberGenerator()
                for round in 0..<400 {
                    var users: [UserBlock] = []
                    for _ in 0..<8 {
                        let request = makeRequest()
                        users.append(request.user!)
                        request.operation = Bool.random(using: &random) ? .write : .read
                        request.file = file(1)
                        request.descriptor = Descriptor(number: CInt(thread))
                        switch round % 4 {
                        case 0:
                            // Every place of 1 KiB is one thread's, every cell all threads'.
                            request.offset = (Int.random(in: 0..<4, using: &random) * 4 + thread) << 10
                            request.length = 1 << 10
                        case 3 where Int.random(in: 0..<4, using: &random) == 0:
                            request.offset = (thread + 1) << 20
                            request.length = 200 << 10
                        default:
                            let start = Int.random(in: 0..<24, using: &random) << 12
                            request.offset = (thread + 1) << 20 + start
                            request.length = Int.random(in: 1...8, using: &random) << 12
                        }
                        if Int.random(in: 0..<32, using: &random) == 0 {
                            request.operation = .synchronize
                            request.offset = 0
                            request.length = 0
                        } else if OrderedCells.enter(request) {
                            passed.wrappingAdd(1, ordering: .relaxed)
                            request.position = 1
                            request.observers = 1
                            below.add(request)
                            continue
                        }
                        held.wrappingAdd(1, ordering: .relaxed)
                        request.observers = 0
                        submit([request])
                    }
                    while users.contains(where: \.isInProgress) { below.completeOne() }
                }
            }
            check(below.overlaps, is: 0)
            check(passed.load(ordering: .relaxed) > 100)
            check(held.load(ordering: .relaxed) > 100)
            for cell in 0..<2048 { check(isClear(.write, cell << 12)) }
        }
    }
}

/// What is below `ordered`: looks whether requests of one thread overlap, one of which writes.
private final class Below: Module {
    let name: StaticString = "below"
    private let guarded = Guarded()

    private final class Guarded {
        let lock = Lock()
        var requests: [Request] = []
        var overlaps = 0
    }

    var overlaps: Int { guarded.overlaps }

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        while let request = requests.popFirst() { add(request) }
    }

    func add(_ request: Request) {
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        let (start, end) = (request.offset, request.end)
        let isWrite = request.operation == .write
        guarded.lock.locked {
            for other in guarded.requests {
                let isOtherWrite = other.operation == .write
                if request.operation == .synchronize {
                    // An aio_fsync covers its thread's writes before it.
                    if isOtherWrite, other.isOnSameDescriptor(as: request), other.sequence < request.sequence {
                        guarded.overlaps += 1
                    }
                } else if isWrite || isOtherWrite, other.offset < end, other.end > start {
                    guarded.overlaps += 1
                }
            }
            guarded.requests.append(request)
        }
    }

    func completeOne() {
        let mask = SignalMask.blockAll()
        let request: Request? = guarded.lock.locked {
            guarded.requests.isEmpty ? nil : guarded.requests.remove(at: Int.random(in: 0..<guarded.requests.count))
        }
        mask.restore()
        if let request { KaioTests.submit([]) { $0.complete(request, 0) } } else { sched_yield() }
    }
}
