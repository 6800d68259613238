// aio_priority: requests wait here, by priority, while so many are below; the best one goes first. What the kernel has it takes in
// its own order, so as few as keep the device busy are given to it, and one in eight beyond that where it is more urgent than all
// that wait.
//
//     vfs objects = ordered aio_priority aio_linux aio_poll aio_pthread
//     aio_priority:depth = auto
//     aio_priority:starve = 500ms
//     aio_priority:write = 5
//
// It belongs below `ordered`, where no two requests overlap, so any order will do. Pipes, sockets and the like may wait
// for ever, and pass.
//
// Invariant: `below` counts those that were let through and are not complete. Under the queue's lock: while any wait, as many are
// below as `depth` says, or who is about to make it so has the lock next: who leaves `below`, or was counted in and does
// not go after all, looks at the queue afterwards.

import CKernel
import Synchronization

final class Priority: Module {
    static let parameters: StaticString = "depth, starve, read, write, fsync"

    private enum Number {
        static let (requests, waited, cancelled, below, waiting, depth, steps) = (0, 1, 2, 3, 4, 5, 6)
        static let names: StaticString = "requests waited cancelled =below =waiting =depth steps"
    }

    let name: StaticString = "aio_priority"
    private let position: Int
    private let queue: HoldingQueue
    private let below: UnsafeMutablePointer<Atomic<Int>>
    private let depth: UnsafeMutablePointer<Atomic<Int>>
    /// Nil: the depth is fixed. Under the queue's lock.
    private let search: UnsafeMutablePointer<DepthSearch>?
    private let arrivals: PerRequest<Int64>
    private let numbers: ModuleNumbers
    /// Of reads, writes and aio_fsync.
    private var bias = InlineArray<3, Int32>(repeating: 0)

    init?(position: Int, parameters: Parameters) {
        guard let arrivals = PerRequest<Int64>(),
            let numbers = ModuleNumbers("aio_priority", parameters.service, Number.names, times: "wait_us")
        else {
            sayNoMemory(for: "aio_priority")
            return nil
        }
        self.position = position
        self.arrivals = arrivals
        self.numbers = numbers
        let starve = parameters.interval(
            "aio_priority", "starve", default: 500_000_000, in: 0...3_600_000_000_000)
        queue = HoldingQueue(.byPriority(starve: starve))
        below = .allocate(capacity: 1)
        below.initialize(to: Atomic(0))
        let isAuto = parameters.text("aio_priority", "depth").map { $0 == "auto" } ?? true
        let fixed = isAuto ? 0 : parameters.number("aio_priority", "depth", default: 32, in: 1...DepthSearch.most)
        depth = .allocate(capacity: 1)
        depth.initialize(to: Atomic(isAuto ? DepthSearch.first : fixed))
        if isAuto {
            search = .allocate(capacity: 1)
            search!.initialize(to: DepthSearch())
        } else {
            search = nil
        }
        let lowest = HoldingQueue.lowestPriority
        bias[0] = Int32(parameters.number("aio_priority", "read", default: 0, in: -lowest...lowest))
        bias[1] = Int32(parameters.number("aio_priority", "write", default: 0, in: -lowest...lowest))
        bias[2] = Int32(parameters.number("aio_priority", "fsync", default: 0, in: -lowest...lowest))
        numbers.add(Number.depth, depth.pointee.load(ordering: .relaxed))
    }

    deinit {
        queue.free()
        arrivals.free()
        below.deallocate()
        depth.deallocate()
        search?.deallocate()
    }

    func reset() {
        queue.reset()
        below.pointee.store(0, ordering: .relaxed)
        if let search {
            search.initialize(to: DepthSearch())
            depth.pointee.store(DepthSearch.first, ordering: .relaxed)
        }
        numbers.add(Number.depth, depth.pointee.load(ordering: .relaxed) - numbers[Number.depth])
    }

    // MARK: Module

    /// What is done in the call takes nobody's place; what goes to the ring is counted.
    func passage(of operation: Operation) -> Passage { .guards }

    var fastCalls: FastCalls {
        FastCalls(
            UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque()),
            ask: { module, attempt in
                let module = Unmanaged<Priority>.fromOpaque(module!)
                return FastCalls.answer(attempt) { _ in module._withUnsafeGuaranteedRef { $0.hasRoom } ? .goOn : .slow }
            },
            admit: { module, block in
                let request = Request(data: block).unsafelyUnwrapped
                return Unmanaged<Priority>.fromOpaque(module!)._withUnsafeGuaranteedRef { $0.admit(request) }
            })
    }

    @inline(__always)
    private var hasRoom: Bool {
        queue.isEmpty && below.pointee.load(ordering: .relaxed) < depth.pointee.load(ordering: .relaxed)
    }

    /// False: it comes by `submit`, and that looks at the queue.
    private func admit(_ request: Request) -> Bool {
        let count = below.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue
        guard count <= depth.pointee.load(ordering: .relaxed), queue.isEmpty else {
            below.pointee.wrappingSubtract(1, ordering: .sequentiallyConsistent)
            return false
        }
        rank(request)
        numbers.add(Number.requests)
        numbers.add(Number.below)
        arrivals[request] = 0
        request.observers |= 1 << UInt16(position)
        return true
    }

    private func rank(_ request: Request) {
        let rank = request.priority + bias[Operations.index(request.operation)]
        request.priority = min(max(rank, 0), Int32(HoldingQueue.lowestPriority))
    }

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        var free = RequestQueue()
        queue.lock()
        while let request = requests.popFirst() {
            guard request.file.kind == .file else {
                free.append(request)
                continue
            }
            rank(request)
            numbers.add(Number.requests)
            let isUrgent = !queue.isEmpty && queue.isBetterThanAll(request)
            if queue.isEmpty || isUrgent, takePlace(isUrgent: isUrgent) {
                arrivals[request] = 0
                turn.observe(request, at: position)
                free.append(request)
            } else {
                arrivals[request] = Instant.now.nanoseconds
                numbers.add(Number.waited)
                numbers.add(Number.waiting)
                queue.hold(request)
            }
        }
        advance(&free, &turn)
        queue.unlock()
        turn.handOn(&free, below: position)
    }

    func completed(_ request: Request, _ turn: inout Turn) -> Bool {
        var free = RequestQueue()
        below.pointee.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        numbers.add(Number.below, -1)
        if search == nil, queue.isEmpty { return true }
        queue.lock()
        if let search {
            let before = search.pointee.depth
            search.pointee.count(isBusy: !queue.isEmpty)
            if search.pointee.depth != before {
                depth.pointee.store(search.pointee.depth, ordering: .relaxed)
                numbers.add(Number.depth, search.pointee.depth - before)
                numbers.add(Number.steps)
            }
        }
        advance(&free, &turn)
        queue.unlock()
        turn.handOnLater(&free)
        return true
    }

    func cancel(_ request: RequestIdentity, force: Bool, _ turn: inout Turn) -> CancelOutcome {
        let outcome = queue.locked { queue.withdraw(request, at: position, force: force) }
        if outcome == .taken {
            numbers.add(Number.cancelled)
            numbers.add(Number.waiting, -1)
        }
        return outcome
    }

    // MARK: under the lock

    /// Some places more are for what is more urgent than all that wait: it need not wait for a completion to be noticed.
    private func takePlace(isUrgent: Bool = false) -> Bool {
        let count = below.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue
        let depth = depth.pointee.load(ordering: .relaxed)
        if count <= depth + (isUrgent ? max(1, depth / 8) : 0) {
            numbers.add(Number.below)
            return true
        }
        below.pointee.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        return false
    }

    /// Lets as many go as there is room for.
    private func advance(_ free: inout RequestQueue, _ turn: inout Turn) {
        while !queue.isEmpty, takePlace() {
            guard let next = queue.takeNext() else { return }
            numbers.add(Number.waiting, -1)
            numbers.record(time: Int(Instant.now.nanoseconds - arrivals[next]))
            turn.observe(next, at: position)
            // For `handOnLater`.
            next.position = UInt8(position + 1)
            free.append(next)
        }
    }
}

/// Finds the smallest depth at which about as much is done as at any: it tries fewer, keeps that if no more than a twentieth is
/// lost of the best that was measured, and tries more where that does not help. Time counts only while somebody waits, so a
/// program that asks for little changes nothing.
struct DepthSearch {
    static let first = 32
    static let most = 1024
    /// A measurement is of at least so many requests, and nanoseconds.
    private static let (leastCount, leastTime) = (128, Int64(20_000_000))
    /// How many measurements it rests where neither fewer nor more is better.
    private static let rest = 32

    private(set) var depth = DepthSearch.first
    private var began: Int64 = 0
    private var counted = 0
    /// The first measurement at a new depth has the requests of the old one.
    private var isSettling = true
    /// Requests in a second: at the depth before the one that is tried, and the best.
    private var base = 0.0
    private var best = 0.0
    private var tried: Int?
    private var triesMore = false
    private var failures = 0
    private var resting = 0

    /// A request is complete, while others wait or not.
    mutating func count(isBusy: Bool, at now: Int64 = Instant.now.nanoseconds) {
        guard isBusy else {
            began = 0
            return
        }
        if began == 0 {
            began = now
            counted = 0
            return
        }
        counted += 1
        guard counted >= max(DepthSearch.leastCount, 4 * depth), now - began >= DepthSearch.leastTime else { return }
        let rate = Double(counted) * 1e9 / Double(now - began)
        began = now
        counted = 0
        if isSettling { isSettling = false } else { measured(rate) }
    }

    private mutating func measured(_ rate: Double) {
        best = max(rate, best * 0.995)
        guard let before = tried else {
            base = rate
            if resting > 0 { resting -= 1 } else { begin() }
            return
        }
        tried = nil
        if triesMore ? rate > base * 1.05 : rate >= best * 0.95 {
            failures = 0
            base = rate
            return begin()
        }
        set(before)
        triesMore.toggle()
        failures += 1
        if failures >= 2 {
            failures = 0
            resting = DepthSearch.rest
        }
    }

    private mutating func begin() {
        let step = max(1, depth / 4)
        let next = min(max(1, triesMore ? depth + step : depth - step), DepthSearch.most)
        guard next != depth else {
            triesMore.toggle()
            return
        }
        tried = depth
        set(next)
    }

    private mutating func set(_ value: Int) {
        depth = value
        isSettling = true
    }
}

extension Priority {
    static var entry: ModuleEntry {
        ModuleEntry(
            name: "aio_priority", parameters: parameters, side: .below,
            make: { Priority(position: $0, parameters: $1) })
    }
}
