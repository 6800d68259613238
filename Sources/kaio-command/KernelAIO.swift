// The kernel's AIO, as it answers here: one request at a time, to find out what can be done.

import CKernel
import Glibc

struct KernelAIO: ~Copyable {
    private let context: Int
    /// The completion ring's address: that of the context.
    private static let magic: UInt32 = 0xa10a_10a1
    private static let noWait: UInt32 = 8  // RWF_NOWAIT

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

    enum Transfer: Int16 {
        case read = 0
        case write = 1
    }

    /// A transfer of the whole buffer at the beginning of a file, that must not wait. A count or a negated errno.
    func transfer(_ operation: Transfer, _ file: CInt, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        var block = iocb()
        block.aio_lio_opcode = operation.rawValue
        block.aio_fildes = file
        block.aio_rw_flags = KernelAIO.noWait
        block.u.c.buf = buffer.baseAddress
        block.u.c.nbytes = UInt(buffer.count)
        var result = run(&block)
        // A page may be in use for a moment, by the write that comes before.
        for _ in 0..<10 where result == -Int(EAGAIN) {
            usleep(1000)
            result = run(&block)
        }
        return result
    }

    func synchronize(_ file: CInt) -> Int {
        var block = iocb()
        block.aio_lio_opcode = 2  // IOCB_CMD_FSYNC
        block.aio_fildes = file
        return run(&block)
    }

    /// Returns the events of poll(2) that are there.
    func poll(_ file: CInt, _ events: Int32) -> Int {
        var block = iocb()
        block.aio_lio_opcode = 5  // IOCB_CMD_POLL
        block.aio_fildes = file
        block.u.poll.events = events
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
            return count == 1 ? Int(bitPattern: event.res) : count < 0 ? count : -Int(ETIMEDOUT)
        }
    }
}

struct KernelError: Error {
    let number: CInt
}
