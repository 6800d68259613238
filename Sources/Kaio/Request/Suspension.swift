// aio_suspend: waits for any request of a list.

import CKernel

enum Suspension {
    /// Returns 0, EAGAIN (the time is up) or EINTR. Null entries are skipped; a list with no request in it
    /// returns 0 at once, as with the C library: programs rely on it.
    static func wait(
        _ list: UnsafePointer<UnsafePointer<aiocb>?>?, _ count: Int, until deadline: Instant
    ) -> CInt {
        guard let list else { return 0 }
        let latest = Slab.latest
        if deadline == .never { performOnly(list, count, asOf: latest) }
        let outcome = Waiting.wait(
            until: deadline, as: .caller, cancellable: true,
            mark: {
                for index in 0..<count {
                    if let control = list[index] { UserBlock(control).markAwaited() }
                }
            },
            isDone: { anyDone(list, count, asOf: latest) })
        switch outcome {
        case .done: return 0
        case .timedOut: return EAGAIN
        case .interrupted: return EINTR
        }
    }

    /// Of a single request there is nothing else to do than to make its transfer, if it still waits for a worker.
    private static func performOnly(
        _ list: UnsafePointer<UnsafePointer<aiocb>?>, _ count: Int, asOf latest: UInt64
    ) {
        var only: UserBlock?
        for index in 0..<count {
            guard let control = list[index] else { continue }
            if only != nil || !UserBlock(control).isInProgress(asOf: latest) { return }
            only = UserBlock(control)
        }
        if let request = only?.current { _ = Workers.perform(request) }
    }

    /// Whether any entry is not in progress, or there is none.
    private static func anyDone(
        _ list: UnsafePointer<UnsafePointer<aiocb>?>, _ count: Int, asOf latest: UInt64
    ) -> Bool {
        var isEmpty = true
        for index in 0..<count {
            guard let control = list[index] else { continue }
            if !UserBlock(control).isInProgress(asOf: latest) { return true }
            isEmpty = false
        }
        return isEmpty
    }
}

extension Suspension {
    /// The same for a connection: until none of the list is in progress. Not in a signal handler.
    static func waitForAll(
        _ list: UnsafePointer<UnsafePointer<aiocb>?>, _ count: Int, until deadline: Instant
    ) -> CInt {
        // Those before it are done; each is looked at until it is done, and then never again.
        var first = 0
        let latest = Slab.latest
        let outcome = Waiting.wait(
            until: deadline, as: .submitter, cancellable: true,
            mark: {
                for index in 0..<count {
                    if let control = list[index] { UserBlock(control).markAwaited() }
                }
            },
            isDone: {
                Reactor.startIfWanted()
                while first < count {
                    if let control = list[first], UserBlock(control).isInProgress(asOf: latest) { return false }
                    first += 1
                }
                return true
            })
        switch outcome {
        case .done: return 0
        case .timedOut: return EAGAIN
        case .interrupted: return EINTR
        }
    }
}
