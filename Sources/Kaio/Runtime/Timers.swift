// Requests that a module keeps until a time. The reactor sleeps on one timer for all of them, set to the earliest,
// and then gives each back to its module (`Module.expired`). A request that waits elsewhere, in the reactor's epoll, can
// have an alarm here: the reactor then looks at it as if its descriptor were ready.
//
// Invariant, under `lock`: `entries` is a heap, the earliest first, and of the same time the one that came first;
// `places` says where in it a control block is, by its number, one more than the index, and 0 if it is nowhere. A
// request in the heap is `waiting`, or `kept`; who takes it out makes it `held`, and then it is theirs. But an alarm's request is
// not the heap's: who ends its wait takes the alarm away before the request can be over. The timer is set
// to the heap's first whenever the lock is free, or that one is being taken out. Since each is in flight, the engine
// is up while the heap is not empty.
//
// What is here was counted in `Exposure` by its module, if its descriptor is still to be used.

import CKernel
import Synchronization

enum Timers {
    private struct Entry {
        var time: Int64
        var order: UInt64
        var request: Request
        /// Of an alarm: what the reactor knows the request by; else 0.
        var token: UInt64 = 0

        func comesBefore(_ other: Entry) -> Bool {
            time != other.time ? time < other.time : order < other.order
        }
    }

    private static let lock = Lock()
    nonisolated(unsafe) private static var entries: UnsafeMutablePointer<Entry>?
    nonisolated(unsafe) private static var places: UnsafeMutablePointer<UInt32>?
    nonisolated(unsafe) private static var count = 0
    nonisolated(unsafe) private static var lastOrder: UInt64 = 0
    nonisolated(unsafe) private static var clock = Descriptor.none
    private static let earliest = Atomic<Int64>(.max)

    /// So many at most are taken out before they are brought to their end.
    private static let expireAtOnce = 64

    /// When the first is due.
    static var next: Instant { Instant(nanoseconds: earliest.load(ordering: .sequentiallyConsistent)) }

    /// Keeps a request until `time`, for the module at `position`, which has to be its holder. The request may have
    /// been given back before this returns. `isForGood`: nobody may withdraw it.
    ///
    /// False: there is no reactor, or no descriptor or memory for the timer. The request is still the module's.
    static func add(_ request: Request, at time: Instant, for position: Int, isForGood: Bool = false) -> Bool {
        add(Entry(time: time.nanoseconds, order: 0, request: request)) {
            request.become(isForGood ? .kept : .waiting, at: position, isFenced: isForGood)
        }
    }

    /// Has the reactor look at a request that it watches. False: there can be no timer.
    static func setAlarm(_ request: Request, at time: Instant, _ token: UInt64) -> Bool {
        request.hasAlarm = add(
            Entry(time: time.nanoseconds, order: 0, request: request, token: token)
        ) {}
        return request.hasAlarm
    }

    static func clearAlarm(_ request: Request) {
        guard request.hasAlarm else { return }
        request.hasAlarm = false
        lock.lock()
        defer { lock.unlock() }
        guard let place = places?[Int(Slab.number(of: request))], place != 0 else { return }
        remove(Int(place) - 1)
        if place == 1 { set() }
    }

    private static func add(_ entry: Entry, _ take: () -> Void) -> Bool {
        lock.lock()
        var isPrepared = prepare()
        if !isPrepared {
            // The program may have closed what the reactor sleeps on; that is made anew without this lock.
            lock.unlock()
            guard Reactor.hasDescriptors, Reactor.repair() else { return false }
            lock.lock()
            isPrepared = prepare()
        }
        guard isPrepared, let entries else {
            lock.unlock()
            return false
        }
        take()
        lastOrder += 1
        count += 1
        entries[count - 1] = entry
        entries[count - 1].order = lastOrder
        rise(count - 1)
        assert(isSound(at: count - 1) && isSound(at: 0))
        let isFirst = entries[0].order == lastOrder
        if isFirst { set() }
        lock.unlock()
        if isFirst { Reactor.timersChanged() }
        return true
    }

    /// Takes a request out. See `Module.cancel`.
    static func withdraw(_ request: RequestIdentity, position: Int) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        guard request.request(waitingAt: position) != nil, let place = places?[Int(request.slot)], place != 0
        else { return false }
        remove(Int(place) - 1)
        if place == 1 { set() }
        return true
    }

    /// The reactor's part: gives back what is due.
    static func expire() {
        guard Engine.hold() else { return }
        var turn = Turn(.reactor)
        while true {
            var due = RequestQueue()
            var alarms = InlineArray<64, UInt64>(repeating: 0)
            var taken = 0
            lock.lock()
            let now = Instant.now.nanoseconds
            while taken < expireAtOnce, count > 0, let first = entries?[0], first.time <= now {
                // The heap's, not the block's: that one changes with the request's way.
                let position = first.request.whereabouts.position
                remove(0)
                if first.token == 0 {
                    first.request.position = UInt8(truncatingIfNeeded: position)
                    due.append(first.request)
                }
                alarms[taken] = first.token
                taken += 1
            }
            if taken < expireAtOnce { set() }
            lock.unlock()
            if taken == 0 { break }
            for index in 0..<taken where alarms[index] != 0 { AIOPoll.ready(alarms[index], isAlarm: true, &turn) }
            while let request = due.popFirst() {
                let position = Int(request.position)
                let stack = request.stack
                stack.enter()
                stack[position].expired(request, &turn)
                stack.leave()
            }
            turn.finishAndHarvest()
        }
        Engine.leave(1)
    }

    // MARK: life

    /// Makes what is needed, once in the engine's life; under the lock.
    private static func prepare() -> Bool {
        guard Reactor.isRunning, Reactor.hasDescriptors else { return false }
        if entries == nil {
            guard let memory = Pages.map(Options.maxRequests * MemoryLayout<Entry>.stride),
                let numbers = Pages.map(Options.maxRequests * MemoryLayout<UInt32>.stride)
            else { return false }
            entries = memory.bindMemory(to: Entry.self, capacity: Options.maxRequests)
            places = numbers.bindMemory(to: UInt32.self, capacity: Options.maxRequests)
        }
        return set()
    }

    /// Makes the timer, where it is missing or lost; under the lock.
    private static func hasClock() -> Bool {
        if clock.isOpen, Reactor.hasTimers(clock) { return true }
        ProcessPage.current?.removeOwn(clock)
        clock = .none
        let number = Descriptor.makeTimer()
        guard number >= 0 else { return false }
        clock = Descriptor(number: CInt(number)).adopted()
        if clock.isOpen, Reactor.watchTimers(clock) { return true }
        clock.dispose()
        clock = .none
        return false
    }

    /// The reactor's part: the program may have closed the timer.
    static func renew() {
        lock.lock()
        if count > 0 { set() }
        lock.unlock()
    }

    static func has(_ descriptor: Descriptor) -> Bool { descriptor == clock && Reactor.hasTimers(descriptor) }

    /// Sets the timer to the first of the heap; under the lock.
    @discardableResult
    private static func set() -> Bool {
        let first = count > 0 ? entries![0].time : .max
        earliest.store(first, ordering: .sequentiallyConsistent)
        // Else the reactor makes another.
        guard hasClock() else { return false }
        // Zero would stop it.
        return clock.setTimer(count > 0 ? max(1, first) : 0, isAbsolute: true) >= 0
    }

    /// The engine goes down: nothing is in the heap.
    static func detach() {
        lock.lock()
        closeClock()
        discard()
        lock.unlock()
    }

    /// The epoll is about to be another.
    static func dropClock() { lock.locked { closeClock() } }

    private static func closeClock() {
        if clock.isOpen, Reactor.hasTimers(clock) { clock.close() }
        ProcessPage.current?.removeOwn(clock)
        clock = .none
    }

    private static func discard() {
        if let entries { Pages.discard(entries, Options.maxRequests * MemoryLayout<Entry>.stride) }
        if let places { Pages.discard(places, Options.maxRequests * MemoryLayout<UInt32>.stride) }
    }

    /// In the child of a fork; see `Reactor.closeInherited`.
    static func closeInherited() { closeClock() }

    static func reset() {
        lock.reset()
        clock = .none
        count = 0
        earliest.store(.max, ordering: .relaxed)
        discard()
        if let places { Pages.clear(places, Options.maxRequests * MemoryLayout<UInt32>.stride) }
    }

    // MARK: the heap; under the lock

    private static func remove(_ index: Int) {
        let entries = entries!
        assert(isSound(at: index))
        if entries[index].token == 0 { entries[index].request.become(.held, isFenced: true) }
        setPlace(entries[index].request, 0)
        count -= 1
        guard index < count else { return }
        entries[index] = entries[count]
        setPlace(entries[index].request, index + 1)
        rise(index)
        sink(index)
        assert(isSound(at: index) && isSound(at: 0))
    }

    /// What the invariant says of one place: neither of those below it comes before it, nor it before the one above.
    private static func isSound(at index: Int) -> Bool {
        guard lock.isHeld, let entries, let places, index < count else { return false }
        let entry = entries[index]
        let state = entry.request.state
        guard places[Int(Slab.number(of: entry.request))] == index + 1,
            entry.token != 0 || state == .waiting || state == .kept
        else { return false }
        for child in index * 2 + 1...index * 2 + 2 where child < count && entries[child].comesBefore(entry) {
            return false
        }
        return index == 0 || !entry.comesBefore(entries[(index - 1) / 2])
    }

    private static func rise(_ start: Int) {
        let entries = entries!
        let entry = entries[start]
        var index = start
        while index > 0, entry.comesBefore(entries[(index - 1) / 2]) {
            entries[index] = entries[(index - 1) / 2]
            setPlace(entries[index].request, index + 1)
            index = (index - 1) / 2
        }
        entries[index] = entry
        setPlace(entry.request, index + 1)
    }

    private static func sink(_ start: Int) {
        let entries = entries!
        let entry = entries[start]
        var index = start
        while index * 2 + 1 < count {
            var child = index * 2 + 1
            if child + 1 < count, entries[child + 1].comesBefore(entries[child]) { child += 1 }
            guard entries[child].comesBefore(entry) else { break }
            entries[index] = entries[child]
            setPlace(entries[index].request, index + 1)
            index = child
        }
        entries[index] = entry
        setPlace(entry.request, index + 1)
    }

    private static func setPlace(_ request: Request, _ place: Int) {
        places![Int(Slab.number(of: request))] = UInt32(truncatingIfNeeded: place)
    }
}
