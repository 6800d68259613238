import CKernel

/// A point in time on CLOCK_MONOTONIC, in nanoseconds. Setting the clock on the wall does not move it.
struct Instant: Comparable {
    var nanoseconds: Int64

    static let never = Instant(nanoseconds: .max)

    static var now: Instant { read(CLOCK_MONOTONIC) }

    /// A few milliseconds behind at most, and cheaper to read.
    static var roughlyNow: Instant { read(CLOCK_MONOTONIC_COARSE) }

    static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }

    /// Saturates: a timeout beyond 292 years is `never`.
    func advanced(by interval: Int64) -> Instant {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(interval)
        return overflow ? .never : Instant(nanoseconds: sum)
    }

    /// Nanoseconds from now until this instant; 0 once it has passed.
    var remaining: Int64 { max(0, nanoseconds - Instant.now.nanoseconds) }

    private static func read(_ clock: CInt) -> Instant {
        var time = timespec()
        clock_gettime(clock, &time)
        return Instant(time)
    }

    private init(_ time: timespec) {
        nanoseconds = Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
}

extension timespec {
    /// An interval in nanoseconds as the kernel takes it.
    init(interval: Int64) {
        self.init(tv_sec: Int(interval / 1_000_000_000), tv_nsec: Int(interval % 1_000_000_000))
    }

    /// The interval in nanoseconds, saturated; nil for what is no interval (tv_nsec out of range, or below zero).
    var interval: Int64? {
        guard tv_nsec >= 0, tv_nsec < 1_000_000_000, tv_sec >= 0 else { return nil }
        let (seconds, overflow) = Int64(tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return .max }
        let (sum, more) = seconds.addingReportingOverflow(Int64(tv_nsec))
        return more ? .max : sum
    }
}
