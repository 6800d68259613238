// How often which value was there, for values from 0 to a limit, with percentiles.
//
// In the way of HdrHistogram: up to 2048 each value has a counter of its own; from there on, each range up to the
// double has 1024 counters of the same width. So what is said of a value is never below it, and above it by less than
// one 1024th of it: three digits are right. For nanoseconds up to a minute that is 27,389 counters (214 KiB), of which
// memory is used only where values fall.
//
// Invariant: the counters only grow, until `reset`. Nothing is locked; who reads while others record sees each value,
// or does not see it yet.

import CKernel
import Synchronization

struct Histogram {
    private let counters: UnsafeMutablePointer<Atomic<Int>>
    private let greatest: Int

    /// Each value below this has a counter of its own; half of it is the number of counters from there to its double.
    private static let exact = 2048
    private static let half = exact / 2
    /// exact is 2 to the power of this.
    private static let exactBits = 11

    /// How much too high a value may be said to be: by less than this part of it.
    static var errorBound: Double { 1.0 / Double(half) }

    /// - Parameter greatest: values above this one are counted as this one.
    init?(greatest: Int) {
        self.greatest = greatest
        guard let memory = Pages.map(Histogram.bytes(greatest)) else { return nil }
        counters = memory.assumingMemoryBound(to: Atomic<Int>.self)
    }

    func free() { Pages.unmap(counters, Histogram.bytes(greatest)) }

    private static func bytes(_ greatest: Int) -> Int { (index(of: greatest) + 1) * MemoryLayout<Int>.stride }

    @inline(__always)
    private static func index(of value: Int) -> Int {
        if value < exact { return value }
        // The value has so many bits more than the counter's number tells.
        let shift = Int.bitWidth - value.leadingZeroBitCount - exactBits
        return shift * half + value >> shift
    }

    /// The greatest value that is counted there.
    private static func greatest(at index: Int) -> Int {
        if index < exact { return index }
        let shift = index / half - 1
        return (index - shift * half + 1) << shift - 1
    }

    @inline(__always)
    func record(_ value: Int) {
        counters[Histogram.index(of: min(max(0, value), greatest))].wrappingAdd(1, ordering: .relaxed)
    }

    /// How many values there are.
    var count: Int {
        var count = 0
        for index in 0...Histogram.index(of: greatest) { count += counters[index].load(ordering: .relaxed) }
        return count
    }

    /// The lowest value that is at least as high as this part of all values, given in 100,000ths (50,000: the median),
    /// or up to `errorBound` more; 0 if there are no values.
    func percentile(_ part: Int) -> Int {
        let total = count
        let wanted = max(1, (total * part + 99_999) / 100_000)
        var seen = 0
        for index in 0...Histogram.index(of: greatest) where total > 0 {
            seen += counters[index].load(ordering: .relaxed)
            if seen >= wanted { return min(greatest, Histogram.greatest(at: index)) }
        }
        return 0
    }

    /// Calls `body` with each power of two, in thousands, below which there are values that are not below the one before, and
    /// how many.
    func forEachPower(_ body: (Int, Int) -> Void) {
        var (limit, count) = (1, 0)
        for index in 0...Histogram.index(of: greatest) {
            let value = counters[index].load(ordering: .relaxed)
            if value == 0 { continue }
            let above = Histogram.greatest(at: index)
            if above >= limit * 1000 {
                if count > 0 { body(limit, count) }
                count = 0
                while above >= limit * 1000 { limit *= 2 }
            }
            count += value
        }
        if count > 0 { body(limit, count) }
    }

    func reset() { Pages.clear(counters, Histogram.bytes(greatest)) }
}
