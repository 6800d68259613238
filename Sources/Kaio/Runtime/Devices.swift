// What was learnt of devices while the program ran: which transfers can't be asked not to wait (RWF_NOWAIT), and which
// devices are memory.
//
// A device that does not know RWF_NOWAIT may make io_submit wait, so its requests go to the workers. But one that is
// memory (zram, a RAM disk) is done with a transfer in the time that waking a worker takes. So the workers' transfers
// are timed; a device that is quick each time is from then on asked in the caller's own call, until it is slow there. The
// same with reads of a file system that does not know RWF_NOWAIT (tmpfs), where the kernel says that the pages are there.
//
// Invariant: a place of the table is claimed once, by a device's number, and keeps it. The rest are hints: of two
// threads that learn at once, one may be forgotten. No lock; async-signal-safe.

import CKernel
import Synchronization

enum Devices {
    private struct Entry: ~Copyable {
        /// The device's number, and a bit that makes it not 0.
        let key: Atomic<UInt64>
        let refused: Atomic<UInt32>
        /// How many transfers were quick, one after the other; below zero: it was too slow too often.
        let quick: Atomic<Int32>
        /// Grows with each slow transfer in a call, shrinks with each quick one.
        let slowness: Atomic<Int32>
        /// How many direct writes the kernel did in the call that submitted them, one after the other; beyond the limit
        /// it grows with each that is not given to it for that.
        let sleepy: Atomic<Int32>
    }

    /// The ways of transfer that a device may refuse.
    struct Way {
        fileprivate let bit: UInt32

        @inline(__always)
        init(_ file: FileFacts, _ operation: Operation) {
            bit = (operation == .write ? 2 : 1) << (file.isDirect ? 2 : 0)
        }
    }

    private static let entries = Atomic<UInt>(0)
    private static let count = 64

    private static let isClaimed: UInt64 = 1 << 63
    /// What a transfer of memory may take on a worker that has just woken up: so much, and the time of the copy.
    private static let quickInterval: Int64 = 12_000
    private static let bytesInANanosecond: Int64 = 4
    private static let slowInterval: Int64 = 200_000
    private static let enoughQuick: Int32 = 8
    private static let neverAgain: Int32 = -1
    /// One slow transfer counts as much as so many quick ones, and so many of them are too many.
    private static let slowWeight: Int32 = 1000
    private static let mostSlow: Int32 = 8

    /// Under the engine's lock.
    static func prepare() -> Bool {
        if entries.load(ordering: .relaxed) != 0 { return true }
        guard let memory = Pages.map(count * MemoryLayout<Entry>.stride) else { return false }
        entries.store(UInt(bitPattern: memory), ordering: .releasing)
        return true
    }

    @inline(__always)
    private static func entry(_ device: UInt64, claim: Bool) -> UnsafeMutablePointer<Entry>? {
        guard let base = UnsafeMutableRawPointer(bitPattern: entries.load(ordering: .acquiring)) else { return nil }
        let table = base.assumingMemoryBound(to: Entry.self)
        let key = device | isClaimed
        var index = Int(truncatingIfNeeded: (device &* 0x9e37_79b9_7f4a_7c15) >> 58)
        for _ in 0..<count {
            let found = table[index].key.load(ordering: .relaxed)
            if found == key { return table + index }
            if found == 0 {
                if !claim { return nil }
                let (exchanged, other) = table[index].key.compareExchange(
                    expected: 0, desired: key, ordering: .relaxed)
                if exchanged || other == key { return table + index }
            }
            index = (index + 1) % count
        }
        return nil
    }

    @inline(__always)
    static func refuses(_ device: UInt64, _ way: Way) -> Bool {
        entry(device, claim: false).map { $0.pointee.refused.load(ordering: .relaxed) & way.bit != 0 } ?? false
    }

    static func learnRefusal(_ device: UInt64, _ way: Way) {
        _ = entry(device, claim: true)?.pointee.refused.bitwiseOr(way.bit, ordering: .relaxed)
    }

    /// A worker gave the kernel a direct write of a file, and slept in that call or did not.
    static func sleptInWrite(_ device: UInt64, _ slept: Bool) {
        guard let entry = entry(device, claim: true) else { return }
        let sleepy = entry.pointee.sleepy.load(ordering: .relaxed)
        if sleepy < mostSleepy { entry.pointee.sleepy.store(slept ? sleepy + 1 : 0, ordering: .relaxed) }
    }

    /// Whether the file system does direct writes in the call: workers that make them themselves are better then. One of
    /// many is tried all the same.
    static func sleepsInWrites(_ device: UInt64) -> Bool {
        guard let entry = entry(device, claim: false) else { return false }
        let sleepy = entry.pointee.sleepy.load(ordering: .relaxed)
        if sleepy < mostSleepy { return false }
        let isTried = sleepy >= mostSleepy + skipped
        entry.pointee.sleepy.store(isTried ? mostSleepy - 1 : sleepy + 1, ordering: .relaxed)
        return !isTried
    }

    private static let mostSleepy: Int32 = 8
    private static let skipped: Int32 = 256

    /// Whether transfers are as quick as memory.
    static func isQuick(_ device: UInt64) -> Bool {
        entry(device, claim: false).map { $0.pointee.quick.load(ordering: .relaxed) >= enoughQuick } ?? false
    }

    /// A worker's transfer of so many bytes took so many nanoseconds.
    static func tookOnWorker(_ device: UInt64, _ bytes: Int, _ interval: Int64) {
        guard let entry = entry(device, claim: true) else { return }
        let quick = entry.pointee.quick.load(ordering: .relaxed)
        guard (0..<enoughQuick).contains(quick) else { return }
        let limit = quickInterval + Int64(bytes) / bytesInANanosecond
        entry.pointee.quick.store(interval <= limit ? quick + 1 : 0, ordering: .relaxed)
    }

    /// A transfer in a caller's call took so many nanoseconds.
    static func tookInCall(_ device: UInt64, _ interval: Int64) {
        guard let entry = entry(device, claim: false) else { return }
        let slowness = entry.pointee.slowness.load(ordering: .relaxed)
        if interval > slowInterval {
            entry.pointee.slowness.store(slowness + slowWeight, ordering: .relaxed)
            if slowness >= mostSlow * slowWeight { entry.pointee.quick.store(neverAgain, ordering: .relaxed) }
        } else if slowness > 0 {
            entry.pointee.slowness.store(slowness - 1, ordering: .relaxed)
        }
    }
}
