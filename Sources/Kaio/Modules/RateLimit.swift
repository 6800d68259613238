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
// Invariant, under `lock`: the requests of a lane wait in the order of their arrival. The first of them, `head`, is
// in `Timers`, or the reactor has just taken it out to give it back; the others are in `waiting`. All of them are
// exposed and have `waitingIn` set, but for a head that is being given back. A lane without a head has none waiting.
// `Timers` has a lock of its own, taken inside this one.

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
        var waiting = RequestQueue()

        var due: Int64 { max(operations.due, bytes.due) }
        var isLimited: Bool { operations.rate > 0 || bytes.rate > 0 }

        mutating func charge(_ request: Request, at now: Int64) {
            operations.take(1, at: now)
            bytes.take(request.block.pointee.length, at: now)
        }
    }

    static let parameters: StaticString = "read_iops, write_iops, read_bytes, write_bytes, burst"

    let name: StaticString = "aio_ratelimit"
    private let position: Int
    private let lock: UnsafeMutablePointer<Lock>
    /// Of the reads and of the writes.
    private let lanes: UnsafeMutablePointer<Lane>

    private static let mostOperations = 10_000_000
    private static let mostBytes = 1 << 40

    init(position: Int, parameters: Parameters) {
        self.position = position
        lock = .allocate(capacity: 1)
        lock.initialize(to: Lock())
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
        lanes.initialize(to: Lane(operations: operations("read_iops"), bytes: bytes("read_bytes")))
        (lanes + 1).initialize(to: Lane(operations: operations("write_iops"), bytes: bytes("write_bytes")))
    }

    deinit {
        lanes.deallocate()
        lock.deallocate()
    }

    func reset() {
        lock.pointee.reset()
        for index in 0..<2 {
            lanes[index].head = nil
            lanes[index].waiting = RequestQueue()
            lanes[index].operations.reset()
            lanes[index].bytes.reset()
        }
    }

    // MARK: Module

    func passage(of operation: Operation) -> Passage { lane(of: operation) == nil ? .passes : .stops }

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        var free = RequestQueue()
        lock.pointee.lock()
        let now = Instant.now.nanoseconds
        while let request = requests.popFirst() {
            guard let lane = lane(of: request) else {
                free.append(request)
                continue
            }
            if request.block.pointee.operation.isSynchronize {
                if !queue(request, behindItsFileIn: lane) { free.append(request) }
                continue
            }
            if lane.pointee.head == nil, lane.pointee.due <= now {
                lane.pointee.charge(request, at: now)
                free.append(request)
                continue
            }
            beginWaiting(request)
            lane.pointee.waiting.append(request)
            if lane.pointee.head == nil { advance(lane, now, &free) }
        }
        lock.pointee.unlock()
        turn.handOn(&free, below: position)
    }

    /// The head's time has come.
    func expired(_ request: Request, _ turn: inout Turn) {
        guard let lane = lane(of: request) else { return turn.handOn(request, below: position) }
        var free = RequestQueue()
        lock.pointee.lock()
        let now = Instant.now.nanoseconds
        lane.pointee.charge(request, at: now)
        lane.pointee.head = nil
        free.append(request)
        advance(lane, now, &free)
        lock.pointee.unlock()
        turn.handOn(&free, below: position)
    }

    func cancel(_ request: Request, _ sequence: UInt64, force: Bool, _ turn: inout Turn) -> CancelOutcome {
        var free = RequestQueue()
        lock.pointee.lock()
        let isTaken = take(request, sequence, &free)
        lock.pointee.unlock()
        turn.handOn(&free, below: position)
        return isTaken ? .taken : .no
    }

    // MARK: the lanes; all of this under the lock but `lane(of:)`

    /// Nil for what is not limited. That of an aio_fsync is that of the writes.
    private func lane(of request: Request) -> UnsafeMutablePointer<Lane>? { lane(of: request.block.pointee.operation) }

    private func lane(of operation: Operation) -> UnsafeMutablePointer<Lane>? {
        let lane = lanes + (operation.isSynchronize ? 1 : Operations.index(operation))
        return lane.pointee.isLimited ? lane : nil
    }

    private func beginWaiting(_ request: Request) {
        Exposure.begin(request)
        request.block.pointee.waitingIn.store(UInt8(position + 1), ordering: .relaxed)
    }

    /// Puts an aio_fsync behind the last request that waits and is of the same file. False: there is none.
    private func queue(_ request: Request, behindItsFileIn lane: UnsafeMutablePointer<Lane>) -> Bool {
        let file = request.block.pointee.file
        var last: Request?
        for other in lane.pointee.waiting where other.block.pointee.file.isSameFile(as: file) { last = other }
        let isBehindHead = lane.pointee.head.map { $0.block.pointee.file.isSameFile(as: file) } ?? false
        guard last != nil || isBehindHead else { return false }
        beginWaiting(request)
        lane.pointee.waiting.insert(request, behind: last)
        return true
    }

    /// Lets those go that may, and makes the next one the head.
    private func advance(_ lane: UnsafeMutablePointer<Lane>, _ now: Int64, _ free: inout RequestQueue) {
        while let next = lane.pointee.waiting.popFirst() {
            let isLimited = !next.block.pointee.operation.isSynchronize
            let due = lane.pointee.due
            if isLimited, due > now {
                lane.pointee.head = next
                if Timers.add(next, at: Instant(nanoseconds: due), for: position) { return }
                // Nobody would come back for it: better early than never.
                lane.pointee.head = nil
            }
            next.block.pointee.waitingIn.store(0, ordering: .relaxed)
            if isLimited { lane.pointee.charge(next, at: now) }
            free.append(next)
        }
    }

    private func take(_ request: Request, _ sequence: UInt64, _ free: inout RequestQueue) -> Bool {
        guard request.sequence == sequence,
            Int(request.block.pointee.waitingIn.load(ordering: .relaxed)) == position + 1,
            let lane = lane(of: request)
        else { return false }
        if lane.pointee.head == request {
            guard Timers.withdraw(request, sequence, position: position) else { return false }
            lane.pointee.head = nil
            advance(lane, Instant.now.nanoseconds, &free)
            return true
        }
        guard lane.pointee.waiting.remove(request) else { return false }
        request.block.pointee.waitingIn.store(0, ordering: .relaxed)
        return true
    }
}
