import CKernel

/// An io context of the kernel's AIO with its mapped ring. libaio's own functions can't be linked into a
/// preloaded object, so the five calls are made here.
struct AIOContext {
    let identifier: UInt
    let ring: CompletionRing

    /// What io_setup says: a context, or the errno for which there is none. ENOTSUP: the calls are there, but
    /// the ring is not mapped, or does not behave as `sleep` needs.
    enum Setup {
        case made(AIOContext)
        case refused(CInt)
    }

    static func make(events: Int) -> Setup {
        var identifier: UInt = 0
        let result = withUnsafeMutablePointer(to: &identifier) { systemCall(SYS_io_setup, events, address($0)) }
        if result < 0 { return .refused(CInt(-result)) }
        guard let ring = CompletionRing(context: identifier) else {
            _ = systemCall(SYS_io_destroy, Int(bitPattern: identifier))
            return .refused(ENOTSUP)
        }
        let context = AIOContext(identifier: identifier, ring: ring)
        // The child of a fork shares the ring's pages, but not the context.
        Pages.advise(UnsafeMutableRawPointer(bitPattern: identifier)!, ring.length, MADV_DONTFORK)
        guard context.sleepLeavesEvents() else {
            context.destroy()
            return .refused(ENOTSUP)
        }
        return .made(context)
    }

    /// Waits for transfers in flight; takes some 30 ms even without any.
    func destroy() { _ = systemCall(SYS_io_destroy, Int(bitPattern: identifier)) }

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

    /// Sleeps until the ring has an event, and leaves the event there.
    ///
    /// The kernel copies an event out before it moves the head; given an address that can't be written it gives
    /// up with EFAULT and moves nothing. So any number of threads may sleep here and hold nothing: who is
    /// interrupted, cancelled or jumps out of a signal handler leaves nothing behind.
    ///
    /// The thread's signal mask is `mask` while it sleeps: a handler that runs ends the sleep. Returns -EFAULT if
    /// the ring has an event, 0 when the time is up, -EINTR for a signal. If the thread is `cancellable` here and is
    /// cancelled, `cleanup` runs with `argument`.
    func sleep(
        until deadline: Instant, _ mask: SignalMask, cancellable: Bool = false, cleanup: Cleanup? = nil,
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
                            SYS_io_pgetevents, Int(bitPattern: identifier), 1, 1, AIOContext.nowhere, timeout,
                            address(signals), cleanup, argument)
                    }
                    return systemCall(
                        SYS_io_pgetevents, Int(bitPattern: identifier), 1, 1, AIOContext.nowhere, timeout,
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

extension iocb {
    /// A request to be told when the descriptor is ready.
    init(polling descriptor: Descriptor, for events: CInt) {
        self.init()
        aio_lio_opcode = Int16(IO_CMD_POLL.rawValue)
        aio_fildes = descriptor.number
        u.poll.events = events
    }
}
