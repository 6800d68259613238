// The reactor: one thread that sleeps until something is complete that no caller may come for, until a thread
// must be created that a signal handler could not create, or until it is time to give everything back.
//
// It sleeps in epoll on three descriptors: the eventfd that the kernel counts completions on (those of requests
// that notify somebody), the timer of the housekeeping, and an eventfd of its own for `ask`; and on the timer of
// `Timers`, once a module has used those. While a request is
// held back in the library (for an earlier one, or for room in the ring), the completion that sets it free is
// one that nobody may come for, so the reactor then waits in the ring like any caller (`Waiting.wait`).
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
        case moreWorkers = 1
        case retry = 2
        case look = 4
        case timers = 8
        case log = 16
    }

    private static let tasks = Atomic<UInt32>(0)
    private static let held = Atomic<Int>(0)

    nonisolated(unsafe) private static var epoll = Descriptor.none
    nonisolated(unsafe) private static var timer = Descriptor.none
    nonisolated(unsafe) private static var askEvent: EventDescriptor?
    /// Set after all of these, and read before any of them, outside the reactor's own thread.
    private static let running = Atomic<Bool>(false)

    static var isRunning: Bool { running.load(ordering: .acquiring) }

    private static let lent = Atomic<Bool>(false)
    private static let thread = Atomic<Bool>(false)
    private static let wanted = Atomic<Bool>(false)

    /// Connections only were used so far.
    static var isLent: Bool { lent.load(ordering: .sequentiallyConsistent) }
    static func setLent(_ value: Bool) { lent.store(value, ordering: .sequentiallyConsistent) }
    static var hasThread: Bool { thread.load(ordering: .sequentiallyConsistent) }

    /// What an event of the epoll is about; else it is a watched request, see `token`.
    private enum Source: UInt64 {
        case completions, timer, ask, requestTimers
    }

    private static let watched = Atomic<Int>(0)
    private static let eventsAtOnce = 64

    private static let retryInterval: Int64 = 20_000_000
    private static let lookInterval: Int64 = 50_000_000

    // MARK: what others call

    static func ask(_ task: Task) {
        let before = tasks.bitwiseOr(task.rawValue, ordering: .sequentiallyConsistent).oldValue
        want()
        if before & task.rawValue != 0 { return }
        if running.load(ordering: .sequentiallyConsistent) { askEvent?.signal() }
        if held.load(ordering: .sequentiallyConsistent) != 0 { Waiting.tellAll() }
    }

    /// So many more requests (fewer, where below zero) are held back.
    static func heldBack(_ change: Int) {
        let old = held.wrappingAdd(change, ordering: .sequentiallyConsistent).oldValue
        if old == 0, change > 0, !isLent || hasThread { ask(.look) }
        if change > 0 { wantIfShared() }
    }

    /// The earliest of `Timers` is another one. In epoll the timer itself says so.
    static func timersChanged() {
        want()
        if held.load(ordering: .sequentiallyConsistent) != 0 { ask(.timers) }
    }

    static func watchTimers(_ descriptor: Descriptor) -> Bool { watch(descriptor, .requestTimers) }

    // MARK: watching descriptors for `aio_poll`

    /// The number of the control block, and the low part of the sequence: the request may be gone when the event
    /// is looked at.
    private static func token(_ request: Request) -> UInt64 {
        1 << 63 | UInt64(Slab.number(of: request)) << 38 | request.sequence & tokenSequence
    }

    private static let tokenSequence: UInt64 = 1 << 38 - 1

    /// Has the reactor call `AIOPoll.ready` once when the descriptor is ready. False where that can't be: the
    /// descriptor is watched for another request already, or can't be watched. All else must be set before.
    static func watch(_ request: Request, for events: UInt32) -> Bool {
        guard isRunning else { return false }
        want()
        var event = epoll_event()
        event.events = events | EPOLLONESHOT.rawValue
        event.data.u64 = token(request)
        watched.wrappingAdd(1, ordering: .sequentiallyConsistent)
        let descriptor = Int(request.block.pointee.descriptor.number)
        let result = withUnsafePointer(to: &event) {
            systemCall(SYS_epoll_ctl, Int(epoll.number), Int(EPOLL_CTL_ADD), descriptor, address($0))
        }
        if result < 0 { watched.wrappingSubtract(1, ordering: .relaxed) }
        return result == 0
    }

    static func stopWatching(_ request: Request) {
        let descriptor = Int(request.block.pointee.descriptor.number)
        _ = systemCall(SYS_epoll_ctl, Int(epoll.number), Int(EPOLL_CTL_DEL), descriptor)
        watched.wrappingSubtract(1, ordering: .relaxed)
    }

    private static func tellReady(_ token: UInt64) {
        let request = Slab.request(number: UInt32(truncatingIfNeeded: token >> 38 & (1 << 25 - 1)))
        let sequence = request.sequence
        guard sequence & tokenSequence == token & tokenSequence, let stack = request.block.pointee.stack,
            stack.enter(for: request, sequence)
        else { return }
        if let position = stack.position(of: "aio_poll"), let module = stack[position] as? AIOPoll {
            Turn.visit(as: .reactor) { module.ready(request, sequence, &$0) }
        }
        stack.leave()
    }

    // MARK: life; under the engine's lock

    /// False where a descriptor or the thread can't be had: notifications then have to wait for a caller.
    static func start() -> Bool {
        guard open() else {
            closeDescriptors()
            return false
        }
        if !isLent {
            guard startThread() else {
                closeDescriptors()
                return false
            }
        }
        running.store(true, ordering: .sequentiallyConsistent)
        // Asked for while there was nobody to be woken.
        if tasks.load(ordering: .sequentiallyConsistent) != 0 { askEvent?.signal() }
        return true
    }

    /// False where none can be had.
    @discardableResult
    static func startThread() -> Bool {
        wanted.store(false, ordering: .sequentiallyConsistent)
        if thread.exchange(true, ordering: .sequentiallyConsistent) { return true }
        // The connections' callers have no part in it any more.
        Connections.visitAll { $0.ignore(epoll) }
        let isStarted = Thread.start(nil) { _ in
            Reactor.run()
            return nil
        }
        if !isStarted {
            thread.store(false, ordering: .sequentiallyConsistent)
            // Worth another try.
            wanted.store(true, ordering: .sequentiallyConsistent)
            Connections.visitAll { lend(to: $0) }
        }
        return isStarted
    }

    private static func open() -> Bool {
        let number = systemCall(SYS_epoll_create1, Int(EPOLL_CLOEXEC))
        guard number >= 0 else { return false }
        epoll = Descriptor(number: CInt(number)).adopted()
        let clock = systemCall(SYS_timerfd_create, Int(CLOCK_MONOTONIC), Int(TFD_CLOEXEC | TFD_NONBLOCK))
        guard clock >= 0 else { return false }
        timer = Descriptor(number: CInt(clock)).adopted()
        guard let event = EventDescriptor.make() else { return false }
        askEvent = event
        guard watch(timer, .timer), watch(event.descriptor, .ask) else { return false }
        watchCompletions()
        setTimer(Int64(Options.idleSeconds) * 1_000_000_000)
        Connections.visitAll { lend(to: $0) }
        return true
    }

    /// To be called again when there is a new eventfd for the kernel's completions.
    static func watchCompletions() {
        if let completions = KernelQueue.completionEvent { _ = watch(completions.descriptor, .completions) }
    }

    private static func watch(_ descriptor: Descriptor, _ source: Source) -> Bool {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.u64 = source.rawValue
        return withUnsafePointer(to: &event) {
            systemCall(SYS_epoll_ctl, Int(epoll.number), Int(EPOLL_CTL_ADD), Int(descriptor.number), address($0))
        } == 0
    }

    /// An interval of 0 stops it.
    private static func setTimer(_ interval: Int64) {
        var time = itimerspec()
        time.it_value = timespec(interval: interval)
        _ = withUnsafePointer(to: &time) {
            systemCall(SYS_timerfd_settime, Int(timer.number), 0, address($0), 0)
        }
    }

    private static func closeDescriptors() {
        epoll.dispose()
        timer.dispose()
        askEvent?.descriptor.dispose()
        epoll = .none
        timer = .none
        askEvent = nil
    }

    /// What is left to close when the engine is down and another reactor may start.
    static func detach() -> (Descriptor, Descriptor, Descriptor) {
        let remains = (epoll, timer, askEvent?.descriptor ?? .none)
        epoll = .none
        timer = .none
        askEvent = nil
        Timers.detach()
        running.store(false, ordering: .relaxed)
        thread.store(false, ordering: .sequentiallyConsistent)
        return remains
    }

    /// In the child of a fork; see `KernelQueue.closeInherited`.
    static func closeInherited() {
        closeDescriptors()
        Timers.closeInherited()
    }

    static func reset() {
        Timers.reset()
        epoll = .none
        timer = .none
        askEvent = nil
        tasks.store(0, ordering: .relaxed)
        held.store(0, ordering: .relaxed)
        watched.store(0, ordering: .relaxed)
        thread.store(false, ordering: .relaxed)
        wanted.store(false, ordering: .relaxed)
        running.store(false, ordering: .relaxed)
    }

    // MARK: without a thread

    /// Something is to be done that no caller comes for. Any thread, in a signal handler too.
    private static func want() {
        guard isLent, !hasThread else { return }
        if wanted.exchange(true, ordering: .sequentiallyConsistent) { return }
        askEvent?.signal()
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
        Thread.name("kaio-reactor")
        // PR_SET_TIMERSLACK: `Timers` are on time where it waits in the ring too.
        _ = systemCall(SYS_prctl, 29, 1)
        var nextRetry = Instant.never
        var nextLook = Instant.never
        while true {
            let asked = tasks.exchange(0, ordering: .sequentiallyConsistent)
            if asked & Task.moreWorkers.rawValue != 0 { Workers.growIfNeeded() }
            if asked & Task.log.rawValue != 0 { Log.startThreads() }
            if asked & Task.retry.rawValue != 0 || Instant.now >= nextRetry {
                nextRetry = Notifier.retry() ? Instant.now.advanced(by: retryInterval) : .never
            }
            if held.load(ordering: .sequentiallyConsistent) != 0, KernelQueue.context != nil {
                // The descriptors are looked at in between.
                let slice: Int64 = watched.load(ordering: .relaxed) == 0 ? 1_000_000_000 : 5_000_000
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
        look(deadline == .never ? -1 : Int((deadline.remaining + 999_999) / 1_000_000)) && keepHouse()
    }

    /// Does what the descriptors ask for within so many milliseconds. True: the timer of the housekeeping is up.
    private static func look(_ timeout: Int) -> Bool {
        var expired = false
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: eventsAtOnce) { events in
            let count = systemCall(
                SYS_epoll_pwait, Int(epoll.number), address(events.baseAddress), eventsAtOnce, timeout, 0, 8)
            // The program closed what is not its own: nothing can be watched any more, but don't spin.
            if count == -Int(EBADF), timeout != 0 { _ = systemCall(SYS_poll, 0, 0, 100) }
            for index in 0..<max(0, count) {
                switch Source(rawValue: events[index].data.u64) {
                case .completions:
                    KernelQueue.completionEvent?.reset()
                    Waiting.harvest(as: .reactor)
                case .timer:
                    var expirations: UInt64 = 0
                    _ = timer.read(&expirations, 8)
                    expired = true
                case .ask: askEvent?.reset()
                case .requestTimers: Timers.expire()
                case nil: tellReady(events[index].data.u64)
                }
            }
        }
        return expired
    }

    /// Takes the engine down if it was idle for long enough, else sets the timer to when it may be.
    private static func keepHouse() -> Bool {
        switch Engine.shutDownIfIdle() {
        case .down: return true
        case .tryAgain(let interval):
            setTimer(interval)
            return false
        }
    }
}
