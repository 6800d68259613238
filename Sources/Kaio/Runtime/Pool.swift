// Memory for what modules keep: runs of pages under one budget (KAIO_POOL), to be had where malloc is not.
//
// Invariant, under `lock`: a page below `count` is free, its bit in `map` is 0, or it belongs to one run. A run of up to 64
// pages lies in one word of the map, a longer one in whole words. What is given back stays resident until the engine goes down.

import CKernel
import Synchronization

enum Pool {
    static let pageSize = 4096
    private static let lock = Lock()
    nonisolated(unsafe) private static var base: UnsafeMutableRawPointer?
    /// The addresses behind the pages.
    nonisolated(unsafe) private static var map: UnsafeMutablePointer<UInt64>?
    nonisolated(unsafe) private static var count = 0
    /// The word to look at first.
    nonisolated(unsafe) private static var next = 0
    private static let taken = Atomic<Int>(0)

    /// How many bytes are in use.
    static var used: Int { taken.load(ordering: .relaxed) * pageSize }
    static var budget: Int { Options.poolSize }

    private static var words: Int { count / 64 }
    private static var length: Int { count * pageSize + words * 8 }

    /// Under the lock: nothing is mapped before the first use.
    private static func prepare() -> Bool {
        if base != nil { return true }
        count = budget / pageSize / 64 * 64
        guard count > 0, let memory = Pages.map(length) else { return false }
        base = memory
        map = (memory + count * pageSize).bindMemory(to: UInt64.self, capacity: words)
        return true
    }

    /// A run of so many pages; what is in them is left over from others. Nil: that would be above the budget.
    static func take(_ pages: Int) -> PoolMemory? {
        let mask = SignalMask.blockAll()
        lock.lock()
        defer {
            lock.unlock()
            mask.restore()
        }
        guard pages > 0, prepare(), let first = pages <= 64 ? findShort(pages) : findLong(pages) else { return nil }
        mark(first, pages, true)
        taken.wrappingAdd(pages, ordering: .relaxed)
        return PoolMemory(start: base! + first * pageSize, pages: pages)
    }

    private static func findShort(_ pages: Int) -> Int? {
        let run = pages == 64 ? UInt64.max : 1 << UInt64(pages) - 1
        for step in 0..<words {
            let word = (next + step) % words
            var free = ~map![word]
            // A run's first bit is that of a free page.
            while free != 0 {
                let bit = free.trailingZeroBitCount
                if bit + pages > 64 { break }
                if free >> UInt64(bit) & run == run {
                    next = word
                    return word * 64 + bit
                }
                free &= free - 1
            }
        }
        return nil
    }

    private static func findLong(_ pages: Int) -> Int? {
        let needed = (pages + 63) / 64
        var found = 0
        for word in 0..<words {
            found = map![word] == 0 ? found + 1 : 0
            if found == needed { return (word + 1 - needed) * 64 }
        }
        return nil
    }

    private static func mark(_ first: Int, _ pages: Int, _ isTaken: Bool) {
        for page in first..<first + (pages <= 64 ? pages : (pages + 63) / 64 * 64) {
            let bit: UInt64 = 1 << UInt64(page % 64)
            assert(map![page / 64] & bit == (isTaken ? 0 : bit))
            map![page / 64] ^= bit
        }
    }

    fileprivate static func give(_ start: UnsafeMutableRawPointer, _ pages: Int) {
        let mask = SignalMask.blockAll()
        lock.lock()
        mark((start - base!) / pageSize, pages, false)
        taken.wrappingSubtract(pages, ordering: .relaxed)
        lock.unlock()
        mask.restore()
    }

    /// The engine goes down: what is not in use goes back to the kernel. All signals are blocked.
    static func trim() {
        lock.lock()
        for word in 0..<words where map![word] == 0 { Pages.discard(base! + word * 64 * pageSize, 64 * pageSize) }
        lock.unlock()
    }

    /// In the child of a fork: what modules have is forgotten by them.
    static func reset() {
        lock.reset()
        if let base, let map {
            Pages.discard(base, count * pageSize)
            Pages.clear(map, words * 8)
        }
        taken.store(0, ordering: .relaxed)
    }
}

/// A run of pages of the pool; its end gives them back.
struct PoolMemory: ~Copyable {
    let start: UnsafeMutableRawPointer
    let pages: Int
    private var isLeft = false

    var count: Int { pages * Pool.pageSize }

    /// Leaves it to who calls `PoolMemory(start:pages:)` with the same later.
    consuming func leak() -> UnsafeMutableRawPointer {
        isLeft = true
        return start
    }

    init(start: UnsafeMutableRawPointer, pages: Int) {
        self.start = start
        self.pages = pages
    }

    deinit { if !isLeft { Pool.give(start, pages) } }
}
