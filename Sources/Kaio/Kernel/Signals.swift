import CKernel

/// A thread's signal mask as the kernel keeps it: one word. (The C library's calls would leave its two
/// internal signals out.)
struct SignalMask {
    var bits: UInt64

    static let all = SignalMask(bits: .max)

    /// Blocks every signal in the calling thread and returns the mask that was there.
    static func blockAll() -> SignalMask { exchange(all) }

    /// Makes this the calling thread's mask. Signals that waited are delivered before it returns.
    func restore() { _ = SignalMask.exchange(self) }

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
