// The module `ordered` alone: the test makes the requests up, sees which of them go below, and completes them as
// it likes. Each test has a process, and so a stack, of its own.

import CKaio
import CKernel
import Synchronization
import Testing

@testable import Kaio

/// What is below `ordered`.
private final class Below: Module {
    let name: StaticString = "below"
    /// In the order in which they came.
    var requests: [Request] = []
    var completesAtOnce = false

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        while let request = requests.popFirst() {
            if completesAtOnce { turn.complete(request, 0) } else { self.requests.append(request) }
        }
    }
}

/// What is known of a descriptor of a file.
private func facts(
    _ inode: UInt64, _ kind: FileFacts.Kind = .file, flags: CInt = O_RDWR | __O_DIRECT, size: Int64 = 0
) -> FileFacts {
    var facts = FileFacts()
    facts.device = 1
    facts.inode = inode
    facts.kind = kind
    facts.statusFlags = flags
    facts.size = size
    return facts
}

/// The module with nothing around it.
private final class Bench {
    let ordered = Ordered(position: 0)
    let below = Below()

    init() { useStack([ordered, below]) }

    func make(
        _ operation: Operation, _ offset: Int = 0, _ length: Int = 10, _ file: FileFacts = facts(1),
        descriptor: CInt = 100
    ) -> Request {
        let request = makeRequest()
        request.operation = operation
        request.offset = offset
        request.length = length
        request.file = file
        request.descriptor = Descriptor(number: descriptor)
        return request
    }

    /// Makes a request and gives it to the module.
    @discardableResult
    func add(
        _ operation: Operation, _ offset: Int = 0, _ length: Int = 10, _ file: FileFacts = facts(1),
        descriptor: CInt = 100
    ) -> Request {
        let request = make(operation, offset, length, file, descriptor: descriptor)
        submit([request])
        return request
    }

    func complete(_ request: Request, _ result: Int = 0) {
        below.requests.removeAll { $0 == request }
        submit([]) { $0.complete(request, result) }
    }

    func isBelow(_ request: Request) -> Bool { below.requests.contains(request) }

    func cancel(_ request: Request, _ sequence: UInt64? = nil) -> CancelOutcome {
        var outcome = CancelOutcome.no
        submit([]) { turn in
            outcome = ordered.cancel(
                RequestIdentity(slot: request.identity.slot, sequence: sequence ?? request.sequence), force: false,
                &turn)
            if outcome == .taken { turn.complete(request, -Int(ECANCELED)) }
        }
        return outcome
    }
}

@Suite struct `The module ordered` {
    @Test func `lets requests pass that do not touch each other`() async {
        await #expect(processExitsWith: .success) {
            let bench = Bench()
            let requests = [
                bench.add(.write, 0, 10), bench.add(.write, 10, 10), bench.add(.read, 20, 10),
                bench.add(.read, 25, 10), bench.add(.write, 0, 10, facts(2)),
            ]
            check(bench.below.requests, is: requests)
        }
    }

    @Test func `holds what overlaps an earlier request, where one of the two writes`() async {
        await #expect(processExitsWith: .success) {
            let bench = Bench()
            for (first, second, isHeld) in [
                (Operation.read, Operation.read, false), (.read, .write, true), (.write, .read, true),
                (.write, .write, true),
            ] {
                let (a, b) = (bench.add(first, 0, 10), bench.add(second, 5, 10))
                check(bench.isBelow(a))
                check(!bench.isBelow(b), is: isHeld)
                bench.complete(a)
                check(bench.isBelow(b))
                bench.complete(b)
            }
        }
    }

    /// Whatever is asked, and in whatever order it ends: below is what conflicts with nothing earlier.
    @Test(.timeLimit(.minutes(1))) func `does what a list of all requests would say`() async {
        await #expect(processExitsWith: .success) {
            let bench = Bench()
            var random = SystemRandomNumberGenerator()
            var inFlight: [Request] = []

            func conflict(_ a: Request, _ b: Request) -> Bool {
                a.file.inode == b.file.inode && a.offset < b.end && b.offset < a.end
                    && (a.operation == .write || b.operation == .write)
            }

            var wrong = 0
            for _ in 0..<6000 {
                if inFlight.count < 40, Int.random(in: 0..<5, using: &random) < 3 || inFlight.isEmpty {
                    inFlight.append(
                        bench.add(
                            Bool.random(using: &random) ? .write : .read, Int.random(in: 0..<100, using: &random),
                            Int.random(in: 1..<20, using: &random), facts(UInt64.random(in: 1...3, using: &random))))
                } else if Int.random(in: 0..<8, using: &random) == 0 {
                    let index = Int.random(in: 0..<inFlight.count, using: &random)
                    let isHeld = !bench.isBelow(inFlight[index])
                    let outcome = bench.cancel(inFlight[index])
                    if outcome != (isHeld ? .taken : .no) { wrong += 1 }
                    if isHeld { inFlight.remove(at: index) }
                } else {
                    let request = bench.below.requests.randomElement(using: &random)!
                    inFlight.removeAll { $0 == request }
                    bench.complete(request)
                }
                for (index, request) in inFlight.enumerated() {
                    let isHeld = inFlight[..<index].contains { conflict($0, request) }
                    if bench.isBelow(request) == isHeld { wrong += 1 }
                }
            }
            check(wrong, is: 0)
        }
    }

    @Test func `lets appends land in the order of the calls`() async {
        await #expect(processExitsWith: .success) {
            let bench = Bench()
            let appending = facts(1, flags: O_RDWR | O_APPEND, size: 1000)
            let requests = (0..<10).map { _ in bench.add(.write, 0, 10, appending) }
            for request in requests {
                check(bench.below.requests, is: [request])
                bench.complete(request)
            }
            check(bench.below.requests, is: [])
        }
    }

    @Test func `lets a read of what was there pass an append, and no read of what is new`() async {
        await #expect(processExitsWith: .success) {
            let bench = Bench()
            bench.add(.write, 0, 10, facts(1, flags: O_RDWR | O_APPEND, size: 1000))
            check(bench.isBelow(bench.add(.read, 990, 10)))
            check(!bench.isBelow(bench.add(.read, 991, 10)))
            check(!bench.isBelow(bench.add(.read, 5000, 10)))
        }
    }

    @Test(arguments: [Operation.synchronize.rawValue, Operation.synchronizeData.rawValue])
    func `holds an aio_fsync until every earlier write is complete`(_ operation: UInt8) async {
        await #expect(processExitsWith: .success) { [operation] in
            let bench = Bench()
            let other = bench.add(.write, 0, 10, facts(2))
            let read = bench.add(.read, 500, 10)
            let writes = [bench.add(.write, 0, 10), bench.add(.write, 0, 10), bench.add(.write, 90, 10)]
            let synchronization = bench.add(Operation(rawValue: operation)!, 0, 0, descriptor: 101)
            bench.add(.write, 200, 10)
            for write in [writes[2], writes[0], writes[1]] {
                check(!bench.isBelow(synchronization))
                check(bench.isBelow(write))
                bench.complete(write)
            }
            check(bench.isBelow(synchronization))
            check(bench.isBelow(other) && bench.isBelow(read))
        }
    }

    @Test func `lets an aio_fsync pass where there is nothing to wait for`() async {
        await #expect(processExitsWith: .success) {
            let bench = Bench()
            bench.add(.read)
            check(bench.isBelow(bench.add(.synchronize)))
            check(bench.isBelow(bench.add(.write, 500, 10)))
        }
    }

    @Test func `lets those aio_fsyncs share one that wait for the same write, and its result`() async {
        await #expect(processExitsWith: .success) {
            let bench = Bench()
            let write = bench.add(.write)
            let all = (0..<5).map { _ in bench.add(.synchronize) }
            let users = all.map { $0.user! }
            bench.complete(write)
            check(bench.below.requests.count, is: 1)
            bench.complete(bench.below.requests[0], -Int(EIO))
            check(bench.below.requests, is: [])
            check(users.map(\.error), is: Array(repeating: EIO, count: 5))
        }
    }

    @Test(arguments: [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]])
    func `lets those aio_fsyncs share one that wait for the same writes, whichever ends last`(_ order: [Int]) async {
        await #expect(processExitsWith: .success) { [order] in
            let bench = Bench()
            let writes = (0..<3).map { bench.add(.write, $0 * 10, 10) }
            let all = (0..<4).map { _ in bench.add(.synchronizeData) }
            let users = all.map { $0.user! }
            for index in order { bench.complete(writes[index]) }
            check(bench.below.requests.count, is: 1)
            bench.complete(bench.below.requests[0])
            check(users.map(\.error), is: [0, 0, 0, 0])
        }
    }

    @Test func `lets an aio_fsync of the data share one of all, never the other way`() async {
        await #expect(processExitsWith: .success) {
            for operations in [[Operation.synchronize, .synchronizeData], [.synchronizeData, .synchronize]] {
                let bench = Bench()
                let write = bench.add(.write)
                for operation in operations { bench.add(operation) }
                bench.complete(write)
                check(bench.below.requests.map { $0.operation }, is: [.synchronize])
                bench.complete(bench.below.requests[0])
            }
        }
    }

    @Test func `does not cancel an aio_fsync because another is cancelled`() async {
        await #expect(processExitsWith: .success) {
            let bench = Bench()
            let write = bench.add(.write)
            let users = (0..<3).map { _ in bench.add(.synchronize).user! }
            bench.complete(write)
            // Below, it waited and was found there by aio_cancel.
            bench.complete(bench.below.requests[0], -Int(ECANCELED))
            check(users.filter { $0.error == ECANCELED }.count, is: 1)
            while let next = bench.below.requests.first { bench.complete(next) }
            check(users.filter { $0.error == 0 }.count, is: 2)
        }
    }

    @Test func `does not share the aio_fsync of another descriptor`() async {
        await #expect(processExitsWith: .success) {
            let bench = Bench()
            let write = bench.add(.write)
            let (one, other) = (bench.add(.synchronize, descriptor: 100), bench.add(.synchronize, descriptor: 101))
            bench.complete(write)
            check(bench.isBelow(one) && bench.isBelow(other))
        }
    }

    @Test func `does not share an aio_fsync that began before the write ended`() async {
        await #expect(processExitsWith: .success) {
            let bench = Bench()
            let first = bench.add(.synchronize)
            let write = bench.add(.write)
            let second = bench.add(.synchronize)
            let user = second.user!
            bench.complete(write)
            bench.complete(first)
            check(user.isInProgress)
            check(bench.below.requests, is: [second])
        }
    }

    @Test func `serves the reads of a stream in order, and its writes, but not one after the other`() async {
        await #expect(processExitsWith: .success) {
            for kind in [FileFacts.Kind.pipe, .other] {
                let bench = Bench()
                let stream = facts(7, kind, flags: O_RDWR)
                let reads = (0..<3).map { _ in bench.add(.read, 0, 10, stream) }
                let writes = (0..<3).map { _ in bench.add(.write, 0, 10, stream) }
                for index in 0..<3 {
                    check(bench.below.requests.contains(reads[index]) && bench.below.requests.contains(writes[index]))
                    check(bench.below.requests.count, is: 2)
                    bench.complete(reads[index])
                    bench.complete(writes[index])
                }
            }
        }
    }

    @Test func `keeps sequential buffered reads in order, and lets others pass`() async {
        await #expect(processExitsWith: .success) {
            let bench = Bench()
            let buffered = facts(7, flags: O_RDWR)
            let sequential = (0..<4).map { bench.add(.read, $0 * 10, 10, buffered) }
            let apart = bench.add(.read, 1000, 10, buffered)
            check(bench.isBelow(apart))
            for request in sequential {
                check(bench.below.requests.filter { $0 != apart }, is: [request])
                bench.complete(request)
            }
            let direct = (0..<4).map { bench.add(.read, $0 * 10, 10, facts(8)) }
            check(direct.allSatisfy { bench.isBelow($0) })
        }
    }

    @Test func `lets writes pass that overlap nothing, buffered ones without the lock too`() async {
        await #expect(processExitsWith: .success) {
            let bench = Bench()
            for file in [facts(7, flags: O_RDWR), facts(8)] {
                let writes = [0, 1 << 20, 1 << 16, 3 << 12].map { bench.add(.write, $0, 10, file) }
                check(writes.allSatisfy { bench.isBelow($0) && OrderedCells.state(of: $0) == .free })
                let (over, read) = (bench.add(.write, 5, 10, file), bench.add(.read, 1 << 20, 10, file))
                check(!bench.isBelow(over) && !bench.isBelow(read))
                for request in writes { bench.complete(request) }
                check(bench.isBelow(over) && bench.isBelow(read))
                bench.complete(over)
                bench.complete(read)
            }
        }
    }

    @Test func `gives up a held request only, and only the one that is meant`() async {
        await #expect(processExitsWith: .success) {
            let bench = Bench()
            let (first, second) = (bench.add(.write), bench.add(.write))
            let user = second.user!
            check(bench.cancel(first), is: .no)
            check(bench.cancel(second, second.sequence + 1), is: .no)
            check(bench.cancel(second), is: .taken)
            check(user.error, is: ECANCELED)
            check(bench.cancel(second, 99), is: .no)
            bench.complete(first)
            check(bench.below.requests, is: [])
        }
    }

    /// Else a write that waits could go to whatever file has the number when its turn comes.
    @Test func `tells those who close descriptors which ones its held requests will use`() async {
        await #expect(processExitsWith: .success) {
            let bench = Bench()
            let first = bench.add(.write, 0, 10, descriptor: 100)
            let held = [
                bench.add(.write, 0, 10, descriptor: 101), bench.add(.synchronize, 0, 0, descriptor: 102),
                bench.add(.read, 5, 10, descriptor: 103),
            ]
            for request in held { check(Exposure.isExposed(request.descriptor)) }
            bench.complete(first)
            while let next = bench.below.requests.first { bench.complete(next) }
            for number in 100...103 as ClosedRange<CInt> { check(!Exposure.isExposed(Descriptor(number: number))) }
        }
    }

    @Test func `lets who waited for a cancelled request wait for the one before`() async {
        await #expect(processExitsWith: .success) {
            let bench = Bench()
            let requests = (0..<4).map { _ in bench.add(.write) }
            check(bench.cancel(requests[1]), is: .taken)
            check(bench.cancel(requests[2]), is: .taken)
            check(!bench.isBelow(requests[3]))
            bench.complete(requests[0])
            check(bench.isBelow(requests[3]))
        }
    }

    @Test func `keeps many files apart, and forgets each with its last request`() async {
        await #expect(processExitsWith: .success) {
            let bench = Bench()
            for _ in 0..<3 {
                let pairs = (1...500).map { inode in
                    (bench.add(.write, 0, 10, facts(UInt64(inode))), bench.add(.write, 0, 10, facts(UInt64(inode))))
                }
                check(pairs.allSatisfy { bench.isBelow($0.0) && !bench.isBelow($0.1) })
                for (first, _) in pairs.shuffled() { bench.complete(first) }
                check(pairs.allSatisfy { bench.isBelow($0.1) })
                for (_, second) in pairs.shuffled() { bench.complete(second) }
            }
        }
    }

    @Test func `knows nothing of any request after a reset`() async {
        await #expect(processExitsWith: .success) {
            let bench = Bench()
            bench.add(.write)
            bench.add(.write)
            Ordered.resetAll()
            check(bench.isBelow(bench.add(.write)))
        }
    }

    @Test func `takes no more stack for a chain of 10,000`() async {
        await #expect(processExitsWith: .success) {
            let bench = Bench()
            // Each overlaps its neighbours.
            let requests = (0..<10_000).map { bench.add(.write, $0 * 5, 10) }
            let last = requests.last!.user!
            check(bench.below.requests, is: [requests[0]])
            bench.below.completesAtOnce = true
            concurrently(1, stackSize: 128 << 10) { _ in bench.complete(requests[0]) }
            check(last.error, is: 0)
        }
    }

    /// Each thread orders requests of its own; which thread completes them, and sets others free, is left to chance.
    @Test func `holds what it promises when many threads come at once`() async {
        await #expect(processExitsWith: .success) {
            let below = Shared()
            useStack([Ordered(position: 0), below])
            concurrently(4) { thread in
                var random = SystemRandomNumberGenerator()
                for _ in 0..<200 {
                    let requests = (0..<8).map { _ in
                        let request = makeRequest()
                        request.operation = Bool.random(using: &random) ? .write : .read
                        request.offset = thread * 2 + Int.random(in: 0..<2, using: &random)
                        request.length = 1
                        request.file = facts(1)
                        return request
                    }
                    let users = requests.map { $0.user! }
                    submit(requests)
                    while users.contains(where: \.isInProgress) { below.completeOne() }
                }
            }
            check(below.overlaps, is: 0)
            check(below.count, is: 6400)
        }
    }
}

/// Completes a request when some thread comes by, and looks whether it shares its place in the file with others.
private final class Shared: Module {
    let name: StaticString = "shared"
    private let guarded = Guarded()

    private final class Guarded {
        let lock = Lock()
        var requests: [Request] = []
        /// For each place: how many read it; 1000 more for who writes it.
        var uses = [Int](repeating: 0, count: 8)
        var overlaps = 0
        var count = 0
    }

    var overlaps: Int { guarded.overlaps }
    var count: Int { guarded.count }

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        guarded.lock.locked {
            while let request = requests.popFirst() {
                let isWrite = request.operation == .write
                let before = guarded.uses[request.offset]
                if isWrite ? before != 0 : before >= 1000 { guarded.overlaps += 1 }
                guarded.uses[request.offset] += isWrite ? 1000 : 1
                guarded.requests.append(request)
            }
        }
    }

    func completeOne() {
        let mask = SignalMask.blockAll()
        let request: Request? = guarded.lock.locked {
            guard let request = guarded.requests.popLast() else { return nil }
            guarded.uses[request.offset] -= request.operation == .write ? 1000 : 1
            guarded.count += 1
            return request
        }
        mask.restore()
        if let request { KaioTests.submit([]) { $0.complete(request, 0) } } else { sched_yield() }
    }
}
