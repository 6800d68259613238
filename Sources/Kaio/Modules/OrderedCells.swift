// The path through `ordered` for a request that overlaps no other, with no lock: most are such.
//
// Every file is parted into cells of 4 KiB. A table has a word for each cell (several may share a word): nobody's; held
// by one request that came this way; or the number of requests in it, one of which came to find somebody here. And for
// each file (several may share it too) there is a word with two counts: the requests that came this way, and the wide
// ones: those of more than 32 cells, which are too many to mark one by one. A request that finds all its cells nobody's,
// and nobody wide, conflicts with nothing. Any other takes the module's lock, and registers those that it found: they
// are *adopted*, into the tree where it looks for its conflicts.
//
// Invariants. A request that holds a word by itself, or is counted in its file's word, is `free` or `adopted`; the
// state's word has the request's sequence, so a later request in the same control block is never mistaken for it. It is
// adopted under the module's lock; it leaves without the lock if it is still free, in one step. A word that is a number
// is changed only under the lock. A request first becomes free, then counts itself in its file's word, then takes its
// cells; a wide one first counts itself there, then looks through all control blocks for free ones: so one of the two
// sees the other. Of two requests whose calls overlap in time, neither need wait for the other.
//
// Async-signal-safe, but for what is said to be under the lock.

import CKernel
import Synchronization

enum OrderedCells {
    /// What a request is to this table.
    enum State: UInt64 {
        case none, free, adopted
    }

    private static let cells = Atomic<UInt>(0)
    private static let files = Atomic<UInt>(0)

    private static let cellBits = 15
    private static let fileBits = 10
    private static let granuleBits = 12
    /// Requests of more cells are wide.
    private static let most = 32

    private static let cellsLength = 8 << cellBits
    private static let filesLength = 8 << fileBits

    /// Under the engine's lock.
    static func prepare() -> Bool {
        if files.load(ordering: .relaxed) != 0 { return true }
        guard let cellMemory = Pages.map(cellsLength), let fileMemory = Pages.map(filesLength) else { return false }
        cells.store(UInt(bitPattern: cellMemory), ordering: .relaxed)
        files.store(UInt(bitPattern: fileMemory), ordering: .releasing)
        return true
    }

    /// In the child of a fork.
    static func reset() {
        if let memory = UnsafeMutableRawPointer(bitPattern: cells.load(ordering: .relaxed)) {
            Pages.clear(memory, cellsLength)
        }
        if let memory = UnsafeMutableRawPointer(bitPattern: files.load(ordering: .relaxed)) {
            Pages.clear(memory, filesLength)
        }
    }

    // MARK: words

    private static let oneWide: UInt64 = 1 << 32

    /// A word held by one request: whether it writes, its sequence (the low part), and its block's number plus one.
    private static func holder(_ request: Request) -> UInt64 {
        let isWrite: UInt64 = request.operation == .write ? writes : 0
        return isWrite | (request.sequence & sequenceMask) << slotBits | UInt64(Slab.number(of: request) + 1)
    }

    private static let isNumber: UInt64 = 1 << 63
    private static let writes: UInt64 = 1 << 62
    private static let slotBits: UInt64 = 25
    private static let sequenceMask: UInt64 = 1 << 37 - 1

    @inline(__always)
    private static func hash(_ file: FileFacts) -> UInt64 {
        FileFacts.hash(file.device, file.inode)
    }

    @inline(__always)
    private static func fileWord(_ index: UInt16) -> UnsafeMutablePointer<Atomic<UInt64>> {
        let base = UnsafeMutableRawPointer(bitPattern: files.load(ordering: .relaxed)).unsafelyUnwrapped
        return base.assumingMemoryBound(to: Atomic<UInt64>.self) + Int(index)
    }

    @inline(__always)
    private static func fileIndex(_ hash: UInt64) -> UInt16 { UInt16(truncatingIfNeeded: hash >> (64 - fileBits)) }

    /// Neighbouring cells have neighbouring words.
    @inline(__always)
    private static func cell(_ hash: UInt64, _ index: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        let base = UnsafeMutableRawPointer(bitPattern: cells.load(ordering: .relaxed)).unsafelyUnwrapped
        let place = Int(truncatingIfNeeded: hash >> 20) &+ index
        return base.assumingMemoryBound(to: Atomic<UInt64>.self) + (place & (1 << cellBits - 1))
    }

    /// The cells of a range; nil if it is wide.
    @inline(__always)
    private static func range(_ start: Int, _ end: Int) -> Range<Int>? {
        if start >= end { return 0..<0 }
        let range = start >> granuleBits..<(end - 1) >> granuleBits + 1
        return range.count <= most ? range : nil
    }

    /// A request's word: its sequence, its file's index, its state.
    @inline(__always)
    private static func lane(_ request: Request, _ state: State) -> UInt64 {
        request.sequence << laneBits | UInt64(fileIndex(request.order.hash)) << stateBits | state.rawValue
    }

    private static let stateBits: UInt64 = 2
    private static let laneBits = stateBits + UInt64(fileBits)
    private static let stateMask: UInt64 = 1 << stateBits - 1

    static func state(of request: Request) -> State {
        let word = request.shared.lane.load(ordering: .acquiring)
        return word >> laneBits == request.sequence ? State(rawValue: word & stateMask) ?? .none : .none
    }

    // MARK: without the lock

    /// Whether a transfer could be made now without any conflict. Says nothing of the moment after.
    static func isClear(_ file: FileFacts, _ start: Int, _ end: Int, isWrite: Bool) -> Bool {
        let hash = hash(file)
        guard fileWord(fileIndex(hash)).pointee.load(ordering: .sequentiallyConsistent) < oneWide,
            let range = range(start, end)
        else { return false }
        for index in range {
            let word = cell(hash, index).pointee.load(ordering: .sequentiallyConsistent)
            if word != 0, isWrite || word & (isNumber | writes) != 0 { return false }
        }
        return true
    }

    /// Registers a transfer of a file. False: it may be in conflict, and registers further under the lock.
    static func enter(_ request: Request) -> Bool {
        assert(state(of: request) == .none && request.cellsHeld == 0)
        let hash = hash(request.file)
        let start = request.offset
        let end = request.end
        guard let range = range(start, end) else { return false }
        request.order.device = request.file.device
        request.order.inode = request.file.inode
        request.order.hash = hash
        request.order.hasRange = true
        request.order.start = start
        request.order.end = end
        request.shared.lane.store(lane(request, .free), ordering: .releasing)
        let others = fileWord(fileIndex(hash)).pointee.wrappingAdd(1, ordering: .sequentiallyConsistent).oldValue
        if others >= oneWide { return false }
        let mine = holder(request)
        for index in range {
            let isTaken = cell(hash, index).pointee.compareExchange(
                expected: 0, desired: mine, ordering: .sequentiallyConsistent
            ).exchanged
            if !isTaken { return false }
            request.cellsHeld += 1
        }
        return true
    }

    /// The request is over. False: it leaves under the lock.
    static func leave(_ request: Request) -> Bool {
        guard
            request.shared.lane.compareExchange(
                expected: lane(request, .free), desired: lane(request, .none), ordering: .acquiringAndReleasing
            ).exchanged
        else { return false }
        let hash = request.order.hash
        let mine = holder(request)
        let first = request.order.start >> granuleBits
        for index in first..<first + Int(request.cellsHeld) {
            // Else somebody came, found that the request is over, and has the word now.
            _ = cell(hash, index).pointee.compareExchange(expected: mine, desired: 0, ordering: .acquiringAndReleasing)
        }
        let before = fileWord(fileIndex(hash)).pointee.wrappingSubtract(1, ordering: .releasing).oldValue
        assert(before % oneWide > 0)
        return true
    }

    // MARK: under the lock

    /// Registers a transfer of a file that did not get through `enter`, or did not try. Every request that may be in
    /// conflict with it and came through `enter` is passed to `adopt`, maybe itself too.
    static func enterLocked(_ request: Request, adopt: (Request) -> Void) {
        let order = request.order
        var hash = order.hash
        if state(of: request) == .none {
            hash = OrderedCells.hash(request.file)
            request.order.hash = hash
        } else if tryToAdopt(request, lane(request, .free)) {
            adopt(request)
        }
        guard let range = range(order.start, order.end) else {
            request.order.isWide = true
            let others = fileWord(fileIndex(hash)).pointee.wrappingAdd(oneWide, ordering: .sequentiallyConsistent)
                .oldValue
            if others % oneWide != 0 { adoptAll(fileIndex(hash), adopt) }
            return
        }
        for index in range.dropFirst(Int(request.cellsHeld)) {
            add(request, cell(hash, index), adopt)
            request.cellsHeld += 1
        }
    }

    /// Makes every request of a file that came through `enter` known to `adopt`; for an aio_fsync.
    static func adoptAll(on file: FileFacts, adopt: (Request) -> Void) {
        let index = fileIndex(hash(file))
        if fileWord(index).pointee.load(ordering: .sequentiallyConsistent) % oneWide != 0 { adoptAll(index, adopt) }
    }

    private static func adoptAll(_ file: UInt16, _ adopt: (Request) -> Void) {
        for number in 0..<Slab.used {
            let request = Slab.request(number: number)
            let word = request.shared.lane.load(ordering: .acquiring)
            guard word & (1 << laneBits - 1) == UInt64(file) << stateBits | State.free.rawValue else { continue }
            if tryToAdopt(request, word) { adopt(request) }
        }
    }

    private static func tryToAdopt(_ request: Request, _ word: UInt64) -> Bool {
        request.shared.lane.compareExchange(
            expected: word, desired: word & ~stateMask | State.adopted.rawValue, ordering: .acquiringAndReleasing
        ).exchanged
    }

    /// One more request in a cell, whose word becomes a number.
    private static func add(
        _ request: Request, _ cell: UnsafeMutablePointer<Atomic<UInt64>>, _ adopt: (Request) -> Void
    ) {
        var word = cell.pointee.load(ordering: .acquiring)
        while true {
            var count: UInt64 = 1
            if word & isNumber != 0 {
                count = (word & ~isNumber) + 1
            } else if word != 0, isStillHeld(word, adopt) {
                count = 2
            }
            let (exchanged, original) = cell.pointee.compareExchange(
                expected: word, desired: isNumber | count, ordering: .acquiringAndReleasing)
            if exchanged { return }
            word = original
        }
    }

    /// Whether a word's holder is not over; it is adopted then.
    private static func isStillHeld(_ word: UInt64, _ adopt: (Request) -> Void) -> Bool {
        let holder = Slab.request(number: UInt32(word & (1 << slotBits - 1)) - 1)
        let lane = holder.shared.lane.load(ordering: .acquiring)
        guard lane >> laneBits & sequenceMask == word >> slotBits & sequenceMask else { return false }
        if lane & stateMask == State.adopted.rawValue { return true }
        guard lane & stateMask == State.free.rawValue, tryToAdopt(holder, lane) else { return false }
        adopt(holder)
        return true
    }

    /// The end of what `enterLocked` registered, and of what was adopted.
    static func leaveLocked(_ request: Request) {
        let order = request.order
        let word = fileWord(fileIndex(order.hash))
        if order.isWide {
            let before = word.pointee.wrappingSubtract(oneWide, ordering: .releasing).oldValue
            assert(before >= oneWide)
        }
        if state(of: request) == .adopted {
            request.shared.lane.store(lane(request, .none), ordering: .releasing)
            let before = word.pointee.wrappingSubtract(1, ordering: .releasing).oldValue
            assert(before % oneWide > 0)
        }
        let mine = holder(request)
        let first = order.start >> granuleBits
        for index in first..<first + Int(request.cellsHeld) { remove(cell(order.hash, index), mine) }
    }

    private static func remove(_ cell: UnsafeMutablePointer<Atomic<UInt64>>, _ mine: UInt64) {
        var word = cell.pointee.load(ordering: .acquiring)
        while true {
            var rest: UInt64 = 0
            if word & isNumber != 0 {
                let count = word & ~isNumber
                assert(count > 0)
                rest = count > 1 ? isNumber | (count - 1) : 0
            } else if word != mine {
                return
            }
            let (exchanged, original) = cell.pointee.compareExchange(
                expected: word, desired: rest, ordering: .acquiringAndReleasing)
            if exchanged { return }
            word = original
        }
    }
}
