// The reactor: one thread that sleeps until something is complete that no caller may come for, until a thread
// must be created that a signal handler could not create, or until it is time to give everything back.
//
// It sleeps in epoll on three descriptors, or where those can't be had, on a futex, until the next moment at which it has
// something to do; then nothing is in the kernel that could be complete. The three are: the eventfd that the kernel counts
// completions on (IOCB_FLAG_RESFD; those of requests that notify somebody), the timer of the housekeeping, and the pipe that is
// always ready, which `ask` arms; and on the timer of `Timers`, once a module has used those. While a request is held back in
// the library (for an earlier one, or for room in the ring), the completion that sets it free is one that nobody may come for,
// so the reactor then waits in the ring like any caller (`Waiting.wait`).
//
// The program may close any of these by a system call that does not come by here, and open files of its own at their numbers.
// So each use is by a call that the kernel refuses for another file, after the kernel has said that it is none: epoll_ctl with
// EPOLL_CTL_MOD is done only to the very file that was put into this epoll under this number (`isOurs`). Whoever finds one lost
// has all of them made anew (`repair`). The thread, which may sleep in what was closed, looks twice a second.
//
// A process whose first use of the library is a connection (see `Connection`) has all of this but the thread: the
// connection's descriptor has the reactor's epoll in it, and `kaio_connection_dispatch` does one round (`turn`). The
// thread is started when something needs one that comes by itself (`want`): a task, a timer, a request that is held back
// where there are several connections, a connection that the epoll can't be put into; or at the first request that is no
// connection's.
//
// Housekeeping: when nothing is in flight and KAIO_IDLE_SECONDS have passed since the last request (not since
// the start), the reactor takes the engine down and ends. The next request starts afresh.

import CKernel
import Synchronization

enum Reactor {
    /// What others ask of it.
    enum Task: UInt32 {
        /// What could not be had or done before, or not by the thread that needed it.
        case retry = 1
        case look = 2
        case timers = 4
        case log = 8
        case release = 16
    }

    private static let tasks = Atomic<UInt32>(0)
    private static let held = Atomic<Int>(0)

    private static let epollNumber = Atomic<CInt>(-1)
    private static var epoll: Descriptor { Descriptor(number: epollNumber.load(ordering: .acquiring)) }
    /// Watched by the other one, and has the descriptors on which writes wait, since an epoll takes each once. Made when it is
    /// needed.
    private static let writesNumber = Atomic<CInt>(-1)
    private static var writes: Descriptor { Descriptor(number: writesNumber.load(ordering: .acquiring)) }
    /// For who sleeps in the ring (`KernelQueue.setAlarm`). It is in the epoll only for the proof that it is ours.
    private static let alarmNumber = Atomic<CInt>(-1)
    private static let timerNumber = Atomic<CInt>(-1)
    private static var timer: Descriptor { Descriptor(number: timerNumber.load(ordering: .acquiring)) }
    private static let completionsNumber = Atomic<CInt>(-1)
    private static var completionEvent: Descriptor {
        Descriptor(number: completionsNumber.load(ordering: .acquiring))
    }
    /// Held while they are made, made anew, or closed.
    private static let lock = Lock()
    /// Set after all of these, and read before any of them.
    private static let descriptors = Atomic<Bool>(false)

    static var hasDescriptors: Bool { descriptors.load(ordering: .sequentiallyConsistent) }

    /// Somebody comes for what no caller comes for: the thread, or where that is lent, a connection's caller.
    static var isRunning: Bool { hasThread || isLent && hasDescriptors }

    private static let lent = Atomic<Bool>(false)
    private static let thread = Atomic<Bool>(false)
    private static let wanted = Atomic<Bool>(false)

    /// Connections only were used so far.
    static var isLent: Bool { lent.load(ordering: .sequentiallyConsistent) }
    static func setLent(_ value: Bool) { lent.store(value, ordering: .sequentiallyConsistent) }
    static var hasThread: Bool { thread.load(ordering: .sequentiallyConsistent) }

    /// What an event of the epoll is about; else it is a watched request, see `Slab.token`.
    private enum Source: UInt64 {
        case completions, timer, ask, requestTimers, writes, alarm
    }

    private static let watched = Atomic<Int>(0)
    private static let eventsAtOnce = 64

    private static let retryInterval: Int64 = 20_000_000
    private static let lookInterval: Int64 = 50_000_000
    /// How long it sleeps at most, in milliseconds: what the program closes is missed no later.
    private static let longestSleep = 500
    /// How many of the watched descriptors are looked at then.
    private static let checkedAtOnce: UInt32 = 256

    // MARK: what others call

    static func ask(_ task: Task) {
        let before = tasks.bitwiseOr(task.rawValue, ordering: .sequentiallyConsistent).oldValue
        want()
        if before & task.rawValue != 0 { return }
        wake()
        if held.load(ordering: .sequentiallyConsistent) != 0 { Waiting.tellAll() }
    }

    /// So many more requests (fewer, where below zero) are held back. Not under a lock: this may wake the thread.
    static func heldBack(_ change: Int) {
        assert(Lock.held == 0)
        let old = held.wrappingAdd(change, ordering: .sequentiallyConsistent).oldValue
        if old == 0, change > 0, !isLent || hasThread { ask(.look) }
        if change > 0 { wantIfShared() }
    }

    /// From here on it waits in the ring while any request is held back.
    static func contextIsOpen() {
        if held.load(ordering: .sequentiallyConsistent) != 0, !isLent || hasThread { ask(.look) }
    }

    /// The earliest of `Timers` is another one. In epoll the timer itself says so.
    static func timersChanged() {
        want()
        if held.load(ordering: .sequentiallyConsistent) != 0 { ask(.timers) }
    }

    static func watchTimers(_ descriptor: Descriptor) -> Bool {
        (try? watch(descriptor, .requestTimers)) != nil
    }
    static func hasTimers(_ descriptor: Descriptor) -> Bool { isOurs(descriptor, .requestTimers) }

    /// What the kernel is to signal when it is done with a request; none where that can't be.
    static var completions: Descriptor {
        guard hasDescriptors else { return .none }
        return isOurs(completionEvent, .completions) || repair() ? completionEvent : .none
    }

    /// A timer that is up at this time; none where there can be none.
    static func alarm(at time: Instant) -> Descriptor {
        guard hasDescriptors else { return .none }
        let timer = opened(alarmNumber, .alarm) {
            KernelQueue.forgetAlarm()
            return Descriptor.makeTimer()
        }
        return timer.isOpen && timer.setTimer(time.nanoseconds, isAbsolute: true) >= 0 ? timer : .none
    }

    // MARK: watching descriptors for `aio_poll`

    /// Has the reactor call `AIOPoll.ready` if the descriptor is ready, and from then on whenever anything happens that may
    /// have made it ready. False where that can't be: the descriptor is watched for another request already, or can't be
    /// watched. All else must be set before.
    static func watch(_ request: Request) -> Bool {
        guard isRunning, hasDescriptors else { return false }
        want()
        watched.wrappingAdd(1, ordering: .sequentiallyConsistent)
        // An epoll of the program's must get none of this.
        let isWatched = (isOurs(timer, .timer) || repair()) && control(request, EPOLL_CTL_ADD)
        if !isWatched { watched.wrappingSubtract(1, ordering: .relaxed) }
        // Where it waits in the ring it has to mind its epoll from now on.
        if held.load(ordering: .sequentiallyConsistent) != 0 { ask(.look) }
        return isWatched
    }

    /// Has the reactor call `AIOPoll.ready` if the descriptor is ready at this moment, though nothing happens.
    static func watchAnew(_ request: Request) { if isOurs(timer, .timer) { _ = control(request, EPOLL_CTL_MOD) } }

    static func stopWatching(_ request: Request) {
        if isOurs(timer, .timer) { _ = control(request, EPOLL_CTL_DEL) }
        watched.wrappingSubtract(1, ordering: .relaxed)
    }

    private static func control(_ request: Request, _ operation: CInt) -> Bool {
        let descriptor = request.descriptor
        // Closed behind the library's back, and the number is one of the library's own, which is in the epoll for itself.
        if ProcessPage.current?.isOwn(descriptor) ?? false, !ModuleDescriptors.has(descriptor) { return false }
        let isRead = request.operation == .read
        let epoll = isRead ? epoll : opened(writesNumber, .writes) { systemCall(SYS_epoll_create1, Int(EPOLL_CLOEXEC)) }
        let events = isRead ? EPOLLIN.rawValue | EPOLLRDHUP.rawValue : EPOLLOUT.rawValue
        return control(
            epoll, operation, descriptor, edgeTriggered | events, Slab.token(of: request)) == 0
    }

    /// EPOLLET. Some descriptors are ready for ever, and a transfer has to wait all the same.
    private static let edgeTriggered: UInt32 = 1 << 31

    /// Has what was closed by a call that did not come by here end its wait, some of them at a time: an epoll forgets it.
    private static func checkWatched() {
        guard watched.load(ordering: .relaxed) != 0 else { return }
        for _ in 0..<min(checkedAtOnce, Slab.used) {
            nextChecked = nextChecked &+ 1 < Slab.used ? nextChecked &+ 1 : 0
            let request = Slab.request(number: nextChecked)
            let token = Slab.token(of: request)
            guard request.state == .polled, request.isWatched,
                !control(request, EPOLL_CTL_MOD)
            else { continue }
            Turn.visit(as: .reactor) { AIOPoll.ready(token, isAlarm: false, isLost: true, &$0) }
        }
    }

    nonisolated(unsafe) private static var nextChecked: UInt32 = 0

    // MARK: its descriptors

    private static func control(
        _ epoll: Descriptor, _ operation: CInt, _ descriptor: Descriptor, _ events: UInt32, _ data: UInt64
    ) -> Int {
        var event = epoll_event()
        event.events = events
        event.data.u64 = data
        return withUnsafePointer(to: &event) {
            systemCall(SYS_epoll_ctl, Int(epoll.number), Int(operation), Int(descriptor.number), address($0))
        }
    }

    private static func control(_ operation: CInt, _ descriptor: Descriptor, _ source: Source) -> Int {
        let events: UInt32
        switch source {
        // One that is always ready wakes once.
        case .ask: events = EPOLLIN.rawValue | EPOLLONESHOT.rawValue
        case .alarm: events = 0
        default: events = EPOLLIN.rawValue
        }
        return control(epoll, operation, descriptor, events, source.rawValue)
    }

    private static func watch(_ descriptor: Descriptor, _ source: Source) throws(Refusal) {
        _ = try Refusal.unless("epoll_ctl", control(EPOLL_CTL_ADD, descriptor, source))
    }

    /// Whether the number still is what was put into the epoll, and the epoll's that one.
    private static func isOurs(_ descriptor: Descriptor, _ source: Source) -> Bool {
        control(EPOLL_CTL_MOD, descriptor, source) == 0
    }

    /// The same of any number, for who closes it.
    static func has(_ descriptor: Descriptor) -> Bool {
        if descriptor == epoll || descriptor == timer { return isOurs(timer, .timer) }
        if descriptor == completionEvent { return isOurs(descriptor, .completions) }
        if descriptor == writes { return isOurs(descriptor, .writes) }
        let isAlarm = descriptor.number == alarmNumber.load(ordering: .acquiring)
        return isAlarm ? isOurs(descriptor, .alarm) : Timers.has(descriptor)
    }

    private static func wake() {
        if !hasDescriptors { Futex.wake(tasks) } else if !isOurs(ReadyPipe.descriptor, .ask) { _ = repair() }
    }

    /// Makes anew what the program has closed. False where that can't be, for a while.
    static func repair() -> Bool {
        let mask = SignalMask.blockAll()
        lock.lock()
        defer {
            lock.unlock()
            mask.restore()
        }
        guard hasDescriptors else { return ReadyPipe.make() }
        if ReadyPipe.isOurs, isOurs(timer, .timer), isOurs(completionEvent, .completions),
            isOurs(ReadyPipe.descriptor, .ask)
        {
            return true
        }
        Timers.dropClock()
        closeDescriptors()
        do throws(Refusal) {
            try makeDescriptors()
        } catch {
            // The thread sleeps without, until the engine can have them again.
            closeDescriptors()
            descriptors.store(false, ordering: .sequentiallyConsistent)
            Engine.isMissingSomething()
            return false
        }
        Timers.renew()
        for number in 0..<Slab.used {
            let request = Slab.request(number: number)
            if request.state == .polled, request.isWatched {
                _ = control(request, EPOLL_CTL_ADD)
            }
        }
        // Whatever came meanwhile; and the connections have the old one.
        _ = isOurs(ReadyPipe.descriptor, .ask)
        if isLent, !hasThread { wanted.store(true, ordering: .sequentiallyConsistent) }
        return true
    }

    private static func makeDescriptors() throws(Refusal) {
        KernelQueue.disarm()
        try ReadyPipe.open()
        try open(epollNumber, "epoll_create1", systemCall(SYS_epoll_create1, Int(EPOLL_CLOEXEC)))
        try watch(ReadyPipe.descriptor, .ask)
        // It has not been asked for anything yet.
        var event = epoll_event()
        _ = systemCall(SYS_epoll_pwait, Int(epoll.number), address(&event), 1, 0, 0, 8)
        try open(timerNumber, "timerfd_create", Descriptor.makeTimer())
        try watch(timer, .timer)
        try open(completionsNumber, "eventfd2", systemCall(SYS_eventfd2, 0, Int(EFD_CLOEXEC | EFD_NONBLOCK)))
        try watch(completionEvent, .completions)
        _ = try Refusal.unless("timerfd_settime", timer.setTimer(Int64(Options.idleSeconds) * 1_000_000_000))
    }

    private static func open(
        _ number: borrowing Atomic<CInt>, _ call: StaticString, _ result: Int
    ) throws(Refusal) {
        let descriptor = try Descriptor(number: CInt(Refusal.unless(call, result))).adoptedOrRefused()
        number.store(descriptor.number, ordering: .releasing)
    }

    /// Those that are ours: the kernel says so, and nothing else tells one eventfd from another.
    private static func closeDescriptors() {
        _ = close(writesNumber, .writes)
        _ = close(alarmNumber, .alarm)
        let hadCompletions = close(completionsNumber, .completions)
        let hadTimer = close(timerNumber, .timer)
        if hadCompletions || hadTimer || ReadyPipe.isOurs && isOurs(ReadyPipe.descriptor, .ask) { epoll.close() }
        ProcessPage.current?.removeOwn(epoll)
        epollNumber.store(-1, ordering: .releasing)
    }

    private static func close(_ number: borrowing Atomic<CInt>, _ source: Source) -> Bool {
        let descriptor = Descriptor(number: number.exchange(-1, ordering: .acquiringAndReleasing))
        let isOurs = isOurs(descriptor, source)
        if isOurs { descriptor.close() }
        ProcessPage.current?.removeOwn(descriptor)
        return isOurs
    }

    /// One that is made when it is first needed, and anew where the program has closed it.
    private static func opened(
        _ number: borrowing Atomic<CInt>, _ source: Source, _ make: () -> Int
    ) -> Descriptor {
        let known = Descriptor(number: number.load(ordering: .acquiring))
        if known.isOpen, isOurs(known, source) { return known }
        let result = make()
        guard result >= 0 else { return .none }
        ProcessPage.current?.removeOwn(known)
        let new = Descriptor(number: CInt(result)).adopted()
        guard new.isOpen, (try? watch(new, source)) != nil else {
            new.dispose()
            return .none
        }
        let (exchanged, other) = number.compareExchange(
            expected: known.number, desired: new.number, ordering: .acquiringAndReleasing)
        if exchanged { return new }
        // Another thread was faster.
        new.close()
        ProcessPage.current?.removeOwn(new)
        return Descriptor(number: other)
    }

    // MARK: life; under the engine's lock

    /// Starts the thread, if there is none. False where none can be had.
    static func startThread(unlessLent: Bool = false) -> Bool {
        if unlessLent, isLent { return true }
        if hasThread { return true }
        wanted.store(false, ordering: .sequentiallyConsistent)
        let isStarted = Thread.start(nil) { _ in
            Reactor.run()
            return nil
        }
        if isStarted {
            thread.store(true, ordering: .sequentiallyConsistent)
            // The connections' callers have no part in it any more.
            Connections.visitAll { $0.ignore(epoll) }
        } else {
            // Worth another try.
            wanted.store(true, ordering: .sequentiallyConsistent)
        }
        return isStarted
    }

    /// Opens what the thread, or who does its part, sleeps on, if it is not open.
    static func openDescriptors() throws(Refusal) {
        if hasDescriptors { return }
        do throws(Refusal) {
            lock.lock()
            defer { lock.unlock() }
            try makeDescriptors()
        } catch {
            lock.locked { closeDescriptors() }
            // Nobody else does the reactor's part then.
            if isLent { _ = startThread() }
            throw error
        }
        descriptors.store(true, ordering: .sequentiallyConsistent)
        // The thread may sleep on the futex; what was asked for meanwhile may not have been told.
        if hasThread { tasks.bitwiseOr(Task.look.rawValue, ordering: .sequentiallyConsistent) }
        if tasks.load(ordering: .sequentiallyConsistent) != 0 { wake() }
        Futex.wake(tasks)
        Connections.visitAll { lend(to: $0) }
    }

    /// An interval of 0 stops it.
    private static func setTimer(_ interval: Int64) { if isOurs(timer, .timer) { _ = timer.setTimer(interval) } }

    /// The engine is down; another reactor may start.
    static func detach() {
        descriptors.store(false, ordering: .sequentiallyConsistent)
        Timers.detach()
        lock.locked { closeDescriptors() }
        thread.store(false, ordering: .sequentiallyConsistent)
    }

    /// In the child of a fork, before the child can have closed or reused the numbers.
    static func closeInherited() {
        Timers.closeInherited()
        closeDescriptors()
    }

    static func reset() {
        Timers.reset()
        lock.reset()
        epollNumber.store(-1, ordering: .relaxed)
        writesNumber.store(-1, ordering: .relaxed)
        alarmNumber.store(-1, ordering: .relaxed)
        timerNumber.store(-1, ordering: .relaxed)
        completionsNumber.store(-1, ordering: .relaxed)
        tasks.store(0, ordering: .relaxed)
        held.store(0, ordering: .relaxed)
        watched.store(0, ordering: .relaxed)
        thread.store(false, ordering: .relaxed)
        wanted.store(false, ordering: .relaxed)
        descriptors.store(false, ordering: .relaxed)
    }

    // MARK: without a thread

    /// Something is to be done that no caller comes for. Any thread, in a signal handler too.
    private static func want() {
        guard isLent, !hasThread else { return }
        if wanted.exchange(true, ordering: .sequentiallyConsistent) { return }
        wake()
        Waiting.tellAll()
    }

    /// The completion that sets a held request free tells its own connection, whose caller may not come: where there are
    /// several, that is the thread's to see to.
    private static func wantIfShared() {
        if Connections.areSeveral, held.load(ordering: .sequentiallyConsistent) != 0 { want() }
    }

    /// Starts the thread if something asked for it. Not in a signal handler.
    static func startIfWanted() {
        guard wanted.load(ordering: .sequentiallyConsistent) else { return }
        let mask = SignalMask.blockAll()
        Engine.startReactor()
        mask.restore()
    }

    /// What the thread would do at this moment, done by a connection's caller; nothing if there is a thread.
    static func turn() {
        guard isLent, !hasThread else { return }
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        guard Engine.hold() else { return }
        let expired = hasThread ? false : look(0)
        Engine.leave(1)
        if expired { keepHouseForConnections() }
    }

    /// The housekeeping of a program that does not dispatch, in a call that needs nothing of what is given back.
    static func keepHouseIfOverdue() {
        guard isLent, !hasThread, isRunning, Engine.isOverdue else { return }
        let mask = SignalMask.blockAll()
        keepHouseForConnections()
        mask.restore()
    }

    private static func keepHouseForConnections() {
        if case .tryAgain(let interval) = Engine.shutDownIfIdle(isLent: true) { setTimer(interval) }
    }

    /// Has a connection's descriptor be ready when there is something for `turn`; where that can't be, a thread is needed.
    /// The engine is up, or about to be.
    static func lend(to connection: Connection) {
        guard isLent, !hasThread else { return }
        if connection.watch(epoll) != 0 { want() }
        wantIfShared()
    }

    /// The last connection was closed: nobody comes for the housekeeping any more. All signals are blocked.
    static func endLending() {
        guard isLent, !hasThread, Options.idleSeconds != 0 else { return }
        if case .tryAgain = Engine.shutDownIfIdle(isLent: true, now: true) { Engine.startReactor() }
    }

    // MARK: the thread

    private static func run() {
        Thread.begin("kaio-reactor")
        // PR_SET_TIMERSLACK: `Timers` are on time where it waits in the ring too.
        _ = systemCall(SYS_prctl, 29, 1)
        var nextRetry = Instant.never
        var nextLook = Instant.never
        nextHouse = Options.idleSeconds == 0 ? .never : Engine.dueAt
        while true {
            let asked = tasks.exchange(0, ordering: .sequentiallyConsistent)
            if asked & Task.log.rawValue != 0 { Log.startThreads() }
            if asked & Task.release.rawValue != 0, keepHouse(now: true) { return }
            if asked & (Task.retry.rawValue) != 0 || Instant.now >= nextRetry {
                let isLeft = Notifier.retry()
                let isShort = !Workers.growIfNeeded()
                let isMore = KernelQueue.kickAgain() || isLeft || isShort
                nextRetry = isMore ? Instant.now.advanced(by: retryInterval) : .never
            }
            if held.load(ordering: .sequentiallyConsistent) != 0, KernelQueue.context != nil {
                // What the epoll watches is looked at when the ring says so, and in between: of a signalfd it may be silent.
                var slice: Int64 = 1_000_000_000
                if watched.load(ordering: .sequentiallyConsistent) != 0 {
                    slice = isOurs(timer, .timer) && KernelQueue.arm(for: epoll) ? 50_000_000 : 5_000_000
                }
                let deadline = min(nextRetry, Timers.next, Instant.now.advanced(by: slice))
                _ = Waiting.wait(until: deadline, as: .reactor, cancellable: false) {
                    held.load(ordering: .sequentiallyConsistent) == 0
                        || tasks.load(ordering: .sequentiallyConsistent) != 0
                }
                if sleep(until: .now) { return }
                continue
            }
            if sleep(until: min(nextRetry, nextLook)) { return }
            // Left to a leader who may not come; see `Waiting`.
            nextLook = KernelQueue.hasEvents ? Instant.now.advanced(by: lookInterval) : .never
            if nextLook != .never { Waiting.harvest(as: .reactor) }
        }
    }

    /// Sleeps in epoll and does what the descriptors ask for. True: the engine is down, the thread ends.
    private static func sleep(until deadline: Instant) -> Bool {
        if hasDescriptors {
            return look(deadline == .never ? -1 : Int((deadline.remaining + 999_999) / 1_000_000)) && keepHouse()
        }
        // They were lost: what is in the kernel may be complete.
        let look = KernelQueue.context == nil ? .never : Instant.now.advanced(by: lookInterval)
        _ = Futex.wait(tasks, 0, until: min(deadline, nextHouse, look))
        return Instant.now >= nextHouse && keepHouse()
    }

    /// When the housekeeping is due, for the thread where it has no timer.
    nonisolated(unsafe) private static var nextHouse = Instant.never

    /// Does what the descriptors ask for within so many milliseconds. True: the timer of the housekeeping is up.
    private static func look(_ timeout: Int) -> Bool {
        prove()
        return look(at: epoll, timeout < 0 ? longestSleep : min(timeout, longestSleep))
    }

    private static func look(at epoll: Descriptor, _ timeout: Int) -> Bool {
        var expired = false
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: eventsAtOnce) { events in
            let count = systemCall(
                SYS_epoll_pwait, Int(epoll.number), address(events.baseAddress), eventsAtOnce, timeout, 0, 8)
            for index in 0..<max(0, count) {
                let data = events[index].data.u64
                switch Source(rawValue: data) {
                case .completions:
                    let isOurs = isOurs(completionEvent, .completions)
                    isProven.store(isOurs, ordering: .relaxed)
                    if isOurs { EventDescriptor(descriptor: completionEvent).reset() }
                    Waiting.harvest(as: .reactor)
                case .timer: expired = true
                case .ask, .alarm: break
                case .requestTimers: Timers.expire()
                case .writes: if isOurs(writes, .writes) { _ = look(at: writes, 0) }
                case nil: Turn.visit(as: .reactor) { AIOPoll.ready(data, isAlarm: false, &$0) }
                }
            }
        }
        return expired
    }

    /// Before it sleeps: what it sleeps on is its own.
    private static func prove() {
        let now = Instant.roughlyNow
        if now.nanoseconds >= nextProof.load(ordering: .relaxed) {
            nextProof.store(now.advanced(by: Int64(longestSleep) * 1_000_000).nanoseconds, ordering: .relaxed)
            if !ReadyPipe.isOurs || !isOurs(timer, .timer) { _ = repair() }
            Timers.renew()
            Connections.visitAll { $0.repair() }
            checkWatched()
        }
        if !isProven.exchange(false, ordering: .relaxed), !isOurs(completionEvent, .completions) { _ = repair() }
    }

    /// The thread's own, or the dispatching one's.
    private static let isProven = Atomic<Bool>(false)
    private static let nextProof = Atomic<Int64>(0)

    /// Takes the engine down if it was idle for long enough, else sets the timer to when it may be.
    private static func keepHouse(now: Bool = false) -> Bool {
        switch Engine.shutDownIfIdle(now: now) {
        case .down: return true
        case .tryAgain(let interval):
            nextHouse = interval == 0 ? .never : Instant.now.advanced(by: interval)
            if hasDescriptors { setTimer(interval) }
            return false
        }
    }
}
