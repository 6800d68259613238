// An io context of the kernel's AIO with its mapped ring.
//
// Every context of the process has its ring at one place, the home, which is readable memory from the first context on
// and stays that: without a context there is a page of zeroes, which is an empty ring. So anyone may look at the
// ring at any time, with no lock and no count of who looks. (The kernel lets a ring be moved, and mmap and mremap replace
// what is mapped at an address in one step. io_destroy unmaps the ring, so it is moved away first.)

import CKernel

/// libaio's own functions can't be linked into a preloaded object, so the five calls are made here.
struct AIOContext {
    let identifier: UInt
    let ring: CompletionRing

    /// What io_setup says: a context, or the errno for which there is none. ENOTSUP: the calls are there, but
    /// the ring is not mapped, or does not behave as `sleep` needs.
    enum Setup {
        case made(AIOContext)
        case refused(CInt)
    }

    /// - Parameter home: where the ring is to be; chosen here if 0. It stays the process's own.
    static func make(events: Int, home: inout UInt) -> Setup {
        var identifier: UInt = 0
        let result = withUnsafeMutablePointer(to: &identifier) { systemCall(SYS_io_setup, events, address($0)) }
        if result < 0 { return .refused(CInt(-result)) }
        guard let ring = CompletionRing(context: identifier) else {
            _ = systemCall(SYS_io_destroy, Int(bitPattern: identifier))
            return .refused(ENOTSUP)
        }
        if ring.length < 2 * pageSize {
            // The page that stays and the one that is moved away are two.
            _ = systemCall(SYS_io_destroy, Int(bitPattern: identifier))
            return make(events: events * 2, home: &home)
        }
        if home == 0, let memory = Pages.map(ring.length) { home = UInt(bitPattern: memory) }
        guard home != 0, move(identifier, ring.length, to: home), let ring = CompletionRing(context: home) else {
            _ = systemCall(SYS_io_destroy, Int(bitPattern: identifier))
            return .refused(ENOTSUP)
        }
        let context = AIOContext(identifier: home, ring: ring)
        // The child of a fork shares the ring's pages, but not the context.
        Pages.advise(UnsafeMutableRawPointer(bitPattern: home)!, ring.length, MADV_DONTFORK)
        guard context.sleepLeavesEvents() else {
            let remains = context.leaveHome()
            if !remains.homeIsKept { home = 0 }
            remains.destroy()
            return .refused(ENOTSUP)
        }
        return .made(context)
    }

    private static let pageSize = 4096
    /// MREMAP_MAYMOVE and MREMAP_FIXED, which only _GNU_SOURCE shows.
    private static let moveToThere = 3

    private static func move(_ start: UInt, _ length: Int, to place: UInt) -> Bool {
        systemCall(
            SYS_mremap, Int(bitPattern: start), length, length, moveToThere,
            Int(bitPattern: place)) >= 0
    }

    /// A context whose ring is not at home any more.
    struct Remains {
        fileprivate let identifier: UInt
        /// Whether the home is still as it was; if not, the next context needs another.
        let homeIsKept: Bool

        /// Waits for transfers in flight; takes some 30 ms even without any.
        func destroy() { _ = systemCall(SYS_io_destroy, Int(bitPattern: identifier)) }
    }

    /// Leaves zeroes at home and moves the context away, for its end. Nothing is in flight.
    func leaveHome() -> Remains {
        let length = ring.length
        let rest = length - AIOContext.pageSize
        let number = ring.number
        let home = UnsafeMutableRawPointer(bitPattern: identifier)!
        // The last page alone is moved, to the front of a place as large as the ring: there the kernel looks for the
        // ring's number, and that much it unmaps.
        guard let place = Pages.map(length), Pages.map(at: home, rest),
            AIOContext.move(identifier + UInt(rest), AIOContext.pageSize, to: UInt(bitPattern: place))
        else {
            // The kernel is out of memory for mappings: the context stays until the process ends.
            return Remains(identifier: 0, homeIsKept: false)
        }
        place.storeBytes(of: number, as: UInt32.self)
        // Another thread may have mapped something into the hole.
        let homeIsKept = Pages.map(at: home + rest, AIOContext.pageSize, ifFree: true)
        return Remains(identifier: UInt(bitPattern: place), homeIsKept: homeIsKept)
    }

    /// In the child of a fork, which does not have the ring: makes the home readable all the same.
    static func emptyHome(_ home: UInt) {
        if let start = UnsafeMutableRawPointer(bitPattern: home) { _ = Pages.map(at: start, pageSize, ifFree: true) }
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
    /// the ring has an event, 0 when the time is up, -EINTR for a signal. If the thread is `cancellable` here and is
    /// cancelled, `cleanup` runs with `argument`.
    func sleep(
        until deadline: Instant, _ mask: SignalMask, for count: Int = 1, cancellable: Bool = false,
        cleanup: Cleanup? = nil,
        argument: UnsafeMutableRawPointer? = nil
    ) -> Int {
        var time = timespec()
        let limited = deadline != .never
        if limited { time = timespec(interval: deadline.remaining) }
        var mask = mask
        return withUnsafePointer(to: &time) { time in
            withUnsafePointer(to: &mask) { mask in
                var signals = (address(mask), 8)
                return withUnsafePointer(to: &signals) { signals in
                    let timeout = limited ? address(time) : 0
                    if cancellable {
                        return cancellableSystemCall(
                            SYS_io_pgetevents, Int(bitPattern: identifier), count, count, AIOContext.nowhere, timeout,
                            address(signals), cleanup, argument)
                    }
                    return systemCall(
                        SYS_io_pgetevents, Int(bitPattern: identifier), count, count, AIOContext.nowhere, timeout,
                        address(signals))
                }
            }
        }
    }

    /// In the last page of the address space, where no process can have memory.
    private static let nowhere = -4096

    /// Tries that on a new context: an event that is there must make `sleep` end and must still be there.
    private func sleepLeavesEvents() -> Bool {
        guard let ready = EventDescriptor.make() else { return false }
        defer { ready.descriptor.dispose() }
        ready.signal()
        var poll = iocb(polling: ready.descriptor, for: POLLIN)
        guard submit(&poll) == 1, !ring.isEmpty else { return false }
        guard sleep(until: Instant.now.advanced(by: 1_000_000_000), .all) == -Int(EFAULT), !ring.isEmpty else {
            return false
        }
        var event = io_event()
        return ring.take(into: &event, limit: 1) == 1 && ring.isEmpty
    }
}

extension Pages {
    /// Makes what is at an address zeroed memory, in one step. False if that can't be, or something is there that is
    /// to be left alone.
    fileprivate static func map(at start: UnsafeMutableRawPointer, _ length: Int, ifFree: Bool = false) -> Bool {
        let fixed = ifFree ? MAP_FIXED_NOREPLACE : MAP_FIXED
        let result = systemCall(
            SYS_mmap, address(start), length, Int(PROT_READ | PROT_WRITE),
            Int(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed), -1, 0)
        // A kernel that does not know "if free" takes the address for a wish.
        if result >= 0, result != address(start) { unmap(UnsafeMutableRawPointer(bitPattern: result)!, length) }
        return result == address(start)
    }
}

extension iocb {
    /// A request to be told when the descriptor is ready.
    init(polling descriptor: Descriptor, for events: CInt) {
        self.init()
        aio_lio_opcode = Int16(IO_CMD_POLL.rawValue)
        aio_fildes = descriptor.number
        u.poll.events = events
    }
}
