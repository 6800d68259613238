// An io context of the kernel's AIO with its mapped ring.
//
// Every context of the process has its ring at one place, the home, which is readable memory from the first context on
// and stays that: without a context there are zeroes, which is an empty ring. So anyone may look at the ring at any
// time, with no lock and no count of who looks. The kernel lets a ring be moved by mremap, as a whole (a part of it
// before Linux 7.1 only), and io_destroy unmaps it, so it is moved away first. What that would leave is a hole, for a
// moment; but above the home begins memory that grows downwards, as a stack does: who looks into the hole finds zeroes.

import CKernel
import Synchronization

/// The C library has no functions for the five calls, so they are made here.
struct AIOContext {
    let identifier: UInt
    let ring: CompletionRing

    /// A context, or the call and the errno for which there is none. ENOTSUP: the call is there, but the ring is not
    /// mapped, or does not behave as `sleep` needs.
    enum Setup {
        case made(AIOContext)
        case refused(Refusal)
    }

    /// - Parameter home: where the ring is to be; made here if 0. It stays the process's own.
    static func make(events: Int, home: inout UInt) -> Setup {
        var identifier: UInt = 0
        let result = withUnsafeMutablePointer(to: &identifier) { systemCall(SYS_io_setup, events, address($0)) }
        if result < 0 { return .refused(Refusal("io_setup", CInt(-result))) }
        do throws(Refusal) {
            guard let ring = CompletionRing(context: identifier) else { throw Refusal("io_setup", ENOTSUP) }
            try AIOContext(identifier: identifier, ring: ring).tryToSleep()
            // The child of a fork shares the ring's pages, but not the context.
            Pages.advise(UnsafeMutableRawPointer(bitPattern: identifier)!, ring.length, MADV_DONTFORK)
            if home == 0 { home = makeHome(ring.length) }
            if home == 0 { throw Refusal("mmap", ENOMEM) }
            _ = try Refusal.unless("mremap", move(identifier, ring.length, to: home))
            guard let ring = CompletionRing(context: home) else { throw Refusal("mremap", ENOTSUP) }
            return .made(AIOContext(identifier: home, ring: ring))
        } catch {
            _ = systemCall(SYS_io_destroy, Int(bitPattern: identifier))
            return .refused(error)
        }
    }

    /// MREMAP_MAYMOVE and MREMAP_FIXED, which only _GNU_SOURCE shows.
    private static let moveToThere = 3

    private static func move(_ start: UInt, _ length: Int, to place: UInt) -> Int {
        systemCall(SYS_mremap, Int(bitPattern: start), length, length, moveToThere, Int(bitPattern: place))
    }

    /// Whether the memory above the home grows into it. Under the engine's lock.
    private static let homeFills = Atomic<Bool>(false)
    private static var homeFillsItself: Bool {
        get { homeFills.load(ordering: .relaxed) }
        set { homeFills.store(newValue, ordering: .relaxed) }
    }

    /// Makes a place for rings: a page that is not to be touched, the home, and a page that grows downwards. The kernel
    /// lets nobody have what lies closely below such memory, so a hole in the home is not taken. Returns 0 without memory.
    private static func makeHome(_ length: Int) -> UInt {
        let page = Pages.size
        guard let area = Pages.map(page + length + page) else { return 0 }
        let home = area + page
        _ = systemCall(SYS_mprotect, address(area), page, Int(PROT_NONE))
        homeFillsItself = Pages.map(at: home + length, page, MAP_FIXED | MAP_GROWSDOWN)
        if homeFillsItself {
            Pages.unmap(home, length)
            homeFillsItself = Pages.isReadable(home)
            if !homeFillsItself, !Pages.map(at: home, length, MAP_FIXED_NOREPLACE) { return 0 }
        }
        return UInt(bitPattern: home)
    }

    /// Whether a hole in the home is filled now: memory that grows does so within RLIMIT_STACK, and locked memory within
    /// RLIMIT_MEMLOCK.
    private static func mayLeaveHome(_ home: UInt, _ length: Int) -> Bool {
        guard homeFillsItself else { return false }
        _ = systemCall(SYS_munlock, Int(bitPattern: home) + length, Pages.size)
        var limit = rlimit()
        _ = withUnsafeMutablePointer(to: &limit) {
            systemCall(SYS_prlimit64, 0, Int(RLIMIT_STACK.rawValue), 0, address($0))
        }
        return length + Pages.size <= Int(clamping: UInt64(limit.rlim_cur))
    }

    /// A context whose ring is not at home any more.
    struct Remains {
        fileprivate let identifier: UInt

        /// Waits for transfers in flight; takes some 30 ms even without any.
        func destroy() { _ = systemCall(SYS_io_destroy, Int(bitPattern: identifier)) }
    }

    /// Leaves zeroes at home and moves the context away, for its end. Nothing is in flight. Nil where that can't be done
    /// now: then nothing has changed, and the context can be used on.
    func leaveHome() -> Remains? {
        let length = ring.length
        // As much memory as is needed for the zeroes is there: the ring comes in its place.
        guard AIOContext.mayLeaveHome(identifier, length), let place = Pages.map(length) else { return nil }
        guard AIOContext.move(identifier, length, to: UInt(bitPattern: place)) >= 0 else {
            Pages.unmap(place, length)
            return nil
        }
        _ = Pages.isReadable(UnsafeMutableRawPointer(bitPattern: identifier)!)
        return Remains(identifier: UInt(bitPattern: place))
    }

    /// In the child of a fork, which does not have the ring: makes the home readable all the same.
    static func emptyHome(_ home: UInt) {
        guard let start = UnsafeMutableRawPointer(bitPattern: home), !homeFillsItself else { return }
        _ = Pages.map(at: start, Pages.size, MAP_FIXED_NOREPLACE)
    }

    /// Returns how many of the iocbs the kernel took, in order from the first, or the negated errno of the
    /// first. -EAGAIN: no room.
    func submit(_ iocbs: UnsafeMutablePointer<UnsafeMutablePointer<iocb>?>, _ count: Int) -> Int {
        systemCall(SYS_io_submit, Int(bitPattern: identifier), count, address(iocbs))
    }

    func submit(_ one: UnsafeMutablePointer<iocb>) -> Int {
        var list: UnsafeMutablePointer<iocb>? = one
        return submit(&list, 1)
    }

    /// Whether the kernel may be asked to: EINVAL is its answer for what it does not have.
    var canCancel: Bool {
        var none = iocb()
        return cancel(&none) == -Int(EINVAL)
    }

    /// Asks the kernel to give up a poll: its event then arrives with result 0. A transfer is never given up.
    func cancel(_ one: UnsafeMutablePointer<iocb>) -> Int {
        var event = io_event()
        return withUnsafeMutablePointer(to: &event) {
            systemCall(SYS_io_cancel, Int(bitPattern: identifier), address(one), address($0))
        }
    }

    /// Sleeps until the ring has an event (or so many; kernels before 6.8 wake up for one), and leaves the event there.
    ///
    /// The kernel copies an event out before it moves the head; given an address that can't be written it gives
    /// up with EFAULT and moves nothing. So any number of threads may sleep here and hold nothing: who is
    /// interrupted, cancelled or jumps out of a signal handler leaves nothing behind.
    ///
    /// The thread's signal mask is `mask` while it sleeps: a handler that runs ends the sleep. Returns -EFAULT if
    /// the ring has an event, 0 when the time is up, -EINTR for a signal.
    func sleep(until deadline: Instant, _ mask: SignalMask, for count: Int = 1) -> Int {
        var time = timespec()
        let limited = deadline != .never
        if limited { time = timespec(interval: deadline.remaining) }
        var mask = mask
        return withUnsafePointer(to: &time) { time in
            withUnsafePointer(to: &mask) { mask in
                var signals = (address(mask), 8)
                return withUnsafePointer(to: &signals) { signals in
                    systemCall(
                        SYS_io_pgetevents, Int(bitPattern: identifier), count, count, AIOContext.nowhere,
                        limited ? address(time) : 0, address(signals))
                }
            }
        }
    }

    /// In the last page of the address space, where no process can have memory.
    private static let nowhere = -4096

    /// Tries that on a new context: an event that is there must make `sleep` end and must still be there.
    private func tryToSleep() throws(Refusal) {
        try ReadyPipe.open()
        var poll = iocb(polling: ReadyPipe.descriptor, for: POLLIN)
        if try Refusal.unless("io_submit", submit(&poll)) != 1 || ring.isEmpty { throw Refusal("io_submit", ENOTSUP) }
        let result = sleep(until: Instant.now.advanced(by: 1_000_000_000), .all)
        if result != -Int(EFAULT) || ring.isEmpty {
            throw Refusal("io_pgetevents", result < 0 && result != -Int(EFAULT) ? CInt(-result) : ENOTSUP)
        }
        var event = io_event()
        if ring.take(into: &event, limit: 1) != 1 || !ring.isEmpty { throw Refusal("io_pgetevents", ENOTSUP) }
    }
}

extension Pages {
    /// Whether the kernel can read there, on our behalf: a call that reads eight bytes and then finds its request
    /// senseless.
    fileprivate static func isReadable(_ start: UnsafeMutableRawPointer) -> Bool {
        let senseless = 99
        return systemCall(SYS_rt_sigprocmask, senseless, address(start), 0, 8) == -Int(EINVAL)
    }
}

extension iocb {
    /// A request to be told when the descriptor is ready.
    init(polling descriptor: Descriptor, for events: CInt) {
        self.init()
        aio_lio_opcode = UInt16(IOCB_CMD_POLL)
        aio_fildes = UInt32(bitPattern: descriptor.number)
        aio_buf = UInt64(events)
    }
}
