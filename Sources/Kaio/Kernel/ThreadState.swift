// What a thread of this process is doing, as /proc tells it.

import CKernel

enum ThreadState {
    /// The kernel's number of the calling thread.
    static var mine: CInt { number(systemCall(SYS_gettid), "/proc/thread-self") }

    /// And of the process.
    static var process: CInt { number(systemCall(SYS_getpid), "/proc/self") }

    /// What a call says, or where a filter refuses it, what stands last in a link; 0 if neither can be had.
    private static func number(_ result: Int, _ link: StaticString) -> CInt {
        if result >= 0 { return CInt(truncatingIfNeeded: result) }
        var room = InlineArray<8, UInt64>(repeating: 0)
        return withUnsafeMutableBytes(of: &room) { bytes in
            let count = systemCall(
                SYS_readlinkat, Int(AT_FDCWD), address(link.utf8Start), address(bytes.baseAddress), bytes.count)
            var value: CInt = 0
            for index in 0..<max(0, count) {
                let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index])
                value = isDigit ? value &* 10 &+ CInt(bytes[index] - UInt8(ascii: "0")) : 0
            }
            return value
        }
    }

    /// Whether a tracer has the calling thread, which may then sleep in any call.
    static var isTraced: Bool {
        let path: StaticString = "/proc/thread-self/status"
        let number = systemCall(SYS_openat, Int(AT_FDCWD), address(path.utf8Start), Int(O_RDONLY | O_CLOEXEC))
        guard number >= 0 else { return false }
        let file = Descriptor(number: CInt(number))
        defer { file.close() }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 512) { buffer in
            var text = Text(buffer.baseAddress!, count: max(0, file.read(buffer.baseAddress, 512)))
            while let word = text.takeWord() {
                if word == "TracerPid:" as StaticString { return text.takeWord()?.number != 0 }
            }
            return false
        }
    }

    /// It runs, or could run.
    case running
    /// It sleeps in the kernel, in this system call.
    case asleep(call: CInt, firstArgument: Int)
    case ended
    /// /proc can't be read.
    case unknown

    static func of(_ thread: CInt) -> ThreadState {
        var path = Message()
        path.add("/proc/self/task/")
        path.add(Int(thread))
        path.add("/syscall")
        guard let name = path.terminated() else { return .unknown }
        let number = systemCall(SYS_openat, Int(AT_FDCWD), address(name), Int(O_RDONLY | O_CLOEXEC))
        guard number >= 0 else {
            return number == -Int(ENOENT)
                && systemCall(SYS_tgkill, Int(process), Int(thread), 0) == -Int(ESRCH)
                ? .ended : .unknown
        }
        let file = Descriptor(number: CInt(number))
        defer { file.close() }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { buffer in
            // "running", or the call's number, then its arguments in hexadecimal.
            let count = file.read(buffer.baseAddress, 64)
            if count == -Int(ESRCH) { return .ended }
            guard count > 0 else { return .unknown }
            var text = Text(buffer.baseAddress!, count: count)
            guard let call = text.takeWord()?.number, let argument = text.takeWord()?.hexadecimal else {
                return .running
            }
            return .asleep(call: CInt(truncatingIfNeeded: call), firstArgument: argument)
        }
    }

    /// Whether the thread sleeps in the kernel in a read, write or synchronization of the descriptor. It has looked
    /// the number up by then: nothing before that sleeps. Nil if /proc can't be read.
    static func isAsleepInCall(_ thread: CInt, on descriptor: Descriptor) -> Bool? {
        switch of(thread) {
        case .asleep(let call, let argument): return isTransfer(call) && argument == Int(descriptor.number)
        case .running, .ended: return false
        case .unknown: return nil
        }
    }

    private static func isTransfer(_ call: CInt) -> Bool {
        switch call {
        case SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_preadv, SYS_pwritev,
            SYS_preadv2, SYS_pwritev2, SYS_fsync, SYS_fdatasync:
            return true
        default: return false
        }
    }
}
