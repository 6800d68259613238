// The library's life: it starts with the first request, and ends when nothing was asked of it for a while.
//
// Invariant: one word says how many requests are in flight, and threads that need the engine for a moment, and
// whether it is up: below zero it is down. It goes down in one step from "up, nothing in flight", so no request
// meets an engine that is going away: it is either counted, and the engine stays, or finds the word below
// zero, waits at `lifeLock`, and starts the engine again.

import CKernel
import Synchronization

enum Engine {
    private static let lifeLock = Lock()
    private static let lastRequest = Atomic<Int64>(0)
    /// Something could not be had when it was asked for: worth another try now and then.
    private static let isShort = Atomic<Bool>(false)
    private static let lastTry = Atomic<Int64>(0)
    /// In this process or in an ancestor: what is made once was made.
    nonisolated(unsafe) private static var isMade = false
    nonisolated(unsafe) private static var saidWhyNoKernel = false

    /// In the word, on top of what is counted: the engine is down.
    private static let down = Int.min / 2

    private static let tryAgainAfter: Int64 = 1_000_000_000

    /// Counts `count` requests in, and starts the engine if it is down. False if a limit is reached or memory
    /// is short: then nothing is counted. All signals are blocked.
    ///
    /// - Parameter isLent: for a connection, whose callers do the reactor's part.
    static func enter(_ count: Int, isLent: Bool = false) -> Bool {
        guard let page = ProcessPage.make() else { return false }
        let now = page.inFlight.pointee.wrappingAdd(count, ordering: .sequentiallyConsistent).newValue
        if now < 0 || !isPrepared, !start(page) {
            leave(count)
            return false
        }
        stampRequest()
        if !isLent, Reactor.isLent { endLending() }
        if isShort.load(ordering: .relaxed) { tryAgain() }
        return true
    }

    /// The first word of a process that begins with a connection: no reactor's thread until something needs one.
    static func lend() {
        if isPrepared { return }
        Reactor.setLent(true)
        Services.decide()
    }

    /// An ordinary request: from here on there is a reactor as in every program.
    private static func endLending() {
        Reactor.setLent(false)
        Services.decide()
        startReactor()
    }

    /// Starts the reactor's thread, if it is missing. All signals are blocked, and not in a signal handler.
    static func startReactor() {
        lifeLock.lock()
        if Reactor.isRunning { Reactor.startThread() }
        lifeLock.unlock()
    }

    /// The same for one request where nothing has to be started, opened or tried again; takes no lock.
    @inline(__always)
    static func enterIfUp() -> Bool {
        guard isPrepared, let page = ProcessPage.current, !isShort.load(ordering: .relaxed) else { return false }
        if page.inFlight.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue > 0 {
            stampRequest()
            return true
        }
        leave(1)
        return false
    }

    /// A request was made: the housekeeping counts from here.
    static func stampRequest() { lastRequest.store(Instant.roughlyNow.nanoseconds, ordering: .relaxed) }

    static func leave(_ count: Int) {
        ProcessPage.current?.inFlight.pointee.wrappingSubtract(count, ordering: .sequentiallyConsistent)
    }

    /// Whether this process used the library: not so in the child of a fork, before its first request.
    static var isPrepared: Bool {
        ProcessPage.current?.phase.pointee.load(ordering: .acquiring) == ProcessPage.Phase.prepared.rawValue
    }

    /// Keeps an engine that is up from going down, until `leave(1)`. False if it is down.
    static func hold() -> Bool {
        guard isPrepared, let page = ProcessPage.current else { return false }
        if page.inFlight.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue > 0 { return true }
        leave(1)
        return false
    }

    /// The request is over in every respect.
    static func release(_ request: Request) {
        Slab.free(request)
        leave(1)
    }

    // MARK: start

    private static func start(_ page: ProcessPage) -> Bool {
        guard prepare(page) else { return false }
        lifeLock.lock()
        defer { lifeLock.unlock() }
        if page.inFlight.pointee.load(ordering: .sequentiallyConsistent) >= 0 { return true }
        openAll()
        page.inFlight.pointee.wrappingSubtract(down, ordering: .sequentiallyConsistent)
        return true
    }

    /// Once in each process, by one thread, while the others wait: before it no lock may be taken, since in the
    /// child of a fork it may be held by a thread that is not there.
    private static func prepare(_ page: ProcessPage) -> Bool {
        while true {
            let (exchanged, phase) = page.phase.pointee.compareExchange(
                expected: ProcessPage.Phase.unused.rawValue, desired: ProcessPage.Phase.inPreparation.rawValue,
                ordering: .acquiringAndReleasing)
            if exchanged { break }
            if phase == ProcessPage.Phase.prepared.rawValue { return true }
            _ = systemCall(SYS_sched_yield)
        }
        let done = isMade ? resetAll() : makeAll()
        if done {
            page.claim()
            page.inFlight.pointee.wrappingAdd(down, ordering: .sequentiallyConsistent)
            page.secret.pointee.store(newSecret(), ordering: .relaxed)
            Statistics.announce()
        }
        let phase = done ? ProcessPage.Phase.prepared : ProcessPage.Phase.unused
        page.phase.pointee.store(phase.rawValue, ordering: .releasing)
        return done
    }

    /// What lasts for the life of the process and its children.
    private static func makeAll() -> Bool {
        Options.read()
        Configuration.read()
        guard Slab.prepare(limit: UInt32(Options.maxRequests)), Exposure.prepare(), Completions.prepare(),
            KnownFiles.prepare(), Devices.prepare(), Registry.prepare(), Workers.prepare()
        else {
            return false
        }
        Live.prepare()
        Services.make()
        ThreadExit.prepare()
        pthread_atfork(nil, nil, { Engine.closeInherited() })
        if Options.showStatistics || Options.statisticsFile != nil { atexit { Statistics.report() } }
        if Options.verbose { introduce() }
        isMade = true
        return true
    }

    /// In the child of a fork, at its first request: nothing of the parent's is in flight here.
    private static func resetAll() -> Bool {
        lifeLock.reset()
        Slab.discard()
        KernelQueue.reset()
        Waiting.reset()
        Workers.reset()
        Notifier.reset()
        Reactor.reset()
        Statistics.reset()
        Outstanding.reset()
        Completions.reset()
        Live.resetAll()
        Log.resetAll()
        Registry.resetAll()
        Services.reset()
        Connections.reset()
        return true
    }

    /// In the child of a fork, as soon as it runs: later the numbers may be the child's own.
    private static func closeInherited() {
        KernelQueue.closeInherited()
        Reactor.closeInherited()
    }

    private static func newSecret() -> UInt64 {
        var secret: UInt64 = 0
        let result = withUnsafeMutablePointer(to: &secret) { systemCall(SYS_getrandom, address($0), 8, 1) }
        if result != 8 {
            secret = UInt64(truncatingIfNeeded: Instant.now.nanoseconds) &* 0xbf58_476d_1ce4_e5b9
        }
        return secret | 1
    }

    /// Opens what is not open. What can't be had now is tried again later; the requests go another way meanwhile.
    private static func openAll() {
        lastTry.store(Instant.roughlyNow.nanoseconds, ordering: .relaxed)
        var short = false
        if KernelQueue.context == nil {
            let error = KernelQueue.open()
            if error != 0 { sayWhyNoKernel(error) }
            short = error == EAGAIN || error == EMFILE || error == ENFILE || error == ENOMEM
        }
        if Reactor.isRunning { Reactor.watchCompletions() } else { short = !Reactor.start() || short }
        isShort.store(short, ordering: .relaxed)
    }

    private static func tryAgain() {
        let last = Instant(nanoseconds: lastTry.load(ordering: .relaxed))
        guard Instant.roughlyNow >= last.advanced(by: tryAgainAfter) else { return }
        lifeLock.lock()
        if isShort.load(ordering: .relaxed) { openAll() }
        lifeLock.unlock()
    }

    private static func introduce() {
        var message = Message()
        message.add("kaio ")
        message.add(Version.text)
        message.add(": stack")
        for position in 0..<Stack.standard!.count {
            message.add(" ")
            message.add(Stack.standard![position].title)
        }
        message.add(", ring ")
        message.add(Options.ring)
        message.show()
    }

    private static func sayWhyNoKernel(_ error: CInt) {
        guard Options.verbose, !saidWhyNoKernel else { return }
        saidWhyNoKernel = true
        var message = Message()
        message.add("kaio: the kernel's AIO can't be used (io_setup: ")
        message.add(Text(strerror(error)))
        if error == EAGAIN { message.add("; fs.aio-max-nr is used up") }
        if error == ENOTSUP { message.add("; the completion ring is not mapped") }
        message.add("): requests run on worker threads")
        message.show()
    }

    // MARK: end

    private static let roughTick: Int64 = 12_000_000
    private static let lookAgainAfter: Int64 = 1_000_000_000

    /// When everything may be given back, if nothing is asked for until then. The rough clock that the last request was
    /// stamped with is behind by a tick: never early.
    private static var dueAt: Instant {
        Instant(nanoseconds: lastRequest.load(ordering: .relaxed))
            .advanced(by: Int64(Options.idleSeconds) * 1_000_000_000 + roughTick)
    }

    static var isOverdue: Bool { Options.idleSeconds != 0 && Instant.roughlyNow >= dueAt }

    enum ShutDown {
        case down
        case tryAgain(in: Int64)
    }

    /// Called when the reactor's timer is up.
    ///
    /// - Parameters:
    ///   - isLent: by a connection's caller, who does it only while the reactor has no thread.
    ///   - now: whatever the timer says; the last connection was closed.
    static func shutDownIfIdle(isLent: Bool = false, now: Bool = false) -> ShutDown {
        if Options.idleSeconds == 0 { return .tryAgain(in: 0) }
        let left = dueAt.remaining
        if left > 0, !now { return .tryAgain(in: left) }
        guard let page = ProcessPage.current else { return .down }
        lifeLock.lock()
        if isLent, !Reactor.isRunning || Reactor.hasThread {
            lifeLock.unlock()
            return .down
        }
        guard
            page.inFlight.pointee.compareExchange(
                expected: 0, desired: down, ordering: .sequentiallyConsistent
            ).exchanged
        else {
            lifeLock.unlock()
            return .tryAgain(in: lookAgainAfter)
        }
        let queue = KernelQueue.detach()
        Workers.dismiss()
        Notifier.dismiss()
        let (epoll, timer, event) = Reactor.detach()
        Slab.discard()
        lifeLock.unlock()
        // From here on the next request may start everything anew.
        queue.dispose()
        epoll.dispose()
        timer.dispose()
        event.dispose()
        return .down
    }
}
