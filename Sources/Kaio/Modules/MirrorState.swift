// What a mirror knows of a file: its legs, its regions, and what is under way. See Mirror.swift.

import CKernel

/// A set of legs: a bit for each.
typealias MirrorLegs = UInt8

extension UInt8 {
    func has(_ leg: Int) -> Bool { self >> UInt8(leg) & 1 != 0 }
    static func leg(_ number: Int) -> UInt8 { 1 << UInt8(number) }
    /// The first of the set, which is not empty.
    var firstLeg: Int { trailingZeroBitCount }
    @inline(never)
    func forEachLeg(_ body: (Int) -> Void) {
        var rest = self
        while rest != 0 {
            body(rest.trailingZeroBitCount)
            rest &= rest &- 1
        }
    }
}

struct MirrorRegion {
    /// Under way.
    var writes: UInt32 = 0
    var flags: UInt8 = 0
    /// These legs have missed writes of it.
    var stale: MirrorLegs = 0
    /// These have all, but not yet safely: until a sync of theirs is over the log calls them stale. Of `syncing` it has begun.
    var unsafe: MirrorLegs = 0
    var syncing: MirrorLegs = 0

    /// The log is to say dirty; the round under way says so; it says so.
    static let (wanted, inRound, dirty): (UInt8, UInt8, UInt8) = (1, 2, 4)
    /// A sync is under way after which the log may say clean; it was written to since the last look.
    static let (cleaning, touched): (UInt8, UInt8) = (8, 16)

    func has(_ flag: UInt8) -> Bool { flags & flag != 0 }
    /// Something of it waits for a sync of the legs.
    var isBusy: Bool { has(MirrorRegion.dirty | MirrorRegion.inRound | MirrorRegion.wanted) || unsafe | syncing != 0 }
}

/// Of a record of the log.
struct MirrorPart {
    var sequence: UInt64 = 0
    /// It says something else than is true now.
    var isPending = false
    var isInRound = false
    /// How many of its regions are.
    var busy: UInt16 = 0
    var stale: UInt16 = 0
}

struct MirrorState {
    enum Status: UInt8 {
        /// No business of the module's.
        case off
        /// A worker is to open its legs and its log; is doing so: requests wait in `blocked`.
        case new, starting
        case refused, on
    }

    enum Copy: UInt8 {
        case idle
        /// Until its time.
        case paced
        /// For the writes of the region that are under way.
        case waiting
        case reading, writing
    }

    struct Leg {
        var target: Target?
        var direct: Target?
        var refusesDirect = false
        var lacksDirect: Bool { target != nil && direct == nil && !refusesDirect }
        /// How many are under way, and how long they take, in nanoseconds.
        var reads = 0
        var usual: Int64 = 0
        var isReadSaid = false
    }

    /// A batch of records at most is written at once.
    static let batch = 32
    /// What is mapped for each file: the header; a copy that is being written, or a page for another purpose; what a batch writes;
    /// a page for texts; the parts and the regions.
    static let parts = (3 + batch / 8) * MirrorLayout.page
    static let regions = parts + (MirrorLayout.mostRecords * MemoryLayout<MirrorPart>.stride + 4095) / 4096 * 4096
    static let length = regions + MirrorLayout.mostRegions * MemoryLayout<MirrorRegion>.stride

    var status = Status.off
    var error: CInt = 0
    /// Where it was refused: until when; and which error was said last.
    var refusedUntil: Int64 = 0
    var saidError: CInt = 0
    var memory: UnsafeMutableRawPointer?
    var next: UInt64 = 0

    var legs = InlineArray<4, Leg>(repeating: Leg())
    var count = 0
    /// Those that belong to it; and of these that take part.
    var all: MirrorLegs = 0
    var live: MirrorLegs = 0
    var turn = 0

    var log: Target?
    var shift = 0
    var size = 0
    var writes = 0
    /// How many regions are.
    var staleTotal = 0
    var busyTotal = 0
    var partsUsed = 0
    /// Counts what changes a leg.
    var changes = 0
    /// What the first leg was when the last write was over; only while none is under way.
    var idle = MirrorFacts()
    var hasIdle = false
    /// The first leg's file system asks no server: anybody may look at it.
    var isLocal = false
    /// A worker opens descriptors with O_DIRECT; has the legs' files be what the log is to say.
    var isOpeningDirect = false
    var isSettling = false
    var hasSettleFailed = false

    // The log
    var pending = 0
    var isHeaderPending = false
    /// That of the log which is being written, or was last; complete are all up to `completed`.
    var round: UInt64 = 0
    var completed: UInt64 = 0
    var isFlushing = false
    /// The round goes on when what the legs have is safe.
    var isHeldUp = false
    var batchCount = 0
    var batch = InlineArray<32, Int32>(repeating: 0)
    var hasHeader = false
    var outstanding = 0
    var roundError: CInt = 0
    var isLogSaid = false
    /// It is time to write what nobody waits for.
    var isDue = false
    /// The round that says of the last failure; what ends before it is over waits for it.
    var unsaid: UInt64 = 0
    /// Requests that wait for a round.
    var logging = RequestQueue()

    // The syncs of the legs
    var isCleaning = false
    var cleanLegs: MirrorLegs = 0
    var cleanOutstanding = 0
    var hasCleanFailed = false
    /// A leg failed: what the others have is made safe before the log says so.
    var mustSync = false

    // Recovery
    var copy = Copy.idle
    var region = -1
    var cursor = 0
    var position = 0
    var end = 0
    var piece = 0
    var source = 0
    var targets: MirrorLegs = 0
    var copyOutstanding = 0
    var buffer: UnsafeMutableRawPointer?
    var nextCopy: Int64 = 0
    /// The region that is being copied was found to differ meanwhile: what was read of it may be old.
    var isCopyVoid = false
    /// Not before the next look: something failed.
    var isCopyStuck = false
    /// Writes that wait until the region is recovered, and what waits for a worker that opens something.
    var blocked = RequestQueue()

    var clock: RequestIdentity?
    var pacer: RequestIdentity?
    /// What the numbers say.
    var toldStale = 0
    var toldFailed = 0
    var question: UInt64 = 0
    var isClosing = false
    /// The program ends, and nobody closes the file; and all is in the log.
    var isAtExit = false
    var isEnded = false
    /// The file's.
    var word: UInt64 = 0

    init() {}

    var header: MirrorHeader { MirrorHeader(memory!) }
    /// Of two pages: the one that is written, and one for other purposes.
    var headerCopy: UnsafeMutableRawPointer { memory! + MirrorLayout.page }
    var texts: UnsafeMutableRawPointer { memory! + 2 * MirrorLayout.page }
    var batchMemory: UnsafeMutableRawPointer { memory! + 3 * MirrorLayout.page }

    func part(_ number: Int) -> UnsafeMutablePointer<MirrorPart> {
        (memory! + MirrorState.parts).assumingMemoryBound(to: MirrorPart.self) + number
    }

    func region(_ number: Int) -> UnsafeMutablePointer<MirrorRegion> {
        (memory! + MirrorState.regions).assumingMemoryBound(to: MirrorRegion.self) + number
    }

    func number(at offset: Int) -> Int { min(offset >> shift, MirrorLayout.mostRegions - 1) }
    func start(of region: Int) -> Int { region << shift }
    /// Where a region ends; the last has all the rest.
    func end(of region: Int) -> Int { region == MirrorLayout.mostRegions - 1 ? .max : (region + 1) << shift }
}

extension UnsafeMutablePointer where Pointee == MirrorState {
    /// Changes a region, and what is counted of it. `isTold`: the log is to say so. Under the lock.
    @inline(never)
    func change(_ number: Int, isTold: Bool = true, _ body: (inout MirrorRegion) -> Void) {
        let region = pointee.region(number)
        let (wasBusy, wasStale) = (region.pointee.isBusy, region.pointee.stale != 0)
        body(&region.pointee)
        let index = number / MirrorLayout.regionsOfRecord
        let part = pointee.part(index)
        if index >= pointee.partsUsed { pointee.partsUsed = index + 1 }
        if region.pointee.isBusy != wasBusy {
            part.pointee.busy = wasBusy ? part.pointee.busy - 1 : part.pointee.busy + 1
            pointee.busyTotal += wasBusy ? -1 : 1
        }
        if (region.pointee.stale != 0) != wasStale {
            part.pointee.stale = wasStale ? part.pointee.stale - 1 : part.pointee.stale + 1
            pointee.staleTotal += wasStale ? -1 : 1
        }
        if isTold { tell(index) }
    }

    /// A record is to be written anew.
    @inline(never)
    func tell(_ index: Int) {
        guard pointee.log != nil, !pointee.part(index).pointee.isPending else { return }
        pointee.part(index).pointee.isPending = true
        pointee.pending += 1
    }

    var isFirstStale: Bool {
        var isStale = false
        if pointee.staleTotal > 0 {
            forEach(busy: false) { _, region in if region.pointee.stale.has(0) { isStale = true } }
        }
        return isStale
    }

    func tellHeader() { if pointee.log != nil { pointee.isHeaderPending = true } }

    /// The round that says what is told now: the next to begin.
    var ticket: UInt64 { pointee.round + 1 }

    /// Calls `body` with the regions of which something waits for a sync, or with those that are stale.
    @inline(never)
    func forEach(busy: Bool, _ body: (Int, UnsafeMutablePointer<MirrorRegion>) -> Void) {
        for index in 0..<pointee.partsUsed {
            let part = pointee.part(index)
            guard (busy ? part.pointee.busy : part.pointee.stale) > 0 else { continue }
            let first = index * MirrorLayout.regionsOfRecord
            for number in first..<min(first + MirrorLayout.regionsOfRecord, MirrorLayout.mostRegions) {
                let region = pointee.region(number)
                if busy ? region.pointee.isBusy : region.pointee.stale != 0 { body(number, region) }
            }
        }
    }

    /// Legs differ from the others from some region on, as far as the file goes. Under the lock.
    @inline(never)
    func markStale(_ legs: MirrorLegs, from first: Int = 0) {
        guard pointee.size > 0 else { return }
        let last = pointee.number(at: pointee.size - 1)
        if first > last { return }
        if (first...last).contains(pointee.region) { pointee.isCopyVoid = true }
        for number in first...last {
            // One at least is the truth.
            let legs = legs & ~pointee.region(number).pointee.stale
            let left = pointee.all & ~pointee.region(number).pointee.stale & ~legs
            if legs == 0 || left == 0 { continue }
            change(number) {
                $0.stale |= legs
                $0.unsafe &= ~legs
                $0.syncing &= ~legs
            }
        }
    }

    /// The first leg was changed by others: where it is not stale itself, all others are.
    func markOthersStale() { markStale(pointee.all & ~1) }

    /// A record as it is now. Under the lock.
    func encode(_ index: Int, _ memory: UnsafeMutableRawPointer) {
        let part = pointee.part(index)
        let record = MirrorRecord(memory)
        part.pointee.sequence &+= 1
        record.begin(index, of: pointee.header.set, part.pointee.sequence)
        let first = index * MirrorLayout.regionsOfRecord
        for bit in 0..<min(MirrorLayout.regionsOfRecord, MirrorLayout.mostRegions - first) {
            let region = pointee.region(first + bit)
            if region.pointee.has(MirrorRegion.wanted) {
                region.pointee.flags = region.pointee.flags & ~MirrorRegion.wanted | MirrorRegion.inRound
            }
            if region.pointee.has(MirrorRegion.inRound | MirrorRegion.dirty) { record[0, bit] = true }
            let stale = region.pointee.stale | region.pointee.unsafe | region.pointee.syncing
            stale.forEachLeg { record[1 + $0, bit] = true }
        }
        record.seal()
    }
}
