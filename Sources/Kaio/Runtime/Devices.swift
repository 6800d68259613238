// What was learnt while the program ran: which files' transfers can't be asked not to wait (RWF_NOWAIT), and which
// devices are memory.
//
// A file system refuses that for all its files (tmpfs), for one way of transfer (buffered writes on ext4), or for a single odd
// inode (inline_data, data=journal), and nothing says which. So a refusal is the file's. It is forgotten after some
// seconds: the inode may be another file's by then, or changed (chattr), and to ask once more costs a microsecond.
//
// What does not know RWF_NOWAIT may make io_submit wait, so its requests go to the workers. But a device that is
// memory (zram, a RAM disk) is done with a transfer in the time that waking a worker takes. So the workers' transfers
// are timed; a device that is quick each time is from then on asked in the caller's own call, until it is slow there. The
// same with reads of a file system that does not know RWF_NOWAIT (tmpfs), where the kernel says that the pages are there; and with
// writes over such pages, where the page cache is all that there is of the file: after a worker's write no page is dirty, and
// the device has no entry among those that write back.
//
// And which devices make a call sleep though it was asked not to wait: RWF_NOWAIT reads metadata, waits for the journal, for room in
// the device's queue, and for the pages of the program's buffer. Nothing says so beforehand. So a call that a tick of the coarse clock
// fell into has the next ones watched (did the thread sleep, and for how long?), as are a device's first; a watched one that slept too
// long has the device *held*: until a time, workers give its transfers to the kernel, in the way in which the call would have, and watch
// each. One that sleeps there puts the time off. When it is over calls try again, and if that was too early it is twice as long.
//
// Invariant: a place of the devices' table is claimed once, by a device's number, and keeps it. A word of the files' table has a
// file's hash, a time and the ways that it refuses, or is another file's that came later. The rest are hints: of two
// threads that learn at once, one may be forgotten. No lock; async-signal-safe.

import CKernel
import Synchronization

enum Devices {
    private struct Entry: ~Copyable {
        /// The device's number, and a bit that makes it not 0.
        let key: Atomic<UInt64>
        /// How many transfers were quick, one after the other; below zero: it was too slow too often, and so many more are a worker's.
        let quick: Atomic<Int32>
        /// Grows with each slow transfer in a call, shrinks with each quick one.
        let slowness: Atomic<Int32>
        /// How many direct writes the kernel did in the call that submitted them, one after the other; beyond the limit
        /// it grows with each that is not given to it for that.
        let sleepy: Atomic<Int32>
        /// The same of writes to the page cache that were all there was to do; `neverAgain`: one was not.
        let kept: Atomic<Int32>
        /// How many transfers of workers took no long time, one after the other.
        let prompt: Atomic<Int32>
        /// How many submissions in calls were watched of late, `enoughWatched`: no more need be; `isHeld`: calls make none.
        let watched: Atomic<Int32>
        /// Until when it is held, or was the last time, and for how long.
        let heldUntil: Atomic<Int64>
        let hold: Atomic<Int64>
    }

    private static let entries = Atomic<UInt>(0)
    private static let count = 64
    private static let files = Atomic<UInt>(0)
    private static let fileCount = 1 << 12

    private static let isClaimed: UInt64 = 1 << 63
    /// What a transfer of memory may take on a worker that has just woken up: so much, and the time of the copy.
    private static let quickInterval: Int64 = 12_000
    private static let bytesInANanosecond: Int64 = 4
    private static let slowInterval: Int64 = 200_000
    private static let enoughQuick: Int32 = 8
    /// On a busy machine a call may seem slow since the thread lost the processor, so it is found out again after so many.
    private static let notForAWhile: Int32 = -4096
    private static let neverAgain = Int32.min
    /// One slow transfer counts as much as so many quick ones, and so many of them are too many.
    private static let slowWeight: Int32 = 1000
    private static let mostSlow: Int32 = 8

    /// Under the engine's lock.
    static func prepare() -> Bool {
        if entries.load(ordering: .relaxed) != 0 { return true }
        guard let memory = Pages.map(count * MemoryLayout<Entry>.stride), let table = Pages.map(fileCount * 8) else {
            return false
        }
        files.store(UInt(bitPattern: table), ordering: .releasing)
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

    // MARK: refusals

    // A word: the ways, the time, the file's hash.
    private static let ways: UInt64 = 0xf
    private static let time: UInt64 = 0xffff << 4
    /// A step of the time is 17 seconds; what was learnt holds until the end of the next.
    private static let timeStep: UInt64 = 1 << 4
    private static let timeShift: UInt64 = 34

    /// The ways of transfer that a file may refuse, each a bit.
    @inline(__always)
    private static func way(_ file: FileFacts, _ operation: Operation) -> UInt64 {
        (operation == .write ? 2 : 1) << (file.isDirect ? 2 : 0)
    }

    @inline(__always)
    private static func place(_ hash: UInt64) -> UnsafeMutablePointer<Atomic<UInt64>>? {
        guard let base = UnsafeMutableRawPointer(bitPattern: files.load(ordering: .acquiring)) else { return nil }
        return base.assumingMemoryBound(to: Atomic<UInt64>.self) + Int(truncatingIfNeeded: hash >> 52)
    }

    @inline(__always)
    private static var now: UInt64 { UInt64(Instant.roughlyNow.nanoseconds) >> timeShift &* timeStep & time }

    /// Whether a file said of late that such a transfer of it can't be asked not to wait.
    @inline(__always)
    static func refuses(_ file: FileFacts, _ operation: Operation) -> Bool {
        let hash = FileFacts.hash(file.device, file.inode)
        guard let known = place(hash)?.pointee.load(ordering: .relaxed), known & way(file, operation) != 0,
            (known ^ hash) & ~(time | ways) == 0
        else { return false }
        return (now &- known & time) & time <= timeStep
    }

    static func learnRefusal(_ file: FileFacts, _ operation: Operation) {
        let hash = FileFacts.hash(file.device, file.inode)
        guard let place = place(hash) else { return }
        let known = place.pointee.load(ordering: .relaxed)
        let fresh = hash & ~(time | ways) | now
        let before = (known ^ fresh) & ~ways == 0 ? known & ways : 0
        place.pointee.store(fresh | before | way(file, operation), ordering: .relaxed)
    }

    // MARK: devices

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

    /// A transfer that may wait took so many nanoseconds.
    static func took(_ device: UInt64, _ interval: Int64) {
        guard let entry = entry(device, claim: true) else { return }
        let prompt = entry.pointee.prompt.load(ordering: .relaxed)
        let most = interval > promptInterval ? 0 : interval > atOnce ? enoughPrompt : enoughAtOnce
        let next = min(prompt + 1, most)
        if next != prompt { entry.pointee.prompt.store(next, ordering: .relaxed) }
    }

    /// Whether a thread that waits for a transfer may make it itself, and hear of no signal meanwhile: a disk that took no long
    /// time of late (or less than `atOnce`), or memory. Not a server, which may have gone: it has no device's number (its major
    /// part is 0).
    static func isPrompt(_ device: UInt64, atOnce: Bool = false) -> Bool {
        guard let entry = entry(device, claim: false), entry.pointee.watched.load(ordering: .relaxed) != isHeld else {
            return false
        }
        return major(device) != 0
            ? entry.pointee.prompt.load(ordering: .relaxed) >= (atOnce ? enoughAtOnce : enoughPrompt)
            : entry.pointee.quick.load(ordering: .relaxed) >= enoughQuick
    }

    private static let promptInterval: Int64 = 20_000_000
    private static let atOnce: Int64 = 2_000_000
    private static let enoughPrompt: Int32 = 8
    private static let enoughAtOnce: Int32 = 16

    /// A worker's transfer of so many bytes took so many nanoseconds.
    static func tookOnWorker(_ device: UInt64, _ bytes: Int, _ interval: Int64) {
        guard let entry = entry(device, claim: true) else { return }
        let quick = entry.pointee.quick.load(ordering: .relaxed)
        guard quick < enoughQuick else { return }
        let isQuick = quick < 0 || interval <= quickInterval + Int64(bytes) / bytesInANanosecond
        entry.pointee.quick.store(isQuick ? quick + 1 : 0, ordering: .relaxed)
    }

    /// Whether writes over pages that are there are quick, and no device or server ever hears of them.
    @inline(__always)
    static func keepsWrites(_ device: UInt64) -> Bool {
        entry(device, claim: false).map { $0.pointee.kept.load(ordering: .relaxed) >= enoughQuick } ?? false
    }

    /// Whether it is worth knowing how a worker's write to the page cache ended.
    static func mayKeepWrites(_ device: UInt64) -> Bool {
        guard let entry = entry(device, claim: true) else { return false }
        let kept = entry.pointee.kept.load(ordering: .relaxed)
        if kept < 0, kept != neverAgain { entry.pointee.kept.store(kept + 1, ordering: .relaxed) }
        return (0..<enoughQuick).contains(kept)
    }

    /// A worker's write of so many bytes took so many nanoseconds, and left no page that is to be written to a device, or did.
    static func wroteOnWorker(_ device: UInt64, _ bytes: Int, _ interval: Int64, isClean: Bool) {
        guard let entry = entry(device, claim: true) else { return }
        let kept = entry.pointee.kept.load(ordering: .relaxed)
        guard (0..<enoughQuick).contains(kept) else { return }
        let isQuick = interval <= quickInterval + Int64(bytes) / bytesInANanosecond
        let isOver = !isClean || kept == enoughQuick - 1 && isQuick && mayWriteBack(device)
        entry.pointee.kept.store(isOver ? neverAgain : isQuick ? kept + 1 : 0, ordering: .relaxed)
    }

    /// Whether the kernel has something that a device, or a server, is written to through.
    private static func mayWriteBack(_ device: UInt64) -> Bool {
        var path = Message()
        path.add("/sys/class/bdi")
        if !exists(&path) { return true }
        path.add("/")
        path.add(major(device))
        path.add(":")
        path.add(Int(device & 0xff | device >> 12 & ~0xff & UInt64(UInt32.max)))
        return exists(&path)
    }

    private static func exists(_ path: inout Message) -> Bool {
        guard let name = path.terminated() else { return false }
        return systemCall(SYS_faccessat, Int(AT_FDCWD), address(name), Int(F_OK)) == 0
    }

    private static func major(_ device: UInt64) -> Int {
        Int(truncatingIfNeeded: device >> 8 & 0xfff | device >> 32 & ~0xfff)
    }

    /// A transfer in a caller's call took so many nanoseconds.
    static func tookInCall(_ device: UInt64, _ interval: Int64) {
        guard let entry = entry(device, claim: false) else { return }
        let slowness = entry.pointee.slowness.load(ordering: .relaxed)
        if interval > slowInterval {
            entry.pointee.slowness.store(slowness + slowWeight, ordering: .relaxed)
            if slowness >= mostSlow * slowWeight {
                entry.pointee.slowness.store(0, ordering: .relaxed)
                entry.pointee.quick.store(notForAWhile, ordering: .relaxed)
                if entry.pointee.kept.load(ordering: .relaxed) != neverAgain {
                    entry.pointee.kept.store(notForAWhile, ordering: .relaxed)
                }
            }
        } else if slowness > 0 {
            entry.pointee.slowness.store(slowness - 1, ordering: .relaxed)
        }
    }

    // MARK: submissions that sleep

    /// How a call is to go about a transfer that asks the kernel not to wait.
    enum Course {
        case plain
        /// The thread's sleeps are counted: see `Watch`.
        case watched
        /// Not at all: a worker is to do it.
        case held
    }

    private static let isHeld = Int32.max
    /// So many submissions to a device are watched at first, and after one that was long by the coarse clock.
    private static let enoughWatched: Int32 = 64
    /// And after one that a single tick fell into, as happens to the shortest.
    private static let fewWatched: Int32 = 16
    /// What a call may sleep for.
    private static let mostSleep: Int64 = 1_000_000
    /// More than a tick of the coarse clock.
    private static let longInterval: Int64 = 10_000_000
    private static let firstHold: Int64 = 2_000_000_000
    private static let longestHold: Int64 = 64_000_000_000
    /// And so many times as long as it made the call sleep.
    private static let leastWorth: Int64 = 16
    /// The program may have been stopped in it.
    private static let mostInterval: Int64 = 500_000_000
    /// A device that is held again within so many times the last one is held for longer.
    private static let relapse: Int64 = 16

    @inline(__always)
    static func course(_ device: UInt64) -> Course {
        guard let entry = entry(device, claim: true) else { return .plain }
        let watched = entry.pointee.watched.load(ordering: .acquiring)
        return watched == enoughWatched ? .plain : course(entry, watched)
    }

    @inline(__always)
    static func holds(_ device: UInt64) -> Bool {
        guard let entry = entry(device, claim: false), entry.pointee.watched.load(ordering: .acquiring) == isHeld else {
            return false
        }
        return Instant.roughlyNow.nanoseconds < entry.pointee.heldUntil.load(ordering: .relaxed)
    }

    @inline(never)
    private static func course(_ entry: UnsafeMutablePointer<Entry>, _ watched: Int32) -> Course {
        if watched == isHeld {
            if Instant.roughlyNow.nanoseconds < entry.pointee.heldUntil.load(ordering: .relaxed) { return .held }
            _ = entry.pointee.watched.compareExchange(
                expected: isHeld, desired: enoughWatched - fewWatched + 1, ordering: .relaxed)
            return .watched
        }
        _ = entry.pointee.watched.compareExchange(expected: watched, desired: watched + 1, ordering: .relaxed)
        return .watched
    }

    /// A call has given the kernel something; it began then, by the coarse clock.
    @inline(__always)
    static func submitted(_ device: UInt64, since start: Instant, _ watch: Watch? = nil) {
        if let watch { return slept(device, watch.slept) }
        let interval = Instant.roughlyNow.nanoseconds &- start.nanoseconds
        if interval != 0 { suspect(device, interval) }
    }

    /// It may have slept, or the thread lost the processor, or it was quick and the clock ticked.
    @inline(never)
    private static func suspect(_ device: UInt64, _ interval: Int64) {
        guard let entry = entry(device, claim: false) else { return }
        _ = entry.pointee.watched.compareExchange(
            expected: enoughWatched, desired: interval > longInterval ? 0 : enoughWatched - fewWatched,
            ordering: .relaxed
        )
    }

    /// A watched submission slept for so many nanoseconds, in a call or on a worker.
    static func slept(_ device: UInt64, _ interval: Int64) {
        guard interval > mostSleep, let entry = entry(device, claim: true) else { return }
        let mask = SignalMask.blockAll()
        let isTraced = ThreadState.isTraced
        mask.restore()
        if isTraced { return }
        let now = Instant.roughlyNow.nanoseconds
        var hold = entry.pointee.hold.load(ordering: .relaxed)
        if entry.pointee.watched.load(ordering: .relaxed) != isHeld {
            let isRelapse = hold > 0 && now - entry.pointee.heldUntil.load(ordering: .relaxed) < hold * relapse
            hold = min(max(firstHold, isRelapse ? hold * 2 : 0, min(interval, mostInterval) * leastWorth), longestHold)
            entry.pointee.hold.store(hold, ordering: .relaxed)
        }
        entry.pointee.heldUntil.store(now + hold, ordering: .relaxed)
        entry.pointee.watched.store(isHeld, ordering: .releasing)
        Decision.submissionsHeld.tell()
    }
}

/// The devices of requests that are given to the kernel at once; beyond a few they are not looked at.
struct DeviceBatch {
    private var devices = InlineArray<4, UInt64>(repeating: 0)
    private var count = 0
    private var isWatched = false

    mutating func add(_ device: UInt64) {
        if count > 0, devices[count - 1] == device || count == devices.count { return }
        devices[count] = device
        count += 1
        if Devices.course(device) != .plain { isWatched = true }
    }

    func submit(_ body: () -> Int) -> Int {
        let (watch, start) = (isWatched ? Watch() : nil, Instant.roughlyNow)
        let result = body()
        for index in 0..<count { Devices.submitted(devices[index], since: start, watch) }
        return result
    }
}

/// Whether the calling thread slept between the beginning and the end of what it does, and for how long at most.
struct Watch {
    private let sleeps = Watch.sleeps
    private let begin = Instant.now

    /// 0: it did not, though it may have lost the processor.
    var slept: Int64 { Watch.sleeps == sleeps ? 0 : Instant.now.nanoseconds - begin.nanoseconds }

    /// How often the calling thread has waited for something.
    private static var sleeps: Int {
        var usage = rusage()
        _ = withUnsafeMutablePointer(to: &usage) { systemCall(SYS_getrusage, 1, address($0)) }
        return usage.ru_nvcsw
    }
}
