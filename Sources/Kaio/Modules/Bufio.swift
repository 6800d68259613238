// bufio: a cache of blocks, for programs that open with O_DIRECT and have none, or a small one.
//
//     vfs objects = bufio ordered aio_linux aio_poll aio_pthread
//     bufio:size = 256M
//     bufio:mode = writeback
//
// It stands below `ordered` (which is put above it where it was named below): no two requests come at the same time that are in each
// other's way, so what is left to see to is that several share a block. Everything goes through blocks (BlockCache.swift). A
// request is served in pieces of up to 32 blocks, in these steps:
//
//     take      the blocks of the piece are held: those that are here, and new ones for the others
//     prepare   what is missing is read; then it waits until no block is being read, or for a write: written
//     copy      from the blocks or into them, without the lock
//     out       (a write, in write-through mode) the blocks are written; it waits until all are
//
// An aio_fsync waits until the blocks that were dirty when it came are written, and goes on to the kernel. A write that can't go
// through blocks (O_APPEND, whose place only the kernel knows; a file that can't be opened for writing once more)
// has all of the file's blocks written and dropped, and nothing is kept of it until it is done.
//
// Transfers are made with descriptors of the module's own, so blocks are read for a program that can only write, and written
// after its last descriptor is gone; a length or offset that O_DIRECT does not take is written without it.
//
// Invariant, under `BlockCache.lock`: a request is in a queue (of a block, of its file, `throttled` or `starved`) and is
// `waiting`, or `kept` where it has begun, or somebody has it. It holds the blocks of its piece, and waits for a block that it
// needs only as long as somebody transfers or copies that; it waits for room only without a block. So nobody waits in a circle.

import CKaio
import CKernel
import Synchronization

final class Bufio: Module {
    private enum Stage: UInt8 {
        case take, prepare, out, synchronize, fsync, bypass, passed, filling, flush
        /// For a worker: the file's server is asked, a descriptor opened.
        case ask, open
    }

    /// Which queue a request waits in.
    private enum Queue: UInt8 {
        case none, block, throttled, starved, file, synchronizations
    }

    private struct Work {
        var file: UInt = 0
        /// Of the transfer: all of it that can be done, and how much is.
        var total = 0
        var done = 0
        var stage = Stage.take
        var queue = Queue.none
        var isHeldBack = false
        var isThrough = false
        /// The block is to be a client's buffer.
        var isForClient = false
        /// Of an aio_fsync: what became dirty later does not count.
        var order: UInt64 = 0
        /// Of a read: until where in the file blocks were looked for, and fetched.
        var ahead = 0
        /// The block that it waits for; of an own request its run.
        var other: UInt = 0
        var count = 0
        /// Those of the blocks that it fills itself.
        var own: UInt32 = 0
        var blocks = InlineArray<32, UInt>(repeating: 0)
        /// Of a read that fills a block which is not made before it is complete, or another needs it: the block's key, and the file's
        /// `era`.
        var isListed = false
        var id: UInt64 = 0
        var number = 0
        var era = 0
    }

    private enum Step {
        case wait, again, copy, transfer, synchronize, pass
        case complete(Int)
    }

    /// Transfers that are to be started: for the request at hand, and for nobody.
    struct Plan {
        var mine: CacheRun?
        var others: CacheRun?
        var ready = RequestQueue()
        /// Files that may be let go.
        var closed: CachedFile?
        /// So many more requests are held back; the reactor is told without the lock, as that may wake it.
        var heldBack = 0
    }

    static let parameters: StaticString =
        "size, block, mode, files, max age, retain, dirty, dirty limit, prefetch, validate, verify"

    let name: StaticString = "bufio"
    let position: Int
    let cache: BlockCache
    private let work: PerRequest<Work>
    private let isWriteBack: Bool
    private let isForAll: Bool
    private let prefetch: Int
    private let validity: Int64
    private let isVerified: Bool
    private let dirty: Int
    private let dirtyLimit: Int
    private let age: Int64
    private let retained: Int

    /// Writes that wait until less is dirty, and requests that wait for a block or a run.
    nonisolated(unsafe) private static var throttled = RequestQueue()
    nonisolated(unsafe) private static var starved = RequestQueue()
    /// Calls of clients that wait, and those of them that wait for room.
    static let visitors = Atomic<Int>(0)
    nonisolated(unsafe) static var starvedVisitors = 0
    /// Transfers that write, and are not for a request.
    nonisolated(unsafe) static var writeOuts = 0
    static let mostWriteOuts = 64
    /// A file had more to write than there was room for transfers.
    nonisolated(unsafe) private static var isShort = false
    nonisolated(unsafe) private static var isAtExit = false
    nonisolated(unsafe) private static var listensForExit = false
    /// What comes back in `Timers`, for the module at this position of its stack.
    nonisolated(unsafe) private static var clock: Request?
    nonisolated(unsafe) private static var clockPosition = 0

    init?(position: Int, parameters: Parameters) {
        self.position = position
        let memory = max(64 << 20, sysconf(CInt(_SC_PHYS_PAGES)) * sysconf(CInt(_SC_PAGESIZE)))
        let size = parameters.size("bufio", "size", default: memory / 50, in: 64 << 10...1 << 50)
        let block = parameters.size("bufio", "block", default: 4096, in: 512...1 << 20)
        if block & (block - 1) != 0 { parameters.complain("bufio", "block") { $0.add("a power of two") } }
        isWriteBack = parameters.isSecond("bufio", "mode", "writethrough", "writeback")
        isForAll = parameters.isSecond("bufio", "files", "direct", "all")
        age = parameters.interval("bufio", "max age", default: 300_000_000_000, in: 0...1_000_000 * 3_600_000_000_000)
        retained = parameters.size("bufio", "retain", default: 256 << 10, in: 0...1 << 50)
        dirty = parameters.percentage("bufio", "dirty", default: 75)
        dirtyLimit = parameters.percentage("bufio", "dirty limit", default: 90)
        prefetch = parameters.size("bufio", "prefetch", default: 128 << 10, in: 0...16 << 20)
        validity = parameters.interval("bufio", "validate", default: 1_000_000_000, in: 0...3_600_000_000_000)
        isVerified = parameters.flag("bufio", "verify", default: false)
        if BlockCache.budget.load(ordering: .relaxed) < size { BlockCache.setBudget(size) }
        guard let cache = BlockCache.of(blockSize: block & (block - 1) == 0 ? block : 4096),
            KnownMemory.prepare(), CacheRun.prepare(), let work = PerRequest<Work>()
        else { return nil }
        if Bufio.list == nil {
            Bufio.list = Pages.map(Bufio.listed * 8)?.bindMemory(to: Atomic<UInt>.self, capacity: Bufio.listed)
        }
        if Bufio.list == nil { return nil }
        self.cache = cache
        self.work = work
        if isWriteBack { Bufio.listenForExit() }
    }

    static func listenForExit() {
        if listensForExit { return }
        listensForExit = true
        atexit { Bufio.writeAtExit() }
    }

    deinit { work.free() }

    /// In the child of a fork: what is not written is the parent's.
    static func resetAll() {
        BlockCache.resetAll()
        CachedFile.resetAll()
        CacheRun.resetAll()
        if let list { Pages.clear(list, listed * 8) }
        throttled = RequestQueue()
        starved = RequestQueue()
        visitors.store(0, ordering: .relaxed)
        starvedVisitors = 0
        Holds.resetAll()
        writeOuts = 0
        isShort = false
        isAtExit = false
        clock = nil
    }

    // MARK: files

    var hearsOfFiles: Bool { true }

    func opened(_ open: OpenFile, _ descriptor: Descriptor, _ facts: FileFacts, _ turn: inout Turn) {
        BlockCache.lock.lock()
        if let file = CachedFile.make() {
            file.way.pointee.open = open
            file.way.pointee.module = .passUnretained(self)
            open[position] = file.bits
        }
        BlockCache.lock.unlock()
    }

    private func isMine(_ facts: FileFacts) -> Bool { facts.kind == .file && (isForAll || facts.isDirect) }

    /// The file of a request, if it goes through the cache.
    private func file(of request: Request) -> CachedFile? {
        guard let open = request.openFile, let file = CachedFile(bits: open[position]) else { return nil }
        return file.status == .kept ? file : nil
    }

    var prepares: Bool { true }

    func prepare(_ open: OpenFile, _ target: Target) {
        guard let file = CachedFile(bits: open[position]), file.status == .unknown,
            isMine(target.file) || file.face.pointee.isWanted.load(ordering: .sequentiallyConsistent)
        else { return }
        keep(file, open, target, open.stack)
    }

    /// From here on the file goes through the cache, if it can be opened once more.
    private func keep(_ file: CachedFile, _ open: OpenFile, _ theirs: Target, _ stack: Stack) {
        let facts = theirs.file
        // As the program's: a file that is written with O_DIRECT and without at the same time is neither's.
        let flags = facts.isDirect ? __O_DIRECT : 0
        func tryOpening(_ mode: CInt) -> Target? { Bufio.open(open, theirs.descriptor, mode | flags) }
        // For writing only where the program has: that would keep others from executing it, wake who watches a device, and outlive
        // the rights to do so.
        var target = facts.isWritable ? tryOpening(O_RDWR) : nil
        let isWritable = target != nil
        if target == nil { target = tryOpening(O_RDONLY) }
        startClock(target, stack)
        if let found = target, !found.file.isSameFile(as: facts) { target = nil }
        let isRemote = target?.descriptor.isRemote ?? false
        BlockCache.lock.lock()
        defer { BlockCache.lock.unlock() }
        guard file.status == .unknown else { return }
        guard let target else {
            file.face.pointee.status.store(CachedFile.Status.refused.rawValue, ordering: .releasing)
            return
        }
        file.way.pointee.target = target
        if !target.file.isDirect { file.rest.pointee.buffered = target }
        file.way.pointee.isWritable = isWritable
        file.way.pointee.stack = stack
        file.way.pointee.isDevice = target.file.isBlockDevice
        file.way.pointee.isRemote = isRemote
        file.face.pointee.size.store(
            target.file.isBlockDevice ? FileFacts.sizeOfDevice(target.descriptor) : Int(target.file.size),
            ordering: .relaxed)
        file.face.pointee.status.store(CachedFile.Status.kept.rawValue, ordering: .releasing)
    }

    private static func open(_ file: OpenFile, _ descriptor: Descriptor, _ flags: CInt) -> Target? {
        switch file.open(descriptor, flags) {
        case .success(let target): target
        case .failure: nil
        }
    }

    /// A descriptor without O_DIRECT, when it is first needed. On a worker, or where none can be had.
    private func openBuffered(_ file: CachedFile) {
        guard BlockCache.lock.locked({ file.rest.pointee.buffered }) == nil, let open = file.way.pointee.open,
            let target = file.way.pointee.target,
            let new = Bufio.open(open, target.descriptor, file.way.pointee.isWritable ? O_RDWR : O_RDONLY)
        else { return }
        BlockCache.lock.locked { file.rest.pointee.buffered = file.rest.pointee.buffered ?? new }
    }

    func work(_ own: Request, _ turn: inout Turn) -> Int {
        let place = work.place(of: own)
        if place.pointee.stage == .ask {
            ask(CachedFile(bits: place.pointee.file).unsafelyUnwrapped, asksServer: true)
        } else if let run = CacheRun(bits: place.pointee.other) {
            openBuffered(run.state.pointee.file)
        }
        return 0
    }

    func closes(_ open: OpenFile, _ turn: inout Turn) {
        guard let file = CachedFile(bits: open[position]) else { return }
        var plan = Plan()
        BlockCache.lock.lock()
        if file.isActive || file.rest.pointee.unsaved > 0 {
            open.hold()
            file.rest.pointee.isClosing = true
            pump(file, &plan)
        }
        BlockCache.lock.unlock()
        run(&plan, &turn)
    }

    func closed(_ open: OpenFile) {
        guard let file = CachedFile(bits: open[position]) else { return }
        BlockCache.lock.lock()
        while drop(file, atMost: 64) {
            BlockCache.lock.unlock()
            BlockCache.lock.lock()
        }
        file.dispose()
        let isLast = CachedFile.all == nil
        let clock = Bufio.clock
        BlockCache.lock.unlock()
        if isLast, let clock, Timers.withdraw(clock.identity, position: Bufio.clockPosition) {
            Turn.visit(as: .caller) { $0.complete(clock, 0) }
        }
    }

    // MARK: age

    private static let interval: Int64 = 30_000_000_000

    /// A request that comes back each 30 seconds, as long as there are files. It is nobody's, and makes no transfer.
    private func startClock(_ target: Target?, _ stack: Stack) {
        guard let target, BlockCache.lock.locked({ Bufio.clock == nil }),
            let clock = Own.make(.read, on: target, in: stack, at: position)
        else { return }
        work.place(of: clock).initialize(to: Work())
        let isFirst = BlockCache.lock.locked {
            guard Bufio.clock == nil else { return false }
            Bufio.clock = clock
            Bufio.clockPosition = position
            return true
        }
        if isFirst, Timers.add(clock, at: .now.advanced(by: Bufio.interval), for: position) { return }
        Turn.visit(as: .caller) { $0.complete(clock, 0) }
    }

    /// A person wants another budget.
    fileprivate static func hear() {
        takeWish()
        let mask = SignalMask.blockAll()
        let clock = BlockCache.lock.locked { Bufio.clock }
        // What has to go goes at once.
        if let clock, Timers.withdraw(clock.identity, position: clockPosition),
            !Timers.add(clock, at: .now, for: clockPosition)
        {
            Turn.visit(as: .caller) { $0.complete(clock, 0) }
        }
        mask.restore()
    }

    private static func takeWish() {
        guard let wish = Live.page?.wish, (64 << 10...1 << 50).contains(wish),
            wish != BlockCache.budget.load(ordering: .relaxed)
        else { return }
        BlockCache.setBudget(wish)
    }

    func expired(_ request: Request, _ turn: inout Turn) {
        Bufio.takeWish()
        var plan = Plan()
        BlockCache.visit { cache in
            BlockCache.lock.locked { cache.fitTable() }
            while BlockCache.lock.locked({ cache.shrink() }) {}
            guard age > 0 else { return }
            let time = UInt32(truncatingIfNeeded: max(0, Instant.roughlyNow.nanoseconds - age) / 1_000_000_000)
            while BlockCache.lock.locked({ cache.expire(before: time, retained: retained, atMost: 256) }) {}
        }
        let isWanted = BlockCache.lock.locked {
            pumpAll(&plan, again: true)
            return CachedFile.all != nil
        }
        run(&plan, &turn)
        if isWanted, Timers.add(request, at: .now.advanced(by: Bufio.interval), for: position) { return }
        turn.complete(request, 0)
    }

    /// Drops clean blocks. True: there are more that can be.
    func drop(_ file: CachedFile, atMost most: Int) -> Bool {
        var done = 0
        var current = file.rest.pointee.blocks.first
        while let block = current {
            current = block.rest.pointee.inFile.following
            guard block.phase == .clean, block.rest.pointee.holds == 0 else { continue }
            if done == most { return true }
            cache.move(block, to: .failed)
            done += 1
        }
        return false
    }

    /// Whether it is time to ask for the file's size and time, or that has to be done now.
    func mustAsk(_ file: CachedFile, now: Bool) -> Bool {
        let asked = file.face.pointee.asked.load(ordering: .relaxed)
        return now || asked == 0 || validity != 0 && Instant.roughlyNow.nanoseconds - asked >= validity
    }

    /// Asks the kernel, or also the file's server. What was changed from outside is dropped.
    private func ask(_ file: CachedFile, asksServer: Bool) {
        let changes = BlockCache.lock.locked { file.rest.pointee.changes }
        var status = stat()
        let isKnown = file.look(&status, asksServer: asksServer)
        take(isKnown ? status : nil, of: file, since: changes)
    }

    /// What the kernel said after so many changes of our own.
    func take(_ status: stat?, of file: CachedFile, since changes: UInt64) {
        let time = Instant.roughlyNow.nanoseconds
        guard let status else { return file.face.pointee.asked.store(time, ordering: .relaxed) }
        let asked = file.face.pointee.asked.load(ordering: .relaxed)
        let changed = Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec)
        BlockCache.lock.lock()
        // What is not written, or was meanwhile, is no change from outside.
        let isOurs = file.rest.pointee.unsaved > 0 || file.rest.pointee.changes != changes
        let isOther =
            changed != file.rest.pointee.changed && !file.rest.pointee.isChangedByUs && !isOurs && asked != 0
        if isOther || !isOurs && Int(status.st_size) != file.size || Int(status.st_size) > file.size {
            file.face.pointee.size.store(Int(status.st_size), ordering: .relaxed)
            while drop(file, atMost: 64) {
                BlockCache.lock.unlock()
                BlockCache.lock.lock()
            }
        }
        file.rest.pointee.changed = changed
        if !isOurs { file.rest.pointee.isChangedByUs = false }
        file.face.pointee.asked.store(max(1, time), ordering: .relaxed)
        BlockCache.lock.unlock()
    }

    /// What is not written yet is written. What comes later is written at once.
    private static func writeAtExit() {
        guard Engine.isPrepared, ProcessPage.current?.isOfThisProcess == true, CachedFile.all != nil else { return }
        let mask = SignalMask.blockAll()
        Turn.visit(as: .caller) { turn in
            var plan = Plan()
            var module: Bufio?
            BlockCache.lock.lock()
            isAtExit = true
            var current = CachedFile.all
            while let file = current {
                current = file.rest.pointee.next
                guard file.status == .kept else { continue }
                module = file.module
                module!.pump(file, &plan)
            }
            BlockCache.lock.unlock()
            module?.run(&plan, &turn)
        }
        mask.restore()
        while !isAllSafe { _ = Waiting.wait(until: .never, as: .caller, cancellable: false) { isAllSafe } }
    }

    private static var isAllSafe: Bool {
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        return BlockCache.lock.locked {
            var unsaved = 0
            BlockCache.visit { unsaved += $0.unsaved }
            return unsaved == 0
        }
    }

    // MARK: in the call

    func passage(of operation: Operation) -> Passage { .answers }

    var fastCalls: FastCalls {
        FastCalls(
            UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque()),
            ask: { module, attempt in
                Unmanaged<Bufio>.fromOpaque(module.unsafelyUnwrapped)._withUnsafeGuaranteedRef { module in
                    FastCalls.answer(attempt) { module.ask($0) }
                }
            },
            admit: { module, block in
                Unmanaged<Bufio>.fromOpaque(module.unsafelyUnwrapped)._withUnsafeGuaranteedRef {
                    $0.admit(Request(data: block).unsafelyUnwrapped)
                }
            })
    }

    @inline(__always)
    private func ask(_ attempt: Attempt) -> FastAnswer {
        guard let open = attempt.openFile, let file = CachedFile(bits: open[position]) else { return .goOn }
        let status = file.status
        if status != .kept { return status == .unknown && isMine(attempt.file) ? .slow : .goOn }
        // What is known of the number is not older than a tick of the clock.
        guard attempt.end <= file.size, let buffer = attempt.buffer,
            let target = file.way.pointee.target, target.file.isSameFile(as: attempt.file)
        else { return .slow }
        let mayPass = attempt.file.isDirect && target.file.isDirect && hasWholeBlocks(attempt.offset, attempt.length)
        if attempt.isWrite {
            return mayPass && !isWriteBack && file.way.pointee.isWritable && attempt.isStillOnItsFile ? .goOn : .slow
        }
        guard case let asked = file.face.pointee.asked.load(ordering: .relaxed),
            asked != 0, validity == 0 || Instant.roughlyNow.nanoseconds - asked < validity,
            !isVerified || attempt.isStillOnItsFile, KnownMemory.has(buffer, attempt.length, written: true)
        else { return .slow }
        var done = 0
        var blocks = 0
        while done < attempt.length {
            let at = attempt.offset + done
            let from = at & (cache.size - 1)
            let length = min(cache.size - from, attempt.length - done)
            switch cache.read(file.id, at >> cache.shift, from: from, length, to: buffer + done) {
            case .copied: break
            case .missing: return done == 0 && mayPass ? .goOn : .slow
            case .milestone: return .slow
            }
            done += length
            blocks += 1
        }
        BlockCache.count(.hits, blocks)
        return .done(done)
    }

    private func hasWholeBlocks(_ offset: Int, _ length: Int) -> Bool {
        (offset | length) & (cache.size - 1) == 0 && length >> cache.shift <= CacheRun.most
    }

    /// A read of whole blocks that are not here, or a write of such in write-through mode, which the kernel is to have at once: they are
    /// filled from its buffer when it is complete. False: it needs more than that.
    private func admit(_ request: Request) -> Bool {
        guard let open = OpenFile(word: KnownFiles.file(of: request.descriptor)),
            let file = CachedFile(bits: open[position]), file.status == .kept
        else { return true }
        let isRead = request.operation == .read
        let offset = request.offset
        guard !isRead || prefetch == 0 || offset != file.face.pointee.sequence.load(ordering: .relaxed),
            hasWholeBlocks(offset, request.length)
        else { return false }
        file.face.pointee.fills.wrappingAdd(1, ordering: .sequentiallyConsistent)
        var isAdmitted = isRead ? list(request, file) : nil
        if isAdmitted == nil {
            let mask = SignalMask.blockAll()
            BlockCache.lock.lock()
            isAdmitted = begin(filling: request, file)
            BlockCache.lock.unlock()
            mask.restore()
        }
        guard isAdmitted == true else {
            file.face.pointee.fills.wrappingSubtract(1, ordering: .sequentiallyConsistent)
            return false
        }
        if isRead {
            file.face.pointee.sequence.store(request.end, ordering: .relaxed)
            file.face.pointee.run.store(1, ordering: .relaxed)
        } else {
            BlockCache.count(.writeOuts)
        }
        request.observers |= 1 << UInt16(position)
        return true
    }

    /// The reads that fill one block each, by the block's key: their `Work`. Who adds a block looks here, and who lists a read looks for
    /// the block then, so that of the two one sees the other. Only the lock's holder takes one out.
    private static let listedBits: UInt64 = 12
    private static let listed = 1 << Int(listedBits)
    nonisolated(unsafe) private static var list: UnsafeMutablePointer<Atomic<UInt>>?

    @inline(__always)
    private static func place(_ id: UInt64, _ number: Int) -> UnsafeMutablePointer<Atomic<UInt>> {
        list.unsafelyUnwrapped + Int(FileFacts.hash(id, UInt64(bitPattern: Int64(number))) >> (64 - listedBits))
    }

    /// A block is needed only when its data is here, so there is neither a lock on this path, nor is it taken from others meanwhile. Nil:
    /// by the path that has both.
    private func list(_ request: Request, _ file: CachedFile) -> Bool? {
        guard request.length == cache.size, !file.face.pointee.hasClient.load(ordering: .relaxed) else {
            return nil
        }
        let number = request.offset >> cache.shift
        let work = work.place(of: request)
        var new = Work(file: file.bits, stage: .filling)
        new.isListed = true
        new.id = file.id
        new.number = number
        new.era = file.face.pointee.era.load(ordering: .sequentiallyConsistent)
        work.initialize(to: new)
        let place = Bufio.place(new.id, number)
        guard
            place.pointee.compareExchange(
                expected: 0, desired: UInt(bitPattern: work), ordering: .sequentiallyConsistent
            ).exchanged
        else { return nil }
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        BlockCache.count(.misses)
        if file.status == .kept, !file.face.pointee.hasClient.load(ordering: .relaxed),
            !cache.seems(here: number, new.id)
        {
            return true
        }
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        return BlockCache.lock.locked {
            if work.pointee.count > 0 { return true }
            place.pointee.store(0, ordering: .relaxed)
            BlockCache.count(.misses, -1)
            return nil
        }
    }

    /// Gives a key to a block. True: a read that is under way fills it. Under the lock.
    func add(_ block: CacheBlock, _ file: CachedFile, _ number: Int, isAhead: Bool = false) -> Bool {
        cache.add(block, file, number, isAhead: isAhead)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        guard
            let work = UnsafeMutablePointer<Work>(
                bitPattern: Bufio.place(file.id, number).pointee.load(ordering: .sequentiallyConsistent)),
            work.pointee.id == file.id, work.pointee.number == number
        else { return false }
        cache.hold(block)
        work.pointee.blocks[0] = block.bits
        work.pointee.count = 1
        return true
    }

    private func begin(filling request: Request, _ file: CachedFile) -> Bool {
        let first = request.offset >> cache.shift
        let count = request.length >> cache.shift
        let isWrite = request.operation == .write
        guard file.status == .kept, file.rest.pointee.bypasses == 0,
            !isWrite || file.rest.pointee.bufferedWrites == 0 && file.rest.pointee.client == nil && !Bufio.isAtExit
        else { return false }
        let work = work.place(of: request)
        work.initialize(to: Work(file: file.bits, stage: .filling))
        var hits = 0
        for number in first..<first + count {
            var block = cache.find(file.id, number)
            if let block {
                // What is here, and stays as it is meanwhile, is written over at the end.
                guard isWrite, block.phase == .clean, block.rest.pointee.copiers == 0 else {
                    return giveUp(filling: work)
                }
                block.countUse()
                hits += 1
            } else {
                block = cache.take()
                guard let block, !add(block, file, number) else { return giveUp(filling: work) }
            }
            cache.hold(block!)
            work.pointee.blocks[work.pointee.count] = block!.bits
            work.pointee.count += 1
        }
        BlockCache.count(.hits, hits)
        BlockCache.count(.misses, count - hits)
        if isWrite {
            file.rest.pointee.directWrites += 1
            noteChange(file)
        }
        return true
    }

    /// As many blocks as it has are given up.
    private func giveUp(filling work: UnsafeMutablePointer<Work>) -> Bool {
        for index in 0..<work.pointee.count {
            let block = CacheBlock(bits: work.pointee.blocks[index])!
            if block.phase == .reading { cache.move(block, to: .failed) }
            _ = cache.release(block)
        }
        return false
    }

    private func filled(_ request: Request, _ turn: inout Turn) {
        var plan = Plan()
        let work = work.place(of: request)
        let file = file(request)
        let isWhole = request.result == request.length
        let isWrite = request.operation == .write
        BlockCache.lock.lock()
        if work.pointee.isListed { unlist(work, file, isWhole) }
        for index in 0..<work.pointee.count where isWhole {
            let block = CacheBlock(bits: work.pointee.blocks[index])!
            // What a client has changed since is newer.
            guard block.phase == .reading || block.phase == .clean else { continue }
            block.rest.pointee.copiers += 1
            work.pointee.own |= 1 << UInt32(index)
        }
        BlockCache.lock.unlock()
        for index in 0..<work.pointee.count where work.pointee.own & 1 << UInt32(index) != 0 {
            let block = CacheBlock(bits: work.pointee.blocks[index])!
            request.copy(cache.size, at: index << cache.shift, block.data, isIntoMemory: true)
        }
        BlockCache.lock.lock()
        for index in 0..<work.pointee.count {
            let block = CacheBlock(bits: work.pointee.blocks[index])!
            if work.pointee.own & 1 << UInt32(index) != 0 { block.rest.pointee.copiers -= 1 }
            // Who waits for it reads it himself.
            if block.phase == .reading || !isWhole && block.phase == .clean {
                cache.move(block, to: isWhole ? .clean : .failed)
            }
            wake(block, &plan)
        }
        release(work, &plan)
        if isWrite {
            file.rest.pointee.directWrites -= 1
            wakeWaiters(file, &plan)
            noteChange(file)
        }
        switch -request.result {
        case Int(EINVAL), Int(ECANCELED): break
        case 1...: BlockCache.count(.errors)
        default: break
        }
        file.face.pointee.fills.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        checkClosing(file, &plan)
        BlockCache.lock.unlock()
        run(&plan, &turn)
    }

    /// A block for what a read has brought, unless it was given one. Under the lock.
    private func unlist(_ work: UnsafeMutablePointer<Work>, _ file: CachedFile, _ isWhole: Bool) {
        let (id, number) = (work.pointee.id, work.pointee.number)
        Bufio.place(id, number).pointee.store(0, ordering: .relaxed)
        guard isWhole, work.pointee.count == 0, file.id == id, file.rest.pointee.bypasses == 0,
            file.face.pointee.era.load(ordering: .relaxed) == work.pointee.era, cache.find(id, number) == nil,
            cache.isWorthKeeping(file, number), let block = cache.take()
        else { return }
        cache.add(block, file, number)
        cache.hold(block)
        work.pointee.blocks[0] = block.bits
        work.pointee.count = 1
    }

    // MARK: requests

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        var others = RequestQueue()
        var plan = Plan()
        while let request = requests.popFirst() {
            switch begin(request, hasAsked: false, &turn) {
            case .mine: plan.ready.append(request)
            case .others: others.append(request)
            case .asks: turn.start(for: request, at: position)
            }
        }
        if !others.isEmpty { turn.handOn(&others, below: position) }
        run(&plan, &turn)
    }

    private enum Beginning {
        case mine, others
        /// Its file's server is asked first, by an own request.
        case asks
    }

    private func begin(_ request: Request, hasAsked: Bool, _ turn: inout Turn) -> Beginning {
        guard request.file.kind == .file, let file = file(of: request) else { return .others }
        let place = work.place(of: request)
        var new = Work()
        new.file = file.bits
        let operation = request.operation
        switch operation {
        case .read, .write:
            guard request.length > 0 else { return .others }
            new.total = request.length
            let flags = request.file.statusFlags
            if !hasAsked, mustAsk(file, now: operation == .read && request.end > file.size) {
                if file.way.pointee.isRemote, prepareToAsk(file, for: request, &turn) { return .asks }
                ask(file, asksServer: false)
            }
            // Who makes the file longer has that size seen: by fstat, by those who wait for its end, and by who has no room for it.
            let grows = operation == .write && request.end > file.size
            new.isThrough = !isWriteBack || Bufio.isAtExit || flags & (O_SYNC | O_DSYNC) != 0 || grows
            if operation == .read {
                new.total = max(0, min(request.end, file.size) - request.offset)
                if BufioClient.isAsked(by: request, file) {
                    new.isForClient = true
                    new.total = new.total > 0 ? cache.size : 0
                }
            } else if flags & O_APPEND != 0 || !file.way.pointee.isWritable || exceedsLimit(request, file) {
                new.stage = .bypass
            }
            if new.isForClient ? new.total == 0 : new.stage == .take && !request.hasMemory(new.total) {
                new.stage = .passed
                new.done = -Int(new.isForClient ? ENXIO : EFAULT)
            }
        case .synchronize, .synchronizeData: new.stage = .fsync
        case .list, .work: return .others
        }
        BlockCache.lock.lock()
        new.order = BlockCache.order
        file.rest.pointee.active += 1
        if new.stage == .bypass { file.rest.pointee.bypasses += 1 }
        place.initialize(to: new)
        BlockCache.lock.unlock()
        return .mine
    }

    /// False: there can't be another request.
    private func prepareToAsk(_ file: CachedFile, for request: Request, _ turn: inout Turn) -> Bool {
        guard
            let own = turn.make(
                .work, on: file.way.pointee.target!, in: request.stack, at: position, for: request)
        else { return false }
        work.place(of: own).initialize(to: Work(file: file.bits, stage: .ask))
        work.place(of: request).initialize(to: Work(file: file.bits, stage: .ask))
        BlockCache.lock.locked { file.rest.pointee.active += 1 }
        return true
    }

    /// Its file's server has answered; or there is no worker.
    private func hasAsked(_ request: Request, _ result: Int, _ turn: inout Turn) {
        var plan = Plan()
        let file = file(request)
        if result < 0 { ask(file, asksServer: false) }
        if case .mine = begin(request, hasAsked: true, &turn) {
            plan.ready.append(request)
        } else {
            turn.handOn(request, below: position)
        }
        BlockCache.lock.lock()
        file.rest.pointee.active -= 1
        checkClosing(file, &plan)
        BlockCache.lock.unlock()
        run(&plan, &turn)
    }

    /// A write that the process must not make, or only a part of it; the kernel is to say so.
    private func exceedsLimit(_ request: Request, _ file: CachedFile) -> Bool {
        if file.way.pointee.isDevice { return request.end > file.size }
        // As it was a tick of the clock ago at most.
        let now = Instant.roughlyNow.nanoseconds
        if Bufio.limitAsked.exchange(now, ordering: .relaxed) != now {
            var limit = rlimit()
            _ = withUnsafeMutablePointer(to: &limit) {
                systemCall(SYS_prlimit64, 0, Int(RLIMIT_FSIZE.rawValue), 0, address($0))
            }
            Bufio.limit.store(Int(clamping: UInt64(limit.rlim_cur)), ordering: .relaxed)
        }
        return request.end > Bufio.limit.load(ordering: .relaxed)
    }
    private static let limit = Atomic<Int>(.max)
    private static let limitAsked = Atomic<Int64>(0)

    /// Brings all that can go on further.
    @inline(never)
    func run(_ plan: inout Plan, _ turn: inout Turn) {
        defer { if Bufio.visitors.load(ordering: .sequentiallyConsistent) > 0 { turn.mustTell = true } }
        while true {
            if plan.heldBack != 0 {
                Reactor.heldBack(plan.heldBack)
                plan.heldBack = 0
            }
            startOthers(&plan, &turn)
            while let file = plan.closed {
                let open = file.way.pointee.open
                plan.closed = file.rest.pointee.link
                open?.release(&turn)
            }
            guard let request = plan.ready.popFirst() else {
                if plan.others == nil, plan.closed == nil, plan.heldBack == 0 { return }
                continue
            }
            Bufio.module(of: request).advance(request, &plan, &turn)
        }
    }

    /// Those that wait may be of another service.
    private static func module(of request: Request) -> Bufio {
        unsafeDowncast(request.stack[Int(request.position)], to: Bufio.self)
    }

    private func advance(_ request: Request, _ plan: inout Plan, _ turn: inout Turn) {
        while true {
            BlockCache.lock.lock()
            let step = next(request, &plan)
            BlockCache.lock.unlock()
            switch step {
            case .wait: return
            case .again: continue
            case .transfer: if start(request, &plan, &turn) { return }
            case .copy:
                copy(request)
                BlockCache.lock.lock()
                commit(request, &plan)
                BlockCache.lock.unlock()
            case .synchronize:
                let target = file(request).way.pointee.target!
                let isData = request.file.statusFlags & O_SYNC != O_SYNC
                if turn.make(
                    isData ? .synchronizeData : .synchronize, on: target, in: request.stack, at: position, for: request)
                    != nil
                {
                    return turn.start(for: request, at: position)
                }
                work.place(of: request).pointee.stage = .passed
                end(request, -Int(EAGAIN), &plan, &turn)
                return
            case .pass:
                if work.place(of: request).pointee.stage == .passed {
                    turn.observe(request, at: position)
                } else {
                    leave(request, &plan)
                }
                return turn.handOn(request, below: position)
            case .complete(let result): return end(request, result, &plan, &turn)
            }
        }
    }

    private func end(_ request: Request, _ result: Int, _ plan: inout Plan, _ turn: inout Turn) {
        leave(request, &plan)
        turn.complete(request, result)
    }

    /// The module is done with a request.
    private func leave(_ request: Request, _ plan: inout Plan) {
        BlockCache.lock.lock()
        let file = file(request)
        file.rest.pointee.active -= 1
        checkClosing(file, &plan)
        BlockCache.lock.unlock()
    }

    private func file(_ request: Request) -> CachedFile {
        CachedFile(bits: work.place(of: request).pointee.file).unsafelyUnwrapped
    }

    /// What it came to at its end, or an errno of it.
    private func failure(_ work: UnsafeMutablePointer<Work>, _ error: Int32) -> Step {
        .complete(work.pointee.done > 0 ? work.pointee.done : -Int(error))
    }

    // MARK: the steps; under the lock

    private func next(_ request: Request, _ plan: inout Plan) -> Step {
        let work = work.place(of: request)
        switch work.pointee.stage {
        case .take: return take(request, work, &plan)
        case .prepare: return prepare(request, work, &plan)
        case .out: return writeThrough(request, work, &plan)
        case .fsync: return synchronize(request, work, &plan)
        case .bypass: return bypass(request, work, &plan)
        case .synchronize, .passed, .filling, .flush, .ask, .open: return .complete(work.pointee.done)
        }
    }

    private func take(_ request: Request, _ work: UnsafeMutablePointer<Work>, _ plan: inout Plan) -> Step {
        let file = file(request)
        let isWrite = request.operation == .write
        if work.pointee.done == work.pointee.total {
            let flags = request.file.statusFlags
            guard isWrite, flags & (O_SYNC | O_DSYNC) != 0 else { return .complete(work.pointee.done) }
            work.pointee.stage = .synchronize
            return .synchronize
        }
        // What can't be written is not to become more.
        if file.rest.pointee.isFailing { work.pointee.isThrough = true }
        if isWrite, !work.pointee.isThrough, cache.unsaved * 100 >= cache.room * dirtyLimit {
            return park(request, work, .throttled, &plan)
        }
        guard CacheRun.hasRoom else { return park(request, work, .starved, &plan) }
        let begin = request.offset + work.pointee.done
        let end = request.offset + work.pointee.total
        let first = begin >> cache.shift
        let last = min((end - 1) >> cache.shift, first + CacheRun.most - 1)
        var isInSequence = false
        work.pointee.count = 0
        work.pointee.own = 0
        for number in first...last {
            let index = work.pointee.count
            if let block = cache.find(file.id, number) {
                cache.hold(block)
                block.countUse()
                if block.face.pointee.isMilestone.exchange(false, ordering: .relaxed) { isInSequence = true }
                work.pointee.blocks[index] = block.bits
                if block.phase != .reading, number << cache.shift >= work.pointee.ahead { BlockCache.count(.hits) }
            } else if file.rest.pointee.bypasses == 0, let block = cache.take() {
                let isFilled = add(block, file, number)
                cache.hold(block)
                work.pointee.blocks[index] = block.bits
                if !isFilled {
                    work.pointee.own |= 1 << UInt32(index)
                    BlockCache.count(.misses)
                }
            } else {
                break
            }
            work.pointee.count += 1
        }
        if work.pointee.count == 0 {
            if file.rest.pointee.bypasses > 0 { return park(request, work, .file, &plan) }
            // There is no memory for any block: as without the module.
            if cache.state.pointee.count == 0, work.pointee.done == 0 {
                return work.pointee.isForClient ? .complete(-Int(ENOMEM)) : .pass
            }
            if cache.isStuck { return failure(work, CachedFile.lastFailure) }
            return park(request, work, .starved, &plan)
        }
        if !isWrite, work.pointee.done == 0, prefetch > 0 { readAhead(request, file, isInSequence, &plan) }
        // The pieces that follow are transferred at the same time.
        let next = (first + work.pointee.count) << cache.shift
        if !isWrite, next < end, next >= work.pointee.ahead {
            work.pointee.ahead = min(end, next + cache.room / 4 * cache.size)
            fetch(next..<work.pointee.ahead, of: file, counts: true, &plan)
        }
        // Of what is not here that is read which is not written over.
        var run: CacheRun?
        for index in 0..<work.pointee.count {
            let start = (first + index) << cache.shift
            let isWrittenOver = isWrite && begin <= start && end >= min(start + cache.size, max(start, file.size))
            guard work.pointee.own & 1 << UInt32(index) != 0, !isWrittenOver else {
                run = nil
                continue
            }
            work.pointee.own &= ~(1 << UInt32(index))
            if run == nil {
                run = CacheRun.make(file, isWrite: false)
                run?.state.pointee.link = plan.mine
                plan.mine = run
                file.rest.pointee.active += 1
            }
            run!.add(CacheBlock(bits: work.pointee.blocks[index])!, cache.size)
        }
        work.pointee.stage = .prepare
        return plan.mine != nil ? .transfer : .again
    }

    private func prepare(_ request: Request, _ work: UnsafeMutablePointer<Work>, _ plan: inout Plan) -> Step {
        let isWrite = request.operation == .write
        for index in 0..<work.pointee.count where work.pointee.own & 1 << UInt32(index) == 0 {
            let block = CacheBlock(bits: work.pointee.blocks[index])!
            switch block.phase {
            case .clean, .dirty: continue
            case .writing where !isWrite: continue
            case .failed:
                let error = block.rest.pointee.failedToRead ? block.rest.pointee.failure : 0
                giveUp(work, &plan)
                if error != 0 { return failure(work, error) }
                work.pointee.stage = .take
                return .again
            case .free, .reading, .writing: return park(request, work, block, &plan)
            }
        }
        if isWrite {
            for index in 0..<work.pointee.count {
                CacheBlock(bits: work.pointee.blocks[index])!.rest.pointee.copiers += 1
            }
        }
        return .copy
    }

    /// Lets go of the blocks, none of which was copied to.
    private func giveUp(_ work: UnsafeMutablePointer<Work>, _ plan: inout Plan) {
        for index in 0..<work.pointee.count where work.pointee.own & 1 << UInt32(index) != 0 {
            let block = CacheBlock(bits: work.pointee.blocks[index])!
            cache.move(block, to: .failed)
            wake(block, &plan)
        }
        release(work, &plan)
    }

    private func release(_ work: UnsafeMutablePointer<Work>, _ plan: inout Plan) {
        for index in 0..<work.pointee.count {
            let block = CacheBlock(bits: work.pointee.blocks[index])!
            if cache.release(block) {
                wake(block, &plan)
                wakeStarved(&plan)
            }
        }
        work.pointee.count = 0
        work.pointee.own = 0
    }

    private func range(_ request: Request, _ work: UnsafeMutablePointer<Work>) -> Range<Int> {
        let begin = request.offset + work.pointee.done
        let end = (begin >> cache.shift + work.pointee.count) << cache.shift
        return begin..<min(end, request.offset + work.pointee.total)
    }

    private func commit(_ request: Request, _ plan: inout Plan) {
        let work = work.place(of: request)
        let file = file(request)
        let range = range(request, work)
        if work.pointee.isForClient {
            let block = CacheBlock(bits: work.pointee.blocks[0])!
            if let client = file.rest.pointee.client, client.adopt(block) != nil {
                work.pointee.count = 0
                work.pointee.done = cache.size
            } else {
                release(work, &plan)
                work.pointee.done = -Int(ENOMEM)
            }
            work.pointee.stage = .passed
            return
        }
        if request.operation == .read {
            release(work, &plan)
            work.pointee.done += range.count
            work.pointee.stage = .take
            return
        }
        file.rest.pointee.changes += 1
        if range.upperBound > file.size { file.face.pointee.size.store(range.upperBound, ordering: .relaxed) }
        for index in 0..<work.pointee.count {
            let block = CacheBlock(bits: work.pointee.blocks[index])!
            block.rest.pointee.copiers -= 1
            block.rest.pointee.from = 0
            block.rest.pointee.to = Int32(cache.size)
            block.rest.pointee.failure = 0
            if !work.pointee.isThrough { block.rest.pointee.isOwed = true }
            if block.phase != .dirty { cache.move(block, to: .dirty) }
            if block.rest.pointee.copiers == 0 { wake(block, &plan) }
        }
        work.pointee.own = 0
        if work.pointee.isThrough {
            work.pointee.stage = .out
            return
        }
        release(work, &plan)
        work.pointee.done += range.count
        work.pointee.stage = .take
        if isWanted(file) { pump(file, &plan) }
        pumpAll(&plan)
    }

    private func writeThrough(_ request: Request, _ work: UnsafeMutablePointer<Work>, _ plan: inout Plan) -> Step {
        let file = file(request)
        guard CacheRun.hasRoom else {
            // A transfer will end.
            return park(request, work, .starved, &plan)
        }
        var run: CacheRun?
        var busy: CacheBlock?
        var mustWait = false
        for index in 0..<work.pointee.count {
            let block = CacheBlock(bits: work.pointee.blocks[index])!
            switch block.phase {
            case .dirty where block.rest.pointee.failure != 0:
                // A client holds it, so it could not be thrown away.
                let error = block.rest.pointee.failure
                release(work, &plan)
                return failure(work, error)
            case .dirty where block.rest.pointee.copiers == 0 && !mayWrite(file, block): mustWait = true
            case .dirty where block.rest.pointee.copiers == 0:
                if run == nil || hasTail(file, block) {
                    run = makeRun(file, block)
                    run!.state.pointee.isThrough = true
                    run!.state.pointee.link = plan.mine
                    plan.mine = run
                }
                cache.move(block, to: .writing)
                run!.add(block, cache.size)
                continue
            case .dirty, .writing: busy = busy ?? block
            case .failed:
                let error = block.rest.pointee.failure
                release(work, &plan)
                return failure(work, error)
            case .free, .reading, .clean: break
            }
            run = nil
        }
        if plan.mine != nil { return .transfer }
        if mustWait { return park(request, work, .file, &plan) }
        if let busy { return park(request, work, busy, &plan) }
        work.pointee.done += range(request, work).count
        release(work, &plan)
        work.pointee.stage = .take
        return .again
    }

    private func synchronize(_ request: Request, _ work: UnsafeMutablePointer<Work>, _ plan: inout Plan) -> Step {
        let file = file(request)
        if isSafe(file, work.pointee.order) {
            let error = file.rest.pointee.failure
            file.rest.pointee.failure = 0
            return error == 0 ? .pass : .complete(-Int(error))
        }
        let step = park(request, work, .synchronizations, &plan)
        pump(file, &plan)
        return step
    }

    /// Whether all is written that was dirty when the count of dirty blocks was `order`.
    func isSafe(_ file: CachedFile, _ order: UInt64) -> Bool {
        if let block = file.rest.pointee.dirty.first, block.rest.pointee.order <= order { return false }
        if let run = file.rest.pointee.firstRun, run.links.pointee.order <= order { return false }
        return true
    }

    private func bypass(_ request: Request, _ work: UnsafeMutablePointer<Work>, _ plan: inout Plan) -> Step {
        let file = file(request)
        if drop(file, atMost: 64) { return .again }
        if let block = file.rest.pointee.dirty.first {
            if file.rest.pointee.failure != 0 {
                let error = file.rest.pointee.failure
                endBypass(file, &plan)
                return .complete(-Int(error))
            }
            let step = park(request, work, block, &plan)
            pump(file, &plan)
            return step
        }
        // What a client holds may be held for long.
        var current = file.rest.pointee.blocks.first
        while let block = current {
            if block.rest.pointee.hold == 0 { return park(request, work, block, &plan) }
            block.rest.pointee.mustGo = true
            current = block.rest.pointee.inFile.following
        }
        work.pointee.stage = .passed
        return .pass
    }

    func endBypass(_ file: CachedFile, _ plan: inout Plan) {
        file.rest.pointee.bypasses -= 1
        file.face.pointee.era.wrappingAdd(1, ordering: .sequentiallyConsistent)
        file.face.pointee.asked.store(0, ordering: .relaxed)
        while let request = file.rest.pointee.waiters.popFirst() { unpark(request, &plan) }
    }

    /// A read that fills blocks, or a write that went past the cache, is done.
    func completed(_ request: Request, _ turn: inout Turn) -> Bool {
        var plan = Plan()
        if work.place(of: request).pointee.stage == .filling {
            filled(request, &turn)
            // The kernel takes no such buffer, or no transfer of so few bytes: the module's own do.
            let word = request.result == -Int(EINVAL) ? file(request).way.pointee.open?.word : nil
            guard let word else { return true }
            request.openFileWord = word
            guard case .mine = begin(request, hasAsked: true, &turn) else { return true }
            plan.ready.append(request)
            run(&plan, &turn)
            return false
        }
        let file = file(request)
        BlockCache.lock.lock()
        noteChange(file)
        endBypass(file, &plan)
        file.rest.pointee.active -= 1
        checkClosing(file, &plan)
        BlockCache.lock.unlock()
        run(&plan, &turn)
        return true
    }

    // MARK: waiting; under the lock

    private func park(
        _ request: Request, _ work: UnsafeMutablePointer<Work>, _ queue: Queue, _ plan: inout Plan
    ) -> Step {
        note(request, work, queue, &plan)
        let file = file(request)
        switch queue {
        case .throttled: Bufio.throttled.append(request)
        case .starved: Bufio.starved.append(request)
        case .file: file.rest.pointee.waiters.append(request)
        case .synchronizations: file.rest.pointee.synchronizations.append(request)
        case .block, .none: break
        }
        if queue == .throttled || queue == .starved { pumpAll(&plan, again: queue == .throttled) }
        return .wait
    }

    private func park(
        _ request: Request, _ work: UnsafeMutablePointer<Work>, _ block: CacheBlock, _ plan: inout Plan
    ) -> Step {
        note(request, work, .block, &plan)
        work.pointee.other = block.bits
        block.rest.pointee.waiters.append(request)
        return .wait
    }

    private func note(
        _ request: Request, _ work: UnsafeMutablePointer<Work>, _ queue: Queue, _ plan: inout Plan
    ) {
        // These go on with the program's descriptor.
        if work.pointee.stage == .fsync || work.pointee.stage == .bypass { Exposure.begin(request) }
        work.pointee.queue = queue
        // What is written in part goes on.
        let isBegun = work.pointee.done > 0 || work.pointee.stage == .out
        request.become(isBegun ? .kept : .waiting, at: Int(request.position), isFenced: isBegun)
        if !work.pointee.isHeldBack {
            work.pointee.isHeldBack = true
            plan.heldBack += 1
        }
    }

    /// A request was taken out of its queue and goes on.
    private func unpark(_ request: Request, _ plan: inout Plan) {
        // It may be of another service.
        let work = Bufio.module(of: request).work.place(of: request)
        work.pointee.queue = .none
        request.become(.held, isFenced: true)
        if work.pointee.isHeldBack {
            work.pointee.isHeldBack = false
            plan.heldBack -= 1
        }
        plan.ready.append(request)
    }

    func wake(_ block: CacheBlock, _ plan: inout Plan) {
        while let request = block.rest.pointee.waiters.popFirst() { unpark(request, &plan) }
    }

    func wakeStarved(_ plan: inout Plan) {
        while let request = Bufio.starved.popFirst() { unpark(request, &plan) }
    }

    func cancel(_ identity: RequestIdentity, force: Bool, _ turn: inout Turn) -> CancelOutcome {
        var plan = Plan()
        BlockCache.lock.lock()
        let isClock = Bufio.clock == identity.request
        let isTaken = !isClock && withdraw(identity, &plan)
        BlockCache.lock.unlock()
        if isClock { return Timers.withdraw(identity, position: position) ? .taken : .no }
        run(&plan, &turn)
        return isTaken ? .taken : .no
    }

    private func withdraw(_ identity: RequestIdentity, _ plan: inout Plan) -> Bool {
        guard let request = identity.request(waitingAt: position) else { return false }
        let work = work.place(of: request)
        let file = file(request)
        switch work.pointee.queue {
        case .none: return false
        case .block: _ = CacheBlock(bits: work.pointee.other)!.rest.pointee.waiters.remove(request)
        case .throttled: _ = Bufio.throttled.remove(request)
        case .starved: _ = Bufio.starved.remove(request)
        case .file: _ = file.rest.pointee.waiters.remove(request)
        case .synchronizations: _ = file.rest.pointee.synchronizations.remove(request)
        }
        work.pointee.queue = .none
        request.become(.held)
        if work.pointee.isHeldBack {
            work.pointee.isHeldBack = false
            plan.heldBack -= 1
        }
        giveUp(work, &plan)
        if work.pointee.stage == .bypass { endBypass(file, &plan) }
        file.rest.pointee.active -= 1
        checkClosing(file, &plan)
        return true
    }

    // MARK: copying

    private func copy(_ request: Request) {
        let work = work.place(of: request)
        if work.pointee.isForClient { return }
        let range = range(request, work)
        let isWrite = request.operation == .write
        var at = range.lowerBound
        for index in 0..<work.pointee.count {
            let block = CacheBlock(bits: work.pointee.blocks[index])!
            let from = at & (cache.size - 1)
            let length = min(cache.size - from, range.upperBound - at)
            if isWrite, work.pointee.own & 1 << UInt32(index) != 0 {
                memset(block.data, 0, from)
                memset(block.data + from + length, 0, cache.size - from - length)
            }
            request.copy(length, at: at - request.offset, block.data + from, isIntoMemory: isWrite)
            at += length
        }
    }

    // MARK: transfers

    /// Under the lock.
    private func makeRun(_ file: CachedFile, _ block: CacheBlock) -> CacheRun {
        let run = CacheRun.make(file, isWrite: true)!
        run.state.pointee.isBuffered = hasTail(file, block)
        run.state.pointee.wasBuffered = run.state.pointee.isBuffered
        if run.state.pointee.isBuffered {
            file.rest.pointee.bufferedWrites += 1
        } else {
            file.rest.pointee.directWrites += 1
        }
        run.links.pointee.order = block.rest.pointee.order
        run.links.pointee.previous = file.rest.pointee.lastRun
        file.rest.pointee.lastRun?.links.pointee.next = run
        if file.rest.pointee.firstRun == nil { file.rest.pointee.firstRun = run }
        file.rest.pointee.lastRun = run
        file.rest.pointee.active += 1
        return run
    }

    /// Whether a block is the last of its file, and the file's length one that O_DIRECT does not take. Such a block is written
    /// by itself, without O_DIRECT.
    private func hasTail(_ file: CachedFile, _ block: CacheBlock) -> Bool {
        file.size & 511 != 0 && block.number == file.size >> cache.shift && file.way.pointee.target!.file.isDirect
    }

    /// The kernel must not be asked to write a file with O_DIRECT and without at the same time: it may then find that it can't
    /// take its own copy back, and says so by an error of the next fsync.
    func mayWrite(_ file: CachedFile, _ block: CacheBlock) -> Bool {
        hasTail(file, block) ? file.rest.pointee.directWrites == 0 : file.rest.pointee.bufferedWrites == 0
    }

    private func isWanted(_ file: CachedFile) -> Bool {
        file.rest.pointee.isClosing || !file.rest.pointee.synchronizations.isEmpty
            || file.rest.pointee.bypasses > 0 || Bufio.isAtExit || !isSafe(file, file.rest.pointee.wanted)
    }

    /// Begins to write a file's dirty blocks, as many as may be written at a time. Under the lock.
    @inline(never)
    func pump(_ file: CachedFile, _ plan: inout Plan) {
        var current = file.rest.pointee.dirty.first
        while let block = current {
            guard Bufio.writeOuts < Bufio.mostWriteOuts, CacheRun.hasRoom else {
                Bufio.isShort = true
                return
            }
            if block.rest.pointee.copiers > 0 || !mayWrite(file, block) {
                current = block.rest.pointee.inFile.following
                continue
            }
            writeOut(block, file, &plan)
            current = file.rest.pointee.dirty.first
        }
    }

    /// With its neighbours. Under the lock.
    func writeOut(_ block: CacheBlock, _ file: CachedFile, _ plan: inout Plan) {
        var first = block.number
        let isAlone = hasTail(file, block) || !isWhole(block)
        while !isAlone, block.number - first < CacheRun.most - 1, isReady(first - 1, file) { first -= 1 }
        var last = block.number
        while !isAlone, last - first < CacheRun.most - 1, isReady(last + 1, file) { last += 1 }
        let run = makeRun(file, block)
        Bufio.writeOuts += 1
        for number in first...last {
            let block = number == block.number ? block : cache.find(file.id, number)!
            cache.move(block, to: .writing)
            run.add(block, cache.size)
        }
        run.state.pointee.link = plan.others
        plan.others = run
    }

    private func isReady(_ number: Int, _ file: CachedFile) -> Bool {
        guard let block = cache.find(file.id, number) else { return false }
        return block.phase == .dirty && block.rest.pointee.copiers == 0 && isWhole(block) && !hasTail(file, block)
    }

    /// Whether all of it has to be written.
    private func isWhole(_ block: CacheBlock) -> Bool {
        block.rest.pointee.from == 0 && Int(block.rest.pointee.to) == cache.size
    }

    /// Begins to write where too much is dirty, or somebody waits for room; of a file that could not be written only if it
    /// is to be tried again. Under the lock.
    func pumpAll(_ plan: inout Plan, again: Bool = false) {
        let isStarved = !Bufio.starved.isEmpty || Bufio.starvedVisitors > 0
        let isUrgent = !Bufio.throttled.isEmpty || isStarved
        let most = !isStarved ? cache.room * dirty / (isUrgent ? 200 : 100) : 0
        var current = cache.state.pointee.dirty.first
        while cache.state.pointee.dirty.count > most, Bufio.writeOuts < Bufio.mostWriteOuts, CacheRun.hasRoom,
            let block = current
        {
            guard block.rest.pointee.copiers == 0, let file = block.rest.pointee.owner, mayWrite(file, block),
                again || !file.rest.pointee.isFailing
            else {
                current = block.rest.pointee.inList.following
                continue
            }
            writeOut(block, file, &plan)
            current = cache.state.pointee.dirty.first
        }
    }

    /// Gives the transfers for a request to the modules below. False: there are none, and what they were for has failed.
    private func start(_ request: Request, _ plan: inout Plan, _ turn: inout Turn) -> Bool {
        var count = 0
        var current = plan.mine
        plan.mine = nil
        while let run = current {
            current = run.state.pointee.link
            if make(run, for: request, &turn) { count += 1 } else { _ = ended(run, -Int(EAGAIN), &plan) }
        }
        if count == 0 { return false }
        turn.start(for: request, at: position)
        return true
    }

    private func startOthers(_ plan: inout Plan, _ turn: inout Turn) {
        while let run = plan.others {
            plan.others = run.state.pointee.link
            run.state.pointee.link = nil
            // Perhaps one of another service's.
            let module = run.state.pointee.file.module
            if !module.make(run, for: nil, &turn) { _ = module.ended(run, -Int(EAGAIN), &plan) }
        }
    }

    /// The rest of a run as a request.
    private func make(_ run: CacheRun, for parent: Request?, hasOpened: Bool = false, _ turn: inout Turn) -> Bool {
        let file = run.state.pointee.file
        if !run.state.pointee.isBegun {
            run.state.pointee.isBegun = true
            run.setLength(in: file)
            if run.state.pointee.isWrite { file.rest.pointee.client?.tell(of: run, cache.size) }
        }
        let isAligned = run.state.pointee.done == 0 && run.state.pointee.length % 512 == 0
        var target = file.way.pointee.target!
        if run.state.pointee.isBuffered || !isAligned {
            guard let other = BlockCache.lock.locked({ file.rest.pointee.buffered }) else {
                return !hasOpened && makeOpening(run, for: parent, &turn)
            }
            target = other
        }
        let transferred = run.state.pointee.done
        let index = run.skip()
        let buffers = run.buffers + index
        let count = run.state.pointee.count - index
        guard
            let own = turn.make(
                run.state.pointee.isWrite ? .write : .read, on: target,
                count == 1 ? buffers.pointee.iov_base : UnsafeMutableRawPointer(buffers),
                vectorCount: count == 1 ? 0 : count, length: run.state.pointee.length - transferred,
                offset: run.state.pointee.offset + transferred, in: file.way.pointee.stack!, at: position, for: parent)
        else { return false }
        // For those below who have something of the file.
        if parent == nil { own.openFileWord = file.way.pointee.open?.word ?? 0 }
        if run.state.pointee.isWrite, !target.file.isBlockDevice, own.end > Int(target.file.size) {
            own.file.size = Int64(onDisk(file))
        }
        work.place(of: own).initialize(to: Work(other: run.bits))
        if run.state.pointee.isWrite {
            BlockCache.count(.writeOuts)
        } else {
            BlockCache.count(.transfersIn)
        }
        if parent == nil { turn.handOn(own, below: position) }
        return true
    }

    /// A worker opens a descriptor for it first.
    private func makeOpening(_ run: CacheRun, for parent: Request?, _ turn: inout Turn) -> Bool {
        let way = run.state.pointee.file.way
        guard
            let own = turn.make(.work, on: way.pointee.target!, in: way.pointee.stack!, at: position, for: parent)
        else { return false }
        work.place(of: own).initialize(to: Work(stage: .open, other: run.bits))
        if parent == nil { turn.handToWorker(own) }
        return true
    }

    /// Goes on with a transfer, where `own` is over. False: that is over too.
    private func goOn(
        _ run: CacheRun, _ own: Request, for parent: Request?, _ plan: inout Plan, _ turn: inout Turn
    ) -> Bool {
        let hasOpened = own.operation == .work
        if hasOpened {
            if own.result < 0 { openBuffered(run.state.pointee.file) }
        } else if !ended(run, own.result, &plan) {
            return false
        }
        if make(run, for: parent, hasOpened: hasOpened, &turn) { return true }
        run.state.pointee.isLast = true
        _ = ended(run, -Int(EAGAIN), &plan)
        return false
    }

    func prepare(flush own: Request, _ address: UInt) {
        work.place(of: own).initialize(to: Work(stage: .flush, other: address))
    }

    /// How far the file goes, as far as the kernel knows; only for the choice of the way.
    private func onDisk(_ file: CachedFile) -> Int {
        var status = stat()
        return file.way.pointee.target!.descriptor.identification(&status) == 0 ? Int(status.st_size) : 0
    }

    func joined(_ parent: Request, _ own: OwnRequests, _ turn: inout Turn) {
        var plan = Plan()
        var again = false
        if work.place(of: parent).pointee.stage == .ask {
            return hasAsked(parent, own[0]?.result ?? 0, &turn)
        }
        if work.place(of: parent).pointee.stage == .synchronize {
            let result = own.result
            end(parent, result < 0 ? result : work.place(of: parent).pointee.done, &plan, &turn)
            return run(&plan, &turn)
        }
        for request in own {
            let run = CacheRun(bits: work.place(of: request).pointee.other)!
            if goOn(run, request, for: parent, &plan, &turn) { again = true }
        }
        if again { turn.start(for: parent, at: position) } else { plan.ready.append(parent) }
        run(&plan, &turn)
    }

    func finished(_ own: Request, _ turn: inout Turn) {
        var plan = Plan()
        if work.place(of: own).pointee.stage == .flush {
            let flush = UnsafeMutablePointer<BufioClient.Flush>(bitPattern: work.place(of: own).pointee.other)!
            BlockCache.lock.locked {
                flush.pointee.result = own.result
                flush.pointee.isDone = true
            }
            return run(&plan, &turn)
        }
        guard let run = CacheRun(bits: work.place(of: own).pointee.other) else {
            BlockCache.lock.locked { if Bufio.clock == own { Bufio.clock = nil } }
            return
        }
        _ = goOn(run, own, for: nil, &plan, &turn)
        self.run(&plan, &turn)
    }

    /// A transfer is over. True: the rest of it is to be made.
    private func ended(_ run: CacheRun, _ result: Int, _ plan: inout Plan) -> Bool {
        let file = run.state.pointee.file
        let isLast = run.state.pointee.isLast
        if result > 0 { run.state.pointee.done += result }
        var error = result < 0 ? Int32(-result) : 0
        let left = run.state.pointee.length - run.state.pointee.done
        if error == EINVAL, !run.state.pointee.isBuffered, !isLast {
            run.state.pointee.isBuffered = true
            return true
        }
        if error == 0, left > 0, run.state.pointee.isWrite {
            if result > 0 { return true }
            error = EIO
        }
        if error == 0, left > 0 {
            if result > 0, !isLast, onDisk(file) > run.state.pointee.offset + run.state.pointee.done,
                !file.way.pointee.isDevice
            {
                return true
            }
            run.clearRest(cache.size)
        }
        BlockCache.lock.lock()
        settle(run, file, error, &plan)
        BlockCache.lock.unlock()
        return false
    }

    /// Those that write with O_DIRECT, or without, may go on. Under the lock.
    private func wakeWaiters(_ file: CachedFile, _ plan: inout Plan) {
        guard file.rest.pointee.bufferedWrites == 0 || file.rest.pointee.directWrites == 0 else { return }
        while let request = file.rest.pointee.waiters.popFirst() { unpark(request, &plan) }
    }

    private func noteChange(_ file: CachedFile) {
        file.rest.pointee.isChangedByUs = true
        file.rest.pointee.changes += 1
    }

    /// Under the lock.
    private func settle(_ run: CacheRun, _ file: CachedFile, _ error: Int32, _ plan: inout Plan) {
        let isWrite = run.state.pointee.isWrite
        if isWrite {
            if !run.state.pointee.isThrough { Bufio.writeOuts -= 1 }
            run.unlink()
            if run.state.pointee.wasBuffered {
                file.rest.pointee.bufferedWrites -= 1
            } else {
                file.rest.pointee.directWrites -= 1
            }
            wakeWaiters(file, &plan)
            noteChange(file)
        }
        var isOwed = false
        for index in 0..<run.state.pointee.count {
            let block = run.block(index)
            let isMarked = isWrite && block.rest.pointee.to > block.rest.pointee.from
            if isWrite, error == 0, !isMarked { block.rest.pointee.isOwed = false }
            isOwed = isOwed || block.rest.pointee.isOwed
            let mustStay = isWrite && (block.rest.pointee.hold != 0 || block.rest.pointee.isOwed)
            if error == 0, isMarked {
                block.rest.pointee.order = block.rest.pointee.marked
                cache.move(block, to: .dirty)
            } else if error == 0 {
                cache.move(block, to: .clean)
            } else if !isWrite || run.state.pointee.isThrough && !mustStay {
                block.rest.pointee.failure = error
                block.rest.pointee.failedToRead = !isWrite
                cache.move(block, to: .failed)
            } else {
                block.rest.pointee.from = 0
                block.rest.pointee.to = Int32(cache.size)
                block.rest.pointee.failure = error
                cache.move(block, to: .dirty)
            }
            wake(block, &plan)
        }
        if error != 0 { BlockCache.count(.errors) }
        if isWrite, error == 0 ? !run.state.pointee.isThrough : isOwed || !run.state.pointee.isThrough {
            file.setFailing(error != 0)
            if error != 0 { failed(file, error, &plan) }
        }
        // Once, when the last of the transfers is over.
        if file.rest.pointee.lost > 0, file.rest.pointee.firstRun == nil {
            say(file, file.rest.pointee.lastError, file.rest.pointee.lost)
            file.rest.pointee.lost = 0
        }
        run.dispose()
        cache.shrink()
        file.rest.pointee.active -= 1
        var kept = RequestQueue()
        while let request = file.rest.pointee.synchronizations.popFirst() {
            if isSafe(file, work.place(of: request).pointee.order) {
                unpark(request, &plan)
            } else {
                kept.append(request)
            }
        }
        file.rest.pointee.synchronizations = kept
        wakeStarved(&plan)
        if cache.unsaved * 100 < cache.room * dirtyLimit {
            while let request = Bufio.throttled.popFirst() { unpark(request, &plan) }
        }
        if isWanted(file), error == 0 { pump(file, &plan) }
        pumpOthers(&plan)
        pumpAll(&plan)
        checkClosing(file, &plan)
    }

    /// There is room for transfers, perhaps for files that found none. Under the lock.
    private func pumpOthers(_ plan: inout Plan) {
        guard Bufio.isShort, Bufio.writeOuts < Bufio.mostWriteOuts else { return }
        Bufio.isShort = false
        var current = CachedFile.all
        while let file = current, !Bufio.isShort {
            current = file.rest.pointee.next
            if file.status == .kept, isWanted(file) { file.module.pump(file, &plan) }
        }
    }

    /// Dirty blocks could not be written: who waits for it is told, and it is kept in mind for the next aio_fsync.
    private func failed(_ file: CachedFile, _ error: Int32, _ plan: inout Plan) {
        file.rest.pointee.failures += 1
        file.rest.pointee.lastError = error
        CachedFile.lastFailure = error
        let isNew = file.rest.pointee.failure == 0
        if isNew { file.rest.pointee.failure = error }
        var isTold = false
        while let request = file.rest.pointee.synchronizations.popFirst() {
            isTold = true
            fail(request, error, &plan)
        }
        if isTold { file.rest.pointee.failure = 0 }
        while let request = Bufio.throttled.popFirst() {
            let work = Bufio.module(of: request).work.place(of: request)
            if work.pointee.file == file.bits {
                fail(request, error, &plan)
            } else {
                // It is another file's, and waits for this one no longer.
                work.pointee.isThrough = true
                unpark(request, &plan)
            }
        }
        let isLost = file.rest.pointee.isClosing || Bufio.isAtExit
        if isNew, !isLost { say(file, error, 0) }
        if isLost {
            var current = file.rest.pointee.dirty.first
            while let block = current {
                current = block.rest.pointee.inFile.following
                if block.rest.pointee.holds == 0 {
                    cache.move(block, to: .free)
                    file.rest.pointee.lost += 1
                } else if block.rest.pointee.hold != 0, block.rest.pointee.copiers == 0 {
                    // A client's, which nobody waits for any more.
                    cache.move(block, to: .writing)
                    cache.move(block, to: .clean)
                    file.rest.pointee.lost += 1
                }
            }
        }
    }

    /// A request that was taken out of its queue is to end with an error.
    private func fail(_ request: Request, _ error: Int32, _ plan: inout Plan) {
        let work = Bufio.module(of: request).work.place(of: request)
        work.pointee.stage = .passed
        if work.pointee.done == 0 { work.pointee.done = -Int(error) }
        unpark(request, &plan)
    }

    private func say(_ file: CachedFile, _ error: Int32, _ lost: Int) {
        var message = Message()
        message.add("kaio: bufio: ")
        message.add(ErrorName.of(Int(error)) ?? Text("an error" as StaticString))
        message.add(" for blocks of file ")
        message.add(Int(truncatingIfNeeded: file.way.pointee.open?.inode ?? 0))
        message.add(" of device ")
        message.add(Int(truncatingIfNeeded: file.way.pointee.open?.device ?? 0))
        if lost > 0 {
            message.add(" at its end: ")
            message.add(lost)
            message.add(" blocks are lost")
        } else {
            message.add(": they are kept, and writing is tried again")
        }
        message.show()
    }

    /// A file that is closed is let go when nothing of it is left to do. Under the lock.
    func checkClosing(_ file: CachedFile, _ plan: inout Plan) {
        guard file.rest.pointee.isClosing, !file.isActive else { return }
        if file.rest.pointee.unsaved > 0 { return pump(file, &plan) }
        file.rest.pointee.isClosing = false
        file.rest.pointee.link = plan.closed
        plan.closed = file
    }

    // MARK: reading ahead

    /// Under the lock.
    private func readAhead(_ request: Request, _ file: CachedFile, _ isKnown: Bool, _ plan: inout Plan) {
        let offset = request.offset
        let end = request.end
        var count = 1
        if offset == file.face.pointee.sequence.load(ordering: .relaxed) || isKnown {
            count += file.face.pointee.run.load(ordering: .relaxed)
        } else {
            file.rest.pointee.aheadUntil = 0
        }
        file.face.pointee.run.store(count, ordering: .relaxed)
        file.face.pointee.sequence.store(end, ordering: .relaxed)
        guard count >= 3, file.rest.pointee.bypasses == 0 else { return }
        let window = min(prefetch, cache.room / 4 * cache.size)
        let from = max(end, file.rest.pointee.aheadUntil)
        let until = min(end + window, file.size)
        guard until > from, until - from >= window / 2 || until == file.size else { return }
        file.rest.pointee.aheadUntil = until
        fetch(from..<until, of: file, isMarked: true, &plan)
    }

    /// Begins to read what is not here of a range, as far as there is room; nobody waits for it yet. Under the lock.
    private func fetch(
        _ range: Range<Int>, of file: CachedFile, isMarked: Bool = false, counts: Bool = false, _ plan: inout Plan
    ) {
        var run: CacheRun?
        var isFirst = isMarked
        for number in range.lowerBound >> cache.shift...(range.upperBound - 1) >> cache.shift {
            let isHere = cache.find(file.id, number) != nil
            if counts { BlockCache.count(isHere ? .hits : .misses) }
            guard !isHere, file.rest.pointee.bypasses == 0, CacheRun.hasRoom, let block = cache.take() else {
                run = nil
                continue
            }
            let isFilled = add(block, file, number, isAhead: true)
            if isFirst { block.face.pointee.isMilestone.store(true, ordering: .relaxed) }
            isFirst = false
            if isFilled {
                run = nil
                continue
            }
            if run == nil || run!.state.pointee.count == CacheRun.most {
                run = CacheRun.make(file, isWrite: false)
                run!.state.pointee.link = plan.others
                plan.others = run
                file.rest.pointee.active += 1
            }
            run!.add(block, cache.size)
        }
    }
}

extension CacheRun {
    /// The next block behind those that are there. Under the lock.
    func add(_ block: CacheBlock, _ size: Int) {
        let index = state.pointee.count
        let from = state.pointee.isWrite ? Int(block.rest.pointee.from) : 0
        let to = state.pointee.isWrite ? Int(block.rest.pointee.to) : size
        if index == 0 { state.pointee.offset = block.number * size + from }
        state.pointee.blocks[index] = block.bits
        buffers[index] = iovec(iov_base: block.data + from, iov_len: to - from)
        state.pointee.length += to - from
        state.pointee.count += 1
        if state.pointee.isWrite {
            block.rest.pointee.from = 0
            block.rest.pointee.to = 0
        }
        if state.pointee.isWrite { links.pointee.order = min(links.pointee.order, block.rest.pointee.order) }
    }

    var buffers: UnsafeMutablePointer<iovec> {
        (UnsafeMutableRawPointer(state) + CacheRun.buffersOffset).assumingMemoryBound(to: iovec.self)
    }

    /// What is written ends where the file does.
    func setLength(in file: CachedFile) {
        guard state.pointee.isWrite, state.pointee.offset + state.pointee.length > file.size else { return }
        state.pointee.length = max(0, file.size - state.pointee.offset)
        var left = state.pointee.length
        for index in 0..<state.pointee.count {
            buffers[index].iov_len = min(left, buffers[index].iov_len)
            left -= buffers[index].iov_len
        }
    }

    /// What the file had no bytes for is zero.
    func clearRest(_ size: Int) {
        var at = state.pointee.done
        while at < state.pointee.count * size {
            let from = at % size
            memset(block(at / size).data + from, 0, size - from)
            at += size - from
        }
    }

    /// Takes what is done off the front of the buffers; the first that has something left.
    func skip() -> Int {
        var left = state.pointee.done - state.pointee.skipped
        state.pointee.skipped = state.pointee.done
        var index = 0
        while index < state.pointee.count - 1 {
            let part = min(left, buffers[index].iov_len)
            cut(part, index)
            left -= part
            if buffers[index].iov_len > 0 { return index }
            index += 1
        }
        cut(left, index)
        return index
    }

    private func cut(_ length: Int, _ index: Int) {
        guard length > 0 else { return }
        buffers[index].iov_base += length
        buffers[index].iov_len -= length
    }

    func unlink() {
        let file = state.pointee.file
        if let previous = links.pointee.previous {
            previous.links.pointee.next = links.pointee.next
        } else {
            file.rest.pointee.firstRun = links.pointee.next
        }
        if let next = links.pointee.next {
            next.links.pointee.previous = links.pointee.previous
        } else {
            file.rest.pointee.lastRun = links.pointee.previous
        }
    }
}

extension Request {
    /// Whether the first bytes of its buffers can be copied from, or to.
    fileprivate func hasMemory(_ length: Int) -> Bool {
        let isWritten = operation == .read
        guard length > 0 else { return true }
        guard let buffer = buffer else { return false }
        let count = vectorCount
        if count == 0 { return KnownMemory.has(buffer, length, written: isWritten) }
        let vector = buffer.assumingMemoryBound(to: iovec.self)
        var left = length
        for index in 0..<count where left > 0 {
            let part = min(vector[index].iov_len, left)
            guard part > 0 else { continue }
            guard let base = vector[index].iov_base, KnownMemory.has(base, part, written: isWritten) else {
                return false
            }
            left -= part
        }
        return true
    }

    /// Copies between the request's buffers, from the byte `start` on, and other memory.
    fileprivate func copy(
        _ length: Int, at start: Int, _ memory: UnsafeMutableRawPointer, isIntoMemory: Bool
    ) {
        func copyOne(_ buffer: UnsafeMutableRawPointer, _ at: Int, _ length: Int) {
            if isIntoMemory { memcpy(memory + at, buffer, length) } else { memcpy(buffer, memory + at, length) }
        }
        let count = vectorCount
        guard let buffer = buffer else { return }
        if count == 0 { return copyOne(buffer + start, 0, length) }
        let vector = buffer.assumingMemoryBound(to: iovec.self)
        var (skip, done) = (start, 0)
        for index in 0..<count where done < length {
            let size = vector[index].iov_len
            if skip >= size {
                skip -= size
                continue
            }
            let part = min(size - skip, length - done)
            copyOne(vector[index].iov_base + skip, done, part)
            skip = 0
            done += part
        }
    }
}

extension Parameters {
    /// Of two words, the first as a default: whether it is the second.
    fileprivate func isSecond(
        _ module: StaticString, _ name: StaticString, _ first: StaticString, _ second: StaticString
    ) -> Bool {
        guard let value = text(module, name), !value.isWord(first) else { return false }
        if value.isWord(second) { return true }
        complain(module, name) {
            $0.add(first)
            $0.add(" or ")
            $0.add(second)
        }
        return false
    }

    /// 75, 75% or 75 %.
    fileprivate func percentage(_ module: StaticString, _ name: StaticString, default standard: Int) -> Int {
        guard let value = text(module, name) else { return standard }
        let number = value.firstIndex(of: UInt8(ascii: "%")).map { value.prefix($0).trimmed } ?? value
        if let share = number.number, (1...100).contains(share) { return share }
        complain(module, name) { $0.add("a percentage from 1 to 100") }
        return standard
    }
}

extension Bufio {
    static var entry: ModuleEntry {
        ModuleEntry(
            name: "bufio", parameters: parameters, side: .below, needsOrder: true, belongsAbove: "mirror",
            make: { Bufio(position: $0, parameters: $1) }, reset: resetAll, hear: hear)
    }
}
