// aio_ratelimit: lets no more requests, and no more bytes, through in a second than allowed. Those beyond wait, in
// order.
//
//     vfs objects = ordered aio_ratelimit aio_linux aio_poll aio_pthread
//     aio_ratelimit:read_iops = 1000
//     aio_ratelimit:write_bytes = 10M
//     aio_ratelimit:burst = 100ms
//
// Reads and writes have a bucket of tokens each for operations and for bytes. A bucket that is not used saves up
// to `burst` of its rate, and a request goes when there is no debt; it may then make one, so that a request larger
// than the bucket gets through, and those behind it wait for longer. aio_fsync takes no tokens, but waits here behind the
// writes of its file that do: it must not overtake them.
//
// Below `ordered` those that wait go by priority, else in order: there they may overlap.
//
// Invariant, under the lock of a lane's queue: nobody waits in it without a `head`. That one was the next when it was chosen; it
// is in `Timers` instead, or the reactor has just taken it out to give it back, and then the next is chosen anew. `Timers` has
// a lock of its own, taken inside this one.

import CKernel
import Synchronization

/// A bucket of tokens, kept as a time: what was spent so far is paid for at `paidUntil`. The bucket is full where that
/// is now, and empty where it is `burst` from now.
struct TokenBucket {
    /// Tokens in a second; 0 for no limit.
    let rate: Int
    let burst: Int64
    private var paidUntil: Int64 = 0

    init(rate: Int, burst: Int64) {
        self.rate = rate
        self.burst = burst
    }

    /// When there will be no debt.
    var due: Int64 { rate == 0 ? 0 : paidUntil - burst }

    /// As new: empty.
    mutating func reset() { paidUntil = 0 }

    mutating func take(_ tokens: Int, at now: Int64) {
        guard rate > 0 else { return }
        // It starts empty, so that the limit holds from the first second on.
        let start = paidUntil == 0 ? now + burst : max(paidUntil, now)
        let (product, overflow) = Int64(tokens).multipliedReportingOverflow(by: 1_000_000_000)
        let cost = overflow ? Int64(tokens) / Int64(rate) * 1_000_000_000 : (product + Int64(rate) / 2) / Int64(rate)
        paidUntil = start + cost
    }
}

final class RateLimit: Module {
    private struct Lane {
        var operations: TokenBucket
        var bytes: TokenBucket
        var head: Request?
        let waiting: HoldingQueue
        let isLimited: Bool

        init(_ operations: TokenBucket, _ bytes: TokenBucket, _ waiting: HoldingQueue) {
            self.operations = operations
            self.bytes = bytes
            self.waiting = waiting
            isLimited = operations.rate > 0 || bytes.rate > 0
        }

        var due: Int64 { max(operations.due, bytes.due) }

        mutating func charge(_ request: Request, at now: Int64) {
            operations.take(1, at: now)
            bytes.take(request.length, at: now)
        }
    }

    static let parameters: StaticString = "read_iops, write_iops, read_bytes, write_bytes, burst"

    let name: StaticString = "aio_ratelimit"
    private let position: Int
    /// Of the reads and of the writes.
    private let lanes: UnsafeMutablePointer<Lane>

    private static let mostOperations = 10_000_000
    private static let mostBytes = 1 << 40

    init(position: Int, parameters: Parameters) {
        self.position = position
        lanes = .allocate(capacity: 2)
        let burst = parameters.interval(
            "aio_ratelimit", "burst", default: 100_000_000, in: 1_000_000...60_000_000_000)
        func operations(_ name: StaticString) -> TokenBucket {
            let rate = parameters.number("aio_ratelimit", name, default: 0, in: 0...RateLimit.mostOperations)
            return TokenBucket(rate: rate, burst: burst)
        }
        func bytes(_ name: StaticString) -> TokenBucket {
            let rate = parameters.size("aio_ratelimit", name, default: 0, in: 0...RateLimit.mostBytes)
            return TokenBucket(rate: rate, burst: burst)
        }
        let policy: HoldingQueue.Policy = parameters.isBelowOrdered ? .byPriority() : .inOrder
        lanes.initialize(to: Lane(operations("read_iops"), bytes("read_bytes"), HoldingQueue(policy)))
        (lanes + 1).initialize(to: Lane(operations("write_iops"), bytes("write_bytes"), HoldingQueue(policy)))
    }

    deinit {
        for index in 0..<2 { lanes[index].waiting.free() }
        lanes.deallocate()
    }

    func reset() {
        for index in 0..<2 {
            lanes[index].head = nil
            lanes[index].waiting.reset()
            lanes[index].operations.reset()
            lanes[index].bytes.reset()
        }
    }

    // MARK: Module

    func passage(of operation: Operation) -> Passage { lane(of: operation) == nil ? .passesThrough : .intercepts }

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        var free = RequestQueue()
        let now = Instant.now.nanoseconds
        while let request = requests.popFirst() {
            guard let lane = lane(of: request) else {
                free.append(request)
                continue
            }
            lane.pointee.waiting.lock()
            if request.operation.isSynchronize {
                if !lane.pointee.waiting.hold(request, behindItsFileOr: lane.pointee.head) { free.append(request) }
            } else if lane.pointee.head == nil, lane.pointee.due <= now {
                lane.pointee.charge(request, at: now)
                free.append(request)
            } else {
                lane.pointee.waiting.hold(request)
                advance(lane, now, &free)
            }
            lane.pointee.waiting.unlock()
        }
        turn.handOn(&free, below: position)
    }

    /// The head's time has come.
    func expired(_ request: Request, _ turn: inout Turn) {
        guard let lane = lane(of: request) else { return turn.handOn(request, below: position) }
        var free = RequestQueue()
        var head = RequestQueue()
        head.append(request)
        lane.pointee.waiting.lock()
        lane.pointee.head = nil
        lane.pointee.waiting.hold(&head, again: true)
        advance(lane, Instant.now.nanoseconds, &free)
        lane.pointee.waiting.unlock()
        turn.handOn(&free, below: position)
    }

    func cancel(_ request: RequestIdentity, force: Bool, _ turn: inout Turn) -> CancelOutcome {
        var outcome = CancelOutcome.no
        for index in 0..<2 where outcome == .no {
            let lane = lanes + index
            var free = RequestQueue()
            lane.pointee.waiting.lock()
            if lane.pointee.head == request.request, Timers.withdraw(request, position: position) {
                outcome = .taken
                lane.pointee.head = nil
                advance(lane, Instant.now.nanoseconds, &free)
            } else {
                outcome = lane.pointee.waiting.withdraw(request, at: position, force: force)
            }
            lane.pointee.waiting.unlock()
            turn.handOn(&free, below: position)
        }
        return outcome
    }

    // MARK: the lanes

    /// Nil for what is not limited. That of an aio_fsync is that of the writes.
    private func lane(of request: Request) -> UnsafeMutablePointer<Lane>? { lane(of: request.operation) }

    private func lane(of operation: Operation) -> UnsafeMutablePointer<Lane>? {
        let lane = lanes + (operation.isSynchronize ? 1 : Operations.index(operation))
        return lane.pointee.isLimited ? lane : nil
    }

    /// Lets those go that may, and makes the next one the head; under the lock.
    private func advance(_ lane: UnsafeMutablePointer<Lane>, _ now: Int64, _ free: inout RequestQueue) {
        while lane.pointee.head == nil, let next = lane.pointee.waiting.takeNext() {
            if !next.operation.isSynchronize {
                let due = lane.pointee.due
                if due > now {
                    lane.pointee.head = next
                    if Timers.add(next, at: Instant(nanoseconds: due), for: position) { return }
                    // Nobody would come back for it: better early than never.
                    lane.pointee.head = nil
                }
                lane.pointee.charge(next, at: now)
            }
            free.append(next)
        }
        assert(lane.pointee.head != nil || lane.pointee.waiting.isEmpty)
    }
}

extension RateLimit {
    static var entry: ModuleEntry {
        ModuleEntry(
            name: "aio_ratelimit", parameters: parameters, make: { RateLimit(position: $0, parameters: $1) })
    }
}
