// aio_waitcomplete and aio_waitn: waiting for whatever is complete next.

import CKernel

enum Collection {
    struct Problem: Error {
        let error: CInt
    }

    struct Done {
        let user: UserBlock
        let error: CInt
        let result: Int
    }

    /// Waits for one request and takes its result. EWOULDBLOCK, EINTR.
    static func waitForOne(until deadline: Instant) -> Result<Done, Problem> {
        while true {
            var user: UserBlock?
            let error = collect(atLeast: 1, atMost: 1, until: deadline) { user = $0 }
            guard let user else { return .failure(Problem(error: error == EINTR ? EINTR : EAGAIN)) }
            let status = user.error
            // aio_return may have been faster.
            if let result = user.takeResult() {
                return .success(Done(user: user, error: status, result: result))
            }
        }
    }

    /// Gives out what is complete, at most `most`, until there are `least`. Returns 0, ETIME, EINTR, or EAGAIN if
    /// nothing is left to wait for.
    static func collect(
        atLeast least: Int, atMost most: Int, until deadline: Instant, _ give: (UserBlock) -> Void
    ) -> CInt {
        guard Engine.isPrepared else { return EAGAIN }
        var count = 0
        var isOver = false
        let outcome = Waiting.wait(until: deadline, as: .caller, cancellable: true) {
            // Read before the completions: what is over by then is among them.
            isOver = Outstanding.count == 0
            return Completions.count(upTo: least) >= least || isOver
        }
        // Only now, when the thread can't be cancelled any more, so that none is lost.
        while count < most, let user = Completions.take() {
            // Its publication is under way, a few instructions from its end.
            while user.isInProgress { ck_pause() }
            give(user)
            count += 1
        }
        if count >= least { return 0 }
        // Another thread was faster.
        if outcome == .done, !isOver {
            return collect(atLeast: least - count, atMost: most - count, until: deadline, give)
        }
        switch outcome {
        case .done: return EAGAIN
        case .timedOut: return ETIME
        case .interrupted: return EINTR
        }
    }
}
