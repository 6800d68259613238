// The pool of threads that runs what the kernel can't do without blocking the caller.
//
// Invariant: `lock` guards the queues and the counts. A request in a queue has `waitingIn` set; taking it out
// clears that, and then it belongs to who took it. Every thread of the pool is either counted in `idle` (it is
// about to sleep, or sleeps, on `work`) or runs a request; whoever queues a request changes `work` first, so an
// idle thread that has not yet fallen asleep doesn't. Where threads may not be created, the reactor is asked to.
// All signals stay blocked in the pool's threads, so the program's handlers never run there.

import CKaio
import CKernel
import Synchronization

enum Workers {
    /// aio_reqprio is at most this: AIO_PRIO_DELTA_MAX of the C library.
    static let lowestPriority = 20

    private static let lock = Lock()
    nonisolated(unsafe) private static var queues: UnsafeMutablePointer<RequestQueue>?
    nonisolated(unsafe) private static var queued = 0
    nonisolated(unsafe) private static var idle = 0
    nonisolated(unsafe) private static var total = 0
    private static let work = Atomic<UInt32>(0)
    /// Changes when all threads are to end.
    private static let generation = Atomic<UInt32>(0)

    /// How long a thread without work stays.
    private static let patience: Int64 = 2_000_000_000

    static func prepare() -> Bool {
        if queues == nil {
            queues = .allocate(capacity: lowestPriority + 1)
            queues!.initialize(repeating: RequestQueue(), count: lowestPriority + 1)
        }
        return true
    }

    /// Queues requests behind those of the same priority. Each runs by `AIOPthread.perform`.
    static func add(_ requests: inout RequestQueue, _ turn: inout Turn) {
        var added = 0
        lock.lock()
        while let request = requests.popFirst() {
            Exposure.begin(request)
            request.block.pointee.waitingIn.store(request.block.pointee.position + 1, ordering: .relaxed)
            queues![Int(request.block.pointee.priority)].append(request)
            added += 1
        }
        queued += added
        // A worker that hands on what it set free takes one of them itself.
        let sleepers = min(idle, turn.role == .worker ? added - 1 : added)
        let missing = missingThreads
        if turn.mayCreateThreads { total += missing }
        lock.unlock()
        work.wrappingAdd(1, ordering: .sequentiallyConsistent)
        if sleepers > 0 { Futex.wake(work, Int32(sleepers)) }
        if missing > 0 {
            if !turn.mayCreateThreads {
                Reactor.ask(.moreWorkers)
                if !Reactor.isRunning { runHereIfNobodyElse(&turn) }
                return
            }
            start(missing)
            runHereIfNobodyElse(&turn)
        }
    }

    /// Where not one thread can be had, this one does the work: better late than never. Only what may take for
    /// ever is refused.
    private static func runHereIfNobodyElse(_ turn: inout Turn) {
        while true {
            lock.lock()
            let request = total == 0 ? take() : nil
            lock.unlock()
            guard let request else { return }
            if request.block.pointee.file.kind == .stream {
                turn.complete(request, -Int(EAGAIN))
            } else {
                // The caller's signals are only blocked here; a worker's are for ever.
                let wasPending = SignalMask.isPending(SIGXFSZ)
                AIOPthread.perform(request, on: ThreadState.mine, &turn)
                if request.block.pointee.result == -Int(EFBIG), !wasPending { SignalMask.takePending(SIGXFSZ) }
            }
        }
    }

    /// How many threads more would be of use. Under the lock.
    private static var missingThreads: Int { max(0, min(queued - idle, Options.workers - total)) }

    /// The reactor's part: creates the threads that a signal handler could not.
    static func growIfNeeded() {
        lock.lock()
        let missing = missingThreads
        total += missing
        lock.unlock()
        guard missing > 0 else { return }
        start(missing)
        var turn = Turn(.reactor)
        runHereIfNobodyElse(&turn)
        turn.finish()
    }

    /// Creates threads that are counted already, as many as can be had.
    private static func start(_ count: Int) {
        let generation = generation.load(ordering: .relaxed)
        for started in 0..<count {
            let argument = UnsafeMutableRawPointer(bitPattern: UInt(generation) << 1 | 1)
            if Thread.start(
                argument,
                { argument in
                    Workers.run(generation: UInt32(UInt(bitPattern: argument) >> 1))
                    return nil
                })
            {
                continue
            }
            lock.lock()
            total -= count - started
            lock.unlock()
            return
        }
    }

    /// Takes a request out of its queue. See `Module.cancel`.
    static func withdraw(_ request: Request, _ sequence: UInt64, position: Int) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        guard request.sequence == sequence,
            Int(request.block.pointee.waitingIn.load(ordering: .relaxed)) == position + 1,
            queues![Int(request.block.pointee.priority)].remove(request)
        else { return false }
        queued -= 1
        request.block.pointee.waitingIn.store(0, ordering: .relaxed)
        return true
    }

    private static func take() -> Request? {
        for priority in 0...lowestPriority {
            if let request = queues![priority].popFirst() {
                queued -= 1
                request.block.pointee.waitingIn.store(0, ordering: .relaxed)
                return request
            }
        }
        return nil
    }

    /// A thread of the pool.
    private static func run(generation mine: UInt32) {
        Thread.name("kaio-worker")
        let thread = ThreadState.mine
        Thread.stepBack()
        while true {
            let seen = work.load(ordering: .sequentiallyConsistent)
            lock.lock()
            if let request = take() {
                lock.unlock()
                AIOPthread.perform(request, on: thread)
                continue
            }
            if generation.load(ordering: .relaxed) != mine { break }
            idle += 1
            lock.unlock()
            let result = Futex.wait(work, seen, until: Instant.now.advanced(by: patience))
            lock.lock()
            idle -= 1
            if result == -Int(ETIMEDOUT), queued == 0 { break }
            lock.unlock()
        }
        total -= 1
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
        if let queues { for priority in 0...lowestPriority { queues[priority] = RequestQueue() } }
        queued = 0
        idle = 0
        total = 0
        generation.wrappingAdd(1, ordering: .relaxed)
    }
}

/// Threads of our own: detached, all signals blocked from the first instruction on.
enum Thread {
    typealias Start = @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?

    /// The caller has all signals blocked, which the new thread inherits. A thread that runs none of the program's
    /// code needs a small stack only. False: no room for another.
    static func start(_ argument: UnsafeMutableRawPointer?, smallStack: Bool = true, _ start: Start) -> Bool {
        var attributes = pthread_attr_t()
        guard pthread_attr_init(&attributes) == 0 else { return false }
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        if smallStack { pthread_attr_setstacksize(&attributes, smallSize) }
        var thread = pthread_t()
        let error = pthread_create(&thread, &attributes, start, argument)
        // EINVAL: the program's thread-local variables alone are larger.
        if error == EINVAL, smallStack { return Thread.start(argument, smallStack: false, start) }
        return error == 0
    }

    /// Shown by ps -L and top -H.
    static func name(_ name: StaticString) {
        _ = systemCall(SYS_prctl, 15, address(name.utf8Start))
    }

    /// The calling thread does not take the processor from another when it wakes up: else the worker that a call wakes
    /// may run in that call's time. One that has another policy than the usual one keeps it.
    static func stepBack() {
        guard systemCall(SYS_sched_getscheduler, 0) == usualPolicy else { return }
        var priority: CInt = 0
        _ = withUnsafePointer(to: &priority) { systemCall(SYS_sched_setscheduler, 0, batchPolicy, address($0)) }
    }

    /// SCHED_OTHER and SCHED_BATCH.
    private static let usualPolicy = 0
    private static let batchPolicy = 3

    private static let smallSize = 256 << 10
}
