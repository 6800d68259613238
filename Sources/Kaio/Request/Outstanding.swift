// How many requests were submitted whose status is not to be seen yet.

import CKernel
import Synchronization

enum Outstanding {
    private static let requests = Atomic<Int>(0)

    static var count: Int { requests.load(ordering: .sequentiallyConsistent) }

    static func begin() {
        let now = requests.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue
        Statistics.countInFlight(now)
    }

    /// Before the status can be seen: who sees it and submits the next request has one in flight, not two.
    static func end() { requests.wrappingSubtract(1, ordering: .sequentiallyConsistent) }

    /// In the child of a fork.
    static func reset() { requests.store(0, ordering: .relaxed) }
}
