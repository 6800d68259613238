import CKernel
import Synchronization

/// Waiting for a word to change, and waking those who wait.
enum Futex {
    /// Sleeps while `word` is `expected`, until woken or the deadline. Returns 0, -EAGAIN (it was not
    /// `expected`), -ETIMEDOUT or -EINTR.
    static func wait(_ word: borrowing Atomic<UInt32>, _ expected: UInt32, until deadline: Instant = .never) -> Int {
        assert(Lock.held == 0)
        return sleep(word, expected, until: deadline)
    }

    /// The same for who waits for a lock.
    fileprivate static func sleep(
        _ word: borrowing Atomic<UInt32>, _ expected: UInt32, until deadline: Instant = .never
    ) -> Int {
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

/// Whether to look for something again and again for a moment, before going to sleep for it: to sleep and be woken takes a multiple of what
/// a thread on another processor does in memory.
///
/// It learns. Each short sleep earns trust, and so does each look that soon had what it looked for. A look in vain costs as much as many
/// of these earn, and so do three in a row that took long: one may, as the other thread had to be woken once. The price doubles with each
/// that did not pay, so where none does (a busy machine) it is hardly tried. One thread looks at a time; what several do to the numbers
/// at the same time may be lost.
struct Spin: ~Copyable {
    private let trust = Atomic<Int32>(0)
    private let slow = Atomic<Int32>(0)
    private let failures = Atomic<Int32>(0)
    /// Until when a thread looks.
    private let end = Atomic<Int64>(0)

    private static let most: Int32 = 64
    private static let price: Int32 = 12
    private static let mostFailures: Int32 = 6
    private static let mostSlow: Int32 = 3
    private static let moment: Int64 = 50_000
    private static let soon: Int64 = 15_000
    /// What is slept for such a time could have been looked for.
    private static let short: Int64 = 100_000

    /// False: it was not worth a try, or `isThere` was false for a moment.
    func look(_ isThere: () -> Bool) -> Bool {
        guard trust.load(ordering: .relaxed) > 0, Spin.hasOthers else { return false }
        let began = Instant.now.nanoseconds
        guard began >= end.load(ordering: .relaxed) else { return false }
        end.store(began + Spin.moment, ordering: .relaxed)
        var (isFound, now) = (false, began)
        while !isFound, now - began < Spin.moment {
            for _ in 0..<16 where !isFound {
                ck_pause()
                isFound = isThere()
            }
            now = Instant.now.nanoseconds
        }
        end.store(0, ordering: .relaxed)
        if isFound, now - began < Spin.soon {
            slow.store(0, ordering: .relaxed)
            failures.store(0, ordering: .relaxed)
            earn()
        } else if case let count = slow.load(ordering: .relaxed) + 1, isFound, count < Spin.mostSlow {
            slow.store(count, ordering: .relaxed)
        } else {
            slow.store(0, ordering: .relaxed)
            let failed = failures.load(ordering: .relaxed)
            failures.store(min(Spin.mostFailures, failed + 1), ordering: .relaxed)
            trust.store(min(0, trust.load(ordering: .relaxed) - Spin.price << failed), ordering: .relaxed)
        }
        return isFound
    }

    /// To be told of each sleep.
    func slept(since began: Instant) {
        if Instant.now < began.advanced(by: Spin.short) { earn() }
    }

    private func earn() {
        let before = trust.load(ordering: .relaxed)
        if before < Spin.most { trust.store(before + 1, ordering: .relaxed) }
    }

    /// Whether the process may use more than one processor; asked once.
    private static var hasOthers: Bool {
        let known = processors.load(ordering: .relaxed)
        if known != 0 { return known > 1 }
        var mask = InlineArray<128, UInt64>(repeating: 0)
        let length = withUnsafeMutablePointer(to: &mask) {
            systemCall(SYS_sched_getaffinity, 0, MemoryLayout<InlineArray<128, UInt64>>.size, address($0))
        }
        var count: Int32 = 0
        if length > 0 { for index in 0..<length / 8 { count += Int32(mask[index].nonzeroBitCount) } }
        processors.store(max(1, count), ordering: .relaxed)
        return count > 1
    }
    private static let processors = Atomic<Int32>(0)
}

/// A lock for a few instructions or a short list.
///
/// Invariant: it is only held while all signals are blocked in the holder's thread, so that a signal handler
/// never finds a lock held by the thread that it interrupted. The holder makes no call that may sleep.
struct Lock: ~Copyable {
    /// 0 free, 1 held, 2 held and somebody sleeps for it.
    private let word = Atomic<UInt32>(0)

    /// - Parameter forLong: all other locks are taken after it, and what may take long, or sleep, is done under it: the engine's alone.
    func lock(forLong: Bool = false) {
        defer { assert(forLong || Lock.countHeld(1)) }
        for _ in 0..<100 {
            if word.weakCompareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged { return }
            ck_pause()
        }
        while word.exchange(2, ordering: .acquiring) != 0 { _ = Futex.sleep(word, 2) }
    }

    func tryLock() -> Bool {
        let isMine = word.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged
        assert(!isMine || Lock.countHeld(1))
        return isMine
    }

    func unlock(forLong: Bool = false) {
        assert(isHeld && (forLong || Lock.countHeld(-1)))
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

    // MARK: in a debug build

    /// How many locks the calling thread holds. (Not inlined: another object would have another count.)
    @inline(never)
    static var held: Int { Int(ck_held_locks().pointee) }

    /// The calling thread takes a lock, or gives one back; false if it has none.
    @inline(never)
    private static func countHeld(_ change: Int32) -> Bool {
        ck_held_locks().pointee += change
        return ck_held_locks().pointee >= 0
    }

    /// In the child of a fork: whoever held it does not exist any more.
    func reset() { word.store(0, ordering: .relaxed) }
}
