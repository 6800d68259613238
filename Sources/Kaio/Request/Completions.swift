// The completions whose results nobody took yet, oldest first, for aio_waitcomplete and aio_waitn.
//
// A ring of words, one for each of the latest completions: the aiocb's address in the low 48 bits, the number of
// the lap around the ring in the high 16. Invariant: a publication writes the number of its place into the aiocb's
// reserved bytes, fills the place, and then publishes the status; whoever takes the result, or the aiocb, marks
// the place as taken, in one step, so each is given out once. A place of an earlier lap is one that is not
// filled yet. No lock; async-signal-safe.

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
            Pages.discard(memory, Int(count) * 8)
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
        let address = user.map { UInt64(UInt(bitPattern: $0.base)) } ?? taken
        place(number)?.pointee.store(address | lap(number), ordering: .releasing)
    }

    /// The result is taken another way.
    static func forget(_ number: UInt64, _ user: UserBlock) {
        _ = place(number)?.pointee.compareExchange(
            expected: word(user, number), desired: taken | lap(number), ordering: .relaxed)
    }

    /// The oldest completion that nobody took, which is the caller's from here on. Nil if there is none.
    static func take() -> UserBlock? {
        while true {
            var number = looked.load(ordering: .acquiring)
            let end = filled.load(ordering: .acquiring)
            if number >= end { return nil }
            // Older ones are overwritten.
            if end - number > count { number = end - count }
            guard let place = place(number) else { return nil }
            let value = place.pointee.load(ordering: .acquiring)
            if value >> addressBits != lap(number) >> addressBits { return nil }
            let before = looked.load(ordering: .relaxed)
            let address = value & (1 << addressBits - 1)
            if address == taken {
                advance(before, number)
                continue
            }
            guard
                place.pointee.compareExchange(
                    expected: value, desired: taken | lap(number), ordering: .acquiring
                ).exchanged
            else { continue }
            advance(before, number)
            return UserBlock(UnsafeRawPointer(bitPattern: UInt(address))!)
        }
    }

    /// How many nobody took, as far as `limit`.
    static func count(upTo limit: Int) -> Int {
        let end = filled.load(ordering: .acquiring)
        var number = max(looked.load(ordering: .acquiring), end > count ? end - count : 0)
        var found = 0
        while number < end, found < limit, let place = place(number) {
            let value = place.pointee.load(ordering: .acquiring)
            if value >> addressBits != lap(number) >> addressBits { break }
            if value & (1 << addressBits - 1) != taken { found += 1 }
            number += 1
        }
        return found
    }

    private static func advance(_ before: UInt64, _ number: UInt64) {
        if number + 1 > before { looked.max(number + 1, ordering: .releasing) }
    }
}
