// A connection: what kaio_connect gives a program that uses the VFS itself. It has a stack of its own, the files that
// were
// opened through it, and a descriptor for the program's event loop.
//
//     kaio_connection *disk = kaio_connect("disk", "ordered aio_linux aio_poll", "aio_linux:aio num events = 64");
//
// The descriptor is an epoll. In it is an eventfd, which the kernel itself signals when it is done with a request
// (IOCB_FLAG_RESFD), and which every completion by another thread signals; and, in a process that used the library
// through connections only, the reactor's epoll, so that the program's own thread does what the reactor's would.
//
// The epoll is the program's to keep (kaio_connection_fd). The eventfd it does not know of, and may close by a system call of
// its own and have a file there: each use is preceded by an epoll_ctl that is done to that very eventfd only, and a lost one is
// made anew.
//
// Invariants, under `lock`: a request is counted in its connection and its file before it is made, and until its result
// is published and its callback, if it has one, is in `ready`; there it keeps its control block until `dispatch` takes
// it. Who sets a file's `isClosed` closes it, and takes it out of the list; then it stays until its last callback has
// returned. Whenever something is ready or finished, somebody dispatches, and looks once more before he ends, or `isSignalled`: the
// eventfd has been signalled, or is about to be, and nobody has looked since. Who waits for a count to be 0 then takes the
// lock once: so the thread that counted is out of it, and the memory may go.

import CKaio
import CKernel
import Synchronization

typealias ConnectionCallback =
    @convention(c) (
        OpaquePointer?, UnsafeMutablePointer<aiocb>?, UnsafeMutableRawPointer?
    ) -> Void

struct Connection: Equatable {
    struct State: ~Copyable {
        let lock = Lock()
        /// Held while the eventfd is made, also inside `lock`.
        let eventLock = Lock()
        let loan: Connections.Loan
        /// The eventfd's number; see `event`.
        let event = Atomic<CInt>(-1)
        let epoll: Descriptor
        /// Of the process that made it; see `ProcessPage`.
        let secret: UInt64
        let inFlight = Atomic<Int>(0)
        /// How many are in `done`. Changed under the lock.
        let doneCount = Atomic<Int>(0)
        /// Of who serves it.
        let spin = Spin()
        let guarded: UnsafeMutablePointer<Guarded>
        /// By the lock of `Connections`.
        let next: UnsafeMutablePointer<Connection?>
    }

    /// By the lock.
    struct Guarded {
        var files: ConnectionFile?
        var ready = RequestQueue()
        var readyCount = 0
        /// What workers have done and a thread that serves the connection is to complete.
        var done = RequestQueue()
        /// Such a thread is there, and looks at `done` before it goes.
        var isServed = false
        /// Completed since the last look, without a callback.
        var finished = 0
        var isDispatching = false
        var isSignalled = false
        var isClosing = false
        /// Of all its files.
        var users = 0
    }

    let state: UnsafeMutablePointer<State>

    init(_ state: UnsafeMutablePointer<State>) { self.state = state }

    init?(_ handle: OpaquePointer?) {
        guard let handle else { return nil }
        state = UnsafeMutablePointer(handle)
    }

    var handle: OpaquePointer { OpaquePointer(state) }
    fileprivate var guarded: UnsafeMutablePointer<Guarded> { state.pointee.guarded }
    var stack: Stack { state.pointee.loan.stack }
    /// Not so in the child of a fork.
    var isOfThisProcess: Bool {
        ProcessPage.current.map { $0.secret.pointee.load(ordering: .relaxed) } == state.pointee.secret
    }

    private static func blocked<T>(_ body: () -> T) -> T {
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        return body()
    }

    func locked<T>(_ body: () -> T) -> T {
        let mask = SignalMask.blockAll()
        state.pointee.lock.lock()
        let result = body()
        state.pointee.lock.unlock()
        mask.restore()
        return result
    }

    // MARK: life

    /// Nil: `error` says why.
    static func make(_ service: Text, _ objects: Text?, _ parameters: Text, _ error: inout CInt) -> Connection? {
        error = ENOMEM
        blocked { Engine.lend() }
        Engine.prepare()
        // The engine is up until the end of this.
        guard blocked({ Engine.enter(1, isLent: true) }) else { return nil }
        defer { Engine.leave(1) }
        error = Connections.load(service, objects)
        guard error == 0 else { return nil }
        error = ENOMEM
        guard let secret = ProcessPage.current?.secret.pointee.load(ordering: .relaxed),
            let loan = blocked({ Connections.borrow(service, objects, parameters, secret, &error) })
        else { return nil }
        let number = systemCall(SYS_epoll_create1, Int(EPOLL_CLOEXEC))
        error = CInt(max(0, -number))
        if error == 0 {
            let connection = Connection(.allocate(capacity: 1))
            connection.state.initialize(
                to: State(
                    loan: loan, epoll: Descriptor(number: CInt(number)), secret: secret,
                    guarded: .allocate(capacity: 1), next: .allocate(capacity: 1)))
            connection.guarded.initialize(to: Guarded())
            connection.state.pointee.next.initialize(to: nil)
            error = blocked { connection.makeEvent() }
            if error == 0 {
                let isUnderstood = Connections.isUnderstood(loan, service, isConnected: false)
                error = isUnderstood ? Place(loan.stack).connect(service) : EINVAL
            }
            if error == 0 {
                if Connections.isUnderstood(loan, service, isConnected: true) {
                    blocked { Connections.add(connection) }
                    return connection
                }
                Place(loan.stack).disconnect()
                error = EINVAL
            }
            blocked { connection.closeDescriptors() }
            connection.free()
        }
        blocked { Connections.giveBack(loan) }
        return nil
    }

    private func free() {
        guarded.deallocate()
        state.pointee.next.deallocate()
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// 0 or errno. What is in flight is cancelled, or waited for; callbacks that are due are called.
    func end() -> CInt {
        guard isOfThisProcess else {
            // The copies of the parent's descriptors.
            Connection.blocked { closeDescriptors() }
            free()
            return 0
        }
        let isBusy = locked {
            if guarded.pointee.isDispatching || guarded.pointee.isClosing || guarded.pointee.users > 0 { return true }
            guarded.pointee.isClosing = true
            guarded.pointee.isDispatching = true
            return false
        }
        if isBusy { return EBUSY }
        while let file = locked({ takeOpenFile() }) { _ = file.finishClosing() }
        // Other threads may be about to close the rest. Both in this order: the lock is taken after the count was 0.
        wait {
            state.pointee.inFlight.load(ordering: .sequentiallyConsistent) == 0
                && locked { guarded.pointee.files == nil }
        }
        while callReady(.max) > 0 {}
        if stack.hasOwn { wait({ Cancellation.endOwn(of: stack) }, { !stack.hasOwn }) }
        stack.awaitVisitors()
        Place(stack).disconnect()
        Connection.blocked {
            let isLast = Connections.remove(self)
            Connections.giveBack(state.pointee.loan)
            closeDescriptors()
            free()
            if isLast { Reactor.endLending() }
        }
        Reactor.keepHouseIfOverdue()
        return 0
    }

    /// One that nobody closes yet; the caller is to close it. Under the lock.
    private func takeOpenFile() -> ConnectionFile? {
        var current = guarded.pointee.files
        while let file = current, file.guarded.pointee.isClosed { current = file.guarded.pointee.next }
        current?.guarded.pointee.isClosed = true
        return current
    }

    // MARK: its descriptors

    private func control(_ operation: CInt, _ descriptor: Descriptor) -> CInt {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        return withUnsafePointer(to: &event) {
            CInt(
                -systemCall(
                    SYS_epoll_ctl, Int(state.pointee.epoll.number), Int(operation), Int(descriptor.number), address($0))
            )
        }
    }

    /// Has the connection's descriptor be ready when this one is; an epoll may be in another. Returns 0 or an errno.
    func watch(_ descriptor: Descriptor) -> CInt { control(EPOLL_CTL_ADD, descriptor) }

    func ignore(_ descriptor: Descriptor) { _ = control(EPOLL_CTL_DEL, descriptor) }

    /// Whether the number still is the eventfd's.
    private func isOurs(_ event: Descriptor) -> Bool { event.isOpen && control(EPOLL_CTL_MOD, event) == 0 }

    func has(_ descriptor: Descriptor) -> Bool {
        state.pointee.event.load(ordering: .acquiring) == descriptor.number && isOurs(descriptor)
    }

    /// The eventfd, made anew if it was lost; none where there can be none. All signals are blocked.
    private var event: Descriptor {
        let known = Descriptor(number: state.pointee.event.load(ordering: .acquiring))
        if isOurs(known) { return known }
        _ = makeEvent()
        return Descriptor(number: state.pointee.event.load(ordering: .acquiring))
    }

    /// Returns 0 or an errno. All signals are blocked.
    private func makeEvent() -> CInt {
        state.pointee.eventLock.lock()
        defer { state.pointee.eventLock.unlock() }
        let lost = Descriptor(number: state.pointee.event.load(ordering: .acquiring))
        // Another thread was faster.
        if isOurs(lost) { return 0 }
        ProcessPage.current?.removeOwn(lost)
        let number = systemCall(SYS_eventfd2, 0, Int(EFD_CLOEXEC | EFD_NONBLOCK))
        guard number >= 0 else { return CInt(-number) }
        let new = Descriptor(number: CInt(number)).adopted()
        guard new.isOpen else { return EMFILE }
        let error = watch(new)
        if error != 0 {
            new.dispose()
        } else {
            state.pointee.event.store(new.number, ordering: .releasing)
        }
        return error
    }

    /// Has the program's thread look: what was complete while the eventfd was lost was told to nobody.
    func repair() {
        if !isOurs(Descriptor(number: state.pointee.event.load(ordering: .acquiring))) { signal() }
    }

    /// All signals are blocked.
    fileprivate func signal() {
        let event = event
        if event.isOpen { EventDescriptor(descriptor: event).signal() }
    }

    private func reset() {
        let known = Descriptor(number: state.pointee.event.load(ordering: .acquiring))
        if isOurs(known) { EventDescriptor(descriptor: known).reset() }
    }

    /// What the kernel is to signal when it is done with a request; none where there can be nothing.
    var completions: Descriptor { Connection.blocked { event } }

    /// All signals are blocked. In the child of a fork they are copies of the parent's.
    private func closeDescriptors() {
        let event = Descriptor(number: state.pointee.event.load(ordering: .acquiring))
        if isOurs(event) { event.close() }
        ProcessPage.current?.removeOwn(event)
        state.pointee.epoll.close()
    }

    /// Waits, whatever signals come, until `isDone`; does `now` at once and then again and again.
    func wait(_ now: () -> Void = {}, _ isDone: () -> Bool) {
        while true {
            now()
            let outcome = Waiting.wait(
                until: Instant.now.advanced(by: Connection.askAgainAfter), as: .submitter, cancellable: false
            ) {
                Reactor.startIfWanted()
                return isDone()
            }
            if outcome == .done { return }
        }
    }

    private static let askAgainAfter: Int64 = 100_000_000

    // MARK: files

    func open(_ path: UnsafePointer<CChar>, _ flags: CInt, _ mode: mode_t, _ error: inout CInt) -> ConnectionFile? {
        guard isOfThisProcess else {
            error = EINVAL
            return nil
        }
        let number = Place(stack).open(path, flags, mode)
        guard number >= 0 else {
            error = CInt(-number)
            return nil
        }
        let descriptor = Descriptor(number: CInt(number))
        if let file = adopt(descriptor, waits: flags & O_NONBLOCK == 0) { return file }
        _ = Place(stack).close(descriptor)
        error = EBADF
        return nil
    }

    /// Makes a file of a descriptor that is open. Nil: the connection is being closed, and the descriptor is the caller's.
    func adopt(_ descriptor: Descriptor, waits: Bool) -> ConnectionFile? {
        let file = ConnectionFile(.allocate(capacity: 1))
        file.state.initialize(
            to: ConnectionFile.State(
                connection: self, descriptor: descriptor, waits: waits, guarded: .allocate(capacity: 1)))
        file.guarded.initialize(to: ConnectionFile.Guarded())
        let isIn = locked {
            if guarded.pointee.isClosing { return false }
            file.guarded.pointee.next = guarded.pointee.files
            guarded.pointee.files?.guarded.pointee.previous = file
            guarded.pointee.files = file
            return true
        }
        if isIn {
            file.tellModules()
            return file
        }
        file.free()
        return nil
    }

    // MARK: completions

    /// Harvests, and calls the callbacks of at most `most` requests; where that is not above 0, of all that are
    /// complete at the beginning. Returns how many requests were completed, or a negated errno.
    func dispatch(_ most: Int) -> Int {
        guard isOfThisProcess else { return -Int(EINVAL) }
        guard beginDispatching() else { return -Int(EBUSY) }
        reset()
        Reactor.turn()
        Waiting.harvest(as: .submitter)
        Reactor.startIfWanted()
        let (finished, due) = locked {
            let limit = most > 0 ? most : Int.max
            let finished = min(limit, guarded.pointee.finished)
            guarded.pointee.finished -= finished
            return (finished, min(limit - finished, guarded.pointee.readyCount))
        }
        let called = callReady(due)
        endDispatching()
        return finished + called
    }

    /// By a thread that is there for the connection alone, with all signals blocked: completes what workers leave to it, which then go on
    /// with the next transfer, and waits for more for a moment, where that paid of late, or until `isOver`. False: there was nothing.
    func serve(until isOver: () -> Bool) -> Bool {
        guard isOfThisProcess else { return false }
        locked { guarded.pointee.isServed = true }
        if !isOver() { _ = state.pointee.spin.look { hasDone || isOver() } }
        let first = completeDone(isLast: false)
        return completeDone(isLast: true) || first
    }

    /// False: there was nothing. After the last time workers leave nothing any more.
    private func completeDone(isLast: Bool) -> Bool {
        var done = locked {
            var done = RequestQueue()
            swap(&done, &guarded.pointee.done)
            state.pointee.doneCount.store(0, ordering: .relaxed)
            if isLast { guarded.pointee.isServed = false }
            return done
        }
        if done.isEmpty { return false }
        Turn.visit(as: .submitter) { turn in
            while let request = done.popFirst() { turn.complete(request, request.result) }
        }
        return true
    }

    private var hasDone: Bool { state.pointee.doneCount.load(ordering: .relaxed) > 0 }

    /// By a worker that has the result of a request. False: it is to complete the request itself.
    static func leave(_ request: Request, _ result: Int) -> Bool {
        guard request.notification.isImmediate else { return false }
        let connection = ConnectionFile(request.notification.attributes!).connection
        return connection.state.pointee.lock.locked {
            guard connection.guarded.pointee.isServed else { return false }
            request.result = result
            connection.guarded.pointee.done.append(request)
            connection.state.pointee.doneCount.wrappingAdd(1, ordering: .relaxed)
            return true
        }
    }

    /// False: another thread dispatches. What was signalled is as good as seen.
    private func beginDispatching() -> Bool {
        locked {
            if guarded.pointee.isDispatching { return false }
            guarded.pointee.isDispatching = true
            guarded.pointee.isSignalled = false
            return true
        }
    }

    private func endDispatching() {
        let signals = locked {
            guarded.pointee.isDispatching = false
            guard !guarded.pointee.ready.isEmpty || guarded.pointee.finished > 0 else { return false }
            guarded.pointee.isSignalled = true
            return true
        }
        if signals { Connection.blocked { signal() } }
    }

    /// Calls the callbacks of so many requests at most, with the caller's own signal mask. Returns of how many.
    private func callReady(_ most: Int) -> Int {
        var called = 0
        while called < most {
            guard let request = locked({ takeReady() }) else { break }
            let file = ConnectionFile.call(request)
            called += 1
            let isLast = locked { file.endCallback() }
            if isLast { file.free() }
        }
        return called
    }

    private func takeReady() -> Request? {
        guard let request = guarded.pointee.ready.popFirst() else { return nil }
        guarded.pointee.readyCount -= 1
        return request
    }
}

struct ConnectionFile: Equatable {
    struct State: ~Copyable {
        let connection: Connection
        let descriptor: Descriptor
        /// Opened without O_NONBLOCK: requests wait, whatever mode the descriptor is in.
        let waits: Bool
        let inFlight = Atomic<Int>(0)
        let guarded: UnsafeMutablePointer<Guarded>
    }

    /// By the connection's lock.
    struct Guarded {
        var next: ConnectionFile?
        var previous: ConnectionFile?
        /// Not returned yet.
        var callbacks = 0
        /// Who sets it closes the file; another thread may touch it under the lock alone, while it is in the list.
        var isClosed = false
        /// The same, and out of the list.
        var isGone = false
        /// Those who work with it (BufioClient): it can't be closed.
        var users = 0
    }

    let state: UnsafeMutablePointer<State>

    init(_ state: UnsafeMutablePointer<State>) { self.state = state }
    init(_ memory: UnsafeMutableRawPointer) { state = memory.assumingMemoryBound(to: State.self) }

    init?(_ handle: OpaquePointer?) {
        guard let handle else { return nil }
        state = UnsafeMutablePointer(handle)
    }

    var handle: OpaquePointer { OpaquePointer(state) }
    fileprivate var guarded: UnsafeMutablePointer<Guarded> { state.pointee.guarded }
    var connection: Connection { state.pointee.connection }
    var descriptor: Descriptor { state.pointee.descriptor }

    fileprivate func free() {
        guarded.deallocate()
        state.deinitialize(count: 1)
        state.deallocate()
    }

    fileprivate func tellModules() {
        guard connection.stack.hearsOfFiles, let facts = FileFacts(descriptor) else { return }
        let mask = SignalMask.blockAll()
        if Engine.enter(1, isLent: true) {
            Turn.visit(as: .submitter) { _ = OpenFiles.use(descriptor, facts, connection.stack, &$0) }
            Engine.leave(1)
        }
        mask.restore()
    }

    /// 0 or errno, as close(2) has it; the handle is gone in any case.
    func close() -> CInt {
        guard connection.isOfThisProcess else { return EINVAL }
        let error: CInt = connection.locked {
            if guarded.pointee.isClosed { return EBADF }
            if guarded.pointee.users > 0 { return EBUSY }
            guarded.pointee.isClosed = true
            return 0
        }
        return error != 0 ? error : finishClosing()
    }

    /// Somebody works with it. False: it is being closed.
    func begin(_ users: Int) -> Bool {
        connection.locked {
            if guarded.pointee.isClosed || connection.guarded.pointee.isClosing { return false }
            guarded.pointee.users += users
            connection.guarded.pointee.users += users
            return true
        }
    }

    func end(_ users: Int) {
        connection.locked {
            guarded.pointee.users -= users
            connection.guarded.pointee.users -= users
        }
    }

    /// By the one who has set `isClosed`.
    fileprivate func finishClosing() -> CInt {
        if state.pointee.inFlight.load(ordering: .sequentiallyConsistent) != 0 {
            connection.wait(
                { Cancellation.endUses(of: descriptor) },
                { state.pointee.inFlight.load(ordering: .sequentiallyConsistent) == 0 })
        }
        let result = Place(connection.stack).close(descriptor)
        let (isLast, isAwaited) = connection.locked {
            unlink()
            guarded.pointee.isGone = true
            return (guarded.pointee.callbacks == 0, connection.guarded.pointee.isClosing)
        }
        // The connection may be gone.
        if isAwaited { Waiting.tellAll() }
        if isLast { free() }
        Reactor.keepHouseIfOverdue()
        return CInt(max(0, -result))
    }

    private func unlink() {
        let (next, previous) = (guarded.pointee.next, guarded.pointee.previous)
        if let previous {
            previous.guarded.pointee.next = next
        } else {
            connection.guarded.pointee.files = next
        }
        next?.guarded.pointee.previous = previous
    }

    // MARK: requests

    /// 0 or the errno of the call.
    func submit(_ user: UserBlock, _ operation: Operation) -> CInt {
        guard connection.isOfThisProcess else { return EINVAL }
        if user.isInProgress { return EBUSY }
        guard let notification = notification(for: user) else { return EINVAL }
        var error: CInt = 0
        _ = submit(1, &error) { _ in
            user.setDescriptor(descriptor)
            return Submission.Member(user: user, operation: operation, notification: notification)
        }
        return error
    }

    /// Several requests at once. Returns how many were taken, in their order; where that is less than `count`, `error` is what is
    /// wrong with the next.
    func submit(_ count: Int, _ error: inout CInt, _ member: (Int) -> Submission.Member) -> Int {
        let isOpen = connection.locked {
            if guarded.pointee.isClosed || connection.guarded.pointee.isClosing { return false }
            state.pointee.inFlight.wrappingAdd(count, ordering: .sequentiallyConsistent)
            connection.state.pointee.inFlight.wrappingAdd(count, ordering: .sequentiallyConsistent)
            return true
        }
        guard isOpen else {
            error = EBADF
            return 0
        }
        let taken = Submission.submit(count, through: connection.stack, waits: state.pointee.waits, &error, member)
        if taken < count {
            connection.locked { for _ in taken..<count { countOut() } }
            Waiting.tellAll()
        }
        Reactor.startIfWanted()
        return taken
    }

    /// Nil where the connection's descriptor can't tell in that way.
    func notification(for user: UserBlock) -> Notification? {
        var notification = Notification()
        switch user.event.pointee.sigev_notify {
        case CInt(KAIO_SIGEV_CALLBACK):
            notification.function = ck_sigevent_function(user.event)
            notification.value = user.event.pointee.sigev_value
            guard notification.function != nil else { return nil }
        case CInt(SIGEV_SIGNAL) where user.event.pointee.sigev_signo == 0, CInt(SIGEV_NONE): break
        default: return nil
        }
        notification.kind = .connection
        notification.attributes = UnsafeMutableRawPointer(state)
        return notification
    }

    private func countOut() {
        countOutOfFile()
        countOutOfConnection()
    }

    private func countOutOfFile() { state.pointee.inFlight.wrappingSubtract(1, ordering: .sequentiallyConsistent) }

    private func countOutOfConnection() {
        connection.state.pointee.inFlight.wrappingSubtract(1, ordering: .sequentiallyConsistent)
    }

    /// Under the lock, when a callback has returned. True: it was the last, and the file is to be freed.
    fileprivate func endCallback() -> Bool {
        guarded.pointee.callbacks -= 1
        return guarded.pointee.isGone && guarded.pointee.callbacks == 0
    }

    /// Calls the request's function, with which the request ends.
    @discardableResult
    fileprivate static func call(_ request: Request) -> ConnectionFile {
        let notification = request.notification
        let user = request.user!
        let file = ConnectionFile(notification.attributes!)
        Engine.release(request)
        unsafeBitCast(notification.function!, to: ConnectionCallback.self)(
            file.handle, user.base.assumingMemoryBound(to: aiocb.self), notification.value.sival_ptr)
        return file
    }

    /// A request's result is published.
    static func completed(_ request: Request, _ turn: inout Turn) {
        let file = ConnectionFile(request.notification.attributes!)
        let connection = file.connection
        let hasCallback = request.notification.function != nil
        // Who waits for the last of them.
        turn.mustTell = true
        // Who may not create threads may not call the program's runtime either.
        if hasCallback, turn.mayCreateThreads, request.notification.isImmediate {
            // The function may close the file, but the connection is kept by what is counted in it.
            connection.state.pointee.lock.locked {
                file.guarded.pointee.callbacks += 1
                file.countOutOfFile()
            }
            call(request)
            let isLast = connection.state.pointee.lock.locked {
                file.countOutOfConnection()
                return file.endCallback()
            }
            if isLast { file.free() }
            return
        }
        connection.state.pointee.lock.lock()
        if hasCallback {
            connection.guarded.pointee.ready.append(request)
            connection.guarded.pointee.readyCount += 1
            file.guarded.pointee.callbacks += 1
        } else {
            connection.guarded.pointee.finished += 1
        }
        if !connection.guarded.pointee.isDispatching, !connection.guarded.pointee.isSignalled {
            connection.guarded.pointee.isSignalled = true
            // Who is woken takes the lock at once. What is not counted out yet keeps the connection.
            connection.state.pointee.lock.unlock()
            connection.signal()
            connection.state.pointee.lock.lock()
        }
        file.countOut()
        connection.state.pointee.lock.unlock()
        if !hasCallback { Engine.release(request) }
    }
}
