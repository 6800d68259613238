import CKaio
import CKernel
import Glibc
import Synchronization
import Testing

@testable import Kaio

@Suite struct `A system call` {
    @Test func `that fails says so and leaves errno alone`() {
        ck_set_errno(77)
        #expect(Descriptor.none.read(nil, 1) == -Int(EBADF))
        #expect(Descriptor.none.write(nil, 1) == -Int(EBADF))
        #expect(Descriptor.none.statusFlags == -Int(EBADF))
        #expect(errno == 77)
    }
}

@Suite struct `An event descriptor` {
    private func isReadable(_ event: EventDescriptor) -> Bool {
        var entry = pollfd(fd: event.descriptor.number, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) == 1
    }

    @Test func `is readable from a signal to a reset`() throws {
        let event = try #require(EventDescriptor.make())
        defer { event.descriptor.dispose() }
        #expect(!isReadable(event))
        event.signal()
        event.signal()
        #expect(isReadable(event))
        event.reset()
        #expect(!isReadable(event))
    }

    @Test func `does not block who resets it twice`() throws {
        let event = try #require(EventDescriptor.make())
        defer { event.descriptor.dispose() }
        event.reset()
        event.reset()
    }

    @Test func `is not inherited by another program`() throws {
        let event = try #require(EventDescriptor.make())
        defer { event.descriptor.dispose() }
        #expect(fcntl(event.descriptor.number, F_GETFD) & FD_CLOEXEC != 0)
    }
}

@Suite struct `Fresh pages` {
    @Test func `are zeroed, and again after they were discarded`() throws {
        let length = 3 * 4096
        let memory = try #require(Pages.map(length))
        defer { Pages.unmap(memory, length) }
        let bytes = UnsafeMutableRawBufferPointer(start: memory, count: length)
        #expect(bytes.allSatisfy { $0 == 0 })
        memset(memory, 0xaa, length)
        Pages.discard(memory, length)
        #expect(bytes.allSatisfy { $0 == 0 })
    }

    @Test func `too many are refused`() { #expect(Pages.map(1 << 60) == nil) }
}

@Suite struct `A signal mask` {
    /// The kernel never blocks the first two; 33 is that of setuid; the rest a thread raises itself.
    private static let unblockable = [
        SIGKILL, SIGSTOP, 33, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS,
    ].reduce(0 as UInt64) { $0 | 1 << (UInt64($1) - 1) }

    @Test func `blocks all but those that a thread raises itself and that of setuid, and gives back what was`() {
        let before = SignalMask.blockAll()
        #expect(SignalMask.blockAll().bits == ~SignalMaskTests.unblockable)
        before.restore()
        let now = SignalMask.blockAll()
        now.restore()
        #expect(now.bits == before.bits)
    }

    private typealias SignalMaskTests = `A signal mask`

    @Test func `restored delivers what waited, before anything else happens`() async {
        await #expect(processExitsWith: .success) {
            // The threads that run tests have signals blocked.
            SignalMask(bits: 0).restore()
            signal(SIGUSR1) { _ in Witness.count.add(1, ordering: .relaxed) }
            let mask = SignalMask.blockAll()
            pthread_kill(pthread_self(), SIGUSR1)
            check(Witness.count.load(ordering: .relaxed), is: 0)
            mask.restore()
            check(Witness.count.load(ordering: .relaxed), is: 1)
        }
    }
}

/// What a signal handler saw, in a process that one test has for itself.
private enum Witness {
    static let count = Atomic<Int>(0)
}

/// Memory laid out as the kernel lays out a completion ring, with the test in the kernel's place.
private final class FakeRing {
    let memory: UnsafeMutableRawPointer
    let capacity: UInt32

    init(capacity: UInt32, magic: UInt32 = 0xa10a_10a1, incompatible: UInt32 = 0, header: UInt32 = 32) {
        self.capacity = capacity
        memory = .allocate(byteCount: 32 + Int(capacity) * 32, alignment: 4096)
        memset(memory, 0, 32 + Int(capacity) * 32)
        let words = memory.assumingMemoryBound(to: UInt32.self)
        words[1] = capacity
        words[4] = magic
        words[5] = 1
        words[6] = incompatible
        words[7] = header
    }

    deinit { memory.deallocate() }

    var isRing: Bool { CompletionRing(memory) != nil }
    var isEmpty: Bool { CompletionRing(memory)!.isEmpty }
    var length: Int { CompletionRing(memory)!.length }

    /// What the library takes: the numbers of the events.
    func take(_ limit: Int) -> [Int] { CompletionRing(memory)!.take(limit) }

    private func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        (memory + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    var head: UInt32 {
        get { word(8).pointee.load(ordering: .acquiring) }
        set { word(8).pointee.store(newValue, ordering: .relaxed) }
    }

    var tail: UInt32 {
        get { word(12).pointee.load(ordering: .relaxed) }
        set { word(12).pointee.store(newValue, ordering: .releasing) }
    }

    func start(at index: UInt32) {
        head = index
        tail = index
    }

    /// The kernel keeps one place free, to tell full from empty.
    var isFull: Bool { (tail + 1) % capacity == head }

    func add(_ number: Int) {
        let event = io_event(data: UInt64(number), obj: 0, res: Int64(number * 2), res2: 0)
        memory.storeBytes(of: event, toByteOffset: 32 + Int(tail) * 32, as: io_event.self)
        tail = (tail + 1) % capacity
    }
}

extension AIOContext {
    /// As every caller does it: signals come while the thread sleeps, and at no other time.
    fileprivate func sleep(until deadline: Instant) -> Int {
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        return sleep(until: deadline, mask)
    }

    fileprivate func sleep(atMost interval: Int64) -> Int { sleep(until: Instant.now.advanced(by: interval)) }
}

extension CompletionRing {
    fileprivate func take(_ limit: Int) -> [Int] {
        withUnsafeTemporaryAllocation(of: io_event.self, capacity: limit) { events in
            let count = take(into: events.baseAddress!, limit: limit)
            return events[..<count].map { Int($0.data) }
        }
    }
}

@Suite struct `A completion ring` {
    @Test func `is only one that looks as we know it`() {
        #expect(FakeRing(capacity: 4).isRing)
        #expect(!FakeRing(capacity: 4, magic: 0).isRing)
        #expect(!FakeRing(capacity: 4, magic: 0xa10a_10a2).isRing)
        #expect(!FakeRing(capacity: 4, incompatible: 1).isRing)
        #expect(!FakeRing(capacity: 4, header: 64).isRing)
        #expect(CompletionRing(context: 0) == nil)
        #expect(CompletionRing(trusted: 0) == nil)
    }

    @Test func `is empty until there is an event and after it is taken`() {
        let fake = FakeRing(capacity: 4)
        #expect(fake.isEmpty)
        #expect(fake.take(4) == [])
        #expect(fake.head == 0)
        fake.add(7)
        #expect(!fake.isEmpty)
        #expect(fake.take(4) == [7])
        #expect(fake.head == 1)
        #expect(fake.isEmpty)
    }

    @Test func `gives its events oldest first, no more than asked for`() {
        let fake = FakeRing(capacity: 16)
        for number in 1...10 { fake.add(number) }
        #expect(fake.take(3) == [1, 2, 3])
        #expect(fake.take(1) == [4])
        #expect(!fake.isEmpty)
        #expect(fake.take(64) == [5, 6, 7, 8, 9, 10])
    }

    @Test(arguments: 0..<7 as Range<UInt32>)
    func `goes on at its start when its end is reached`(_ start: UInt32) {
        let fake = FakeRing(capacity: 7)
        fake.start(at: start)
        for number in 1...6 { fake.add(number) }
        #expect(fake.isFull)
        #expect(fake.take(4) == [1, 2, 3, 4])
        fake.add(7)
        fake.add(8)
        #expect(fake.take(9) == [5, 6, 7, 8])
        #expect(fake.head == (start + 8) % 7)
        #expect(fake.isEmpty)
    }

    @Test func `gives all of an event`() {
        let fake = FakeRing(capacity: 4)
        fake.add(21)
        var event = io_event()
        #expect(CompletionRing(fake.memory)!.take(into: &event, limit: 1) == 1)
        #expect(event.data == 21 && event.res == 42)
        #expect(fake.isEmpty)
    }

    @Test func `is as long as its mapping`() {
        #expect(FakeRing(capacity: 127).length == 4096)
        #expect(FakeRing(capacity: 128).length == 8192)
        #expect(FakeRing(capacity: 1).length == 4096)
    }

    @Test func `is read while the kernel adds to it`() {
        let fake = FakeRing(capacity: 7)
        let count = 20_000
        var taken: [Int] = []
        concurrently(2) { number in
            if number == 0 {
                for event in 1...count {
                    while fake.isFull { sched_yield() }
                    fake.add(event)
                }
            } else {
                while taken.count < count {
                    if fake.isEmpty { sched_yield() }
                    taken += fake.take(5)
                }
            }
        }
        #expect(taken == Array(1...count))
    }
}

/// A context of the kernel's, where the kernel gives one.
private func makeContext(_ events: Int = 8) -> AIOContext? {
    var home: UInt = 0
    if case .made(let context) = AIOContext.make(events: events, home: &home) { return context }
    return nil
}

private let kernelHasAIO: Bool = {
    guard let context = makeContext() else { return false }
    context.leaveHome()!.destroy()
    return true
}()

@Suite(.enabled(if: kernelHasAIO, "the kernel's AIO can't be used here")) struct `An io context` {
    /// A poll request on a descriptor of its own.
    private final class Poll {
        let event = EventDescriptor.make()!
        let request = UnsafeMutablePointer<iocb>.allocate(capacity: 1)

        init(data: Int = 0) {
            request.initialize(to: iocb(polling: event.descriptor, for: POLLIN))
            request.pointee.aio_data = UInt64(data)
        }

        deinit {
            event.descriptor.dispose()
            request.deallocate()
        }
    }

    @Test func `leaves its event in the ring for all who sleep there`() throws {
        let context = try #require(makeContext())
        defer { context.leaveHome()!.destroy() }
        let poll = Poll(data: 99)
        #expect(context.submit(poll.request) == 1)
        #expect(context.ring.isEmpty)
        concurrently(4) { number in
            if number == 0 {
                pause(milliseconds: 20)
                poll.event.signal()
            } else {
                #expect(context.sleep(until: .never) == -Int(EFAULT))
                #expect(context.sleep(until: Instant.now) == -Int(EFAULT))
            }
        }
        var event = io_event()
        #expect(context.ring.take(into: &event, limit: 1) == 1)
        #expect(event.data == 99 && event.obj == UInt(bitPattern: poll.request))
        #expect(context.ring.isEmpty)
    }

    @Test func `sleeps until the deadline and no less`() throws {
        let context = try #require(makeContext())
        defer { context.leaveHome()!.destroy() }
        for interval in [0, 1, 999, 50_000, 999_999, 1_000_001, 20_000_000] as [Int64] {
            for _ in 0..<5 {
                let deadline = Instant.now.advanced(by: interval)
                #expect(context.sleep(until: deadline) == 0)
                #expect(Instant.now >= deadline)
            }
        }
        #expect(context.sleep(until: Instant(nanoseconds: 1)) == 0)
    }

    @Test func `wakes for a signal, with nothing lost`() async {
        await #expect(processExitsWith: .success) {
            let context = makeContext()!
            let poll = Poll()
            check(context.submit(poll.request), is: 1)
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { _ in Witness.count.add(1, ordering: .relaxed) }
            action.sa_flags = SA_RESTART
            sigaction(SIGUSR1, &action, nil)
            let wasWoken = Atomic<Bool>(false)
            let sleeper = ThreadHandle {
                SignalMask(bits: 0).restore()
                check(context.sleep(until: .never), is: -Int(EINTR))
                wasWoken.store(true, ordering: .relaxed)
                var result = -Int(EINTR)
                while result == -Int(EINTR) { result = context.sleep(until: .never) }
                check(result, is: -Int(EFAULT))
            }
            while !wasWoken.load(ordering: .relaxed) {
                sleeper.interrupt(SIGUSR1)
                usleep(1000)
            }
            poll.event.signal()
            sleeper.join()
            check(Witness.count.load(ordering: .relaxed) > 0)
            context.leaveHome()!.destroy()
        }
    }

    @Test func `gives up a poll that is cancelled, and says so by an event`() throws {
        let context = try #require(makeContext())
        defer { context.leaveHome()!.destroy() }
        let poll = Poll(data: 5)
        #expect(context.submit(poll.request) == 1)
        #expect(context.cancel(poll.request) == -Int(EINPROGRESS))
        #expect(context.sleep(atMost: 20_000_000_000) == -Int(EFAULT))
        var event = io_event()
        #expect(context.ring.take(into: &event, limit: 1) == 1)
        #expect(event.data == 5 && event.res == 0)
    }

    @Test func `takes requests until it has no room, and again when it has`() throws {
        let context = try #require(makeContext(1))
        defer { context.leaveHome()!.destroy() }
        let poll = Poll()
        poll.event.signal()
        var submitted = 0
        while submitted < 10_000, context.submit(poll.request) == 1 { submitted += 1 }
        #expect((1..<10_000).contains(submitted))
        #expect(context.submit(poll.request) == -Int(EAGAIN))
        #expect(context.ring.take(submitted).count == submitted)
        #expect(context.submit(poll.request) == 1)
        #expect(context.ring.take(4).count == 1)
    }

    @Test func `says how many of a batch it took, and why not the next`() throws {
        let context = try #require(makeContext())
        defer { context.leaveHome()!.destroy() }
        let polls = [Poll(), Poll(), Poll()]
        polls[2].request.pointee.aio_fildes = .max
        var batch: [UnsafeMutablePointer<iocb>?] = polls.map(\.request)
        #expect(context.submit(&batch, 3) == 2)
        #expect(context.submit(polls[2].request) == -Int(EBADF))
    }

    @Test func `that is refused says why`() {
        var home: UInt = 0
        guard case .refused(let none) = AIOContext.make(events: 0, home: &home) else {
            Issue.record("a context for no events")
            return
        }
        #expect(none.error == EINVAL)
        guard case .refused(let many) = AIOContext.make(events: 100_000_000, home: &home) else {
            Issue.record("a context for 100 million events")
            return
        }
        #expect([EAGAIN, EINVAL, ENOMEM].contains(many.error))
    }

    @Test func `has its ring where the one before it had it, and in between that is an empty ring`() throws {
        var home: UInt = 0
        for _ in 0..<3 {
            let before = home
            guard case .made(let context) = AIOContext.make(events: 8, home: &home) else {
                Issue.record("no context")
                return
            }
            #expect(context.identifier == home)
            #expect(before == 0 || before == home)
            let poll = Poll()
            poll.event.signal()
            #expect(context.submit(poll.request) == 1)
            #expect(!context.ring.isEmpty)
            var event = io_event()
            #expect(context.ring.take(into: &event, limit: 1) == 1)
            try #require(context.leaveHome()).destroy()
            #expect(try #require(CompletionRing(trusted: home)).isEmpty)
        }
    }

    @Test func `may be looked at by any thread while it comes and goes`() throws {
        var home: UInt = 0
        guard case .made(let first) = AIOContext.make(events: 8, home: &home) else {
            Issue.record("no context")
            return
        }
        first.leaveHome()!.destroy()
        let place = home
        let isOver = Atomic<Bool>(false)
        concurrently(3) { number in
            if number > 0 {
                while !isOver.load(ordering: .relaxed) { _ = CompletionRing(trusted: place)?.isEmpty }
                return
            }
            var home = place
            for _ in 0..<10 {
                guard case .made(let context) = AIOContext.make(events: 8, home: &home) else { break }
                context.leaveHome()!.destroy()
            }
            isOver.store(true, ordering: .relaxed)
        }
    }

    @Test func `that is gone wakes nobody up with an event`() throws {
        // Another test's context may get the address, so that it takes more than one look.
        var result = 0
        for _ in 0..<20 where result != -Int(EINVAL) {
            let context = try #require(makeContext())
            context.leaveHome()!.destroy()
            result = context.sleep(atMost: 1_000_000)
        }
        #expect(result == -Int(EINVAL))
    }
}
