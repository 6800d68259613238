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
            // The aiocb may stand for another request by now.
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
        while true {
            var isOver = false
            let outcome = Waiting.wait(
                until: deadline, as: .caller, cancellable: true, mark: { Waiting.markCollecting() }, marksAgain: true,
                isDone: {
                    let (found, end) = Completions.count(upTo: least - count)
                    // In this order: what was over by the first is among the completions, or is about to be, by the second.
                    isOver = found < least - count && Outstanding.count == 0 && !Completions.hasMore(from: end)
                    return found >= least - count || isOver
                })
            while count < most, let (user, number) = Completions.take() {
                guard user.waitForPublication(number) else { continue }
                give(user)
                count += 1
            }
            if count >= least { return 0 }
            switch outcome {
            case .done where isOver: return EAGAIN
            case .done: continue  // Another thread was faster.
            case .timedOut: return ETIME
            case .interrupted: return EINTR
            }
        }
    }
}
