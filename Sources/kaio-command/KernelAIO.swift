// The kernel's AIO, as it answers here: one request at a time, to find out what can be done.

import CKernel
import Glibc

struct KernelAIO: ~Copyable {
    private let context: Int
    /// The completion ring's address: that of the context.
    private static let magic: UInt32 = 0xa10a_10a1
    private static let noWait: CInt = 8  // RWF_NOWAIT

    /// Fails with the errno of io_setup.
    init(requests: Int) throws(KernelError) {
        var context = 0
        let result = withUnsafeMutablePointer(to: &context) { systemCall(SYS_io_setup, requests, address($0)) }
        if result < 0 { throw KernelError(number: CInt(-result)) }
        self.context = context
    }

    deinit { _ = systemCall(SYS_io_destroy, context) }

    var hasMappedRing: Bool {
        UnsafeRawPointer(bitPattern: context).map { $0.load(fromByteOffset: 16, as: UInt32.self) == KernelAIO.magic }
            ?? false
    }

    /// The call that is refused among those that the library makes, and its errno.
    var refusedCall: (name: String, error: CInt)? {
        var now = timespec()
        let wait = withUnsafePointer(to: &now) { systemCall(SYS_io_pgetevents, context, 0, 0, 0, address($0)) }
        if wait < 0 { return ("io_pgetevents", CInt(-wait)) }
        let submission = systemCall(SYS_io_submit, context, 0)
        if submission < 0 { return ("io_submit", CInt(-submission)) }
        // There is nothing to cancel: EINVAL or EFAULT.
        let cancellation = -systemCall(SYS_io_cancel, context)
        return [ENOSYS, EPERM].contains(CInt(cancellation)) ? ("io_cancel", CInt(cancellation)) : nil
    }

    /// Whether the ring can be moved away as a whole, and memory that grows downwards fills the hole: so the library gives
    /// its context back. Leaves the ring elsewhere, and destroys it.
    static var isGivenBack: Bool {
        var context = 0
        guard withUnsafeMutablePointer(to: &context, { systemCall(SYS_io_setup, 1, address($0)) }) == 0 else {
            return false
        }
        var own = context
        defer { _ = systemCall(SYS_io_destroy, own) }
        let page = Int(getauxval(UInt(AT_PAGESZ)))
        let capacity = UnsafeRawPointer(bitPattern: context)!.load(fromByteOffset: 4, as: UInt32.self)
        let length = (32 + Int(capacity) * 32 + page - 1) / page * page
        let none = MAP_PRIVATE | MAP_ANONYMOUS
        guard let area = mmap(nil, length + 2 * page, PROT_NONE, none, -1, 0), area != MAP_FAILED,
            let place = mmap(nil, length, PROT_NONE, none, -1, 0), place != MAP_FAILED,
            mmap(area + page + length, page, PROT_READ | PROT_WRITE, none | MAP_FIXED | MAP_GROWSDOWN, -1, 0)
                == area + page + length
        else { return false }
        for target in [area + page, place] {
            let moved = systemCall(SYS_mremap, own, length, length, 3, address(target))
            guard moved == address(target) else { return false }
            own = moved
        }
        // A call that reads there and then finds its request senseless.
        return systemCall(SYS_rt_sigprocmask, 99, address(area + page), 0, 8) == -Int(EINVAL)
    }

    enum PartialMove {
        case refused
        /// The context is then known by that page's address, and no longer by its own.
        case renames
        case keepsName
    }

    /// What comes of moving the last page of the ring alone.
    static var partialMove: PartialMove {
        var context = 0
        guard withUnsafeMutablePointer(to: &context, { systemCall(SYS_io_setup, 256, address($0)) }) == 0 else {
            return .refused
        }
        let page = Int(getauxval(UInt(AT_PAGESZ)))
        let capacity = UnsafeRawPointer(bitPattern: context)!.load(fromByteOffset: 4, as: UInt32.self)
        let length = (32 + Int(capacity) * 32 + page - 1) / page * page
        let none = MAP_PRIVATE | MAP_ANONYMOUS
        // As long as the ring: when the context is destroyed, so much is unmapped from its name on.
        guard length > page, let place = mmap(nil, length, PROT_NONE, none, -1, 0), place != MAP_FAILED
        else {
            _ = systemCall(SYS_io_destroy, context)
            return .refused
        }
        let moved = systemCall(SYS_mremap, context + length - page, page, page, 3, address(place)) == address(place)
        let number = UnsafeRawPointer(bitPattern: context)!.load(as: UInt32.self)
        if systemCall(SYS_io_destroy, context) == 0 { return moved ? .keepsName : .refused }
        // By that name the kernel looks for the context's number there, where events would be.
        place.storeBytes(of: number, as: UInt32.self)
        return systemCall(SYS_io_destroy, address(place)) == 0 ? .renames : .refused
    }

    /// Whether an event that a sleep can't deliver stays in the ring.
    var leavesEvents: Bool {
        let event = eventfd(1, Int32(EFD_CLOEXEC))
        defer { close(event) }
        var block = iocb()
        block.aio_lio_opcode = UInt16(IOCB_CMD_POLL)
        block.aio_fildes = UInt32(bitPattern: event)
        block.aio_buf = UInt64(POLLIN)
        return withUnsafeMutablePointer(to: &block) { pointer in
            var list: UnsafeMutablePointer<iocb>? = pointer
            guard withUnsafeMutablePointer(to: &list, { systemCall(SYS_io_submit, context, 1, address($0)) }) == 1
            else {
                return false
            }
            var limit = timespec(tv_sec: 1, tv_nsec: 0)
            let slept = systemCall(SYS_io_pgetevents, context, 1, 1, -4096, address(&limit))
            var result = io_event()
            return slept == -Int(EFAULT)
                && systemCall(SYS_io_getevents, context, 1, 1, address(&result), address(&limit)) == 1
        }
    }

    enum Transfer: UInt16 {
        case read = 0
        case write = 1
    }

    private static func block(
        _ operation: Transfer, _ file: CInt, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int
    ) -> iocb {
        var block = iocb()
        block.aio_lio_opcode = operation.rawValue
        block.aio_fildes = UInt32(bitPattern: file)
        block.aio_rw_flags = noWait
        block.aio_buf = UInt64(UInt(bitPattern: buffer.baseAddress))
        block.aio_nbytes = UInt64(buffer.count)
        block.aio_offset = Int64(offset)
        return block
    }

    /// A transfer of the whole buffer that must not wait. A count or a negated errno.
    func transfer(
        _ operation: Transfer, _ file: CInt, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int = 0,
        once: Bool = false
    ) -> Int {
        var block = KernelAIO.block(operation, file, buffer, at: offset)
        var result = run(&block)
        // A page may be in use for a moment, by the write that comes before.
        for _ in 0..<10 where result == -Int(EAGAIN) && !once {
            usleep(1000)
            result = run(&block)
        }
        return result
    }

    /// How many of so many direct reads the kernel refuses that are all given to it at once: they would wait for room in the
    /// device's queue. Every other block, as neighbours would be one request of the device. nil: they could not be made.
    static func refusedReads(of file: CInt, count: Int, size: Int) -> Int? {
        // Nobody looks at what is read: one buffer will do for all. It is there until the context is destroyed, which waits for all.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: size)
        defer { buffer.deallocate() }
        let blocks = UnsafeMutablePointer<iocb>.allocate(capacity: count)
        defer { blocks.deallocate() }
        var context = 0
        guard withUnsafeMutablePointer(to: &context, { systemCall(SYS_io_setup, count, address($0)) }) == 0
        else { return nil }
        defer { _ = systemCall(SYS_io_destroy, context) }
        for index in 0..<count {
            blocks[index] = KernelAIO.block(.read, file, buffer, at: 2 * index * size)
        }
        var list = (0..<count).map { Optional(blocks + $0) }
        var events = [io_event](repeating: io_event(), count: count)
        let submitted = systemCall(SYS_io_submit, context, count, address(&list))
        var limit = timespec(tv_sec: 10, tv_nsec: 0)
        guard submitted == count,
            systemCall(SYS_io_getevents, context, count, count, address(&events), address(&limit)) == count
        else { return nil }
        return events.count { $0.res == -Int64(EAGAIN) }
    }

    func synchronize(_ file: CInt) -> Int {
        var block = iocb()
        block.aio_lio_opcode = UInt16(IOCB_CMD_FSYNC)
        block.aio_fildes = UInt32(bitPattern: file)
        return run(&block)
    }

    /// Returns the events of poll(2) that are there.
    func poll(_ file: CInt, _ events: Int32) -> Int {
        var block = iocb()
        block.aio_lio_opcode = UInt16(IOCB_CMD_POLL)
        block.aio_fildes = UInt32(bitPattern: file)
        block.aio_buf = UInt64(events)
        return run(&block)
    }

    private func run(_ block: inout iocb) -> Int {
        withUnsafeMutablePointer(to: &block) { pointer in
            var list: UnsafeMutablePointer<iocb>? = pointer
            let submitted = withUnsafeMutablePointer(to: &list) { systemCall(SYS_io_submit, context, 1, address($0)) }
            if submitted < 0 { return submitted }
            var event = io_event()
            var limit = timespec(tv_sec: 10, tv_nsec: 0)
            let count = systemCall(SYS_io_getevents, context, 1, 1, address(&event), address(&limit))
            return count == 1 ? Int(event.res) : count < 0 ? count : -Int(ETIMEDOUT)
        }
    }
}

struct KernelError: Error {
    let number: CInt
}
