// How many requests a connection has in the kernel at a time: `aio_linux:aio num events`. The others wait here, by
// priority, and are cancellable.
//
// Invariant, under the queue's lock: `inside` counts those that were given to the `KernelQueue` and did not come back; nobody
// waits while there is room, or one thread (`isAdvancing`) is about to look.

import CKernel

final class KernelGate {
    private let limit: Int
    private let waiting = HoldingQueue(.byPriority())
    private var inside = 0
    private var isAdvancing = false

    init(_ limit: Int) { self.limit = limit }

    deinit { waiting.free() }

    private var isSound: Bool { inside >= 0 && inside <= limit && (waiting.isEmpty || inside == limit || isAdvancing) }

    /// Leaves in the queue those that may go on at once.
    func admit(_ requests: inout RequestQueue) {
        var admitted = RequestQueue()
        waiting.lock()
        assert(isSound)
        while waiting.isEmpty, inside < limit, let request = requests.popFirst() {
            inside += 1
            admitted.append(request)
        }
        waiting.hold(&requests)
        assert(isSound)
        waiting.unlock()
        requests = admitted
    }

    /// One is out of the kernel: gives it those that waited for that. A refusal comes back here, so this does not
    /// call itself.
    func leave(_ turn: inout Turn) {
        waiting.lock()
        assert(isSound && inside > 0)
        inside -= 1
        guard !isAdvancing else { return waiting.unlock() }
        isAdvancing = true
        while true {
            var next = RequestQueue()
            while inside < limit, let request = waiting.takeNext() {
                inside += 1
                next.append(request)
            }
            if next.isEmpty { break }
            waiting.unlock()
            KernelQueue.submit(&next, &turn)
            waiting.lock()
        }
        isAdvancing = false
        assert(isSound)
        waiting.unlock()
    }

    /// See `Module.cancel`.
    func withdraw(_ request: RequestIdentity, position: Int, force: Bool) -> CancelOutcome {
        waiting.locked { waiting.withdraw(request, at: position, force: force) }
    }

    /// In the child of a fork.
    func reset() {
        waiting.reset()
        inside = 0
        isAdvancing = false
    }
}
