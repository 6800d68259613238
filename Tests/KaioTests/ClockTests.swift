import CKernel
import Testing

@testable import Kaio

@Suite struct `An instant` {
    @Test func `never goes back`() {
        var last = Instant.now
        for _ in 0..<1000 {
            let now = Instant.now
            #expect(now >= last)
            last = now
        }
    }

    @Test func `read roughly is not ahead, and not far behind`() {
        let before = Instant.now
        let rough = Instant.roughlyNow
        #expect(rough <= Instant.now)
        #expect(rough.advanced(by: 1_000_000_000) > before)
    }

    @Test func `is on the monotonic clock`() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let now = Instant.now.nanoseconds
        let difference = now - Int64(time.tv_sec * 1_000_000_000 + time.tv_nsec)
        #expect((0..<10_000_000_000).contains(difference))
    }

    @Test func `advanced beyond the end of time is never`() {
        #expect(Instant(nanoseconds: 1).advanced(by: 5) == Instant(nanoseconds: 6))
        #expect(Instant(nanoseconds: 1).advanced(by: .max) == .never)
        #expect(Instant.now.advanced(by: .max) == .never)
        #expect(Instant.never.advanced(by: 1) == .never)
        #expect(Instant(nanoseconds: 10).advanced(by: .max - 10) == .never)
    }

    @Test func `has nothing remaining once it has passed`() {
        #expect(Instant(nanoseconds: 0).remaining == 0)
        #expect(Instant.now.remaining == 0)
        let left = Instant.now.advanced(by: 60_000_000_000).remaining
        #expect(left > 0 && left <= 60_000_000_000)
        #expect(Instant.never.remaining > 200 * 365 * 86400 * 1_000_000_000)
    }
}

@Suite struct `A timespec` {
    @Test(arguments: [
        (0, 0, 0), (0, 1, 1), (0, 999_999_999, 999_999_999), (1, 0, 1_000_000_000), (3, 7, 3_000_000_007),
    ])
    func `is an interval in nanoseconds`(_ seconds: Int, _ nanoseconds: Int, _ interval: Int64) {
        #expect(timespec(tv_sec: seconds, tv_nsec: nanoseconds).interval == interval)
        let back = timespec(interval: interval)
        #expect(back.tv_sec == seconds && back.tv_nsec == nanoseconds)
    }

    @Test(arguments: [
        (0, 1_000_000_000), (0, 2_000_000_000), (0, Int.max), (0, -1), (0, Int.min), (-1, 0), (Int.min, 5),
    ])
    func `with a part out of range is no interval`(_ seconds: Int, _ nanoseconds: Int) {
        #expect(timespec(tv_sec: seconds, tv_nsec: nanoseconds).interval == nil)
    }

    @Test func `too long for 64 bits is the longest interval`() {
        #expect(timespec(tv_sec: .max, tv_nsec: 999_999_999).interval == .max)
        #expect(timespec(tv_sec: 9_223_372_036, tv_nsec: 854_775_806).interval == Int64.max - 1)
        #expect(timespec(tv_sec: 9_223_372_036, tv_nsec: 854_775_807).interval == .max)
        #expect(timespec(tv_sec: 9_223_372_036, tv_nsec: 854_775_808).interval == .max)
        #expect(timespec(tv_sec: 9_223_372_037, tv_nsec: 0).interval == .max)
    }
}
