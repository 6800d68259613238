import CKernel

/// A thread's signal mask as the kernel keeps it: one word. (The C library's calls would leave its two
/// internal signals out.)
struct SignalMask {
    var bits: UInt64

    /// Every signal but that with which the C library has each thread change the process's user (setuid and its kin): its
    /// handler only makes that call, and who wants to change the user waits for every thread.
    static let all = SignalMask(bits: ~bit(33))

    /// Blocks these in the calling thread and returns the mask that was there.
    static func blockAll() -> SignalMask { exchange(all) }

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

    private static func bit(_ signal: CInt) -> UInt64 { 1 << UInt64(signal - 1) }

    private static func exchange(_ mask: SignalMask) -> SignalMask {
        var new = mask
        var old = SignalMask(bits: 0)
        _ = withUnsafePointer(to: &new) { new in
            withUnsafeMutablePointer(to: &old) { old in
                systemCall(SYS_rt_sigprocmask, Int(SIG_SETMASK), address(new), address(old), 8)
            }
        }
        return old
    }
}
