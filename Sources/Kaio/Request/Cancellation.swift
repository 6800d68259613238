// aio_cancel: a request that waits in the library is taken out of its queue and ends with ECANCELED. One that
// the kernel or a worker has is left alone, and the answer says so: its buffer may still change.

import CKernel
import Synchronization

enum Cancellation {
    enum Answer {
        case cancelled, notCancelled, allDone
    }

    /// Cancels one request, or where `user` is nil every request on the descriptor.
    static func cancel(_ descriptor: Descriptor, _ user: UserBlock?) -> Result<Answer, CancelError> {
        // What a filter says of the question says nothing of the descriptor.
        if descriptor.statusFlags == -Int(EBADF) { return .failure(.badDescriptor) }
        if let user, user.descriptor != descriptor { return .failure(.otherDescriptor) }
        // Completions that nobody looked at yet are done, not in progress.
        Waiting.harvest(as: .caller)
        var counts = Counts()
        if let user {
            counts = cancelOne(user)
        } else {
            counts = cancelAll(on: descriptor, force: false)
        }
        if counts.left > 0 { return .success(.notCancelled) }
        return .success(counts.cancelled > 0 ? .cancelled : .allDone)
    }

    private struct Counts {
        var cancelled = 0
        var left = 0

        mutating func add(_ outcome: CancelOutcome) {
            if outcome == .no || outcome == .begun { left += 1 } else { cancelled += 1 }
        }
    }

    /// The request that the block stands for now: it may be submitted again, by whoever is notified, before this returns.
    private static func cancelOne(_ user: UserBlock, force: Bool = false) -> Counts {
        var counts = Counts()
        guard let request = user.current else { return counts }
        retryWhileMoving {
            counts = Counts()
            var isMoving = false
            inTurn { turn in
                guard user.current == request else { return }
                let outcome = take(request, force: force, &turn)
                isMoving = outcome == .no && Cancellation.isMoving(request)
                counts.add(outcome)
            }
            return isMoving
        }
        return counts
    }

    /// Cancels every request on a descriptor that can be. Those that count as being in progress, but do no
    /// transfer at the moment, only with `force`.
    private static func cancelAll(on descriptor: Descriptor, force: Bool) -> Counts {
        var counts = Counts()
        let latest = Slab.latest
        retryWhileMoving {
            counts.left = 0
            var isMoving = false
            inTurn { turn in
                forEach(on: descriptor, withOwn: force) { request, _ in
                    if request.sequence > latest { return }
                    let outcome = take(request, force: force, &turn)
                    isMoving = isMoving || outcome == .no && Cancellation.isMoving(request)
                    counts.add(outcome)
                }
            }
            // What is over, and can't be seen to be yet, as the thread that publishes it is held up, is not done.
            if !force {
                forEach(on: descriptor, publishing: true) { request, _ in
                    guard request.sequence <= latest else { return }
                    counts.left += 1
                    isMoving = true
                }
            }
            return isMoving
        }
        return counts
    }

    /// For a descriptor that is about to be closed.
    static func endUses(of descriptor: Descriptor) { _ = cancelAll(on: descriptor, force: true) }

    /// The same for one request that is nobody else's business.
    static func endUse(_ user: UserBlock) {
        Waiting.harvest(as: .caller)
        _ = cancelOne(user, force: true)
    }

    /// Cancels what can be of the requests of a stack's own modules.
    static func endOwn(of stack: Stack) {
        inTurn { turn in
            for number in 0..<Slab.used {
                let request = Slab.request(number: number)
                guard case let now = request.whereabouts, now.state.isInFlight,
                    request.shared.visibleOn.load(ordering: .acquiring) < 0, request.stackIfAny == stack
                else { continue }
                _ = take(RequestIdentity(slot: number, sequence: now.sequence), force: true, &turn)
            }
        }
    }

    /// How many requests on a descriptor are in the middle of a system call made with its number: that call has
    /// the file, whatever becomes of the number. With them those that were made later than `latest`, which the closer need not
    /// wait for: there may be more and more.
    ///
    /// - Parameter unknown: what to take a thread for whose state can't be read.
    static func countHarmless(on descriptor: Descriptor, after latest: UInt64, unknown: Bool) -> UInt32 {
        var count: UInt32 = 0
        forEach(on: descriptor, withOwn: true) { request, state in
            if request.sequence > latest {
                count += 1
            } else if state == .running, case let thread = request.request.shared.runner.load(ordering: .relaxed),
                ThreadState.isAsleepInCall(thread, on: descriptor) ?? unknown
            {
                count += 1
            }
        }
        return count
    }

    /// Whether a thread is just taking it from one place to the next; or it is over, so that it is not there the next time.
    private static func isMoving(_ request: RequestIdentity) -> Bool {
        !(request.whereabouts?.isInProgressForGood ?? false)
    }

    /// A request that moves is somewhere a moment later: only then the answer is true. The thread may have been stopped, so this does
    /// not go on for ever.
    private static func retryWhileMoving(_ attempt: () -> Bool) {
        let end = Instant.now.advanced(by: 100_000_000)
        var pause = Pause()
        while attempt(), Instant.now < end { pause.next() }
    }

    private static func inTurn(_ body: (inout Turn) -> Void) {
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        Turn.visit(as: .caller, body)
    }

    /// The requests on a descriptor that are in flight, or those that are just being published. `withOwn`: also those that modules
    /// made.
    private static func forEach(
        on descriptor: Descriptor, publishing: Bool = false, withOwn: Bool = false,
        _ body: (RequestIdentity, RequestState) -> Void
    ) {
        let place = descriptor.number &+ 1
        for number in 0..<Slab.used {
            let request = Slab.request(number: number)
            guard case let now = request.whereabouts, case let state = now.state,
                publishing ? state == .publishing : state.isInFlight,
                case let visible = request.shared.visibleOn.load(ordering: .acquiring),
                visible == place || withOwn && visible == -place
            else { continue }
            body(RequestIdentity(slot: number, sequence: now.sequence), state)
        }
    }

    enum CancelError: Error {
        case badDescriptor, otherDescriptor
    }

    /// Asks each module of the stack whether the request waits there.
    static func take(_ identity: RequestIdentity, force: Bool, _ turn: inout Turn) -> CancelOutcome {
        let request = identity.request
        guard let stack = request.stackIfAny, stack.enter(for: identity) else { return .no }
        defer { stack.leave() }
        for position in 0..<stack.count {
            let outcome = stack[position].cancel(identity, force: force, &turn)
            if outcome == .taken {
                // Of what is closed a part may have been transferred.
                let transferred = request.transferred
                turn.complete(request, transferred > 0 ? transferred : -Int(ECANCELED))
            }
            if outcome != .no { return outcome }
        }
        return .no
    }
}
