import CKernel
import Synchronization

/// Waiting for a word to change, and waking those who wait.
enum Futex {
    /// Sleeps while `word` is `expected`, until woken or the deadline. Returns 0, -EAGAIN (it was not
    /// `expected`), -ETIMEDOUT or -EINTR.
    static func wait(_ word: borrowing Atomic<UInt32>, _ expected: UInt32, until deadline: Instant = .never) -> Int {
        let result = waitNow(word, expected, until: deadline)
        switch result {
        case 0, -Int(EAGAIN), -Int(ETIMEDOUT), -Int(EINTR): return result
        default:
            // Refused, by a filter: who waits looks again and again, but does not spin.
            return Instant.now >= deadline ? -Int(ETIMEDOUT) : Pause.sleep(200_000)
        }
    }

    private static func waitNow(
        _ word: borrowing Atomic<UInt32>, _ expected: UInt32, until deadline: Instant
    ) -> Int {
        if deadline == .never {
            return systemCall(
                SYS_futex, location(of: word), operation(FUTEX_WAIT_BITSET), Int(expected), 0, 0, everyone)
        }
        var time = timespec(interval: max(0, deadline.nanoseconds))
        return withUnsafePointer(to: &time) {
            systemCall(
                SYS_futex, location(of: word), operation(FUTEX_WAIT_BITSET), Int(expected), address($0), 0,
                everyone)
        }
    }

    static func wake(_ word: borrowing Atomic<UInt32>, _ count: Int32 = .max) {
        _ = systemCall(SYS_futex, location(of: word), operation(FUTEX_WAKE), Int(count))
    }

    private static let everyone = Int(UInt32.max)

    private static func operation(_ operation: CInt) -> Int { Int(operation | FUTEX_PRIVATE_FLAG) }

    /// An Atomic is never moved, and its value lies at its own address.
    private static func location(of word: borrowing Atomic<UInt32>) -> Int {
        withUnsafePointer(to: word) { Int(bitPattern: UnsafeRawPointer($0)) }
    }
}

/// For a loop that waits for a few instructions of another thread. This one may keep that one from its processor
/// (SCHED_FIFO), so it spins for a moment only, and then sleeps.
struct Pause {
    private var count = 0
    private var nanoseconds: Int64 = 10_000
    private static let most = 100

    mutating func next() {
        count += 1
        if count < Pause.most { return ck_pause() }
        Pause.sleep(nanoseconds)
        nanoseconds = min(nanoseconds * 2, 1_000_000)
    }

    /// Returns 0, or -EINTR where a signal's handler ran.
    @discardableResult
    static func sleep(_ nanoseconds: Int64) -> Int {
        var time = timespec(interval: nanoseconds)
        return withUnsafePointer(to: &time) { systemCall(SYS_nanosleep, address($0), 0) }
    }
}

/// A lock for a few instructions or a short list.
///
/// Invariant: it is only held while all signals are blocked in the holder's thread, so that a signal handler
/// never finds a lock held by the thread that it interrupted. The holder makes no call that may sleep.
struct Lock: ~Copyable {
    /// 0 free, 1 held, 2 held and somebody sleeps for it.
    private let word = Atomic<UInt32>(0)

    func lock() {
        for _ in 0..<100 {
            if word.weakCompareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged { return }
            ck_pause()
        }
        while word.exchange(2, ordering: .acquiring) != 0 { _ = Futex.wait(word, 2) }
    }

    func tryLock() -> Bool {
        word.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged
    }

    func unlock() {
        if word.exchange(0, ordering: .releasing) == 2 { Futex.wake(word, 1) }
    }

    /// By some thread.
    var isHeld: Bool { word.load(ordering: .relaxed) != 0 }

    @inline(__always)
    func locked<T>(_ body: () -> T) -> T {
        lock()
        defer { unlock() }
        return body()
    }

    /// In the child of a fork: whoever held it does not exist any more.
    func reset() { word.store(0, ordering: .relaxed) }
}
