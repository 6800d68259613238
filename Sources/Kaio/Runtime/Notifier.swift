// Sends notifications: signals at once, functions (SIGEV_THREAD) on threads of their own.
//
// A function runs as if it were the start of a new thread, so it may block, or end its thread. Creating one for
// each costs 50 us, so a thread that is done with a function takes the next one that waits. Nothing is lost
// where no thread can be created or the kernel's signal queue is full: the notification waits, in its
// request's control block, and the reactor tries again.
//
// Invariant: `lock` guards the queues and the counts. A control block in a queue belongs to the notifier, which
// frees it after the notification.

import CKernel
import Synchronization

enum Notifier {
    private static let lock = Lock()
    nonisolated(unsafe) private static var functions = RequestQueue()
    nonisolated(unsafe) private static var signals = RequestQueue()
    nonisolated(unsafe) private static var queued = 0
    nonisolated(unsafe) private static var idle = 0
    private static let work = Atomic<UInt32>(0)
    private static let generation = Atomic<UInt32>(0)

    private static let patience: Int64 = 1_000_000_000

    /// Sends the request's notification and frees the block, now or later.
    static func notify(_ request: Request, _ turn: inout Turn) {
        switch request.block.pointee.notification.kind {
        case .none:
            Engine.release(request)
        case .signal, .threadSignal:
            if request.block.pointee.notification.sendSignal() {
                Engine.release(request)
            } else {
                lock.locked { signals.append(request) }
                Reactor.ask(.retry)
            }
        case .function:
            lock.lock()
            functions.append(request)
            queued += 1
            let wake = idle > 0
            let create = queued > idle
            lock.unlock()
            work.wrappingAdd(1, ordering: .sequentiallyConsistent)
            if wake { Futex.wake(work, 1) }
            if create {
                if turn.mayCreateThreads { startThread() } else { Reactor.ask(.retry) }
            }
        }
    }

    /// The reactor's part: what could not be sent before. True if something is still left.
    static func retry() -> Bool {
        var again = RequestQueue()
        lock.lock()
        swap(&again, &signals)
        let missing = max(0, queued - idle)
        lock.unlock()
        var left = RequestQueue()
        while let request = again.popFirst() {
            if left.isEmpty, request.block.pointee.notification.sendSignal() {
                Engine.release(request)
            } else {
                left.append(request)
            }
        }
        var created = 0
        while created < missing, startThread() { created += 1 }
        if left.isEmpty { return created < missing }
        lock.locked { signals.prepend(contentsOf: &left) }
        return true
    }

    /// Starts a thread that runs the first function of the queue, if there still is one: with the attributes
    /// that the program asked for where it did.
    @discardableResult
    private static func startThread() -> Bool {
        lock.lock()
        guard queued > idle, let request = functions.first else {
            lock.unlock()
            return true
        }
        guard let attributes = request.block.pointee.notification.attributes else {
            lock.unlock()
            let argument = UnsafeMutableRawPointer(
                bitPattern: UInt(generation.load(ordering: .relaxed)) << 1 | 1)
            return Thread.start(argument) { argument in
                Notifier.run(generation: UInt32(UInt(bitPattern: argument) >> 1))
                return nil
            }
        }
        _ = functions.popFirst()
        queued -= 1
        lock.unlock()
        var thread = pthread_t()
        let created = pthread_create(
            &thread, attributes.assumingMemoryBound(to: pthread_attr_t.self),
            { argument in
                Notifier.call(Request(data: argument)!)
                return nil
            }, request.block)
        if created == 0 {
            // Nobody could join it but the program, which does not know it. (EINVAL if it is detached.)
            var state = CInt(0)
            if pthread_attr_getdetachstate(attributes.assumingMemoryBound(to: pthread_attr_t.self), &state) == 0,
                state == CInt(PTHREAD_CREATE_JOINABLE)
            {
                pthread_detach(thread)
            }
            return true
        }
        lock.lock()
        var one = RequestQueue()
        one.append(request)
        functions.prepend(contentsOf: &one)
        queued += 1
        lock.unlock()
        Reactor.ask(.retry)
        return false
    }

    /// Calls the function as a new thread would: with no signal blocked but those that were ours to block.
    private static func call(_ request: Request) {
        let notification = request.block.pointee.notification
        Engine.release(request)
        SignalMask(bits: 0).restore()
        notification.function!(notification.value)
        _ = SignalMask.blockAll()
    }

    private static func run(generation mine: UInt32) {
        Thread.name("kaio-notify")
        while true {
            let seen = work.load(ordering: .sequentiallyConsistent)
            lock.lock()
            if let request = functions.first, request.block.pointee.notification.attributes == nil {
                _ = functions.popFirst()
                queued -= 1
                lock.unlock()
                call(request)
                continue
            }
            let other = functions.first != nil
            if generation.load(ordering: .relaxed) != mine { break }
            idle += 1
            lock.unlock()
            // One that wants a thread with attributes of its own: not this thread.
            if other { Reactor.ask(.retry) }
            let result = Futex.wait(work, seen, until: Instant.now.advanced(by: patience))
            lock.lock()
            idle -= 1
            if result == -Int(ETIMEDOUT), queued == 0 { break }
            lock.unlock()
        }
        lock.unlock()
    }

    static func dismiss() {
        generation.wrappingAdd(1, ordering: .relaxed)
        work.wrappingAdd(1, ordering: .sequentiallyConsistent)
        Futex.wake(work)
    }

    static func reset() {
        lock.reset()
        functions = RequestQueue()
        signals = RequestQueue()
        queued = 0
        idle = 0
        generation.wrappingAdd(1, ordering: .relaxed)
    }
}
