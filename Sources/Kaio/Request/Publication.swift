// The end of a request: its result becomes visible, then its list hears of it, then the program is notified.

import CKernel
import Synchronization

enum Publication {
    /// Publishes `request`'s result and disposes of the block.
    static func publish(_ request: Request, _ turn: inout Turn) {
        let result = request.result
        let list = request.list
        // Who sees the status may close these.
        let event = request.notification.event
        let listEvent = list?.notification.event ?? .none
        Exposure.begin(event)
        Exposure.begin(listEvent)
        Exposure.end(request)
        Statistics.countCompleted(request.operation, result)
        request.become(.publishing)
        request.user?.publish(result, slot: Slab.number(of: request), sequence: request.sequence)
        request.become(.published)
        tellWhoWaits(for: request, &turn)
        if result < 0 { list?.shared.anyFailed.store(true, ordering: .relaxed) }
        Notifier.notify(request, &turn)
        if let list { leave(list, &turn) }
        Exposure.end(event)
        Exposure.end(listEvent)
    }

    /// One of those who hold a list (each member, and the call that made it) is done with it. The last one
    /// notifies and disposes of it; so each has counted the list's eventfd in `Exposure`, from before a member's status
    /// could be seen.
    static func leave(_ list: Request, _ turn: inout Turn) {
        let left = list.shared.pending.wrappingSubtract(1, ordering: .sequentiallyConsistent).newValue
        assert(left >= 0)
        if left == 0 {
            Notifier.notify(list, &turn)
        } else if left == 1 {
            // Perhaps only its caller is left. The block is not the list's any more if he has gone: then this wakes
            // somebody for nothing.
            tellWhoWaits(for: list, &turn)
        }
    }

    /// Who waits marks the request first and then looks at its status; here it is the other way round. So no wake-up
    /// is lost, and none is made for a request that nobody waits for.
    private static func tellWhoWaits(for request: Request, _ turn: inout Turn) {
        if request.shared.isAwaited.load(ordering: .sequentiallyConsistent) || Waiting.isForAny {
            turn.mustTell = true
        }
    }
}
