// Requests that wait in the library, and which of them goes next. Every queue where they wait is one of these, but for
// `Timers`, whose order is a time, and `ordered`, where a request waits for another one.
//
// Invariant, under the lock: a request is in one of `levels` from `hold` until `takeNext` or `withdraw` gives it to its
// caller. Meanwhile it is counted in `Exposure`, and it is `waiting`, for its module and at that level. Each level is
// in the order of arrival; `occupied` has the bits of those that are not empty, `count` is the sum of all.
//
// Of several levels the lowest number goes first: aio_reqprio. So that none waits for ever, the oldest request of all goes
// once `mostOvertakes` others in a row went before it (and it has waited for `starve`): one with n older ones is taken after
// `(mostOvertakes + 1) * (n + 1)` at most, and those of high priority lose no more than that share to the others.

import CKernel
import Synchronization

struct HoldingQueue {
    enum Policy {
        case inOrder
        /// `starve`: how long, in nanoseconds, a request may be overtaken without end.
        case byPriority(starve: Int64 = 0)
    }

    private struct Shared: ~Copyable {
        let count = Atomic<Int>(0)
    }

    /// By the lock.
    private struct Guarded {
        var levels = InlineArray<21, RequestQueue>(repeating: RequestQueue())
        var occupied: UInt32 = 0
        /// How many in a row went before the oldest.
        var overtakes = 0
        var lastArrival: Int64 = 0
    }

    /// aio_reqprio is at most this: AIO_PRIO_DELTA_MAX of the C library.
    static let lowestPriority = 20

    static let mostOvertakes = 32

    private let policy: Policy
    private let isTimed: Bool
    private let guardian: UnsafeMutablePointer<Lock>
    private let isGuardianMine: Bool
    private let shared: UnsafeMutablePointer<Shared>
    private let guarded: UnsafeMutablePointer<Guarded>

    /// - Parameters:
    ///   - other: One that lives longer, and whose lock guards this one too.
    ///   - isTimed: A request's `arrival` is a time, as it is where they starve.
    init(_ policy: Policy, under other: HoldingQueue? = nil, isTimed: Bool = false) {
        self.policy = policy
        self.isTimed = isTimed
        guardian = other?.guardian ?? .allocate(capacity: 1)
        isGuardianMine = other == nil
        shared = .allocate(capacity: 1)
        guarded = .allocate(capacity: 1)
        reset()
    }

    func free() {
        if isGuardianMine { guardian.deallocate() }
        shared.deallocate()
        guarded.deallocate()
    }

    /// How many wait. Anyone may look.
    @inline(__always)
    var count: Int { shared.pointee.count.load(ordering: .sequentiallyConsistent) }
    @inline(__always)
    var isEmpty: Bool { count == 0 }

    /// Also guards what the owner keeps beside the queue.
    func lock() { guardian.pointee.lock() }
    func unlock() { guardian.pointee.unlock() }

    @inline(__always)
    func locked<T>(_ body: () -> T) -> T { guardian.pointee.locked(body) }

    /// Empty; in the child of a fork too, where none of the parent's requests is.
    func reset() {
        if isGuardianMine { guardian.initialize(to: Lock()) }
        shared.initialize(to: Shared())
        guarded.initialize(to: Guarded())
    }

    // MARK: under the lock

    /// Takes in a request of the module that it is at, behind the others of its level.
    func hold(_ request: Request) {
        assert(guardian.pointee.isHeld)
        Exposure.begin(request)
        let arrival = max(guarded.pointee.lastArrival + 1, isTimed || starve > 0 ? Instant.now.nanoseconds : 0)
        guarded.pointee.lastArrival = arrival
        request.arrival = arrival
        let level = level(of: request)
        request.become(.waiting, at: Int(request.position), level: level)
        guarded.pointee.levels[level].append(request)
        add(1, level)
    }

    /// `again`: they were just taken out, in this order, and go before all others of their levels. Returns how many they are.
    @discardableResult
    func hold(_ requests: inout RequestQueue, again: Bool = false) -> Int {
        assert(guardian.pointee.isHeld)
        let before = count
        guard again else {
            while let request = requests.popFirst() { hold(request) }
            return count - before
        }
        var reversed = RequestQueue()
        while let request = requests.popFirst() { reversed.insert(request, behind: nil) }
        while let request = reversed.popFirst() {
            let level = level(of: request)
            Exposure.begin(request)
            request.become(.waiting, at: Int(request.position), level: level)
            guarded.pointee.levels[level].insert(request, behind: nil)
            add(1, level)
        }
        return count - before
    }

    /// Takes a request in behind the last one of its file that waits here, or is `other`, and before all that are behind that.
    /// False: there is none, and it is not taken in.
    func hold(_ request: Request, behindItsFileOr other: Request?) -> Bool {
        assert(guardian.pointee.isHeld)
        let file = request.file
        var (level, last, arrival) = (-1, Request?.none, Int64.min)
        if let other, other.file.isSameFile(as: file) {
            (level, arrival) = (self.level(of: other), other.arrival)
        }
        for index in 0...HoldingQueue.lowestPriority {
            for one in guarded.pointee.levels[index] where one.file.isSameFile(as: file) {
                if index >= level { (level, last) = (index, one) }
                // Later than all of them: who looks for the oldest finds this one behind them.
                arrival = max(arrival, one.arrival)
            }
        }
        guard level >= 0 else { return false }
        Exposure.begin(request)
        request.arrival = arrival
        request.become(.waiting, at: Int(request.position), level: level)
        guarded.pointee.levels[level].insert(request, behind: last)
        add(1, level)
        return true
    }

    /// Whether a request would go before all that wait.
    func isBetterThanAll(_ request: Request) -> Bool {
        guarded.pointee.occupied.trailingZeroBitCount > level(of: request)
    }

    /// The lowest number of those that wait; nil where none does.
    var firstLevel: Int? { guarded.pointee.occupied == 0 ? nil : guarded.pointee.occupied.trailingZeroBitCount }

    /// Takes a request out if it waits here, is the next one of its level, and suitable; false if it is not.
    func takeFirst(_ identity: RequestIdentity, ifSuitable: (Request) -> Bool) -> Bool {
        assert(guardian.pointee.isHeld)
        let request = identity.request
        guard let now = identity.whereabouts, now.state == .waiting, case let level = now.level,
            guarded.pointee.levels[level].first == request, ifSuitable(request)
        else { return false }
        assert(request.isExposed)
        _ = guarded.pointee.levels[level].popFirst()
        request.become(.held)
        add(-1, level)
        return true
    }

    func takeNext() -> Request? {
        assert(guardian.pointee.isHeld)
        guard guarded.pointee.occupied != 0 else { return nil }
        let level = nextLevel
        let request = guarded.pointee.levels[level].popFirst()
        assert(request?.isExposed ?? false)
        request?.become(.held)
        add(-1, level)
        return request
    }

    /// Takes a request out that waits here for the module at `position`. See `Module.cancel`.
    func withdraw(_ identity: RequestIdentity, at position: Int, force: Bool) -> CancelOutcome {
        assert(guardian.pointee.isHeld)
        // The rest of the block is another request's, unless it waits here.
        guard let request = identity.request(waitingAt: position), case let level = request.whereabouts.level,
            guarded.pointee.levels[level].contains(request), request.operation != .work
        else { return .no }
        guard force || request.transferred == 0 else { return .begun }
        _ = guarded.pointee.levels[level].remove(request)
        request.become(.held)
        add(-1, level)
        return .taken
    }

    private var starve: Int64 {
        if case .byPriority(let starve) = policy { starve } else { 0 }
    }

    private func level(of request: Request) -> Int {
        if case .inOrder = policy { return 0 }
        return min(max(Int(request.priority), 0), HoldingQueue.lowestPriority)
    }

    private func add(_ change: Int, _ level: Int) {
        let bit = UInt32(1) << UInt32(level)
        if guarded.pointee.levels[level].isEmpty {
            guarded.pointee.occupied &= ~bit
        } else {
            guarded.pointee.occupied |= bit
        }
        let count = shared.pointee.count.load(ordering: .relaxed) + change
        assert(count >= 0 && (count == 0) == (guarded.pointee.occupied == 0))
        shared.pointee.count.store(count, ordering: .sequentiallyConsistent)
    }

    private var nextLevel: Int {
        let first = guarded.pointee.occupied.trailingZeroBitCount
        var (oldest, arrival) = (first, Int64.max)
        var left = guarded.pointee.occupied
        while left != 0 {
            let level = left.trailingZeroBitCount
            left &= left - 1
            let head = guarded.pointee.levels[level].first.unsafelyUnwrapped
            if head.arrival < arrival { (oldest, arrival) = (level, head.arrival) }
        }
        guarded.pointee.overtakes += 1
        let isOvertaken = guarded.pointee.overtakes > HoldingQueue.mostOvertakes
        if oldest == first || isOvertaken && (starve == 0 || Instant.now.nanoseconds - arrival >= starve) {
            guarded.pointee.overtakes = 0
            return oldest
        }
        return first
    }
}
