// Sends notifications: signals at once, functions (SIGEV_THREAD) on threads of their own.
//
// A function runs as if it were the start of a new thread, so it may block, or end its thread. Creating one for
// each costs 50 us, so a thread that is done with a function takes the next one that waits. Nothing is lost
// where no thread can be created or the kernel's signal queue is full: the notification waits, in its
// request's control block, and the reactor tries again. One that waits for a thread with attributes of its own
// holds up none without.
//
// A function is promised when its request is made: a thread that can call it must be there by then, or the call fails with
// EAGAIN. The last idle one stays as long as the engine is up.
//
// Invariant: `lock` guards the queues and the counts. A control block in a queue belongs to the notifier, which
// frees it after the notification. `able` is how many threads wait for a function or run one (or have ended in one).

import CKernel
import Synchronization

enum Notifier {
    private static let lock = Lock()
    nonisolated(unsafe) private static var functions = RequestQueue()
    /// Those that want a thread with attributes of their own.
    nonisolated(unsafe) private static var special = RequestQueue()
    nonisolated(unsafe) private static var signals = RequestQueue()
    /// How many wait in `functions`, and how many threads wait for one.
    nonisolated(unsafe) private static var queued = 0
    nonisolated(unsafe) private static var idle = 0
    private static let able = Atomic<Int>(0)
    private static let work = Atomic<UInt32>(0)
    /// Changes when all threads are to end.
    private static let generation = Atomic<UInt32>(0)

    private static let patience: Int64 = 1_000_000_000

    /// Whether a function will be called that is promised now.
    static var canCall: Bool { able.load(ordering: .relaxed) > 0 }

    /// Sees to that, where the engine is up. All signals are blocked.
    static func prepareToCall() -> Bool {
        if canCall { return true }
        lock.locked { countIdle(1) }
        return startThread()
    }

    /// Under the lock.
    private static func countIdle(_ change: Int) {
        idle += change
        let able = able.wrappingAdd(change, ordering: .relaxed).newValue
        assert(lock.isHeld && idle >= 0 && idle <= able)
    }

    /// Sends the request's notification and frees the block, now or later.
    static func notify(_ request: Request, _ turn: inout Turn) {
        assert(request.operation == .list || request.state == .published)
        switch request.notification.kind {
        case .none:
            Engine.release(request)
        case .signal, .threadSignal:
            if request.notification.sendSignal() {
                Engine.release(request)
            } else {
                lock.locked { signals.append(request) }
                Reactor.ask(.retry)
            }
        case .event:
            // Again, though the kernel may have signalled it: whoever woke up then may have looked too early, while
            // another thread had the event in its hands.
            EventDescriptor(descriptor: Descriptor(number: request.notification.target)).signal()
            Engine.release(request)
        case .connection:
            ConnectionFile.completed(request, &turn)
        case .function:
            lock.lock()
            var wake = false
            var isShort = true
            if request.notification.attributes != nil {
                special.append(request)
            } else {
                functions.append(request)
                queued += 1
                wake = idle > 0
                isShort = queued > idle
            }
            lock.unlock()
            if wake {
                work.wrappingAdd(1, ordering: .sequentiallyConsistent)
                Futex.wake(work, 1)
            }
            if turn.mayCreateThreads {
                if !startThreads() { Reactor.ask(.retry) }
            } else if isShort {
                Reactor.ask(.retry)
            }
        }
    }

    /// The reactor's part: what could not be sent before. True if something is still left.
    static func retry() -> Bool {
        var again = RequestQueue()
        lock.locked { swap(&again, &signals) }
        var left = RequestQueue()
        while let request = again.popFirst() {
            if left.isEmpty, request.notification.sendSignal() {
                Engine.release(request)
            } else {
                left.append(request)
            }
        }
        let isShortOfSignals = !left.isEmpty
        lock.locked { signals.prepend(contentsOf: &left) }
        return !startThreads() || isShortOfSignals
    }

    /// Starts as many threads as there are functions without one. False if one can't be had.
    private static func startThreads() -> Bool {
        let areSpecialStarted = startAllSpecial()
        while true {
            lock.lock()
            let missing = queued > idle
            if missing { countIdle(1) }
            lock.unlock()
            guard missing else { return areSpecialStarted }
            if !startThread() { return false }
        }
    }

    /// One that is counted as waiting before it runs, so that nobody starts another for the same function.
    private static func startThread() -> Bool {
        let argument = UnsafeMutableRawPointer(bitPattern: UInt(generation.load(ordering: .relaxed)) << 1 | 1)
        let isStarted = Thread.start(argument, smallStack: false) { argument in
            Notifier.run(generation: UInt32(UInt(bitPattern: argument) >> 1))
            return nil
        }
        if !isStarted { lock.locked { countIdle(-1) } }
        return isStarted
    }

    private static func startAllSpecial() -> Bool {
        while let request = lock.locked({ special.popFirst() }) {
            if startSpecial(request) { continue }
            // Behind the others, so that one whose stack is never to be had holds up none of them for good.
            lock.locked { special.append(request) }
            return false
        }
        return true
    }

    /// One thread, with the attributes that the program asked for, for one function. False: it may be had later.
    private static func startSpecial(_ request: Request) -> Bool {
        let attributes = request.notification.attributes!.assumingMemoryBound(to: pthread_attr_t.self)
        var state = CInt(PTHREAD_CREATE_DETACHED)
        pthread_attr_getdetachstate(attributes, &state)
        let start: Thread.Start = { argument in
            Notifier.call(Request(data: argument)!)
            return nil
        }
        var thread = pthread_t()
        switch pthread_create(&thread, attributes, start, request.block) {
        case 0: break
        case EAGAIN: return false
        // No thread ever has these (a processor that is not there, a policy without the right to it): better one of the
        // usual kind than none.
        default: return Thread.start(request.block, smallStack: false, start) || leaveToOthers(request)
        }
        // Nobody could join it but the program, which does not know it.
        if state == CInt(PTHREAD_CREATE_JOINABLE) { pthread_detach(thread) }
        return true
    }

    /// One of those that are there calls its function.
    private static func leaveToOthers(_ request: Request) -> Bool {
        lock.locked {
            functions.append(request)
            queued += 1
        }
        work.wrappingAdd(1, ordering: .sequentiallyConsistent)
        Futex.wake(work, 1)
        return true
    }

    /// Calls the function as a new thread would: with no signal blocked.
    private static func call(_ request: Request) {
        let notification = request.notification
        Engine.release(request)
        SignalMask(bits: 0).restore()
        notification.function!(notification.value)
        _ = SignalMask.blockAll()
    }

    /// A thread that runs one function after the other. It begins, and waits, as an idle one.
    private static func run(generation mine: UInt32) {
        Thread.begin("kaio-notify")
        lock.lock()
        while true {
            if let request = functions.popFirst() {
                queued -= 1
                idle -= 1
                assert(queued >= 0 && idle >= 0 && functions.isEmpty == (queued == 0))
                lock.unlock()
                call(request)
                lock.lock()
                idle += 1
                continue
            }
            if generation.load(ordering: .relaxed) != mine { break }
            let seen = work.load(ordering: .sequentiallyConsistent)
            lock.unlock()
            let result = Futex.wait(work, seen, until: Instant.now.advanced(by: patience))
            lock.lock()
            if result == -Int(ETIMEDOUT), !functions.isEmpty, work.load(ordering: .relaxed) == seen {
                Statistics.countHealed("a thread was not told of a function")
            }
            if result == -Int(ETIMEDOUT), functions.isEmpty, idle > 1 { break }
        }
        countIdle(-1)
        lock.unlock()
    }

    /// Ends the idle threads; those at work end afterwards.
    static func dismiss() {
        generation.wrappingAdd(1, ordering: .relaxed)
        work.wrappingAdd(1, ordering: .sequentiallyConsistent)
        Futex.wake(work)
    }

    /// In the child of a fork.
    static func reset() {
        lock.reset()
        functions = RequestQueue()
        special = RequestQueue()
        signals = RequestQueue()
        queued = 0
        idle = 0
        able.store(0, ordering: .relaxed)
        generation.wrappingAdd(1, ordering: .relaxed)
    }
}
