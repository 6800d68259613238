// How many requests a connection has in the kernel at a time: `aio_linux:aio num events`. The others wait here, in
// order, and are cancellable.
//
// Invariant, under `lock`: `inside` counts those that were given to the `KernelQueue` and did not come back; nobody
// waits while there is room, or one thread (`isAdvancing`) is about to look. A request that waits has `waitingIn` set,
// and is counted in `Exposure`.

import CKernel
import Synchronization

final class KernelGate {
    /// By the lock.
    private struct State {
        var waiting = RequestQueue()
        var inside = 0
        var isAdvancing = false
    }

    private let limit: Int
    private let lock: UnsafeMutablePointer<Lock>
    private let state: UnsafeMutablePointer<State>

    init(_ limit: Int) {
        self.limit = limit
        lock = .allocate(capacity: 1)
        lock.initialize(to: Lock())
        state = .allocate(capacity: 1)
        state.initialize(to: State())
    }

    deinit {
        state.deallocate()
        lock.deallocate()
    }

    /// Leaves in the queue those that may go on at once.
    func admit(_ requests: inout RequestQueue, at position: Int) {
        var admitted = RequestQueue()
        lock.pointee.lock()
        while state.pointee.waiting.isEmpty, state.pointee.inside < limit, let request = requests.popFirst() {
            state.pointee.inside += 1
            admitted.append(request)
        }
        while let request = requests.popFirst() {
            Exposure.begin(request)
            request.block.pointee.waitingIn.store(UInt8(position + 1), ordering: .relaxed)
            state.pointee.waiting.append(request)
        }
        lock.pointee.unlock()
        requests = admitted
    }

    /// One is out of the kernel: gives it those that waited for that. A refusal comes back here, so this does not
    /// call itself.
    func leave(_ turn: inout Turn) {
        lock.pointee.lock()
        state.pointee.inside -= 1
        guard !state.pointee.isAdvancing else { return lock.pointee.unlock() }
        state.pointee.isAdvancing = true
        while true {
            var next = RequestQueue()
            while state.pointee.inside < limit, let request = state.pointee.waiting.popFirst() {
                request.block.pointee.waitingIn.store(0, ordering: .relaxed)
                state.pointee.inside += 1
                next.append(request)
            }
            if next.isEmpty { break }
            lock.pointee.unlock()
            KernelQueue.submit(&next, &turn)
            lock.pointee.lock()
        }
        state.pointee.isAdvancing = false
        lock.pointee.unlock()
    }

    /// See `Module.cancel`.
    func withdraw(_ request: Request, _ sequence: UInt64, position: Int) -> Bool {
        lock.pointee.lock()
        defer { lock.pointee.unlock() }
        guard request.sequence == sequence,
            Int(request.block.pointee.waitingIn.load(ordering: .relaxed)) == position + 1,
            state.pointee.waiting.remove(request)
        else { return false }
        request.block.pointee.waitingIn.store(0, ordering: .relaxed)
        return true
    }

    /// In the child of a fork.
    func reset() {
        lock.pointee.reset()
        state.pointee.waiting = RequestQueue()
        state.pointee.inside = 0
        state.pointee.isAdvancing = false
    }
}
