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
        if descriptor.statusFlags < 0 { return .failure(.badDescriptor) }
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
            if outcome == .no { left += 1 } else { cancelled += 1 }
        }
    }

    private static func cancelOne(_ user: UserBlock) -> Counts {
        var counts = Counts()
        retryWhileMoving {
            counts = Counts()
            var isMoving = false
            inTurn { turn in
                let number = user.slotNumber
                guard user.isInProgress, number < Slab.used else { return }
                let request = Slab.request(number: number)
                let sequence = request.sequence
                guard user.stands(forSlot: number, sequence: sequence) else { return }
                let outcome = take(request, sequence, force: false, &turn)
                isMoving = outcome == .no && !request.isInProgressForGood
                counts.add(outcome)
            }
            return isMoving
        }
        // Its status is to be seen before the call returns.
        if counts.cancelled > 0 { awaitCancelled(on: user.descriptor) { !user.isInProgress } }
        return counts
    }

    /// Cancels every request on a descriptor that can be. Those that count as being in progress, but do no
    /// transfer at the moment, only with `force`.
    private static func cancelAll(on descriptor: Descriptor, force: Bool) -> Counts {
        var counts = Counts()
        var anySoon = false
        retryWhileMoving {
            counts.left = 0
            var isMoving = false
            inTurn { turn in
                forEach(on: descriptor) { request, sequence in
                    if request.pollState == .cancelling { return }
                    let outcome = take(request, sequence, force: force, &turn)
                    anySoon = anySoon || outcome == .soon
                    isMoving = isMoving || outcome == .no && !request.isInProgressForGood
                    counts.add(outcome)
                }
            }
            return isMoving
        }
        if anySoon {
            awaitCancelled(on: descriptor) {
                var left = false
                forEach(on: descriptor, untilVisible: true) { request, _ in
                    // A module that keeps what it came to nevertheless (a part of the data was on its way) takes its time.
                    left = left || request.pollState == .cancelling && !request.isInProgressForGood
                }
                return !left
            }
        }
        return counts
    }

    /// For a descriptor that is about to be closed.
    static func endUses(of descriptor: Descriptor) { _ = cancelAll(on: descriptor, force: true) }

    /// How many requests on a descriptor are in the middle of a system call made with its number: that call has
    /// the file, whatever becomes of the number.
    ///
    /// - Parameter unknown: what to take a thread for whose state can't be read.
    static func countInSystemCall(on descriptor: Descriptor, unknown: Bool) -> UInt32 {
        var count: UInt32 = 0
        forEach(on: descriptor) { request, _ in
            let thread = request.block.pointee.runner.load(ordering: .sequentiallyConsistent)
            if thread != 0, ThreadState.isAsleepInCall(thread, on: descriptor) ?? unknown { count += 1 }
        }
        return count
    }

    /// A request that a thread is just taking from one place to the next is somewhere a moment later: only then
    /// the answer is true. The thread may have been stopped, so this does not go on for ever.
    private static func retryWhileMoving(_ attempt: () -> Bool) {
        let end = Instant.now.advanced(by: 100_000_000)
        while attempt(), Instant.now < end { _ = systemCall(SYS_sched_yield) }
    }

    private static func inTurn(_ body: (inout Turn) -> Void) {
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        Turn.visit(as: .caller, body)
    }

    /// The requests on a descriptor that are in flight; `untilVisible`: also those that are just being published, of which
    /// only the atomics may be looked at.
    private static func forEach(
        on descriptor: Descriptor, untilVisible: Bool = false, _ body: (Request, UInt64) -> Void
    ) {
        for number in 0..<Slab.used {
            let request = Slab.request(number: number)
            let sequence = request.sequence
            guard sequence != 0,
                request.block.pointee.visibleOn.load(ordering: .acquiring) == descriptor.number &+ 1,
                untilVisible || !request.block.pointee.isPublished.load(ordering: .sequentiallyConsistent)
            else { continue }
            body(request, sequence)
        }
    }

    /// Waits, whatever signals come, for the events of polls that the kernel was asked to give up. It is asked
    /// again where they don't come: a poll may have been about to be submitted the first time.
    private static func awaitCancelled(on descriptor: Descriptor, _ isDone: () -> Bool) {
        while true {
            let deadline = Instant.now.advanced(by: askAgainAfter)
            let outcome = Waiting.wait(
                until: deadline, as: .caller, cancellable: false,
                mark: {
                    forEach(on: descriptor, untilVisible: true) { request, _ in
                        request.block.pointee.isAwaited.store(true, ordering: .relaxed)
                    }
                }, isDone: isDone)
            switch outcome {
            case .done: return
            case .interrupted: break
            case .timedOut:
                forEach(on: descriptor) { request, _ in
                    if request.pollState == .cancelling { KernelQueue.giveUp(request) }
                }
            }
        }
    }

    private static let askAgainAfter: Int64 = 1_000_000

    enum CancelError: Error {
        case badDescriptor, otherDescriptor
    }

    /// Asks each module of the stack whether the request waits there.
    private static func take(
        _ request: Request, _ sequence: UInt64, force: Bool, _ turn: inout Turn
    ) -> CancelOutcome {
        guard let stack = request.block.pointee.stack, stack.enter(for: request, sequence) else { return .no }
        defer { stack.leave() }
        for position in 0..<stack.count {
            let outcome = stack[position].cancel(request, sequence, force: force, &turn)
            if outcome == .taken { turn.complete(request, -Int(ECANCELED)) }
            if outcome != .no { return outcome }
        }
        return .no
    }
}
