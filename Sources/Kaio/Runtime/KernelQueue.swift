// The io context: requests go in by io_submit, events come out of the ring.
//
// Invariants. A request that was given to io_submit belongs to the kernel; the event brings it back, maybe to
// another thread before io_submit has returned. Events are taken out under `harvestLock` and processed after
// it is released. A request for which the ring has no room waits in `waiting`, by priority; as long
// as any waits, `transfers` is not 0 or somebody is about to submit: so a harvest will come that submits more. A poll is
// none: its event may never come. It belongs to the kernel as a number of its request, which may be over before the event
// comes (`Slab.token`). An event without either is a kick.
// Anyone may look whether the ring has events, holding nothing; see `AIOContext`.

import CKernel
import Synchronization

enum KernelQueue {
    private static let harvestLock = Lock()

    nonisolated(unsafe) private static var made: HoldingQueue?
    @inline(__always)
    private static var waiting: HoldingQueue { made.unsafelyUnwrapped }
    /// How many the kernel has that end by themselves.
    private static let transfers = Atomic<Int>(0)
    private static let kickSent = Atomic<Bool>(false)
    /// A request was made that gains by the context.
    private static let wanted = Atomic<Bool>(false)
    /// A poll of the reactor's epoll, for while the reactor sleeps in the ring.
    nonisolated(unsafe) private static var epollPoll: UnsafeMutablePointer<iocb>?
    private static let epollArmed = Atomic<Bool>(false)
    /// A poll of a timer, for who sleeps in the ring until a deadline, and when that timer is up.
    nonisolated(unsafe) private static var alarmPoll: UnsafeMutablePointer<iocb>?
    private static let alarmArmed = Atomic<Bool>(false)
    private static let alarmTime = Atomic<Int64>(0)
    /// Whether the kernel gives up a poll when it is asked to (some sandboxes refuse the call).
    nonisolated(unsafe) private static var givesUp = false
    /// Of this process, or of the parent before a fork.
    nonisolated(unsafe) private static var lastHome: UInt = 0

    private static let submitAtOnce = 256
    /// 1 KiB of events: beyond that a temporary allocation is not on the stack but malloc's, which may not be
    /// called in a signal handler.
    private static let harvestAtOnce = 32

    static var context: AIOContext? {
        guard let page = ProcessPage.current else { return nil }
        let identifier = page.context.pointee.load(ordering: .acquiring)
        guard identifier != 0, let ring = CompletionRing(trusted: identifier) else { return nil }
        return AIOContext(identifier: identifier, ring: ring)
    }

    private static func setContext(_ identifier: UInt) {
        ProcessPage.current?.context.pointee.store(identifier, ordering: .sequentiallyConsistent)
    }

    /// Whether the ring has an event. No lock, no system call, no write.
    @inline(__always)
    static var hasEvents: Bool {
        guard let home = ProcessPage.current?.home.pointee.load(ordering: .acquiring) else { return false }
        return CompletionRing(trusted: home).map { !$0.isEmpty } ?? false
    }

    // MARK: life

    static func prepare() -> Bool {
        if made == nil { made = HoldingQueue(.byPriority()) }
        return true
    }

    static var isWanted: Bool { wanted.load(ordering: .relaxed) }

    /// What the process's direct requests would have gained by a context until now.
    private static let gain = Atomic<Int>(0)

    /// Of a direct transfer that workers could make, too: whether those before it would have paid for the end of the context, some 30 ms
    /// when the process ends. One that is waited for alone gains least: a worker is 10 us slower than the ring.
    static func isWorthItsEnd() -> Bool {
        if gain.load(ordering: .relaxed) >= Options.ringAfter { return true }
        let isAlone = Outstanding.count + Own.inFlight.load(ordering: .relaxed) <= 1
        gain.wrappingAdd(isAlone ? 1 : 4, ordering: .relaxed)
        return false
    }

    /// False: it was wanted before, and is there if it can be had.
    static func want() -> Bool { !isWanted && !wanted.exchange(true, ordering: .relaxed) }

    /// Opens the context, if it is not open. The reactor has its descriptors. Those who sleep somewhere else come to the ring.
    static func open() throws(Refusal) {
        guard context == nil, let page = ProcessPage.current else { return }
        var home = page.home.pointee.load(ordering: .relaxed)
        let setup = AIOContext.make(events: Options.ring, home: &home)
        page.home.pointee.store(home, ordering: .releasing)
        lastHome = home
        switch setup {
        case .refused(let refusal): throw refusal
        case .made(let context):
            if epollPoll == nil { epollPoll = .allocate(capacity: 1) }
            if alarmPoll == nil { alarmPoll = .allocate(capacity: 1) }
            disarm()
            kickSent.store(false, ordering: .relaxed)
            givesUp = context.canCancel
            setContext(context.identifier)
            Waiting.tellAll()
            Reactor.contextIsOpen()
        }
    }

    /// Takes the context out of use; nothing may be in flight. The caller is to destroy what is returned. Where it can't be
    /// given back now, it stays for the next request.
    static func detach() -> AIOContext.Remains? {
        guard let context else {
            wanted.store(false, ordering: .relaxed)
            return nil
        }
        setContext(0)
        // Who looks for events just now has the lock for a few instructions, and finds none.
        harvestLock.lock()
        let ended = context.leaveHome()
        harvestLock.unlock()
        if ended == nil { setContext(context.identifier) } else { wanted.store(false, ordering: .relaxed) }
        return ended
    }

    /// In the child of a fork: the context is the parent's, the descriptors are copies.
    static func reset() {
        harvestLock.reset()
        made?.reset()
        transfers.store(0, ordering: .relaxed)
        wanted.store(false, ordering: .relaxed)
        gain.store(0, ordering: .relaxed)
    }

    /// In the child of a fork, for a signal handler that made the child on top of a look at the ring.
    static func leaveInherited() { AIOContext.emptyHome(lastHome) }

    // MARK: the kick

    /// Wakes who sleeps in the ring, unless a kick is on its way to him: he sees all that was done before he takes it.
    static func kick() {
        if kickSent.exchange(true, ordering: .sequentiallyConsistent) { return }
        guard Engine.hold() else { return kickSent.store(false, ordering: .sequentiallyConsistent) }
        defer { Engine.leave(1) }
        for _ in 0..<2 {
            guard let context else { return kickSent.store(false, ordering: .sequentiallyConsistent) }
            var poll = iocb(polling: ReadyPipe.descriptor, for: POLLIN)
            let before = context.ring.tail
            let result = context.submit(&poll)
            if result == 1, context.ring.hasEvent(of: &poll, since: before) { return }
            if result == -Int(EAGAIN) { break }
            // The number is another file's, or nobody's.
            if result == 1 { _ = context.cancel(&poll) }
            guard Reactor.repair() else { break }
        }
        // The ring is full, and its next event wakes him; or the kernel is short of something.
        kickSent.store(false, ordering: .sequentiallyConsistent)
        kickMissing.store(true, ordering: .sequentiallyConsistent)
        Reactor.ask(.retry)
    }

    private static let kickMissing = Atomic<Bool>(false)

    /// The reactor's part. True: it is to be tried again.
    static func kickAgain() -> Bool {
        if kickMissing.exchange(false, ordering: .sequentiallyConsistent) { kick() }
        return kickMissing.load(ordering: .sequentiallyConsistent)
    }

    /// What the reactor's epoll has ends a sleep in the ring, too. False: there is no room for that.
    static func arm(for epoll: Descriptor) -> Bool {
        guard let context, let epollPoll else { return false }
        if epollArmed.exchange(true, ordering: .acquiringAndReleasing) { return true }
        epollPoll.initialize(to: iocb(polling: epoll, for: POLLIN))
        if context.submit(epollPoll) == 1 { return true }
        epollArmed.store(false, ordering: .releasing)
        return false
    }

    /// The reactor has other descriptors.
    static func disarm() {
        epollArmed.store(false, ordering: .releasing)
        forgetAlarm()
    }

    // MARK: the alarm

    /// Has an event come when the deadline is there, or before: io_pgetevents begins its time anew whenever the program was
    /// stopped and goes on, or a debugger comes or goes. An earlier alarm will do; who is woken by it sets it again.
    static func setAlarm(for deadline: Instant, now: Instant) {
        let time = alarmTime.load(ordering: .relaxed)
        if time > now.nanoseconds, time <= deadline.nanoseconds, alarmArmed.load(ordering: .relaxed) { return }
        guard let context, let alarmPoll, Engine.hold() else { return }
        defer { Engine.leave(1) }
        let timer = Reactor.alarm(at: deadline)
        guard timer.isOpen else { return }
        alarmTime.store(deadline.nanoseconds, ordering: .relaxed)
        if alarmArmed.exchange(true, ordering: .acquiringAndReleasing) { return }
        alarmPoll.initialize(to: iocb(polling: timer, for: POLLIN))
        if context.submit(alarmPoll) != 1 { forgetAlarm() }
    }

    static func forgetAlarm() { alarmArmed.store(false, ordering: .releasing) }

    // MARK: in

    /// Gives prepared requests to the kernel, in order; those for which it has no room wait. What it refuses
    /// comes back through the module's `harvested`.
    static func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        if waiting.isEmpty { submitNow(&requests, &turn) } else { hold(&requests, &turn) }
    }

    /// Whether no request waits for room in the ring.
    @inline(__always)
    static var hasRoom: Bool { waiting.isEmpty }

    /// Whether the kernel has any.
    static var hasTransfers: Bool { transfers.load(ordering: .relaxed) != 0 }

    /// Whether so many requests are all that is in flight, and all of them are in the kernel.
    static func isAll(_ count: Int) -> Bool {
        transfers.load(ordering: .relaxed) == count && Outstanding.count == count
            && Own.inFlight.load(ordering: .relaxed) == 0
    }

    /// Changes whenever an event comes.
    @inline(__always)
    static var tail: UInt32 {
        ProcessPage.current.flatMap { CompletionRing(trusted: $0.home.pointee.load(ordering: .relaxed)) }?.tail ?? 0
    }

    /// Gives one prepared request to the kernel. False: it was not taken, and is still the caller's.
    @inline(__always)
    static func submitOne(_ request: Request) -> Bool {
        assert(!request.isExposed)
        guard let context else { return false }
        if request.wakesReactor { request.setEvent(Reactor.completions) }
        request.become(.inKernel)
        transfers.wrappingAdd(1, ordering: .sequentiallyConsistent)
        if context.submit(iocbPointer(request)) == 1 { return true }
        transfers.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        request.become(.held)
        return false
    }

    /// The same for one whose descriptor is counted in `Exposure`: until io_submit has returned, when the request may be
    /// gone, it must not be closed.
    static func submitOne(exposed request: Request) -> Bool {
        let descriptor = request.descriptor
        let wasExposed = request.isExposed
        request.isExposed = false
        guard submitOne(request) else {
            request.isExposed = wasExposed
            return false
        }
        if wasExposed { Exposure.end(descriptor) }
        return true
    }

    /// Gives a prepared poll to the kernel. True: it has the request's number from then on, maybe for longer than the request.
    static func submitPoll(_ request: Request) -> Bool {
        context.map { $0.submit(iocbPointer(request)) == 1 } ?? false
    }

    /// `again`: they waited already.
    private static func submitNow(_ requests: inout RequestQueue, _ turn: inout Turn, again: Bool = false) {
        guard let context else {
            while let request = requests.popFirst() { returnToModule(request, -Int(EAGAIN), &turn) }
            return
        }
        withIOCBList(isSingle: requests.isSingle) { list, capacity in
            while !requests.isEmpty {
                var count = 0
                // Requests that waited: until io_submit has returned, their descriptors must not be closed.
                var exposed = ExposedBatch()
                var event: Descriptor?
                var devices = DeviceBatch()
                while count < capacity, !exposed.isFull, let request = requests.popFirst() {
                    if turn.role != .worker, !request.operation.isSynchronize,
                        Devices.holds(request.file.device)
                    {
                        returnToModule(request, -Int(EAGAIN), &turn)
                        continue
                    }
                    devices.add(request.file.device)
                    if request.isExposed, case let problem = exposed.take(request), problem != 0 {
                        returnToModule(request, problem, &turn)
                        continue
                    }
                    if request.wakesReactor {
                        if event == nil { event = Reactor.completions }
                        request.setEvent(event!)
                    }
                    assert(!request.isExposed)
                    // The last word here; who gets the event reads it first, and so sees all that was written before.
                    request.become(.inKernel)
                    list[count] = iocbPointer(request)
                    count += 1
                }
                defer { exposed.end() }
                transfers.wrappingAdd(count, ordering: .sequentiallyConsistent)
                var done = 0
                while done < count {
                    let result = devices.submit { context.submit(list + done, count - done) }
                    if result > 0 {
                        done += result
                    } else if result == -Int(EAGAIN) || result == 0 {
                        transfers.wrappingSubtract(count - done, ordering: .sequentiallyConsistent)
                        var rest = RequestQueue()
                        while done < count {
                            rest.append(takeBack(list[done]))
                            done += 1
                        }
                        rest.append(contentsOf: &requests)
                        if transfers.load(ordering: .sequentiallyConsistent) != 0 {
                            hold(&rest, &turn, again: again)
                        } else {
                            // The ring is not full: the kernel lacks something else, and no harvest would come.
                            while let request = rest.popFirst() { returnToModule(request, -Int(EAGAIN), &turn) }
                        }
                        return
                    } else if result == -Int(EBADF) || result == -Int(EINVAL), list[done]!.pointee.loseEvent() {
                        // The eventfd may be what is wrong. Who publishes signals the program's own; the reactor looks.
                        continue
                    } else {
                        transfers.wrappingSubtract(1, ordering: .sequentiallyConsistent)
                        returnToModule(takeBack(list[done]), result, &turn)
                        done += 1
                    }
                }
            }
        }
        // What others put into the queue meanwhile, because requests of this call were in the kernel.
        if transfers.load(ordering: .sequentiallyConsistent) == 0 { submitWaiting(&turn) }
    }

    /// Room for `submitAtOnce` addresses, or one, on the stack.
    @inline(__always)
    private static func withIOCBList(
        isSingle: Bool, _ body: (UnsafeMutablePointer<UnsafeMutablePointer<iocb>?>, Int) -> Void
    ) {
        if isSingle {
            var one: UnsafeMutablePointer<iocb>?
            body(&one, 1)
            return
        }
        var room = InlineArray<256, UInt>(repeating: 0)
        withUnsafeMutablePointer(to: &room) {
            body(UnsafeMutableRawPointer($0).assumingMemoryBound(to: UnsafeMutablePointer<iocb>?.self), submitAtOnce)
        }
    }

    /// The descriptors of requests that waited and are now given to the kernel. The requests themselves may be
    /// gone when io_submit returns.
    private struct ExposedBatch {
        private var descriptors = InlineArray<16, Descriptor>(repeating: .none)
        private var count = 0

        var isFull: Bool { count == descriptors.count }

        /// Returns 0, or the result of a request whose descriptor is not its file any more.
        mutating func take(_ request: Request) -> Int {
            let problem = request.fileProblem
            if problem != 0 {
                Exposure.end(request)
                return problem
            }
            request.isExposed = false
            descriptors[count] = request.descriptor
            count += 1
            return 0
        }

        mutating func end() {
            for index in 0..<count { Exposure.end(descriptors[index]) }
            count = 0
        }
    }

    private static func iocbPointer(_ request: Request) -> UnsafeMutablePointer<iocb> {
        // The iocb is the block's first member.
        UnsafeMutableRawPointer(request.block).assumingMemoryBound(to: iocb.self)
    }

    /// A request that the kernel did not take.
    private static func takeBack(_ iocb: UnsafeMutablePointer<iocb>?) -> Request {
        let request = Request(number: iocb!.pointee.aio_data)!
        request.become(.held)
        return request
    }

    private static func returnToModule(_ request: Request, _ result: Int, _ turn: inout Turn) {
        let stack = request.stack
        if result == request.length, request.transferred == 0,
            stack.fast(Int(request.position)).pointee.isOverWhenWhole
        {
            Statistics.count(Statistics.ranInKernel, by: request)
            return turn.complete(request, result)
        }
        stack.enter()
        stack[Int(request.position)].harvested(request, result, &turn)
        stack.leave()
    }

    private static func hold(_ requests: inout RequestQueue, _ turn: inout Turn, again: Bool = false) {
        Reactor.heldBack(waiting.locked { waiting.hold(&requests, again: again) })
        // If all that was in the kernel was harvested meanwhile, no harvest would come.
        if transfers.load(ordering: .sequentiallyConsistent) == 0 { submitWaiting(&turn) }
    }

    /// After `submitOne` was refused: others may wait for room because that request was counted for a moment.
    static func submitOthers(_ turn: inout Turn) {
        if transfers.load(ordering: .sequentiallyConsistent) == 0 { submitWaiting(&turn) }
    }

    /// There may be room: gives the kernel more of those that wait.
    private static func submitWaiting(_ turn: inout Turn) {
        while !waiting.isEmpty {
            var batch = RequestQueue()
            var count = 0
            waiting.lock()
            while count < submitAtOnce, let request = waiting.takeNext() {
                batch.append(request)
                count += 1
            }
            waiting.unlock()
            if count == 0 { return }
            Reactor.heldBack(-count)
            let before = waiting.count
            submitNow(&batch, &turn, again: true)
            // Some came back: the ring is full.
            if waiting.count > before { return }
        }
    }

    /// Takes a request out that waits for room. See `Module.cancel`.
    static func withdraw(_ request: RequestIdentity, position: Int, force: Bool) -> CancelOutcome {
        let outcome = waiting.locked { waiting.withdraw(request, at: position, force: force) }
        if outcome == .taken { Reactor.heldBack(-1) }
        return outcome
    }

    /// Asks the kernel to give up a poll; its event comes some time, and means nothing any more.
    static func giveUp(_ request: Request) { _ = context?.cancel(iocbPointer(request)) }

    /// How many polls may be in the ring: transfers need room too. None where the kernel would keep one, and its file, for
    /// longer than the program has a use for it.
    static var roomForPolls: Int { givesUp ? Int((context?.ring.capacity ?? 0) / 2) : 0 }

    // MARK: out

    /// Takes every event out of the ring, brings its request further, and submits what waited for room.
    /// Finishes the turn. If another thread is at it, it is left to that one.
    static func harvest(_ turn: inout Turn) {
        withUnsafeTemporaryAllocation(of: io_event.self, capacity: harvestAtOnce) { events in
            while hasEvents, Waiting.mayHarvest {
                let count = take(into: events.baseAddress!)
                if count == 0 { break }
                var (requests, polls) = (0, 0)
                for index in 0..<count {
                    if events[index].isOf(epollPoll) {
                        epollArmed.store(false, ordering: .releasing)
                        Reactor.ask(.look)
                        continue
                    }
                    if events[index].isOf(alarmPoll) {
                        forgetAlarm()
                        continue
                    }
                    let data = events[index].data
                    if data == 0 {
                        kickSent.store(false, ordering: .sequentiallyConsistent)
                        Waiting.passKickOn()
                        continue
                    }
                    requests += 1
                    if Slab.isToken(data) {
                        polls += 1
                        AIOPoll.harvested(data, Int(events[index].res), &turn)
                    } else if let request = Request(number: data) {
                        // All that was written before the kernel had it is seen from here on.
                        let state = request.state
                        assert(state == .inKernel)
                        request.become(.held)
                        returnToModule(request, Int(events[index].res), &turn)
                    }
                }
                Statistics.countHarvested(requests, by: turn.role)
                let left = transfers.wrappingSubtract(requests - polls, ordering: .sequentiallyConsistent).newValue
                assert(left >= 0)
                submitWaiting(&turn)
                turn.finish()
            }
        }
        turn.finish()
    }

    private static func take(into events: UnsafeMutablePointer<io_event>) -> Int {
        guard harvestLock.tryLock() else { return 0 }
        defer { harvestLock.unlock() }
        guard let context else { return 0 }
        return context.ring.take(into: events, limit: harvestAtOnce)
    }
}

extension Request {
    /// The request that an iocb, or its event, names.
    fileprivate init?(number: UInt64) { self.init(data: UnsafeMutableRawPointer(bitPattern: UInt(number))) }
}

extension io_event {
    fileprivate func isOf(_ request: UnsafeMutablePointer<iocb>?) -> Bool { obj == UInt64(UInt(bitPattern: request)) }
}
