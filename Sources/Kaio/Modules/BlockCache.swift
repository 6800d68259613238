// Blocks of files in memory, found by file and number: the storage of bufio, which makes the transfers.
//
// A block is in one phase; `move` is the only function that changes it, and asserts that the step is one of these:
//
//     free -> reading -> clean <-> dirty -> writing -> clean
//               |  \-> dirty (all of it was written to)    \-> dirty (it could not be written, and is tried again)
//               v                                           \-> failed
//             failed -> free;  clean -> free (evicted);  dirty -> free (given up)
//
// Invariant, under `lock`: a block that is not free nor failed is in its bucket, and in its file's list; no two have one key.
// What is clean, dirty or writing may be read (`readable` in `word`), and only that. Each clean block that nobody holds is in
// `newcomers` or `residents`; they alone are evicted. `dirty` has all that are dirty, in the order in which they became so. Who holds a block (`holds`) keeps it its key's. `copiers` write to it: meanwhile it is not written out, and
// while it is written out nobody writes to it.
//
// Reading without the lock (`read`): a reader counts itself in the low half of `word` and looks whether that says "readable",
// then at the key. Who evicts takes "readable" away in one step from a word without readers, before anything else changes. So
// what a reader copies is the block of that key. What it walks through may change under it, so it may find nothing: then the
// request takes the slow path. Blocks are never unmapped.
//
// What goes: a block comes as a newcomer. While newcomers are more than a tenth, the one that came first goes, so what is used once
// pushes out nothing else; used again meanwhile, it becomes a resident. Of the residents, the one that was not used for the
// longest time. Who comes back soon after it went, as `departed` tells, is a resident at once: so the blocks of a program that turns to
// others get a place, though they are more than a tenth. Where newcomers go unused, one after another (`worth`), most of what is read once
// is not kept at all, and only departs: copying it would be in vain. Being used is only counted (`uses`), and whoever was used is given a
// second chance, so eviction takes a few steps, however many blocks there are.

import CKaio
import CKernel
import Synchronization

struct CacheBlock: Equatable {
    enum Phase: UInt8 {
        case free, reading, clean, dirty, writing, failed
    }

    /// What anyone may look at.
    struct Face: ~Copyable {
        /// Readers without the lock in the low half, and `readable`.
        let word = Atomic<UInt64>(0)
        let file = Atomic<UInt64>(0)
        let number = Atomic<Int>(0)
        /// In the bucket.
        let next = Atomic<UInt>(0)
        let data = Atomic<UInt>(0)
        /// How often it was used since it came, or was given a chance; two stands for more.
        let uses = Atomic<UInt8>(0)
        /// Who comes to it reads in sequence: the next blocks are to be read ahead.
        let isMilestone = Atomic<Bool>(false)
    }

    enum Making: UInt8 {
        case not, begun, done
    }

    /// Its neighbours in a list.
    struct Links {
        var previous: CacheBlock?
        var following: CacheBlock?
    }

    /// What the lock guards.
    struct Rest {
        var phase = Phase.free
        var failedToRead = false
        /// An errno, where `phase` is `failed`.
        var failure: Int32 = 0
        var holds: Int32 = 0
        var copiers: Int32 = 0
        /// In which order it became dirty, and when a client first wrote to it while it was being written.
        var order: UInt64 = 0
        var marked: UInt64 = 0
        /// In `newcomers`, `residents`, `dirty`, `free` or `parked`.
        var inList = Links()
        /// Among the blocks of its file: the dirty ones, or the others.
        var inFile = Links()
        var owner: CachedFile?
        var waiters = RequestQueue()
        /// Of a dirty block, what has to be written of it; of one that is being written, what a client wrote to meanwhile.
        var from: Int32 = 0
        var to: Int32 = 0
        /// A client's buffer: its place in `Holds`, or 0, whether the client was told of it, and its own bytes.
        var hold: Int32 = 0
        var making = Making.not
        var user: UnsafeMutableRawPointer?
        /// It is not as in the file: it goes with the last hold of a client, unless that says that it is to be written.
        var mustGo = false
        /// It has what was reported as written, or a client marked, and is not in the file.
        var isOwed = false
        var isResident = false
        /// When it was last used, in seconds, as far as is known.
        var time: UInt32 = 0
    }

    static let readable: UInt64 = 1 << 32
    static let readers = readable - 1
    static let restOffset = 64
    static let stride = (restOffset + MemoryLayout<Rest>.stride + 63) & ~63

    let face: UnsafeMutablePointer<Face>

    static func == (a: CacheBlock, b: CacheBlock) -> Bool { a.face == b.face }

    @inline(__always)
    var bits: UInt { UInt(bitPattern: face) }
    @inline(__always)
    init?(bits: UInt) {
        guard let face = UnsafeMutablePointer<Face>(bitPattern: bits) else { return nil }
        self.face = face
    }

    var rest: UnsafeMutablePointer<Rest> {
        (UnsafeMutableRawPointer(face) + CacheBlock.restOffset).assumingMemoryBound(to: Rest.self)
    }
    @inline(__always)
    var data: UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(bitPattern: face.pointee.data.load(ordering: .relaxed)).unsafelyUnwrapped
    }
    var number: Int { face.pointee.number.load(ordering: .relaxed) }
    @inline(__always)
    func countUse() {
        let uses = face.pointee.uses.load(ordering: .relaxed)
        if uses < 2 { face.pointee.uses.store(uses + 1, ordering: .relaxed) }
    }
    var phase: Phase { rest.pointee.phase }
}

/// Which of a block's links a list uses.
protocol BlockPlace {
    static subscript(block: CacheBlock) -> CacheBlock.Links { get set }
}

/// `newcomers`, `residents`, `dirty`, `free` or `parked`.
enum InList: BlockPlace {
    static subscript(block: CacheBlock) -> CacheBlock.Links {
        get { block.rest.pointee.inList }
        set { block.rest.pointee.inList = newValue }
    }
}

/// The dirty ones of its file, or the others.
enum InFile: BlockPlace {
    static subscript(block: CacheBlock) -> CacheBlock.Links {
        get { block.rest.pointee.inFile }
        set { block.rest.pointee.inFile = newValue }
    }
}

/// Blocks in a row; a block is in one list of each place at most.
struct BlockList<Place: BlockPlace> {
    private(set) var first: CacheBlock?
    private(set) var last: CacheBlock?
    private(set) var count = 0

    mutating func append(_ block: CacheBlock) {
        Place[block] = CacheBlock.Links(previous: last, following: nil)
        if let last { Place[last].following = block } else { first = block }
        last = block
        count += 1
    }

    /// In order of becoming dirty, as all of the list are; from the nearer end, as far as can be told.
    mutating func insert(_ block: CacheBlock) {
        let order = block.rest.pointee.order
        guard let first, let last, order < last.rest.pointee.order else { return append(block) }
        var next = first
        if order &- first.rest.pointee.order < last.rest.pointee.order &- order || order < first.rest.pointee.order {
            while next.rest.pointee.order < order { next = Place[next].following.unsafelyUnwrapped }
        } else {
            next = last
            while let previous = Place[next].previous, previous.rest.pointee.order > order { next = previous }
        }
        let previous = Place[next].previous
        Place[block] = CacheBlock.Links(previous: previous, following: next)
        Place[next].previous = block
        if let previous { Place[previous].following = block } else { self.first = block }
        count += 1
    }

    mutating func remove(_ block: CacheBlock) {
        let links = Place[block]
        if let previous = links.previous {
            Place[previous].following = links.following
        } else {
            first = links.following
        }
        if let following = links.following { Place[following].previous = links.previous } else { last = links.previous }
        Place[block] = CacheBlock.Links()
        count -= 1
    }

    mutating func popFirst() -> CacheBlock? {
        guard let block = first else { return nil }
        remove(block)
        return block
    }
}

/// The blocks of one size. There is one cache for each size that is asked for, and one budget for all.
struct BlockCache: Equatable {
    /// What the lock guards.
    struct State {
        let next: BlockCache?
        var free = BlockList<InList>()
        var newcomers = BlockList<InList>()
        var residents = BlockList<InList>()
        var dirty = BlockList<InList>()
        var writing = 0
        /// Those that gave their memory back.
        var parked = BlockList<InList>()
        /// Those that have memory.
        var count = 0
        /// What the kernel gave, and is not used yet.
        var blocks = Carving()
        var data = Carving()
        /// So many are to be had in any case.
        var least = BlockCache.least
        /// Those that clients hold.
        var held = 0
        /// 0: the newcomers that were evicted of late had not been used again. Each such takes one, each that was used gives many.
        var worth = BlockCache.mostWorth
        /// Reads that came when they were worth nothing.
        var doubts = 0
    }

    static let mostWorth = 256

    struct Carving {
        var next: UnsafeMutableRawPointer?
        var left = 0

        mutating func take(_ size: Int, of chunk: Int) -> UnsafeMutableRawPointer? {
            if left < size {
                guard let memory = Chunks.take(chunk) else { return nil }
                left = chunk
                // One call costs less than a fault for each page. 23 is MADV_POPULATE_WRITE, which older headers lack.
                if BlockCache.budget.load(ordering: .relaxed) >= 64 * chunk { Pages.advise(memory, left, 23) }
                next = memory
            }
            defer {
                next = next.map { $0 + size }
                left -= size
            }
            return next
        }
    }

    /// The memory of all blocks. Nothing is given back but in the child of a fork, which has none of it. Under the lock.
    private enum Chunks {
        private static let most = 4096
        nonisolated(unsafe) private static var list: UnsafeMutablePointer<iovec>?
        nonisolated(unsafe) private static var count = 0

        static func take(_ size: Int) -> UnsafeMutableRawPointer? {
            if list == nil { list = Pages.map(most * MemoryLayout<iovec>.stride)?.assumingMemoryBound(to: iovec.self) }
            guard let list, count < most, let memory = Pages.map(size) else { return nil }
            list[count] = iovec(iov_base: memory, iov_len: size)
            count += 1
            return memory
        }

        static func dropAll() {
            for index in 0..<count { if let list { Pages.unmap(list[index].iov_base, list[index].iov_len) } }
            count = 0
        }
    }

    let size: Int
    let shift: Int
    /// The address of the buckets, and below it the binary logarithm of how many there are. Behind them is a word for each of as many blocks
    /// that went.
    private let table: UnsafeMutablePointer<Atomic<UInt>>
    let state: UnsafeMutablePointer<State>

    static func == (a: BlockCache, b: BlockCache) -> Bool { a.state == b.state }

    static let lock = Lock()
    nonisolated(unsafe) private static var first: BlockCache?
    /// In bytes, for the blocks, what is known of them and the buckets.
    static let budget = Atomic<Int>(0)
    static let used = Atomic<Int>(0)
    private static let peak = Atomic<Int>(0)
    nonisolated(unsafe) private static var lastOrder: UInt64 = 0

    /// So many blocks are always to be had.
    static let least = 8
    /// So that there are some hundred of them.
    private static var chunk: Int {
        max(256 << 10, min(64 << 20, budget.load(ordering: .relaxed) >> 8 & ~((256 << 10) - 1)))
    }
    private static let chances = 32

    /// What is counted, of all caches.
    enum Number: Int {
        case hits, misses, evictions, transfersIn, writeOuts, errors, blocks, bytes, dirtyBytes, budget, peak
    }
    nonisolated(unsafe) private static var numbers: ModuleNumbers?

    @inline(__always)
    static func count(_ number: Number, _ amount: Int = 1) { numbers?.add(number.rawValue, amount) }

    static func counted(_ number: Number) -> Int { numbers?[number.rawValue] ?? 0 }

    static func use(_ bytes: Int) {
        let now = used.wrappingAdd(bytes, ordering: .relaxed).newValue
        count(.bytes, bytes)
        let old = peak.max(now, ordering: .relaxed).oldValue
        if now > old { count(.peak, now - old) }
    }

    static func setBudget(_ size: Int) {
        count(.budget, size - budget.exchange(size, ordering: .relaxed))
    }

    // MARK: life

    /// The cache of blocks of this size, a power of two. In the making of stacks.
    static func of(blockSize size: Int) -> BlockCache? {
        if numbers == nil {
            numbers = ModuleNumbers(
                "bufio", nil,
                "hits misses evictions transfers_in write_outs errors =blocks =bytes =dirty_bytes =budget =peak_bytes")
            count(.budget, budget.load(ordering: .relaxed))
        }
        var current = first
        while let cache = current {
            if cache.size == size { return cache }
            current = cache.state.pointee.next
        }
        guard let memory = buckets(for: size) else { return nil }
        let state = UnsafeMutablePointer<State>.allocate(capacity: 1)
        state.initialize(to: State(next: first))
        let table = UnsafeMutablePointer<Atomic<UInt>>.allocate(capacity: 1)
        table.initialize(to: Atomic(memory))
        first = BlockCache(size: size, shift: size.trailingZeroBitCount, table: table, state: state)
        return first
    }

    /// Buckets for twice as many blocks of this size as the budget has room for, as a word of `table`: most are empty, and who looks for
    /// what is not here looks at no block.
    private static func buckets(for size: Int) -> UInt? {
        var shift: UInt = 10
        while 1 << shift < 2 * (budget.load(ordering: .relaxed) / (size + CacheBlock.stride)), shift < 24 { shift += 1 }
        guard let memory = Pages.map(length(shift)) else { return nil }
        use(length(shift))
        return UInt(bitPattern: memory) | shift
    }

    /// In bytes, of the table that is described by this word.
    private static func length(_ word: UInt) -> Int { 12 << Int(word & tableShift) }

    /// More buckets, where the budget has grown much since. Who is just looking may find nothing. Under the lock.
    func fitTable() {
        let old = table.pointee.load(ordering: .relaxed)
        guard room >> 2 > 1 << (old & BlockCache.tableShift), let new = BlockCache.buckets(for: size) else { return }
        table.pointee.store(new, ordering: .releasing)
        let buckets = UnsafeMutablePointer<Atomic<UInt>>(bitPattern: old & ~BlockCache.tableShift)!
        for index in 0..<1 << (old & BlockCache.tableShift) {
            var current = CacheBlock(bits: buckets[index].load(ordering: .relaxed))
            while let block = current {
                current = CacheBlock(bits: block.face.pointee.next.load(ordering: .relaxed))
                let bucket = bucket(block.face.pointee.file.load(ordering: .relaxed), block.number)
                block.face.pointee.next.store(bucket.pointee.load(ordering: .relaxed), ordering: .releasing)
                bucket.pointee.store(block.bits, ordering: .releasing)
            }
        }
        // The addresses stay: somebody may be looking there.
        Pages.discard(buckets, BlockCache.length(old))
        BlockCache.use(-BlockCache.length(old))
    }

    private static let tableShift: UInt = 63

    /// In the child of a fork, which has none of the blocks.
    static func resetAll() {
        lock.reset()
        Chunks.dropAll()
        used.store(0, ordering: .relaxed)
        peak.store(0, ordering: .relaxed)
        count(.budget, budget.load(ordering: .relaxed))
        visit { cache in
            let word = cache.table.pointee.load(ordering: .relaxed)
            Pages.clear(UnsafeMutableRawPointer(bitPattern: word & ~tableShift)!, length(word))
            use(length(word))
            cache.state.pointee.free = BlockList<InList>()
            cache.state.pointee.newcomers = BlockList<InList>()
            cache.state.pointee.residents = BlockList<InList>()
            cache.state.pointee.dirty = BlockList<InList>()
            cache.state.pointee.parked = BlockList<InList>()
            cache.state.pointee.writing = 0
            cache.state.pointee.count = 0
            cache.state.pointee.blocks = Carving()
            cache.state.pointee.data = Carving()
            cache.state.pointee.least = BlockCache.least
            cache.state.pointee.held = 0
            cache.state.pointee.worth = mostWorth
        }
    }

    static func visit(_ body: (BlockCache) -> Void) {
        var current = first
        while let cache = current {
            body(cache)
            current = cache.state.pointee.next
        }
    }

    /// What a block costs.
    var cost: Int { size + CacheBlock.stride }
    /// How many blocks the budget has room for.
    var room: Int { max(BlockCache.least, BlockCache.budget.load(ordering: .relaxed) / cost) }
    /// Blocks that are not safe yet.
    var unsaved: Int { state.pointee.dirty.count + state.pointee.writing }
    /// Blocks that can be evicted.
    var cleanCount: Int { state.pointee.newcomers.count + state.pointee.residents.count }

    // MARK: finding

    @inline(__always)
    private func bucket(_ file: UInt64, _ number: Int) -> UnsafeMutablePointer<Atomic<UInt>> {
        let hash = FileFacts.hash(file, UInt64(bitPattern: Int64(number)))
        let word = table.pointee.load(ordering: .acquiring)
        let buckets = UnsafeMutablePointer<Atomic<UInt>>(bitPattern: word & ~BlockCache.tableShift).unsafelyUnwrapped
        return buckets + Int(hash >> (64 - UInt64(word & BlockCache.tableShift)))
    }

    /// Under the lock.
    func find(_ file: UInt64, _ number: Int) -> CacheBlock? {
        var current = CacheBlock(bits: bucket(file, number).pointee.load(ordering: .relaxed))
        while let block = current {
            if block.number == number, block.face.pointee.file.load(ordering: .relaxed) == file { return block }
            current = CacheBlock(bits: block.face.pointee.next.load(ordering: .relaxed))
        }
        return nil
    }

    /// The same without the lock; it may overlook one.
    @inline(__always)
    func seems(here number: Int, _ file: UInt64) -> Bool {
        var bits = bucket(file, number).pointee.load(ordering: .acquiring)
        for _ in 0..<64 {
            guard let face = CacheBlock(bits: bits)?.face else { return false }
            if face.pointee.number.load(ordering: .relaxed) == number,
                face.pointee.file.load(ordering: .relaxed) == file
            {
                return true
            }
            bits = face.pointee.next.load(ordering: .acquiring)
        }
        return false
    }

    enum Sight {
        case missing, copied
        /// The same, and the reader has come to a milestone.
        case milestone
    }

    /// Copies bytes of a block, if it is here. No lock, in any thread, signals open.
    @inline(__always)
    func read(
        _ file: UInt64, _ number: Int, from offset: Int, _ length: Int, to buffer: UnsafeMutableRawPointer
    ) -> Sight {
        var bits = bucket(file, number).pointee.load(ordering: .acquiring)
        var steps = 0
        while let block = CacheBlock(bits: bits), steps < 64 {
            let face = block.face
            if face.pointee.number.load(ordering: .relaxed) == number,
                face.pointee.file.load(ordering: .relaxed) == file
            {
                let word = face.pointee.word.wrappingAdd(1, ordering: .acquiring).newValue
                defer { BlockCache.endReading(block) }
                guard word & CacheBlock.readable != 0, face.pointee.number.load(ordering: .relaxed) == number,
                    face.pointee.file.load(ordering: .relaxed) == file
                else { return .missing }
                if face.pointee.isMilestone.load(ordering: .relaxed) { return .milestone }
                memcpy(buffer, block.data + offset, length)
                block.countUse()
                return .copied
            }
            bits = face.pointee.next.load(ordering: .acquiring)
            steps += 1
        }
        return .missing
    }

    @inline(__always)
    private static func endReading(_ block: CacheBlock) {
        let old = block.face.pointee.word.wrappingSubtract(1, ordering: .releasing).oldValue
        // In the child of a fork that was made by a handler on top of the reader, the words are new.
        if old & CacheBlock.readers == 0 { block.face.pointee.word.store(0, ordering: .relaxed) }
    }

    // MARK: getting; all of this under the lock

    /// A block that is nobody's: one that is free, new, or evicted. Nil: all are held or not safe yet.
    func take() -> CacheBlock? {
        if mayGrow, let block = grow() { return block }
        if let block = takeFree() { return block }
        if let block = evict() { return block }
        // Those that could go are being looked at by readers, who may be below a signal handler.
        return cleanCount > 0 || hasReserve ? grow() : nil
    }

    private var mayGrow: Bool {
        BlockCache.used.load(ordering: .relaxed) + cost <= BlockCache.budget.load(ordering: .relaxed)
            || state.pointee.count < state.pointee.least
    }

    /// Whether a block that was just read, for a request alone, gets a place. If not it has departed: when it is read again it gets one.
    func isWorthKeeping(_ file: CachedFile, _ number: Int) -> Bool {
        if mayGrow || state.pointee.free.count > 0 || state.pointee.worth > 0 { return true }
        let (place, mark) = departed(file.id, number)
        // Some are kept all the same, so that it shows when they are used again.
        state.pointee.doubts += 1
        if place.pointee == mark || state.pointee.doubts % 8 == 0 { return true }
        place.pointee = mark
        return false
    }

    /// Where dirty blocks can't be written, so that no other file's requests wait for them.
    var hasReserve: Bool { CachedFile.failing > 0 && state.pointee.count < room + CacheRun.most }
    /// All blocks are dirty or held by clients, and could not be written: there will be no room.
    var isStuck: Bool {
        CachedFile.failing > 0 && state.pointee.writing == 0 && !hasReserve
            && state.pointee.dirty.count + state.pointee.held >= state.pointee.count
    }

    /// What was thrown away may still be read by one who came before that.
    private func takeFree() -> CacheBlock? {
        for _ in 0..<min(4, state.pointee.free.count) {
            guard let block = state.pointee.free.popFirst() else { return nil }
            if block.face.pointee.word.load(ordering: .acquiring) & CacheBlock.readers == 0 { return block }
            state.pointee.free.append(block)
        }
        return nil
    }

    private func grow() -> CacheBlock? {
        if let block = takeFree() { return block }
        if let block = state.pointee.parked.popFirst() {
            state.pointee.count += 1
            BlockCache.count(.blocks)
            BlockCache.use(cost)
            return block
        }
        guard let data = state.pointee.data.take(size, of: max(size, BlockCache.chunk)),
            let memory = state.pointee.blocks.take(CacheBlock.stride, of: BlockCache.chunk)
        else { return nil }
        let block = CacheBlock(bits: UInt(bitPattern: memory)).unsafelyUnwrapped
        block.face.initialize(to: CacheBlock.Face())
        block.face.pointee.data.store(UInt(bitPattern: data), ordering: .relaxed)
        block.rest.initialize(to: CacheBlock.Rest())
        state.pointee.count += 1
        BlockCache.count(.blocks)
        BlockCache.use(cost)
        return block
    }

    private func evict() -> CacheBlock? {
        for chance in 0...BlockCache.chances {
            let areMany = state.pointee.newcomers.count * 10 > cleanCount
            guard let block = (areMany ? state.pointee.newcomers : state.pointee.residents).first else { return nil }
            let uses = block.face.pointee.uses.exchange(1, ordering: .relaxed)
            // All of them were used: the next one, then.
            let isLast = chance == BlockCache.chances
            guard uses < 2 || isLast, hide(block) else {
                if isLast { return nil }
                removeClean(block)
                if !block.rest.pointee.isResident, uses > 1 {
                    state.pointee.worth = min(BlockCache.mostWorth, state.pointee.worth + 16)
                }
                block.rest.pointee.isResident = true
                appendClean(block)
                continue
            }
            BlockCache.count(.evictions)
            if !block.rest.pointee.isResident, uses > 0 {
                state.pointee.worth = max(0, state.pointee.worth - 1)
                let (place, mark) = departed(block.face.pointee.file.load(ordering: .relaxed), block.number)
                place.pointee = mark
            }
            // Most likely the next to go.
            let following = block.rest.pointee.inList.following
            move(block, to: .free)
            state.pointee.free.remove(block)
            if let following { fetch(following) }
            return block
        }
        return nil
    }

    /// Has the processor fetch what will be written to when this block goes, and of the one after it what is known of it: by then these
    /// would not be in its caches.
    private func fetch(_ block: CacheBlock) {
        ck_prefetch(bucket(block.face.pointee.file.load(ordering: .relaxed), block.number), 8)
        ck_prefetch(block.data, min(size, 4096))
        if let following = block.rest.pointee.inList.following { ck_prefetch(following.face, CacheBlock.stride) }
    }

    private func appendClean(_ block: CacheBlock) {
        touch(block)
        if block.rest.pointee.isResident {
            state.pointee.residents.append(block)
        } else {
            state.pointee.newcomers.append(block)
        }
    }

    private func removeClean(_ block: CacheBlock) {
        if block.rest.pointee.isResident {
            state.pointee.residents.remove(block)
        } else {
            state.pointee.newcomers.remove(block)
        }
    }

    /// The word for a block that went, and what it says if that was this one.
    private func departed(_ file: UInt64, _ number: Int) -> (UnsafeMutablePointer<UInt32>, UInt32) {
        let hash = FileFacts.hash(file, UInt64(bitPattern: Int64(number)))
        let word = table.pointee.load(ordering: .relaxed)
        let shift = word & BlockCache.tableShift
        let words = UnsafeMutablePointer<UInt32>(bitPattern: word & ~BlockCache.tableShift + 8 << shift)
        return (words.unsafelyUnwrapped + Int(hash >> (64 - UInt64(shift))), UInt32(truncatingIfNeeded: hash))
    }

    /// No reader finds it any more. False: one is just reading it.
    private func hide(_ block: CacheBlock) -> Bool {
        block.face.pointee.word.compareExchange(
            expected: CacheBlock.readable, desired: 0, ordering: .acquiringAndReleasing
        ).exchanged
    }

    private func touch(_ block: CacheBlock) {
        block.rest.pointee.time = UInt32(truncatingIfNeeded: Instant.roughlyNow.nanoseconds / 1_000_000_000)
    }

    /// Gives a key to a block that `take` has given. Ahead: nobody uses it yet.
    func add(_ block: CacheBlock, _ file: CachedFile, _ number: Int, isAhead: Bool = false) {
        assert(block.phase == .free && find(file.id, number) == nil)
        block.face.pointee.file.store(file.id, ordering: .relaxed)
        block.face.pointee.number.store(number, ordering: .relaxed)
        block.face.pointee.uses.store(isAhead ? 0 : 1, ordering: .relaxed)
        block.face.pointee.isMilestone.store(false, ordering: .relaxed)
        block.rest.pointee.owner = file
        block.rest.pointee.failure = 0
        block.rest.pointee.failedToRead = false
        block.rest.pointee.from = 0
        block.rest.pointee.to = 0
        block.rest.pointee.mustGo = false
        block.rest.pointee.isOwed = false
        let (place, mark) = departed(file.id, number)
        block.rest.pointee.isResident = place.pointee == mark && mark != 0
        file.rest.pointee.blocks.append(block)
        touch(block)
        let bucket = bucket(file.id, number)
        block.face.pointee.next.store(bucket.pointee.load(ordering: .relaxed), ordering: .releasing)
        bucket.pointee.store(block.bits, ordering: .releasing)
        move(block, to: .reading)
    }

    private func unlink(_ block: CacheBlock) {
        let file = block.face.pointee.file.load(ordering: .relaxed)
        let bucket = bucket(file, block.number)
        let next = block.face.pointee.next.load(ordering: .relaxed)
        if bucket.pointee.load(ordering: .relaxed) == block.bits {
            bucket.pointee.store(next, ordering: .releasing)
        } else {
            var current = CacheBlock(bits: bucket.pointee.load(ordering: .relaxed))
            while let candidate = current, candidate.face.pointee.next.load(ordering: .relaxed) != block.bits {
                current = CacheBlock(bits: candidate.face.pointee.next.load(ordering: .relaxed))
            }
            current?.face.pointee.next.store(next, ordering: .releasing)
        }
        if let owner = block.rest.pointee.owner {
            owner.rest.pointee.blocks.remove(block)
            if let user = block.rest.pointee.user { owner.rest.pointee.client?.take(back: user) }
        }
        block.rest.pointee.user = nil
        block.rest.pointee.making = .not
        block.rest.pointee.owner = nil
    }

    // MARK: phases; all of this under the lock

    func move(_ block: CacheBlock, to phase: CacheBlock.Phase) {
        let old = block.phase
        switch old {
        case .clean where block.rest.pointee.holds == 0: removeClean(block)
        case .dirty:
            state.pointee.dirty.remove(block)
            if let owner = block.rest.pointee.owner {
                owner.rest.pointee.unsaved -= 1
                owner.rest.pointee.dirty.remove(block)
                owner.rest.pointee.blocks.append(block)
            }
        case .writing:
            state.pointee.writing -= 1
            block.rest.pointee.owner?.rest.pointee.unsaved -= 1
        case .free, .reading, .clean, .failed: break
        }
        block.rest.pointee.phase = phase
        let (wasUnsaved, isUnsaved) = (old == .dirty || old == .writing, phase == .dirty || phase == .writing)
        if wasUnsaved != isUnsaved { BlockCache.count(.dirtyBytes, isUnsaved ? size : -size) }
        switch (old, phase) {
        case (.free, .reading): break
        case (.reading, .clean), (.writing, .clean):
            assert(block.rest.pointee.copiers == 0)
            block.face.pointee.word.bitwiseOr(CacheBlock.readable, ordering: .releasing)
            if block.rest.pointee.holds == 0 { appendClean(block) }
        case (.reading, .dirty), (.clean, .dirty):
            block.face.pointee.word.bitwiseOr(CacheBlock.readable, ordering: .releasing)
            block.rest.pointee.order = BlockCache.nextOrder()
            state.pointee.dirty.append(block)
            block.rest.pointee.owner?.rest.pointee.blocks.remove(block)
            block.rest.pointee.owner?.rest.pointee.dirty.append(block)
        case (.dirty, .writing):
            assert(block.rest.pointee.copiers == 0)
            block.rest.pointee.failure = 0
            state.pointee.writing += 1
            block.rest.pointee.owner?.rest.pointee.unsaved += 1
        case (.writing, .dirty):
            state.pointee.dirty.insert(block)
            block.rest.pointee.owner?.rest.pointee.blocks.remove(block)
            block.rest.pointee.owner?.rest.pointee.dirty.insert(block)
        case (.reading, .failed), (.writing, .failed), (.clean, .failed):
            block.face.pointee.word.bitwiseAnd(~CacheBlock.readable, ordering: .acquiringAndReleasing)
            unlink(block)
            if block.rest.pointee.holds == 0 { move(block, to: .free) }
        case (.failed, .free): state.pointee.free.append(block)
        case (.clean, .free), (.dirty, .free):
            // What is clean was hidden by who evicts it.
            if old == .dirty {
                block.face.pointee.word.bitwiseAnd(~CacheBlock.readable, ordering: .acquiringAndReleasing)
            }
            assert(block.rest.pointee.holds == 0 && block.rest.pointee.copiers == 0)
            unlink(block)
            state.pointee.free.append(block)
        default: fatalError("a block goes from one phase to another that can't follow")
        }
        if phase == .dirty { block.rest.pointee.owner?.rest.pointee.unsaved += 1 }
        assert(isSound(block))
    }

    /// What the invariant says of one block.
    private func isSound(_ block: CacheBlock) -> Bool {
        let isReadable = block.face.pointee.word.load(ordering: .relaxed) & CacheBlock.readable != 0
        switch block.phase {
        case .clean, .dirty, .writing:
            return isReadable && find(block.face.pointee.file.load(ordering: .relaxed), block.number) == block
        case .reading:
            return !isReadable && find(block.face.pointee.file.load(ordering: .relaxed), block.number) == block
        case .free, .failed: return !isReadable && block.rest.pointee.copiers == 0
        }
    }

    static var order: UInt64 { lastOrder }

    static func nextOrder() -> UInt64 {
        lastOrder += 1
        return lastOrder
    }

    func hold(_ block: CacheBlock) {
        if block.phase == .clean, block.rest.pointee.holds == 0 { removeClean(block) }
        block.rest.pointee.holds += 1
    }

    /// True if it can be taken now.
    func release(_ block: CacheBlock) -> Bool {
        block.rest.pointee.holds -= 1
        assert(block.rest.pointee.holds >= 0)
        guard block.rest.pointee.holds == 0 else { return false }
        if block.phase == .failed { move(block, to: .free) }
        if block.phase == .clean { appendClean(block) }
        return block.phase == .free || block.phase == .clean
    }

    /// Drops a block that is clean and nobody's; false if it is not.
    @discardableResult
    func forget(_ block: CacheBlock) -> Bool {
        guard block.phase == .clean, block.rest.pointee.holds == 0, hide(block) else { return false }
        move(block, to: .free)
        return true
    }

    // MARK: the budget; under the lock

    /// Gives memory back until the budget holds, as far as blocks are free or clean; `most` at a time. True: there is more.
    @discardableResult
    func shrink(_ most: Int = 64) -> Bool {
        var done = 0
        while BlockCache.used.load(ordering: .relaxed) > BlockCache.budget.load(ordering: .relaxed),
            state.pointee.count > state.pointee.least
        {
            if done == most { return true }
            guard let block = takeFree() ?? evict() else { return false }
            giveBack(block)
            done += 1
        }
        return false
    }

    /// Gives back clean blocks that were not used since `time`, but for `retained` bytes of each file; `most` at a time.
    /// True: there are more.
    func expire(before time: UInt32, retained: Int, atMost most: Int) -> Bool {
        let haveNew = expire(state.pointee.newcomers.first, before: time, retained: retained, atMost: most)
        return expire(state.pointee.residents.first, before: time, retained: retained, atMost: most) || haveNew
    }

    private func expire(_ first: CacheBlock?, before time: UInt32, retained: Int, atMost most: Int) -> Bool {
        var current = first
        for _ in 0..<most {
            guard let block = current, block.rest.pointee.time < time else { return false }
            current = block.rest.pointee.inList.following
            let wasUsed = block.face.pointee.uses.exchange(1, ordering: .relaxed) > 1
            if !wasUsed, let owner = block.rest.pointee.owner, owner.rest.pointee.blocks.count * size > retained,
                hide(block)
            {
                move(block, to: .free)
                state.pointee.free.remove(block)
                giveBack(block)
            } else {
                // What stays is looked at again when it is as old once more.
                removeClean(block)
                if wasUsed { block.rest.pointee.isResident = true }
                appendClean(block)
            }
        }
        return current != nil
    }

    private func giveBack(_ block: CacheBlock) {
        if size % Pool.pageSize == 0 { Pages.discard(block.data, size) }
        state.pointee.parked.append(block)
        state.pointee.count -= 1
        BlockCache.count(.blocks, -1)
        BlockCache.use(-cost)
    }
}

/// A file whose blocks are kept: one object for each `OpenFile`.
struct CachedFile: Equatable {
    enum Status: UInt8 {
        /// Nobody came yet whose requests are kept; they are; it can't be.
        case unknown, kept, refused
    }

    /// What anyone may look at.
    struct Face: ~Copyable {
        /// Never used twice.
        let id = Atomic<UInt64>(0)
        let status = Atomic<UInt8>(0)
        /// In bytes, with what is not written yet.
        let size = Atomic<Int>(0)
        /// When the kernel was asked last, by the coarse clock.
        let asked = Atomic<Int64>(0)
        /// Reads of the kernel's that are to fill blocks.
        let fills = Atomic<Int>(0)
        /// How often the file was changed past the cache: what was read meanwhile is not kept.
        let era = Atomic<Int>(0)
        let hasClient = Atomic<Bool>(false)
        /// By a client, whatever the file is.
        let isWanted = Atomic<Bool>(false)
        /// Where the next read begins if it is in sequence, and how many were.
        let sequence = Atomic<Int>(0)
        let run = Atomic<Int>(0)
    }

    /// Constant from when its status is `kept`.
    struct Way {
        var open: OpenFile?
        var stack: Stack?
        var module: Unmanaged<Bufio>?
        /// With its device and inode.
        var target: Target?
        var isWritable = false
        var isDevice = false
        /// Only a worker asks for its size.
        var isRemote = false
    }

    /// What the lock guards.
    struct Rest {
        var next: CachedFile?
        /// Of those that are to be let go.
        var link: CachedFile?
        /// For what has no aligned length, or where O_DIRECT is refused.
        var buffered: Target?
        var blocks = BlockList<InFile>()
        var dirty = BlockList<InFile>()
        /// Dirty blocks, and those that are being written.
        var unsaved = 0
        /// Requests and transfers.
        var active = 0
        /// Writes past the cache that are under way: nothing is kept meanwhile.
        var bypasses = 0
        /// Of the transfers that write, in the order in which they began.
        var firstRun: CacheRun?
        var lastRun: CacheRun?
        /// Transfers that write, with O_DIRECT and without.
        var directWrites = 0
        var bufferedWrites = 0
        /// Each aio_fsync that waits.
        var synchronizations = RequestQueue()
        /// Requests that wait until all is written, or no write is under way past the cache.
        var waiters = RequestQueue()
        /// The first error of a write that nobody was told of.
        var failure: Int32 = 0
        /// The one that works with its blocks, and until which block in the order of becoming dirty all is to be written.
        var client: BufioClient?
        var wanted: UInt64 = 0
        /// How many transfers that write have failed, and the latest error.
        var failures = 0
        var lastError: Int32 = 0
        /// The last transfer that wrote, of those that are for no request, has failed.
        var isFailing = false
        /// It is to be held until all is written.
        var isClosing = false
        /// Blocks that could not be written then.
        var lost = 0
        /// Counts what changes the file's size or time on our side.
        var changes: UInt64 = 0
        /// As the kernel said it last.
        var changed: Int64 = 0
        /// Blocks were written since: the file's time says nothing.
        var isChangedByUs = false
        /// Until where was read ahead.
        var aheadUntil = 0
    }

    static let wayOffset = (MemoryLayout<Face>.stride + 63) & ~63
    static let restOffset = (wayOffset + MemoryLayout<Way>.stride + 63) & ~63
    static let stride = (restOffset + MemoryLayout<Rest>.stride + 63) & ~63

    let face: UnsafeMutablePointer<Face>

    static func == (a: CachedFile, b: CachedFile) -> Bool { a.face == b.face }

    @inline(__always)
    var bits: UInt { UInt(bitPattern: face) }
    @inline(__always)
    init?(bits: UInt) {
        guard let face = UnsafeMutablePointer<Face>(bitPattern: bits) else { return nil }
        self.face = face
    }

    var rest: UnsafeMutablePointer<Rest> {
        (UnsafeMutableRawPointer(face) + CachedFile.restOffset).assumingMemoryBound(to: Rest.self)
    }
    var way: UnsafeMutablePointer<Way> {
        (UnsafeMutableRawPointer(face) + CachedFile.wayOffset).assumingMemoryBound(to: Way.self)
    }
    @inline(__always)
    var module: Bufio { way.pointee.module.unsafelyUnwrapped.takeUnretainedValue() }
    @inline(__always)
    var id: UInt64 { face.pointee.id.load(ordering: .relaxed) }
    @inline(__always)
    var status: Status { Status(rawValue: face.pointee.status.load(ordering: .acquiring)) ?? .refused }
    @inline(__always)
    var size: Int { face.pointee.size.load(ordering: .relaxed) }

    /// Its size and the time of its last change, as far as the machine knows, or as its server says; false: neither is to be had.
    func look(_ status: inout stat, asksServer: Bool) -> Bool {
        guard !way.pointee.isDevice, let descriptor = way.pointee.target?.descriptor else { return false }
        return (asksServer ? descriptor.status(&status) : descriptor.changes(&status)) == 0
    }

    /// Requests or transfers are under way.
    var isActive: Bool { rest.pointee.active > 0 || face.pointee.fills.load(ordering: .sequentiallyConsistent) > 0 }

    // MARK: life; under the lock

    nonisolated(unsafe) private static var unused: CachedFile?
    nonisolated(unsafe) private static var fresh: UnsafeMutableRawPointer?
    nonisolated(unsafe) private static var left = 0
    nonisolated(unsafe) private static var lastID: UInt64 = 0
    /// All that are in use, for who has to write everything.
    nonisolated(unsafe) static var all: CachedFile?
    /// How many of them could not be written.
    nonisolated(unsafe) private(set) static var failing = 0
    /// The latest error of a write for no request, of any of them.
    nonisolated(unsafe) static var lastFailure: Int32 = 0

    func setFailing(_ isFailing: Bool) {
        if isFailing != rest.pointee.isFailing { CachedFile.failing += isFailing ? 1 : -1 }
        rest.pointee.isFailing = isFailing
    }

    func setClient(_ client: BufioClient?) {
        rest.pointee.client = client
        face.pointee.hasClient.store(client != nil, ordering: .sequentiallyConsistent)
    }

    static func make() -> CachedFile? {
        var file = unused
        if file != nil {
            unused = file?.rest.pointee.next
        } else {
            if left == 0 {
                fresh = Pages.map(64 * stride)
                left = fresh == nil ? 0 : 64
            }
            guard let memory = fresh, left > 0 else { return nil }
            fresh = memory + stride
            left -= 1
            file = CachedFile(bits: UInt(bitPattern: memory))
            file!.face.initialize(to: Face())
        }
        guard let file else { return nil }
        lastID += 1
        file.face.pointee.status.store(Status.unknown.rawValue, ordering: .relaxed)
        file.face.pointee.id.store(lastID, ordering: .relaxed)
        file.face.pointee.asked.store(0, ordering: .relaxed)
        file.face.pointee.hasClient.store(false, ordering: .relaxed)
        file.face.pointee.isWanted.store(false, ordering: .relaxed)
        file.face.pointee.sequence.store(0, ordering: .relaxed)
        file.face.pointee.run.store(0, ordering: .relaxed)
        file.rest.initialize(to: Rest())
        file.way.initialize(to: Way())
        file.rest.pointee.next = all
        all = file
        return file
    }

    /// It has neither requests nor transfers, nor what is not written.
    func dispose() {
        setFailing(false)
        face.pointee.status.store(Status.refused.rawValue, ordering: .relaxed)
        face.pointee.id.store(0, ordering: .relaxed)
        if CachedFile.all == self {
            CachedFile.all = rest.pointee.next
        } else {
            var current = CachedFile.all
            while let candidate = current, candidate.rest.pointee.next != self { current = candidate.rest.pointee.next }
            current?.rest.pointee.next = rest.pointee.next
        }
        rest.pointee.next = CachedFile.unused
        CachedFile.unused = self
    }

    static func resetAll() {
        unused = nil
        fresh = nil
        left = 0
        all = nil
        failing = 0
    }
}

/// One transfer of blocks in a row.
struct CacheRun: Equatable {
    static let most = 32

    /// What the lock guards.
    struct Links {
        var next: CacheRun?
        var previous: CacheRun?
        /// The first of its blocks that became dirty.
        var order: UInt64 = 0
    }

    /// What belongs to who makes the transfer.
    struct State {
        var file: CachedFile
        var isWrite: Bool
        var isBuffered = false
        /// From the beginning.
        var wasBuffered = false
        /// For a request, which is told what comes of it.
        var isThrough = false
        var isBegun = false
        /// It goes on no more.
        var isLast = false
        var offset = 0
        /// Of the transfer, and how much of it is done.
        var length = 0
        var done = 0
        /// So many bytes were taken off the front of `buffers`.
        var skipped = 0
        var count = 0
        /// What its caller goes on with.
        var link: CacheRun?
        var blocks = InlineArray<32, UInt>(repeating: 0)
    }

    /// Behind that lie the iovecs: the kernel is given their address.
    static let buffersOffset = (MemoryLayout<State>.stride + 15) & ~15
    private static let linksOffset = buffersOffset + most * MemoryLayout<iovec>.stride
    private static let stride = (linksOffset + MemoryLayout<Links>.stride + 63) & ~63

    let state: UnsafeMutablePointer<State>

    static func == (a: CacheRun, b: CacheRun) -> Bool { a.state == b.state }

    var bits: UInt { UInt(bitPattern: state) }
    init?(bits: UInt) {
        guard let state = UnsafeMutablePointer<State>(bitPattern: bits) else { return nil }
        self.state = state
    }

    var links: UnsafeMutablePointer<Links> {
        (UnsafeMutableRawPointer(state) + CacheRun.linksOffset).assumingMemoryBound(to: Links.self)
    }

    func block(_ index: Int) -> CacheBlock { CacheBlock(bits: state.pointee.blocks[index]).unsafelyUnwrapped }

    // MARK: life; under the lock

    private static let atOnce = 1024
    nonisolated(unsafe) private static var unused: CacheRun?
    nonisolated(unsafe) private static var memory: UnsafeMutableRawPointer?
    nonisolated(unsafe) private static var used = 0
    nonisolated(unsafe) private static var inUse = 0

    /// Whether there are enough for all that one step may need.
    static var hasRoom: Bool { inUse + 64 < atOnce }

    /// In the making of stacks. False: there is no memory.
    static func prepare() -> Bool {
        if memory == nil { memory = Pages.map(atOnce * stride) }
        return memory != nil
    }

    /// Nil: there are too many.
    static func make(_ file: CachedFile, isWrite: Bool) -> CacheRun? {
        var run = unused
        if run != nil {
            unused = run?.links.pointee.next
        } else if let memory, used < atOnce {
            run = CacheRun(bits: UInt(bitPattern: memory + used * stride))
            used += 1
        }
        run?.state.initialize(to: State(file: file, isWrite: isWrite))
        run?.links.initialize(to: Links())
        if run != nil { inUse += 1 }
        return run
    }

    func dispose() {
        links.pointee.next = CacheRun.unused
        CacheRun.unused = self
        CacheRun.inUse -= 1
    }

    static func resetAll() {
        unused = nil
        used = 0
        inUse = 0
    }
}
