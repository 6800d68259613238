// The end of a request: its result becomes visible, then its list hears of it, then the program is notified.

import CKernel
import Synchronization

enum Publication {
    /// Publishes `request`'s result and disposes of the block.
    static func publish(_ request: Request, _ turn: inout Turn) {
        let result = request.block.pointee.result
        Exposure.end(request)
        Statistics.countCompleted(request.block.pointee.operation, result)
        request.block.pointee.isPublished.store(true, ordering: .sequentiallyConsistent)
        request.block.pointee.user?.publish(result, slot: Slab.number(of: request), sequence: request.sequence)
        let list = request.block.pointee.list
        if result < 0 { list?.block.pointee.anyFailed.store(true, ordering: .relaxed) }
        Notifier.notify(request, &turn)
        if let list { leave(list, &turn) }
    }

    /// One of those who hold a list (each member, and the call that made it) is done with it. The last one
    /// notifies and disposes of it.
    static func leave(_ list: Request, _ turn: inout Turn) {
        let left = list.block.pointee.pending.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue
        if left == 0 { Notifier.notify(list, &turn) }
    }
}
