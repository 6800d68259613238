import CKernel
import Testing

@testable import Kaio

@Suite struct `A histogram` {
    private static let minute = 60_000_000_000
    private static let parts = [1, 1000, 25_000, 50_000, 90_000, 99_000, 99_900, 99_990, 100_000]

    private static func histogram() throws -> Histogram { try #require(Histogram(greatest: minute)) }

    /// The lowest value that is at least as high as so many 100,000ths of all.
    private static func exact(_ part: Int, of sorted: [Int]) -> Int {
        sorted[max(0, (sorted.count * part + 99_999) / 100_000 - 1)]
    }

    @Test(arguments: [
        0...3000, 1000...100_000, 1_000_000...50_000_000, 0...60_000_000_000, 59_000_000_000...60_000_000_000,
    ])
    func `has the percentiles of the sorted list, within its bound`(_ range: ClosedRange<Int>) throws {
        for count in [1, 2, 3, 10, 999, 20_000] {
            let histogram = try Self.histogram()
            var random = SystemRandomNumberGenerator()
            // As many small as large ones: each digit of the range counts.
            let values = (0..<count).map { _ in
                range.lowerBound + Int.random(in: 0...(range.count - 1) >> Int.random(in: 0...20), using: &random)
            }.sorted()
            for value in values { histogram.record(value) }
            #expect(histogram.count == count)
            for part in Self.parts {
                let (told, exact) = (histogram.percentile(part), Self.exact(part, of: values))
                let isWithin = told >= exact && Double(told - exact) <= Double(exact) * Histogram.errorBound
                #expect(isWithin, "\(part) of \(count): \(told), not \(exact)")
            }
        }
    }

    @Test func `is exact up to 2047, and right to three digits at each power of two`() throws {
        for power in 0..<36 {
            for value in [1 << power - 1, 1 << power, 1 << power + 1] where value <= Self.minute {
                let histogram = try Self.histogram()
                histogram.record(value)
                let told = histogram.percentile(50_000)
                #expect(told >= value && Double(told - value) < Double(value) * Histogram.errorBound || told == value)
                if value < 2048 { #expect(told == value) }
            }
        }
    }

    @Test func `counts what is out of range at its end`() throws {
        let histogram = try Self.histogram()
        histogram.record(-1)
        #expect(histogram.percentile(100_000) == 0)
        histogram.record(Int.max)
        #expect(histogram.count == 2)
        #expect(histogram.percentile(100_000) == Self.minute)
    }

    @Test func `is empty at first, and again after a reset`() throws {
        let histogram = try Self.histogram()
        #expect(histogram.count == 0 && histogram.percentile(50_000) == 0)
        histogram.record(5)
        histogram.reset()
        #expect(histogram.count == 0 && histogram.percentile(50_000) == 0)
    }

    @Test func `loses nothing when several threads record`() throws {
        let histogram = try Self.histogram()
        concurrently(4) { number in for value in 0..<5000 { histogram.record(value % 10 + number) } }
        #expect(histogram.count == 20_000)
        // 0 to 9 for the first thread, 3 to 12 for the last.
        #expect(histogram.percentile(1) == 0 && histogram.percentile(100_000) == 12)
    }
}
