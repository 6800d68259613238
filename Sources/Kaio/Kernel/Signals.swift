import CKernel

/// A thread's signal mask as the kernel keeps it: one word. (The C library's calls would leave its two
/// internal signals out.)
struct SignalMask {
    var bits: UInt64

    /// Every signal but two kinds. That with which the C library has each thread change the process's user (setuid and its
    /// kin): its handler only makes that call, and who wants to change the user waits for every thread. And those that a
    /// thread raises by what it does: the kernel ends a process that blocks one of these, and a program may live by them
    /// (a write barrier, a filter of system calls). The library's own memory raises none.
    static let all = SignalMask(
        bits: [33, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS].reduce(~0) { $0 & ~bit($1) })

    /// Blocks these in the calling thread, on top of what it blocks itself, and returns the mask that was there.
    static func blockAll() -> SignalMask { exchange(all, how: SIG_BLOCK) }

    /// Those that a write may raise.
    private static let ofWrites = SignalMask(bits: bit(SIGPIPE) | bit(SIGXFSZ))

    /// Blocks those too that a write may raise, and returns the mask that was there.
    fileprivate static func blockThoseOfWrites() -> SignalMask { exchange(ofWrites, how: SIG_BLOCK) }

    /// Writes with this mask, and those blocked that a write may raise, which the program never hears of.
    func whileWriting(_ body: () -> Int) -> Int {
        let before = SignalMask.exchange(SignalMask(bits: bits | SignalMask.ofWrites.bits))
        defer { before.restore() }
        let (hadPipe, hadLimit) = (SignalMask.isPending(SIGPIPE), SignalMask.isPending(SIGXFSZ))
        let result = body()
        if !hadPipe { SignalMask.takePending(SIGPIPE) }
        if !hadLimit { SignalMask.takePending(SIGXFSZ) }
        return result
    }

    /// Makes this the calling thread's mask. Signals that waited are delivered before it returns.
    func restore() { _ = SignalMask.exchange(self) }

    /// Whether a signal waits for this thread or the process.
    static func isPending(_ signal: CInt) -> Bool {
        var pending: UInt64 = 0
        _ = withUnsafeMutablePointer(to: &pending) { systemCall(SYS_rt_sigpending, address($0), 8) }
        return pending & bit(signal) != 0
    }

    /// Takes a signal away that waits for this thread and is blocked.
    static func takePending(_ signal: CInt) {
        var set = bit(signal)
        var time = timespec()
        _ = withUnsafePointer(to: &set) { set in
            withUnsafePointer(to: &time) { systemCall(SYS_rt_sigtimedwait, address(set), 0, address($0), 8) }
        }
    }

    /// The calling thread's.
    static var current: SignalMask { exchange(SignalMask(bits: 0), how: SIG_BLOCK) }

    /// But for those that no thread can block.
    static var areAllBlocked: Bool { all.bits & ~current.bits & ~(bit(SIGKILL) | bit(SIGSTOP)) == 0 }

    func blocks(_ signal: CInt) -> Bool { bits & SignalMask.bit(signal) != 0 }

    private static func bit(_ signal: CInt) -> UInt64 { 1 << UInt64(signal - 1) }

    /// Blocks all signals in the calling thread until it ends; from then on nothing above costs a system call.
    @inline(never)
    static func blockForGood() {
        _ = blockAll()
        ck_blocks_signals().pointee = 1
    }

    /// Does it with all signals blocked; nothing above costs a system call meanwhile.
    @inline(never)
    static func whileAllBlocked<Result>(_ body: () -> Result) -> Result {
        if ck_blocks_signals().pointee != 0 { return body() }
        let before = blockAll()
        ck_blocks_signals().pointee = 1
        let result = body()
        ck_blocks_signals().pointee = 0
        before.restore()
        return result
    }

    // Not inlined: another object would have another copy of the thread's mark.
    @inline(never)
    private static func exchange(_ mask: SignalMask, how: CInt = SIG_SETMASK) -> SignalMask {
        if ck_blocks_signals().pointee != 0 { return all }
        var new = mask
        var old = SignalMask(bits: 0)
        // No kernel refuses it. Where a tracer does now and then, a mask that was not put back would last for ever.
        for _ in 0..<triesToExchange {
            let result = withUnsafePointer(to: &new) { new in
                withUnsafeMutablePointer(to: &old) { old in
                    systemCall(SYS_rt_sigprocmask, Int(how), address(new), address(old), 8)
                }
            }
            if result == 0 { break }
        }
        return old
    }

    private static let triesToExchange = 8
}

extension Descriptor {
    /// Writes all of it, for the library itself: a program must not end because a line of ours finds no reader (SIGPIPE), or
    /// a file of ours no room within its limit (SIGXFSZ). Other signals come as ever. Returns the length, or a negated errno.
    @discardableResult
    func writeAll(_ start: UnsafeRawPointer, _ length: Int) -> Int {
        let before = SignalMask.blockThoseOfWrites()
        defer { before.restore() }
        let hadPipe = SignalMask.isPending(SIGPIPE)
        let hadLimit = SignalMask.isPending(SIGXFSZ)
        var done = 0
        while done < length {
            let result = write(start + done, length - done)
            if result == -Int(EINTR) { continue }
            if result == -Int(EPIPE), !hadPipe { SignalMask.takePending(SIGPIPE) }
            if result == -Int(EFBIG), !hadLimit { SignalMask.takePending(SIGXFSZ) }
            if result <= 0 { return result }
            done += result
        }
        return done
    }
}
