import CKernel
import Testing

@testable import Kaio

@Suite struct `A bucket of tokens` {
    /// Takes tokens as soon as there is no debt, `count` times from `start` on; returns when the last were taken.
    private func run(_ bucket: inout TokenBucket, _ tokens: Int, _ count: Int, from start: Int64) -> Int64 {
        var now = start
        for _ in 0..<count {
            now = max(now, bucket.due)
            bucket.take(tokens, at: now)
        }
        return now
    }

    private let second: Int64 = 1_000_000_000

    @Test(arguments: [
        (1000, 1), (7, 1), (333_333, 1), (10_000_000, 1), (1 << 20, 4096), (3_000_001, 65536), (100, 1000),
    ])
    func `gives its rate from the first second on`(_ rate: Int, _ tokens: Int) {
        var bucket = TokenBucket(rate: rate, burst: second / 10)
        let start = 12345 * second
        let count = max(2, rate * 10 / tokens)
        let took = run(&bucket, tokens, count + 1, from: start) - start
        let expected = Double(count) * Double(tokens) / Double(rate) * 1e9
        #expect(abs(Double(took) / expected - 1) < 0.001)
    }

    @Test func `saves up to its burst, and no more`() {
        var bucket = TokenBucket(rate: 1000, burst: second / 10)
        let start = second
        _ = run(&bucket, 1, 1000, from: start)
        for (pause, saved) in [(second, 100), (second / 20, 50), (3600 * second, 100)] {
            let now = max(bucket.due, start) + pause
            let atOnce = run(&bucket, 1, saved, from: now)
            #expect(atOnce == now)
            let later = run(&bucket, 1, 2, from: now)
            #expect(later > now)
        }
    }

    @Test func `lets a request through that is larger than it, and then has a debt`() {
        var bucket = TokenBucket(rate: 1000, burst: second / 10)
        let start = second
        #expect(bucket.due <= start)
        bucket.take(5000, at: start)
        #expect(bucket.due == start + 5 * second)
    }

    @Test func `makes up for a late timer`() {
        var bucket = TokenBucket(rate: 1000, burst: second / 10)
        var now = second
        for _ in 0..<1000 {
            bucket.take(1, at: now)
            now = bucket.due + 50_000
            // As many as are due by then go at once.
            while bucket.due <= now { bucket.take(1, at: now) }
            now = bucket.due
        }
        #expect(abs(Double(now - second) / 2e9 - 1) < 0.03)
    }

    @Test func `without a rate has no limit`() {
        var bucket = TokenBucket(rate: 0, burst: second)
        let end = run(&bucket, 1 << 40, 1000, from: 5)
        #expect(end == 5)
    }

    @Test func `overflows for no length`() {
        var bucket = TokenBucket(rate: 1, burst: second)
        bucket.take(0x7fff_f000, at: second)
        #expect(bucket.due > 2_000_000_000 * second)
        var fast = TokenBucket(rate: 1 << 40, burst: second)
        fast.take(1 << 40, at: second)
        #expect(fast.due == 2 * second)
    }
}
