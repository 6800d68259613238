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
    /// - Parameters:
    ///   - isLent: for a connection, whose callers do the reactor's part.
    ///   - notifies: somebody is to be told, which must not depend on a caller who looks.
    static func enter(_ count: Int, isLent: Bool = false, notifies: @autoclosure () -> Bool = false) -> Bool {
        guard let page = ProcessPage.make() else { return false }
        // Before the reactor that this may start looks how long nothing was asked for.
        stampRequest()
        let now = page.inFlight.pointee.wrappingAdd(count, ordering: .sequentiallyConsistent).newValue
        if now < 0 || !isPrepared, !start(page) {
            leave(count)
            return false
        }
        if !isLent, Reactor.isLent { endLending() }
        if isShort.load(ordering: .relaxed) {
            let isHelpless = !Reactor.isRunning && notifies()
            tryAgain(now: isHelpless)
            if isHelpless, !Reactor.isRunning {
                leave(count)
                return false
            }
        }
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
        lifeLock.lock(forLong: true)
        if let page = ProcessPage.current, page.inFlight.pointee.load(ordering: .sequentiallyConsistent) >= 0 {
            _ = Reactor.startThread()
        }
        lifeLock.unlock(forLong: true)
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
        let before = ProcessPage.current?.inFlight.pointee.wrappingSubtract(count, ordering: .sequentiallyConsistent)
            .oldValue
        // Of those that are in flight, or of who found the engine down.
        assert(before.map { $0 >= count || $0 < 0 } ?? true)
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
        lifeLock.lock(forLong: true)
        defer { lifeLock.unlock(forLong: true) }
        if page.inFlight.pointee.load(ordering: .sequentiallyConsistent) >= 0 { return true }
        openAll()
        page.inFlight.pointee.wrappingSubtract(down, ordering: .sequentiallyConsistent)
        return true
    }

    /// What may take long before the first request of a process, or of the child of a fork: files that a person named are
    /// read, and modules are loaded. To be called before signals are blocked.
    @inline(__always)
    static func prepare() { if !isPrepared { prepareUnblocked() } }

    /// A thread does it where there is a file to wait for: whatever a signal handler does on top of the caller, it goes on.
    @inline(never)
    private static func prepareUnblocked() {
        guard let page = ProcessPage.make() else { return }
        let mask = SignalMask.blockAll()
        if claimPreparation(page), !Options.namesFiles || !startPreparation() { prepareHere(page) }
        mask.restore()
        awaitPreparation(page)
    }

    private static func startPreparation() -> Bool {
        Thread.start(nil, smallStack: false) { _ in
            if let page = ProcessPage.current { Engine.finishPreparation(page, opensFiles: true) }
            return nil
        }
    }

    /// In the caller, where no thread can be had, with signals blocked: so nothing that a person named is opened. What would be
    /// read before the first request is waited for by no request; what is written to is made later, or not at all.
    private static func prepareHere(_ page: ProcessPage) { finishPreparation(page, opensFiles: !Options.namesFiles) }

    /// Once in each process, by one thread, while the others wait: before it no lock may be taken, since in the
    /// child of a fork it may be held by a thread that is not there.
    private static func prepare(_ page: ProcessPage) -> Bool {
        if claimPreparation(page) { prepareHere(page) } else { awaitPreparation(page) }
        return isPrepared
    }

    private static func claimPreparation(_ page: ProcessPage) -> Bool {
        page.phase.pointee.compareExchange(
            expected: ProcessPage.Phase.unused.rawValue, desired: ProcessPage.Phase.inPreparation.rawValue,
            ordering: .acquiringAndReleasing
        ).exchanged
    }

    /// The thread that prepares: a module that makes requests while it is loaded would wait for itself.
    private static let preparer = Atomic<Int32>(0)

    private static func awaitPreparation(_ page: ProcessPage) {
        let phase = ProcessPage.Phase.inPreparation.rawValue
        while page.phase.pointee.load(ordering: .acquiring) == phase,
            preparer.load(ordering: .relaxed) != ThreadState.mine
        {
            _ = Futex.wait(page.phase.pointee, phase)
        }
    }

    /// All signals are blocked.
    private static func finishPreparation(_ page: ProcessPage, opensFiles: Bool) {
        preparer.store(ThreadState.mine, ordering: .relaxed)
        let done = isMade ? resetAll(opensFiles: opensFiles) : makeAll(opensFiles: opensFiles)
        preparer.store(0, ordering: .relaxed)
        if done {
            page.claim()
            page.inFlight.pointee.wrappingAdd(down, ordering: .sequentiallyConsistent)
            page.secret.pointee.store(newSecret(), ordering: .relaxed)
            Statistics.announce(makesFile: opensFiles)
        }
        let phase = done ? ProcessPage.Phase.prepared : ProcessPage.Phase.unused
        page.phase.pointee.store(phase.rawValue, ordering: .releasing)
        Futex.wake(page.phase.pointee)
    }

    nonisolated(unsafe) private static var hasOptions = false
    /// The process in which `makeAll` began. In one that was forked meanwhile nobody gives the locks back.
    nonisolated(unsafe) private static var maker = 0

    /// What lasts for the life of the process and its children.
    private static func makeAll(opensFiles: Bool) -> Bool {
        let process = systemCall(SYS_getpid)
        if maker != 0, maker != process {
            Loader.reset()
            Log.resetAll()
        }
        maker = process
        if !hasOptions { Options.read() }
        hasOptions = true
        if !opensFiles, Options.readsFiles { return false }
        Configuration.read()
        guard let room = Slab.prepare(limit: Options.maxRequests) else { return false }
        Options.limitRequests(room)
        guard Exposure.prepare(), Completions.prepare(), KnownFiles.prepare(), Devices.prepare(), Registry.prepare(),
            KernelQueue.prepare(), Workers.prepare(), Thread.prepare(),
            ModuleDescriptors.prepare()
        else {
            return false
        }
        if opensFiles { Live.prepare() }
        Services.make()
        ThreadExit.prepare()
        pthread_atfork(nil, nil, { Engine.closeInherited() })
        if Options.showStatistics || Options.statisticsFile != nil { atexit { Statistics.report() } }
        if Options.verbose { introduce() }
        isMade = true
        return true
    }

    /// In the child of a fork, at its first request: nothing of the parent's is in flight here.
    private static func resetAll(opensFiles: Bool) -> Bool {
        lifeLock.reset()
        Slab.discard()
        KernelQueue.reset()
        Waiting.reset()
        Workers.reset()
        Thread.reset()
        Notifier.reset()
        Reactor.reset()
        Statistics.reset()
        Outstanding.reset()
        Own.inFlight.store(0, ordering: .relaxed)
        Completions.reset()
        Live.resetAll(makesPage: opensFiles)
        ModuleNumbers.resetAll()
        Log.resetAll()
        Registry.resetAll()
        Services.reset()
        Pool.reset()
        OpenFiles.reset()
        Connections.reset()
        return true
    }

    /// In the child of a fork, as soon as it runs: later the numbers may be the child's own.
    private static func closeInherited() {
        if ProcessPage.wipeIfInherited() {
            Exposure.wipe()
            KnownFiles.wipe()
        }
        KernelQueue.leaveInherited()
        Reactor.closeInherited()
        ReadyPipe.dispose()
        OpenFiles.closeInherited()
        ModuleDescriptors.closeInherited()
    }

    private static func newSecret() -> UInt64 {
        var secret: UInt64 = 0
        let result = withUnsafeMutablePointer(to: &secret) { systemCall(SYS_getrandom, address($0), 8, 1) }
        if result != 8 {
            secret = UInt64(truncatingIfNeeded: Instant.now.nanoseconds) &* 0xbf58_476d_1ce4_e5b9
        }
        return secret | 1
    }

    /// Opens what is not open, the context once it is wanted. What can't be had now is tried again later; the requests go another way meanwhile:
    ///
    ///     the reactor's thread  its descriptors  the context
    ///     is there              are there        is there       every way
    ///     is there              are there        is not there   on workers; streams are watched by the reactor
    ///     is there              are not there    is not there   on workers; the reactor does what is due, by time
    ///     is not there          may be           may be         what notifies is refused (EAGAIN); all else has a caller who looks
    ///
    /// So wherever a request notifies there is a thread that comes for it, for a signal that finds its queue full, and
    /// for a thread that could not be had.
    private static func openAll() {
        lastTry.store(Instant.roughlyNow.nanoseconds, ordering: .relaxed)
        var isShort = !Reactor.startThread(unlessLent: true)
        do throws(Refusal) {
            try Reactor.openDescriptors()
            if KernelQueue.isWanted { try KernelQueue.open() }
        } catch {
            sayWhyNoKernel(error)
            isShort = isShort || error.mayPass
        }
        Engine.isShort.store(isShort, ordering: .relaxed)
    }

    /// Opens the context for the first request that gains by it: a process that has one ends, and calls exec, some 30 ms later, as
    /// long as the kernel takes to be rid of it. False where there is none. The engine is up, all signals are blocked, nothing is locked.
    static func openKernel() -> Bool {
        if KernelQueue.want() {
            lifeLock.lock(forLong: true)
            openAll()
            lifeLock.unlock(forLong: true)
        }
        return KernelQueue.context != nil
    }

    /// The reactor has lost its descriptors.
    static func isMissingSomething() { isShort.store(true, ordering: .relaxed) }

    private static func tryAgain(now: Bool) {
        let last = Instant(nanoseconds: lastTry.load(ordering: .relaxed))
        guard now || Instant.roughlyNow >= last.advanced(by: tryAgainAfter) else { return }
        lifeLock.lock(forLong: true)
        if isShort.load(ordering: .relaxed) { openAll() }
        lifeLock.unlock(forLong: true)
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

    private static func sayWhyNoKernel(_ refusal: Refusal) {
        guard !Options.quiet, !saidWhyNoKernel else { return }
        saidWhyNoKernel = true
        var message = Message()
        message.add("kaio: the kernel's AIO can't be used (")
        message.add(refusal.call)
        message.add(": ")
        switch refusal.error {
        case ENOTSUP: message.add("it does not behave as on Linux")
        case let error: message.add(Text(strerror(error)))
        }
        let isUsedUp = Text(refusal.call) == "io_setup" && refusal.error == EAGAIN
        if isUsedUp { message.add("; fs.aio-max-nr is used up") }
        message.add("): requests run on worker threads")
        if refusal.mayPass { message.add(" until it can") }
        // What a person can do.
        if isUsedUp {
            message.add("; as root: sysctl fs.aio-max-nr=1048576, or ")
            message.add("let this program use less of it, as with KAIO_RING=64")
        } else if refusal.error == EPERM || refusal.error == ENOSYS {
            message.add("; have the container's seccomp profile allow it, ")
            message.add("and io_submit, io_pgetevents, io_cancel and io_destroy")
        }
        message.add(" (kaio doctor says more, KAIO_VERBOSE=0 hides this line)")
        message.show()
    }

    // MARK: end

    private static let roughTick: Int64 = 12_000_000
    private static let lookAgainAfter: Int64 = 1_000_000_000

    /// When everything may be given back, if nothing is asked for until then. The rough clock that the last request was
    /// stamped with is behind by a tick: never early.
    static var dueAt: Instant {
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
    ///   - now: whatever the timer says; the last connection was closed, or the program asks for it.
    static func shutDownIfIdle(isLent: Bool = false, now: Bool = false) -> ShutDown {
        if Options.idleSeconds == 0, !now { return .tryAgain(in: 0) }
        let left = dueAt.remaining
        if left > 0, !now { return .tryAgain(in: left) }
        guard let page = ProcessPage.current else { return .down }
        lifeLock.lock(forLong: true)
        if isLent, !Reactor.isRunning || Reactor.hasThread {
            lifeLock.unlock(forLong: true)
            return .down
        }
        guard
            page.inFlight.pointee.compareExchange(
                expected: 0, desired: down, ordering: .sequentiallyConsistent
            ).exchanged
        else {
            lifeLock.unlock(forLong: true)
            return .tryAgain(in: lookAgainAfter)
        }
        let queue = KernelQueue.detach()
        Workers.dismiss()
        Notifier.dismiss()
        Pool.trim()
        Reactor.detach()
        ReadyPipe.dispose()
        Slab.discard()
        lifeLock.unlock(forLong: true)
        // From here on the next request may start everything anew.
        queue?.destroy()
        return .down
    }

    /// Gives everything back at once. False where something is in flight, or a thread does not end. Not in a signal handler.
    static func release() -> Bool {
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        guard isPrepared, let page = ProcessPage.current else { return true }
        // A thread that needs the engine for a moment does not count.
        for _ in 0..<200 where page.inFlight.pointee.load(ordering: .sequentiallyConsistent) >= 0 {
            if Outstanding.count != 0 { return false }
            if Reactor.hasThread {
                Reactor.ask(.release)
            } else {
                _ = shutDownIfIdle(isLent: Reactor.isLent, now: true)
            }
            Pause.sleep(1_000_000)
        }
        return page.inFlight.pointee.load(ordering: .sequentiallyConsistent) < 0 && Thread.awaitEnd()
    }
}
