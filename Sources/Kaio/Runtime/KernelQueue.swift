// The io context: requests go in by io_submit, events come out of the ring.
//
// Invariants. A request that was given to io_submit belongs to the kernel; the event brings it back, maybe to
// another thread before io_submit has returned. Events are taken out under `harvestLock` and processed after
// it is released. A request for which the ring has no room waits in `waiting`, in order, under `lock`; as long
// as any waits, `inKernel` is not 0 or somebody is about to submit: so a harvest will come that submits more.
// Anyone may look whether the ring has events, holding nothing; see `AIOContext`.

import CKernel
import Synchronization

enum KernelQueue {
    private static let harvestLock = Lock()

    private static let lock = Lock()
    nonisolated(unsafe) private static var waiting = RequestQueue()
    private static let waitingCount = Atomic<Int>(0)
    private static let inKernel = Atomic<Int>(0)

    /// Readable when a request is complete that no caller may come for (IOCB_FLAG_RESFD).
    nonisolated(unsafe) private(set) static var completionEvent: EventDescriptor?
    /// Wakes the leader: a poll request on it lies in the ring.
    nonisolated(unsafe) private static var kickEvent: EventDescriptor?
    private static let kickArmed = Atomic<Bool>(false)
    private static let kickSent = Atomic<Bool>(false)
    nonisolated(unsafe) private static var kickPoll: UnsafeMutablePointer<iocb>?
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

    /// Opens the context. Returns 0 or the errno for which there is none.
    static func open() -> CInt {
        guard let completion = EventDescriptor.make() else { return EMFILE }
        guard let kick = EventDescriptor.make() else {
            completion.descriptor.dispose()
            return EMFILE
        }
        guard let page = ProcessPage.current else { return ENOMEM }
        var home = page.home.pointee.load(ordering: .relaxed)
        let setup = AIOContext.make(events: Options.ring, home: &home)
        page.home.pointee.store(home, ordering: .releasing)
        lastHome = home
        switch setup {
        case .refused(let error):
            completion.descriptor.dispose()
            kick.descriptor.dispose()
            return error
        case .made(let context):
            completionEvent = completion
            kickEvent = kick
            if kickPoll == nil { kickPoll = .allocate(capacity: 1) }
            kickArmed.store(false, ordering: .relaxed)
            kickSent.store(false, ordering: .relaxed)
            setContext(context.identifier)
            armKick()
            return 0
        }
    }

    /// What `open` made, on its way out.
    struct Remains {
        fileprivate let context: AIOContext.Remains?
        fileprivate let events: (EventDescriptor?, EventDescriptor?)

        /// Takes some 30 ms.
        func dispose() {
            context?.destroy()
            events.0?.descriptor.dispose()
            events.1?.descriptor.dispose()
        }
    }

    /// Takes the context out of use; nothing may be in flight.
    static func detach() -> Remains {
        let context = context
        setContext(0)
        // Who looks for events just now has the lock for a few instructions, and finds none.
        harvestLock.lock()
        let ended = context?.leaveHome()
        if let ended, !ended.homeIsKept { ProcessPage.current?.home.pointee.store(0, ordering: .relaxed) }
        harvestLock.unlock()
        let remains = Remains(context: ended, events: (completionEvent, kickEvent))
        completionEvent = nil
        kickEvent = nil
        return remains
    }

    /// In the child of a fork: the context is the parent's, the descriptors are copies.
    static func reset() {
        harvestLock.reset()
        lock.reset()
        waiting = RequestQueue()
        waitingCount.store(0, ordering: .relaxed)
        inKernel.store(0, ordering: .relaxed)
        completionEvent = nil
        kickEvent = nil
    }

    /// In the child of a fork, before the child can have closed or reused the numbers.
    static func closeInherited() {
        // For a signal handler that made the child on top of a look at the ring.
        AIOContext.emptyHome(lastHome)
        completionEvent?.descriptor.close()
        kickEvent?.descriptor.close()
        completionEvent = nil
        kickEvent = nil
    }

    // MARK: the kick

    static var isKickArmed: Bool { kickArmed.load(ordering: .acquiring) }

    /// Wakes who sleeps in the ring, unless a kick is on its way to him: he sees all that was done before he takes it.
    static func kick() {
        if !kickSent.exchange(true, ordering: .sequentiallyConsistent) { kickEvent?.signal() }
    }

    private static func armKick() {
        guard let context, let kickEvent, let kickPoll,
            kickArmed.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
        else { return }
        kickPoll.initialize(to: iocb(polling: kickEvent.descriptor, for: POLLIN))
        if context.submit(kickPoll) != 1 { kickArmed.store(false, ordering: .releasing) }
    }

    // MARK: in

    /// Gives prepared requests to the kernel, in order; those for which it has no room wait. What it refuses
    /// comes back through the module's `harvested`.
    static func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        if waitingCount.load(ordering: .sequentiallyConsistent) != 0 {
            hold(&requests, &turn)
        } else {
            submitNow(&requests, &turn)
        }
    }

    /// Whether no request waits for room in the ring.
    @inline(__always)
    static var hasRoom: Bool { waitingCount.load(ordering: .relaxed) == 0 }

    /// Whether so many requests are all that is in flight, and all of them are in the kernel.
    static func isAll(_ count: Int) -> Bool {
        inKernel.load(ordering: .relaxed) == count && Outstanding.count == count
    }

    /// Changes whenever an event comes.
    @inline(__always)
    static var tail: UInt32 {
        ProcessPage.current.flatMap { CompletionRing(trusted: $0.home.pointee.load(ordering: .relaxed)) }?.tail ?? 0
    }

    /// Gives one prepared request to the kernel. False: it was not taken, and is still the caller's.
    @inline(__always)
    static func submitOne(_ request: Request) -> Bool {
        guard let context else { return false }
        request.block.pointee.isInKernel.store(true, ordering: .releasing)
        inKernel.wrappingAdd(1, ordering: .sequentiallyConsistent)
        if context.submit(iocbPointer(request)) == 1 { return true }
        inKernel.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        request.block.pointee.isInKernel.store(false, ordering: .relaxed)
        return false
    }

    private static func submitNow(_ requests: inout RequestQueue, _ turn: inout Turn) {
        guard let context else {
            while let request = requests.popFirst() { returnToModule(request, -Int(EAGAIN), &turn) }
            return
        }
        withIOCBList(isSingle: requests.isSingle) { list, capacity in
            while !requests.isEmpty {
                var count = 0
                // Requests that waited: until io_submit has returned, their descriptors must not be closed.
                var exposed = ExposedBatch()
                while count < capacity, !exposed.isFull, let request = requests.popFirst() {
                    guard
                        !request.block.pointee.isExposed || request.block.pointee.staysExposed || exposed.take(request)
                    else {
                        returnToModule(request, -Int(ECANCELED), &turn)
                        continue
                    }
                    // The last word here; who gets the event reads it first, and so sees all that was written before.
                    request.block.pointee.isInKernel.store(!request.block.pointee.staysExposed, ordering: .releasing)
                    list[count] = iocbPointer(request)
                    count += 1
                }
                defer { exposed.end() }
                inKernel.wrappingAdd(count, ordering: .sequentiallyConsistent)
                var done = 0
                while done < count {
                    let result = context.submit(list + done, count - done)
                    if result > 0 {
                        done += result
                    } else if result == -Int(EAGAIN) || result == 0 {
                        inKernel.wrappingSubtract(count - done, ordering: .sequentiallyConsistent)
                        var rest = RequestQueue()
                        while done < count {
                            rest.append(Request(data: list[done]!.pointee.data)!)
                            done += 1
                        }
                        rest.append(contentsOf: &requests)
                        if inKernel.load(ordering: .sequentiallyConsistent) != 0 {
                            hold(&rest, &turn, first: true)
                        } else {
                            // The ring is not full: the kernel lacks something else, and no harvest would come.
                            while let request = rest.popFirst() { returnToModule(request, -Int(EAGAIN), &turn) }
                        }
                        return
                    } else {
                        inKernel.wrappingSubtract(1, ordering: .sequentiallyConsistent)
                        returnToModule(Request(data: list[done]!.pointee.data)!, result, &turn)
                        done += 1
                    }
                }
            }
        }
        // What others put into the queue meanwhile, because requests of this call were in the kernel.
        if inKernel.load(ordering: .sequentiallyConsistent) == 0 { submitWaiting(&turn) }
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

        /// False if the descriptor is not the request's file any more.
        mutating func take(_ request: Request) -> Bool {
            guard request.isOnItsFile else {
                Exposure.end(request)
                return false
            }
            request.block.pointee.isExposed = false
            descriptors[count] = request.block.pointee.descriptor
            count += 1
            return true
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

    private static func returnToModule(_ request: Request, _ result: Int, _ turn: inout Turn) {
        request.block.pointee.isInKernel.store(false, ordering: .relaxed)
        if result == request.block.pointee.length, Express.isAllDone(request) {
            Statistics.count(Statistics.ranInKernel)
            return turn.complete(request, result)
        }
        let stack = request.stack
        stack.enter()
        stack[Int(request.block.pointee.position)].harvested(request, result, &turn)
        stack.leave()
    }

    private static func hold(_ requests: inout RequestQueue, _ turn: inout Turn, first: Bool = false) {
        var count = 0
        for request in requests {
            Exposure.begin(request)
            request.block.pointee.isInKernel.store(false, ordering: .relaxed)
            request.block.pointee.waitingIn.store(request.block.pointee.position + 1, ordering: .relaxed)
            count += 1
        }
        lock.lock()
        if first { waiting.prepend(contentsOf: &requests) } else { waiting.append(contentsOf: &requests) }
        lock.unlock()
        waitingCount.wrappingAdd(count, ordering: .sequentiallyConsistent)
        Reactor.heldBack(count)
        // If all that was in the kernel was harvested meanwhile, no harvest would come.
        if inKernel.load(ordering: .sequentiallyConsistent) == 0 { submitWaiting(&turn) }
    }

    /// After `submitOne` was refused: others may wait for room because that request was counted for a moment.
    static func submitOthers(_ turn: inout Turn) {
        if inKernel.load(ordering: .sequentiallyConsistent) == 0 { submitWaiting(&turn) }
    }

    /// There may be room: gives the kernel more of those that wait.
    private static func submitWaiting(_ turn: inout Turn) {
        while waitingCount.load(ordering: .sequentiallyConsistent) != 0 {
            var batch = RequestQueue()
            var count = 0
            lock.lock()
            while count < submitAtOnce, let request = waiting.popFirst() {
                request.block.pointee.waitingIn.store(0, ordering: .relaxed)
                batch.append(request)
                count += 1
            }
            lock.unlock()
            if count == 0 { return }
            waitingCount.wrappingSubtract(count, ordering: .sequentiallyConsistent)
            Reactor.heldBack(-count)
            let before = waitingCount.load(ordering: .sequentiallyConsistent)
            submitNow(&batch, &turn)
            // Some came back: the ring is full.
            if waitingCount.load(ordering: .sequentiallyConsistent) > before { return }
        }
    }

    /// Takes a request out that waits for room. See `Module.cancel`.
    static func withdraw(_ request: Request, _ sequence: UInt64, position: Int) -> Bool {
        lock.lock()
        let found =
            request.sequence == sequence
            && Int(request.block.pointee.waitingIn.load(ordering: .relaxed)) == position + 1
            && waiting.remove(request)
        if found { request.block.pointee.waitingIn.store(0, ordering: .relaxed) }
        lock.unlock()
        if found {
            waitingCount.wrappingSubtract(1, ordering: .sequentiallyConsistent)
            Reactor.heldBack(-1)
        }
        return found
    }

    /// Asks the kernel to give up a poll; its event comes in any case.
    static func giveUp(_ request: Request) { _ = context?.cancel(iocbPointer(request)) }

    /// How many polls may be in the ring: transfers need room too.
    static var roomForPolls: Int { Int((context?.ring.capacity ?? 0) / 2) }

    // MARK: out

    /// Takes every event out of the ring, brings its request further, and submits what waited for room.
    /// Finishes the turn. If another thread is at it, it is left to that one.
    static func harvest(_ turn: inout Turn) {
        withUnsafeTemporaryAllocation(of: io_event.self, capacity: harvestAtOnce) { events in
            while hasEvents, Waiting.mayHarvest {
                let count = take(into: events.baseAddress!)
                if count == 0 { break }
                var requests = 0
                for index in 0..<count {
                    if events[index].obj == kickPoll {
                        kickEvent?.reset()
                        kickSent.store(false, ordering: .sequentiallyConsistent)
                        kickArmed.store(false, ordering: .releasing)
                        armKick()
                        Waiting.passKickOn()
                        continue
                    }
                    requests += 1
                    if let request = Request(data: events[index].data) {
                        _ = request.block.pointee.isInKernel.load(ordering: .acquiring)
                        returnToModule(request, Int(bitPattern: events[index].res), &turn)
                    }
                }
                Statistics.countHarvested(requests, by: turn.role)
                inKernel.wrappingSubtract(requests, ordering: .sequentiallyConsistent)
                // Before others take the room, if there was none the last time.
                if !isKickArmed { armKick() }
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
