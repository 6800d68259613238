// What a thread of this process is doing, as /proc tells it.

import CKernel

enum ThreadState {
    /// Whether the thread sleeps in the kernel in a read, write or synchronization of the descriptor. It has looked
    /// the number up by then: nothing before that sleeps. False if it runs; nil if /proc can't be read.
    static func isAsleepInCall(_ thread: CInt, on descriptor: Descriptor) -> Bool? {
        var path = Message()
        path.add("/proc/self/task/")
        path.add(Int(thread))
        path.add("/syscall")
        guard let name = path.terminated() else { return nil }
        let number = systemCall(SYS_openat, Int(AT_FDCWD), address(name), Int(O_RDONLY | O_CLOEXEC))
        guard number >= 0 else { return nil }
        let file = Descriptor(number: CInt(number))
        defer { file.close() }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { buffer -> Bool? in
            // "running", or the call's number, then its arguments in hexadecimal.
            let count = file.read(buffer.baseAddress, 64)
            guard count > 0 else { return nil }
            var text = Text(buffer.baseAddress!, count: count)
            guard let call = text.takeWord()?.number, let argument = text.takeWord() else { return false }
            return isTransfer(CInt(truncatingIfNeeded: call)) && argument.hexadecimal == Int(descriptor.number)
        }
    }

    private static func isTransfer(_ call: CInt) -> Bool {
        switch call {
        case SYS_read, SYS_write, SYS_pread64, SYS_pwrite64, SYS_preadv, SYS_pwritev, SYS_preadv2, SYS_pwritev2,
            SYS_fsync, SYS_fdatasync:
            return true
        default: return false
        }
    }
}
