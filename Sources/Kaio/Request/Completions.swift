// The completions whose results nobody took yet, oldest first, for aio_waitcomplete and aio_waitn.
//
// A ring of words, one for each of the latest completions: the aiocb's address in the low 48 bits, the number of
// the lap around the ring in the high 16. Invariant: a publication writes the number of its place into the aiocb's
// reserved bytes, fills the place, and then publishes the status; whoever takes the result, or the aiocb, marks
// the place as taken, in one step, so each is given out once. A place of an earlier lap is one that is not
// filled yet: those behind it wait for it, and as long as it is there something is left. No lock; async-signal-safe.

import CKernel
import Synchronization

enum Completions {
    private static let places = Atomic<UInt>(0)
    /// The next place to fill, and the next to look at.
    private static let filled = Atomic<UInt64>(1)
    private static let looked = Atomic<UInt64>(1)

    private static let count: UInt64 = 1 << 16
    private static let taken: UInt64 = 1
    private static let addressBits: UInt64 = 48
    private static let address: UInt64 = 1 << addressBits - 1

    static func prepare() -> Bool {
        if places.load(ordering: .relaxed) != 0 { return true }
        guard let memory = Pages.map(Int(count) * 8) else { return false }
        places.store(UInt(bitPattern: memory), ordering: .releasing)
        return true
    }

    /// In the child of a fork.
    static func reset() {
        filled.store(1, ordering: .relaxed)
        looked.store(1, ordering: .relaxed)
        if let memory = UnsafeMutableRawPointer(bitPattern: places.load(ordering: .relaxed)) {
            Pages.clear(memory, Int(count) * 8)
        }
    }

    @inline(__always)
    private static func place(_ number: UInt64) -> UnsafeMutablePointer<Atomic<UInt64>>? {
        UnsafeMutableRawPointer(bitPattern: places.load(ordering: .relaxed)).map {
            ($0 + Int(number % count) * 8).assumingMemoryBound(to: Atomic<UInt64>.self)
        }
    }

    /// In the high bits; never 0, so that a place that was never filled is of no lap.
    private static func lap(_ number: UInt64) -> UInt64 { (number / count % 0xffff + 1) << addressBits }

    private static func word(_ user: UserBlock, _ number: UInt64) -> UInt64 {
        UInt64(UInt(bitPattern: user.base)) | lap(number)
    }

    /// The place of the next completion.
    @inline(__always)
    static func next() -> UInt64 { filled.wrappingAdd(1, ordering: .relaxed).oldValue }

    @inline(__always)
    /// Nil: there is nothing to give out.
    static func fill(_ number: UInt64, _ user: UserBlock?) {
        let word = user.map { UInt64(UInt(bitPattern: $0.base)) } ?? taken
        place(number)?.pointee.store(word | lap(number), ordering: .releasing)
    }

    /// The result is taken another way.
    static func forget(_ number: UInt64, _ user: UserBlock) {
        _ = place(number)?.pointee.compareExchange(
            expected: word(user, number), desired: taken | lap(number), ordering: .relaxed)
    }

    /// The oldest completion that nobody took, which is the caller's from here on, and its number. Nil if there is
    /// none.
    static func take() -> (UserBlock, UInt64)? {
        while let (number, value) = firstUntaken(), let place = place(number) {
            guard
                place.pointee.compareExchange(
                    expected: value, desired: taken | lap(number), ordering: .acquiring
                ).exchanged
            else { continue }
            looked.max(number + 1, ordering: .releasing)
            return (UserBlock(UnsafeRawPointer(bitPattern: UInt(value & address))!), number)
        }
        return nil
    }

    /// How many nobody took, as far as `limit`, and the place that this came to: the end, or one that is still to be
    /// filled, which those behind it have to wait for.
    static func count(upTo limit: Int) -> (found: Int, end: UInt64) {
        guard let (first, _) = firstUntaken() else { return (0, looked.load(ordering: .relaxed)) }
        let end = filled.load(ordering: .acquiring)
        var found = 0
        var number = first
        while number < end, found < limit, let place = place(number) {
            let value = place.pointee.load(ordering: .acquiring)
            if value & ~address != lap(number) { break }
            if value & address != taken { found += 1 }
            number += 1
        }
        return (found, number)
    }

    /// Whether there is a place from this number on, filled or to be filled.
    static func hasMore(from number: UInt64) -> Bool { filled.load(ordering: .acquiring) > number }

    /// The number and the word of the first place that is filled and not taken. Those before it are looked at no
    /// more.
    private static func firstUntaken() -> (UInt64, UInt64)? {
        var number = looked.load(ordering: .acquiring)
        while true {
            let end = filled.load(ordering: .acquiring)
            // Older ones are overwritten.
            if end > number + count { number = end - count }
            guard number < end, let place = place(number) else {
                looked.max(number, ordering: .releasing)
                return nil
            }
            let value = place.pointee.load(ordering: .acquiring)
            if value & ~address == lap(number) {
                if value & address != taken {
                    looked.max(number, ordering: .releasing)
                    return (number, value)
                }
            } else if value & ~address != lap(number + count) {
                // Not filled yet.
                looked.max(number, ordering: .releasing)
                return nil
            }
            number += 1
        }
    }
}
