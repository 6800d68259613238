// The other face of bufio's cache: a program that works with the blocks of a file itself (include/kaio_bufio.h).
//
// A client belongs to one file of a connection whose stack has bufio; its buffers are the module's blocks. Its calls do what they do under
// the cache's lock, begin transfers as the module does, and wait until the blocks are as they have to be: all who change blocks
// make the waiting ones look again while there are any (`Bufio.visitors`). A read that tells when it is complete is a request whose
// buffer is the client itself, at an address that no program has (`mark`).
//
// Invariant, under `BlockCache.lock`: a block that a client holds has a place in `Holds`, which counts these holds; each of them
// is one of the block's own. A handle is a place and its generation, so one that is used too late is known as such. A file with a
// client stays open (`OpenFiles.retain`). A block that `new` made is in the phase `reading`, which nobody ends
// but the client: it marks it dirty, or lets go of it.

import CKaio
import CKernel
import Synchronization

/// The buffers that clients hold. Under the cache's lock.
enum Holds {
    struct Hold {
        var generation: UInt64 = 1
        var block: UInt = 0
        var client: UInt = 0
        var number = 0
        var count: Int32 = 0
        var next: Int32 = 0
    }

    private static let shift = 18
    private static let most = 1 << shift
    nonisolated(unsafe) private static var places: UnsafeMutablePointer<Hold>?
    nonisolated(unsafe) private static var fresh: Int32 = 1
    nonisolated(unsafe) private static var free: Int32 = 0

    static subscript(place: Int32) -> UnsafeMutablePointer<Hold> { places.unsafelyUnwrapped + Int(place) }

    static func take() -> Int32? {
        if places == nil { places = Pages.map(most * MemoryLayout<Hold>.stride)?.assumingMemoryBound(to: Hold.self) }
        guard let places else { return nil }
        if free != 0 {
            let place = free
            free = places[Int(place)].next
            return place
        }
        guard Int(fresh) < most else { return nil }
        (places + Int(fresh)).initialize(to: Hold())
        fresh += 1
        return fresh - 1
    }

    static func giveBack(_ place: Int32) {
        Holds[place].pointee.generation += 1
        Holds[place].pointee.next = free
        free = place
    }

    static func handle(_ place: Int32) -> OpaquePointer? {
        OpaquePointer(bitPattern: UInt(Holds[place].pointee.generation) << UInt(shift) | UInt(place))
    }

    /// The place of a handle, whether or not it is held by that.
    static func place(_ handle: OpaquePointer?) -> (place: Int32, isHeld: Bool)? {
        let bits = UInt(bitPattern: handle)
        let place = Int32(bits & UInt(most - 1))
        guard place > 0, place < fresh, places != nil else { return nil }
        return (place, Holds[place].pointee.count > 0 && Holds[place].pointee.generation == UInt64(bits >> UInt(shift)))
    }

    static func resetAll() {
        fresh = 1
        free = 0
    }
}

struct BufioClient: Equatable {
    typealias Callback =
        @convention(c) (
            OpaquePointer?, UInt64, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?
        ) -> Void

    struct State {
        let handleFile: ConnectionFile
        let file: CachedFile
        let module: Unmanaged<Bufio>
        let open: OpenFile
        var options: kaio_bufio_options
        var minimum = 0
        /// Buffers that it holds, and reads that are not finished.
        var held = 0
        var reads = 0
        /// Of its own bytes: those given back, what is left of the last chunk, and all chunks.
        var free: UnsafeMutableRawPointer?
        var left = 0
        var next: UnsafeMutableRawPointer?
        var chunks: UnsafeMutableRawPointer?
        var chunkBytes = 0
    }

    let state: UnsafeMutablePointer<State>

    init(_ state: UnsafeMutablePointer<State>) { self.state = state }
    init?(_ handle: OpaquePointer?) {
        guard let handle else { return nil }
        state = UnsafeMutablePointer(handle)
    }
    init?(bits: UInt) {
        guard let state = UnsafeMutablePointer<State>(bitPattern: bits) else { return nil }
        self.state = state
    }

    static func == (a: BufioClient, b: BufioClient) -> Bool { a.state == b.state }

    var handle: OpaquePointer { OpaquePointer(state) }
    var bits: UInt { UInt(bitPattern: state) }
    var connection: Connection { state.pointee.handleFile.connection }
    var file: CachedFile { state.pointee.file }
    var module: Bufio { state.pointee.module._withUnsafeGuaranteedRef { $0 } }
    var cache: BlockCache { module.cache }

    // MARK: requests

    /// What the kernel would refuse as a buffer.
    static let mark: UInt = 1 << 63

    static func isAsked(by request: Request, _ file: CachedFile) -> Bool {
        let bits = UInt(bitPattern: request.buffer)
        guard bits & mark != 0 else { return false }
        return BlockCache.lock.locked { file.rest.pointee.client?.bits == bits & ~mark }
    }

    // MARK: the lock, and waiting

    /// Does something under the lock, and what follows of it. Nil: the library is down.
    func enter<T>(_ body: (inout Bufio.Plan) -> T) -> T? {
        var result: T?
        visit { result = body(&$0) }
        return result
    }

    @inline(never)
    private func visit(_ body: (inout Bufio.Plan) -> Void) {
        let mask = SignalMask.blockAll()
        Turn.visit(as: .submitter) { turn in
            var plan = Bufio.Plan()
            BlockCache.lock.lock()
            body(&plan)
            BlockCache.lock.unlock()
            module.run(&plan, &turn)
        }
        mask.restore()
        Reactor.startIfWanted()
    }

    static func locked<T>(_ body: () -> T) -> T {
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        return BlockCache.lock.locked(body)
    }

    @inline(never)
    func wait(_ isDone: () -> Bool) {
        Bufio.visitors.wrappingAdd(1, ordering: .sequentiallyConsistent)
        connection.wait { BufioClient.locked(isDone) }
        Bufio.visitors.wrappingSubtract(1, ordering: .sequentiallyConsistent)
    }

    // MARK: life

    static func make(_ file: ConnectionFile, _ options: kaio_bufio_options, _ error: inout CInt) -> BufioClient? {
        let connection = file.connection
        guard connection.isOfThisProcess, let position = connection.stack.position(of: "bufio"),
            let module = connection.stack[position] as? Bufio
        else {
            error = EINVAL
            return nil
        }
        let size = module.cache.size
        guard options.block_size == 0 || options.block_size == size, options.user_bytes <= 1 << 16,
            options.minimum_buffers <= 1 << 24
        else {
            error = EINVAL
            return nil
        }
        guard let facts = FileFacts(file.descriptor), facts.kind == .file,
            let open = OpenFiles.retain(file.descriptor)
        else {
            error = FileFacts(file.descriptor)?.kind == .file ? EMFILE : ENOTSUP
            return nil
        }
        guard let cached = CachedFile(bits: open[position]) else {
            open.letGo()
            error = ENOMEM
            return nil
        }
        if cached.status == .unknown {
            let target = Target(descriptor: file.descriptor, file: facts)
            // Also a file that is none of the module's else.
            cached.face.pointee.isWanted.store(true, ordering: .sequentiallyConsistent)
            OpenFiles.prepare(open, target)
            // It was prepared before that.
            if cached.status == .unknown {
                let mask = SignalMask.blockAll()
                module.prepare(open, target)
                mask.restore()
            }
        }
        guard cached.status == .kept else {
            open.letGo()
            error = ENOTSUP
            return nil
        }
        Bufio.listenForExit()
        let client = BufioClient(.allocate(capacity: 1))
        client.state.initialize(
            to: State(
                handleFile: file, file: cached, module: .passUnretained(module), open: open, options: options))
        let isAlone = locked {
            if cached.rest.pointee.client != nil { return false }
            cached.setClient(client)
            return true
        }
        guard isAlone, file.begin(1) else {
            if isAlone { locked { cached.setClient(nil) } }
            open.letGo()
            client.free()
            error = isAlone ? EBADF : EBUSY
            return nil
        }
        _ = client.setMinimum(Int(options.minimum_buffers))
        client.ask()
        return client
    }

    private func free() {
        state.deinitialize(count: 1)
        state.deallocate()
    }

    func end() -> CInt {
        guard connection.isOfThisProcess else { return EINVAL }
        if isBusy { return EBUSY }
        let error = writeDirty()
        // None is transferred any more, with which `tell` may be called, or somebody came meanwhile.
        wait { !hasTransfers || state.pointee.held > 0 || state.pointee.reads > 0 }
        if isBusy { return EBUSY }
        let open = state.pointee.open
        BufioClient.locked {
            for list in [file.rest.pointee.blocks, file.rest.pointee.dirty] {
                var current = list.first
                while let block = current {
                    block.rest.pointee.user = nil
                    block.rest.pointee.making = .not
                    current = block.rest.pointee.inFile.following
                }
            }
            file.setClient(nil)
            cache.state.pointee.least -= state.pointee.minimum
            dropOwn()
        }
        let handle = state.pointee.handleFile
        free()
        handle.end(1)
        open.letGo()
        return error
    }

    /// Names what is held.
    private var isBusy: Bool {
        let (held, reads) = BufioClient.locked { (state.pointee.held, state.pointee.reads) }
        if held == 0, reads == 0 { return false }
        var after = -1
        while held > 0, let number = BufioClient.locked({ nextHeld(after) }) {
            complain("destroy", number, "is held")
            after = number
        }
        if held == 0 {
            complain("destroy", nil, "a read is not finished")
        }
        return true
    }

    /// The least number of a block that is held above one.
    private func nextHeld(_ after: Int) -> Int? {
        var least: Int?
        for list in [file.rest.pointee.blocks, file.rest.pointee.dirty] {
            var current = list.first
            while let block = current {
                current = block.rest.pointee.inFile.following
                if block.rest.pointee.hold != 0, block.number > after { least = min(least ?? .max, block.number) }
            }
        }
        return least
    }

    func complain(_ call: StaticString, _ number: Int?, _ what: StaticString) {
        BufioClient.complain(call, number, what, state.pointee.open)
    }

    static func complain(_ call: StaticString, _ number: Int?, _ what: StaticString, _ open: OpenFile?) {
        var message = Message()
        message.add("kaio: kaio_bufio_")
        message.add(Text(call))
        message.add(": ")
        if let number {
            message.add("block ")
            message.add(number)
            message.add(" ")
        }
        if let open {
            message.add("of file ")
            message.add(Int(truncatingIfNeeded: open.inode))
            message.add(" of device ")
            message.add(Int(truncatingIfNeeded: open.device))
            message.add(" ")
        }
        message.add(Text(what))
        message.show()
    }

    private var hasTransfers: Bool { file.rest.pointee.firstRun != nil }

    func setMinimum(_ count: Int) -> CInt {
        guard connection.isOfThisProcess else { return EINVAL }
        guard count <= 1 << 24 else { return EINVAL }
        BufioClient.locked {
            let more = max(0, count - BlockCache.least)
            cache.state.pointee.least += more - state.pointee.minimum
            state.pointee.minimum = more
        }
        return 0
    }

    // MARK: bytes of its own; under the lock

    private func own() -> UnsafeMutableRawPointer? {
        let size = (Int(state.pointee.options.user_bytes) + 15) & ~15
        if let memory = state.pointee.free {
            state.pointee.free = memory.load(as: UnsafeMutableRawPointer?.self)
            memset(memory, 0, size)
            return memory
        }
        if state.pointee.left < size {
            let chunk = max(64 << 10, size + 16)
            guard let memory = Pages.map(chunk) else { return nil }
            memory.storeBytes(of: state.pointee.chunks, as: UnsafeMutableRawPointer?.self)
            memory.storeBytes(of: chunk, toByteOffset: 8, as: Int.self)
            state.pointee.chunks = memory
            state.pointee.chunkBytes += chunk
            BlockCache.use(chunk)
            state.pointee.next = memory + 16
            state.pointee.left = chunk - 16
        }
        let memory = state.pointee.next
        state.pointee.next = memory.map { $0 + size }
        state.pointee.left -= size
        return memory
    }

    func take(back memory: UnsafeMutableRawPointer) {
        memory.storeBytes(of: state.pointee.free, as: UnsafeMutableRawPointer?.self)
        state.pointee.free = memory
    }

    private func dropOwn() {
        while let chunk = state.pointee.chunks {
            state.pointee.chunks = chunk.load(as: UnsafeMutableRawPointer?.self)
            Pages.unmap(chunk, chunk.load(fromByteOffset: 8, as: Int.self))
        }
        BlockCache.use(-state.pointee.chunkBytes)
    }

    // MARK: holds

    /// A hold of a block, which the caller has made, becomes the client's. Nil: there is no room. Under the lock.
    func adopt(_ block: CacheBlock) -> Int32? {
        let rest = block.rest
        if rest.pointee.hold == 0 {
            if state.pointee.options.user_bytes > 0, rest.pointee.user == nil {
                guard let memory = own() else { return nil }
                rest.pointee.user = memory
            }
            guard let place = Holds.take() else { return nil }
            Holds[place].pointee.block = block.bits
            Holds[place].pointee.client = bits
            Holds[place].pointee.number = block.number
            Holds[place].pointee.count = 0
            rest.pointee.hold = place
            state.pointee.held += 1
            cache.state.pointee.held += 1
        }
        Holds[rest.pointee.hold].pointee.count += 1
        return rest.pointee.hold
    }

    /// Ends one of its holds. Under the lock.
    func letGo(_ place: Int32, _ plan: inout Bufio.Plan) {
        let block = CacheBlock(bits: Holds[place].pointee.block)!
        Holds[place].pointee.count -= 1
        if Holds[place].pointee.count == 0 {
            Holds.giveBack(place)
            block.rest.pointee.hold = 0
            state.pointee.held -= 1
            cache.state.pointee.held -= 1
            if block.rest.pointee.mustGo, block.phase == .reading || block.phase == .clean {
                cache.move(block, to: .failed)
                module.wake(block, &plan)
            }
        }
        if cache.release(block) {
            module.wake(block, &plan)
            module.wakeStarved(&plan)
        }
    }

    /// The data of a new hold: the program is asked about a buffer that is new. Nothing is locked.
    private func deliver(_ place: Int32, _ buffer: UnsafeMutablePointer<OpaquePointer?>?) -> UnsafeMutableRawPointer? {
        let (block, making) = BufioClient.locked {
            let block = CacheBlock(bits: Holds[place].pointee.block)!
            buffer?.pointee = Holds.handle(place)
            let making = block.rest.pointee.making
            if making == .not { block.rest.pointee.making = .begun }
            return (block, making)
        }
        if making == .not {
            state.pointee.options.allocated?(
                handle, UInt64(block.number), block.data, block.rest.pointee.user, state.pointee.options.argument)
            _ = enter { _ in block.rest.pointee.making = .done }
        } else if making == .begun {
            wait { block.rest.pointee.making == .done }
        }
        return block.data
    }

    /// The module is about to write blocks. Nothing is locked; they stay as they are until they are written.
    func tell(of run: CacheRun, _ size: Int) {
        guard let writing = state.pointee.options.writing else { return }
        for index in 0..<run.state.pointee.count {
            let block = run.block(index)
            writing(
                handle, UInt64(block.number), block.data, block.rest.pointee.user, state.pointee.options.argument)
        }
    }

    // MARK: getting

    enum Way {
        case read, get, new
    }

    private enum Found {
        case held(Int32)
        case failed(CInt)
        /// It is being read: it is held meanwhile.
        case reads(CacheBlock)
        case starved
    }

    func hold(
        _ number: UInt64, _ way: Way, _ buffer: UnsafeMutablePointer<OpaquePointer?>?, _ error: inout CInt
    ) -> UnsafeMutableRawPointer? {
        guard connection.isOfThisProcess, buffer != nil else {
            error = EINVAL
            return nil
        }
        guard let number = check(number, mayGrow: way == .new) else {
            complain(way == .new ? "new" : way == .get ? "get" : "read", Int(clamping: number), "is past the end")
            error = ENXIO
            return nil
        }
        var isCounted = false
        while true {
            guard let found = enter({ find(number, way, isCounted, &$0) }) else {
                error = ENOMEM
                return nil
            }
            switch found {
            case .held(let place): return deliver(place, buffer)
            case .failed(let code):
                error = code
                return nil
            case .reads(let block):
                isCounted = true
                wait { block.phase != .reading || block.rest.pointee.mustGo }
                let failure = enter { plan -> CInt in
                    let failure = block.phase == .failed && block.rest.pointee.failedToRead
                    let code = failure ? block.rest.pointee.failure : 0
                    if cache.release(block) {
                        module.wake(block, &plan)
                        module.wakeStarved(&plan)
                    }
                    return code
                }
                if let failure, failure != 0 {
                    error = failure
                    return nil
                }
            case .starved:
                error = awaitRoom()
                if error != 0 { return nil }
            }
        }
    }

    /// The number, if the file has the block.
    private func check(_ number: UInt64, mayGrow: Bool) -> Int? {
        let most = UInt64(Int.max >> cache.shift) - 1
        guard number <= most else { return nil }
        let number = Int(number)
        if mayGrow, !file.way.pointee.isDevice { return number }
        if number << cache.shift >= file.size { ask(now: true) }
        let end = file.way.pointee.isDevice ? file.size & ~(cache.size - 1) : file.size
        return number << cache.shift < end ? number : nil
    }

    private func ask(now: Bool = false) {
        guard module.mustAsk(file, now: now) else { return }
        // With signals as they are: the file's server may be slow.
        let changes = BufioClient.locked { file.rest.pointee.changes }
        var status = stat()
        let isKnown = file.look(&status, asksServer: true)
        let mask = SignalMask.blockAll()
        module.take(isKnown ? status : nil, of: file, since: changes)
        mask.restore()
    }

    /// An error: there will be none.
    private func awaitRoom() -> CInt {
        let before = BufioClient.locked {
            Bufio.starvedVisitors += 1
            return cache.cleanCount + cache.state.pointee.free.count
        }
        _ = enter { module.pumpAll(&$0, again: true) }
        wait {
            cache.cleanCount + cache.state.pointee.free.count > before || isFull || cache.hasReserve || cache.isStuck
                || CacheRun.hasRoom && cache.cleanCount + cache.state.pointee.free.count > 0
        }
        return BufioClient.locked {
            Bufio.starvedVisitors -= 1
            return cache.isStuck ? CachedFile.lastFailure : 0
        }
    }

    /// Clients hold all blocks, so waiting may never help.
    private var isFull: Bool { cache.state.pointee.held >= cache.state.pointee.count }

    /// Under the lock.
    private func find(_ number: Int, _ way: Way, _ isCounted: Bool, _ plan: inout Bufio.Plan) -> Found {
        if let block = cache.find(file.id, number) {
            let isReady = block.phase != .reading || block.rest.pointee.hold != 0 && block.rest.pointee.mustGo
            if !isReady, way == .get { return .failed(EAGAIN) }
            cache.hold(block)
            guard isReady else { return .reads(block) }
            if !isCounted {
                block.countUse()
                BlockCache.count(.hits)
            }
            return adopted(block, &plan)
        }
        if way == .get { return .failed(EAGAIN) }
        guard CacheRun.hasRoom, file.rest.pointee.bypasses == 0, let block = cache.take() else {
            return isFull ? .failed(ENOMEM) : .starved
        }
        let isFilled = module.add(block, file, number)
        cache.hold(block)
        if isFilled { return .reads(block) }
        BlockCache.count(.misses)
        if way == .new {
            memset(block.data, 0, cache.size)
            block.rest.pointee.mustGo = true
            return adopted(block, &plan)
        }
        let run = CacheRun.make(file, isWrite: false)!
        file.rest.pointee.active += 1
        run.add(block, cache.size)
        run.state.pointee.link = plan.others
        plan.others = run
        return .reads(block)
    }

    private func adopted(_ block: CacheBlock, _ plan: inout Bufio.Plan) -> Found {
        if let place = adopt(block) { return .held(place) }
        if block.rest.pointee.mustGo, block.rest.pointee.hold == 0, block.phase == .reading {
            cache.move(block, to: .failed)
        }
        if cache.release(block) { module.wake(block, &plan) }
        return .failed(ENOMEM)
    }

    func prefetch(_ number: UInt64, _ count: UInt64) -> CInt {
        guard connection.isOfThisProcess else { return EINVAL }
        guard let first = check(number, mayGrow: false) else {
            complain("prefetch", Int(clamping: number), "is past the end")
            return ENXIO
        }
        _ = enter { plan in
            let most = min(Int(clamping: count), cache.room / 2, (file.size + cache.size - 1) >> cache.shift - first)
            var run: CacheRun?
            for number in first..<first + max(0, most) {
                guard cache.find(file.id, number) == nil, CacheRun.hasRoom, file.rest.pointee.bypasses == 0,
                    let block = cache.take()
                else {
                    run = nil
                    continue
                }
                if module.add(block, file, number) {
                    run = nil
                    continue
                }
                BlockCache.count(.misses)
                if run == nil || run!.state.pointee.count == CacheRun.most {
                    run = CacheRun.make(file, isWrite: false)
                    run!.state.pointee.link = plan.others
                    plan.others = run
                    file.rest.pointee.active += 1
                }
                run!.add(block, cache.size)
            }
        }
        return 0
    }

    func read(_ number: UInt64, _ control: UnsafeMutablePointer<aiocb>) -> CInt {
        guard connection.isOfThisProcess else { return EINVAL }
        guard let number = check(number, mayGrow: false) else {
            complain("read_async", Int(clamping: number), "is past the end")
            return ENXIO
        }
        if UserBlock(control).isInProgress { return EBUSY }
        control.pointee.aio_buf = UnsafeMutableRawPointer(bitPattern: bits | BufioClient.mark)
        control.pointee.aio_nbytes = cache.size
        control.pointee.aio_offset = off_t(number << cache.shift)
        BufioClient.locked { state.pointee.reads += 1 }
        let error = state.pointee.handleFile.submit(UserBlock(control), .read)
        if error != 0 { BufioClient.locked { state.pointee.reads -= 1 } }
        return error
    }

    func finish(
        _ control: UnsafeMutablePointer<aiocb>, _ buffer: UnsafeMutablePointer<OpaquePointer?>?, _ error: inout CInt
    ) -> UnsafeMutableRawPointer? {
        error = EINVAL
        let isMine = UInt(bitPattern: control.pointee.aio_buf) == bits | BufioClient.mark
        guard connection.isOfThisProcess, buffer != nil, isMine, UserBlock(control).isOurs else { return nil }
        error = UserBlock(control).error
        if error == EINPROGRESS { return nil }
        _ = UserBlock(control).takeResult()
        control.pointee.aio_buf = nil
        let number = Int(control.pointee.aio_offset) >> cache.shift
        let place: Int32 = BufioClient.locked {
            state.pointee.reads -= 1
            return cache.find(file.id, number)?.rest.pointee.hold ?? 0
        }
        guard error == 0, place != 0 else { return nil }
        return deliver(place, buffer)
    }

    // MARK: writing

    /// Under the lock.
    func markDirty(_ block: CacheBlock, _ from: Int, _ to: Int, _ plan: inout Bufio.Plan) {
        let rest = block.rest
        var (from, to) = (from, to)
        if rest.pointee.mustGo, block.phase == .reading { (from, to) = (0, cache.size) }
        rest.pointee.mustGo = false
        rest.pointee.isOwed = true
        if block.phase == .writing, rest.pointee.to == rest.pointee.from {
            rest.pointee.marked = BlockCache.nextOrder()
        }
        if rest.pointee.to > rest.pointee.from {
            from = min(from, Int(rest.pointee.from))
            to = max(to, Int(rest.pointee.to))
        }
        rest.pointee.from = Int32(from)
        rest.pointee.to = Int32(to)
        if !file.way.pointee.isDevice, block.number << cache.shift + to > file.size {
            file.face.pointee.size.store(block.number << cache.shift + to, ordering: .relaxed)
        }
        file.rest.pointee.changes += 1
        if block.phase == .reading || block.phase == .clean {
            cache.move(block, to: .dirty)
            module.wake(block, &plan)
        }
        module.pumpAll(&plan)
    }

    /// Has all be written that is dirty. Under the lock.
    private func want(_ plan: inout Bufio.Plan) -> UInt64 {
        file.rest.pointee.wanted = BlockCache.order
        module.pump(file, &plan)
        return BlockCache.order
    }

    func writeDirtySoon() -> CInt {
        guard connection.isOfThisProcess else { return EINVAL }
        _ = enter { want(&$0) }
        return 0
    }

    func writeDirty() -> CInt {
        guard connection.isOfThisProcess else { return EINVAL }
        let begun = enter { plan -> (UInt64, Int, CInt) in
            let (latched, failures) = (file.rest.pointee.failure, file.rest.pointee.failures)
            file.rest.pointee.failure = 0
            return (want(&plan), failures, latched)
        }
        guard let (order, failures, latched) = begun else { return ENOMEM }
        wait {
            module.isSafe(file, order)
                || file.rest.pointee.failures != failures && file.rest.pointee.firstRun == nil
        }
        let failed: CInt = BufioClient.locked {
            guard file.rest.pointee.failures != failures else { return 0 }
            let error = file.rest.pointee.failure
            file.rest.pointee.failure = 0
            file.rest.pointee.wanted = 0
            return error != 0 ? error : file.rest.pointee.lastError
        }
        let flushed = flush()
        return latched != 0 ? latched : failed != 0 ? failed : flushed
    }

    /// What a call waits for, in its own frame.
    struct Flush {
        var isDone = false
        var result = 0
    }

    func flush() -> CInt {
        guard connection.isOfThisProcess else { return EINVAL }
        var flush = Flush()
        return withUnsafeMutablePointer(to: &flush) { flush in
            let mask = SignalMask.blockAll()
            var isBegun = false
            Turn.visit(as: .submitter) { isBegun = module.flush(file, flush, &$0) }
            mask.restore()
            Reactor.startIfWanted()
            guard isBegun else { return EAGAIN }
            wait { flush.pointee.isDone }
            return CInt(max(0, -flush.pointee.result))
        }
    }

    func discard(_ number: UInt64, _ count: UInt64) -> CInt {
        guard connection.isOfThisProcess else { return EINVAL }
        guard count > 0 else { return 0 }
        let last = number.addingReportingOverflow(count - 1)
        guard !last.overflow, check(last.partialValue, mayGrow: false) != nil else {
            complain("issue_discard", Int(clamping: last.partialValue), "is past the end")
            return ENXIO
        }
        guard file.way.pointee.isWritable else { return EBADF }
        let numbers = Int(number)..<Int(number) + Int(count)
        // Nothing is kept of the file until it is done.
        BufioClient.locked {
            file.rest.pointee.active += 1
            file.rest.pointee.bypasses += 1
        }
        var error: CInt = 0
        var isDropped = false
        while !isDropped, error == 0 {
            var busy: CacheBlock?
            isDropped = BufioClient.locked {
                drop(numbers, dirty: true, &busy)
                if let busy, busy.rest.pointee.hold != 0 {
                    error = EBUSY
                    return false
                }
                return busy == nil
            }
            guard let busy else { continue }
            if error != 0 {
                complain("issue_discard", busy.number, "is held")
            } else {
                let (number, key) = (busy.number, file.id)
                wait {
                    busy.number != number || busy.face.pointee.file.load(ordering: .relaxed) != key
                        || isIdle(busy) || busy.rest.pointee.hold != 0
                }
            }
        }
        if error == 0 {
            let target = file.way.pointee.target!
            let (offset, length) = (numbers.lowerBound << cache.shift, numbers.count << cache.shift)
            var result = 0
            if file.way.pointee.isDevice {
                var range = (UInt64(offset), UInt64(length))
                // BLKDISCARD.
                result = again {
                    withUnsafePointer(to: &range) {
                        systemCall(SYS_ioctl, Int(target.descriptor.number), 0x1277, address($0))
                    }
                }
            } else {
                // FALLOC_FL_KEEP_SIZE and FALLOC_FL_PUNCH_HOLE.
                result = again { systemCall(SYS_fallocate, Int(target.descriptor.number), 3, offset, length) }
            }
            error = CInt(max(0, -result))
        }
        _ = enter { plan in
            file.rest.pointee.isChangedByUs = true
            file.rest.pointee.changes += 1
            file.rest.pointee.active -= 1
            module.endBypass(file, &plan)
            module.checkClosing(file, &plan)
        }
        return error
    }

    private func isIdle(_ block: CacheBlock) -> Bool {
        block.phase == .free || block.rest.pointee.holds == 0 && (block.phase == .clean || block.phase == .dirty)
    }

    /// Drops blocks of a run; `busy` is one that can't be. Under the lock.
    private func drop(_ numbers: Range<Int>, dirty: Bool, _ busy: inout CacheBlock?) {
        func dropOne(_ block: CacheBlock) {
            if dirty, block.phase == .dirty, block.rest.pointee.holds == 0 {
                cache.move(block, to: .free)
            } else if !cache.forget(block), dirty {
                if block.phase == .clean, block.rest.pointee.holds == 0 {
                    cache.move(block, to: .failed)
                } else {
                    busy = block
                }
            }
        }
        if numbers.count <= 1024 {
            for number in numbers { if let block = cache.find(file.id, number) { dropOne(block) } }
            return
        }
        for list in [file.rest.pointee.blocks, file.rest.pointee.dirty] {
            var current = list.first
            while let block = current {
                current = block.rest.pointee.inFile.following
                if numbers.contains(block.number) { dropOne(block) }
            }
        }
    }

    func forget(_ number: UInt64, _ count: UInt64) -> CInt {
        guard connection.isOfThisProcess else { return EINVAL }
        let first = Int(clamping: number)
        let numbers = first..<first + min(Int(clamping: count), Int.max - first)
        BufioClient.locked {
            var busy: CacheBlock?
            drop(numbers, dirty: false, &busy)
        }
        return 0
    }

    // MARK: moving

    private enum Move {
        case done
        case failed(CInt)
        case waits(CacheBlock)
        case copy(CacheBlock)
        case starved
    }

    func move(_ place: Int32, _ number: UInt64) -> CInt {
        guard connection.isOfThisProcess else { return EINVAL }
        guard let number = check(number, mayGrow: true) else {
            complain("move", Int(clamping: number), "is past the end")
            return ENXIO
        }
        let old = BufioClient.locked { CacheBlock(bits: Holds[place].pointee.block)! }
        var wasWritten = false
        while true {
            guard let step = enter({ tryMoving(place, old, number, &wasWritten, &$0) }) else { return ENOMEM }
            switch step {
            case .done: return 0
            case .failed(let error):
                if error == EBUSY { complain("move", number, "is held") }
                return error
            case .starved:
                let error = awaitRoom()
                if error != 0 { return error }
            case .waits(let block):
                let (number, key) = BufioClient.locked {
                    (block.number, block.face.pointee.file.load(ordering: .relaxed))
                }
                wait {
                    block.number != number || block.face.pointee.file.load(ordering: .relaxed) != key
                        || block == old && block.phase != .writing
                            && (block.phase != .dirty || block.rest.pointee.failure != 0)
                        || block != old && (isIdle(block) || block.rest.pointee.hold != 0)
                }
            case .copy(let new):
                memcpy(new.data, old.data, cache.size)
                _ = enter { plan in
                    if let user = old.rest.pointee.user, let mine = own() {
                        memcpy(mine, user, Int(state.pointee.options.user_bytes))
                        new.rest.pointee.user = mine
                        new.rest.pointee.making = .done
                    }
                    markDirty(new, 0, cache.size, &plan)
                    if cache.release(new) { module.wake(new, &plan) }
                    letGo(place, &plan)
                }
                return 0
            }
        }
    }

    private func tryMoving(
        _ place: Int32, _ old: CacheBlock, _ number: Int, _ wasWritten: inout Bool, _ plan: inout Bufio.Plan
    ) -> Move {
        if number == old.number {
            markDirty(old, 0, cache.size, &plan)
            letGo(place, &plan)
            return .done
        }
        if old.phase == .dirty || old.phase == .writing {
            if old.phase == .dirty, wasWritten, old.rest.pointee.failure != 0 {
                return .failed(old.rest.pointee.failure)
            }
            wasWritten = true
            if old.phase == .dirty {
                old.rest.pointee.failure = 0
                if old.rest.pointee.copiers == 0, module.mayWrite(file, old), CacheRun.hasRoom {
                    module.writeOut(old, file, &plan)
                } else {
                    file.rest.pointee.wanted = BlockCache.order
                }
            }
            return .waits(old)
        }
        if let block = cache.find(file.id, number) {
            if block.rest.pointee.hold != 0 { return .failed(EBUSY) }
            guard isIdle(block) else { return .waits(block) }
            var busy: CacheBlock?
            drop(number..<number + 1, dirty: true, &busy)
        }
        guard file.rest.pointee.bypasses == 0, let new = cache.take() else {
            return isFull ? .failed(ENOMEM) : .starved
        }
        if module.add(new, file, number) { return .waits(new) }
        cache.hold(new)
        new.rest.pointee.mustGo = true
        return .copy(new)
    }

    // MARK: numbers

    var blockCount: UInt64 {
        ask(now: true)
        return UInt64((file.way.pointee.isDevice ? file.size : file.size + cache.size - 1) >> cache.shift)
    }

    func counts() -> kaio_bufio_counts {
        BufioClient.locked {
            var counts = kaio_bufio_counts()
            counts.hits = UInt64(BlockCache.counted(.hits))
            counts.misses = UInt64(BlockCache.counted(.misses))
            counts.evictions = UInt64(BlockCache.counted(.evictions))
            counts.errors = UInt64(BlockCache.counted(.errors))
            counts.bytes = UInt64(BlockCache.used.load(ordering: .relaxed))
            counts.budget = UInt64(BlockCache.budget.load(ordering: .relaxed))
            counts.blocks = UInt64(file.rest.pointee.blocks.count + file.rest.pointee.dirty.count)
            counts.dirty = UInt64(file.rest.pointee.unsaved)
            counts.held = UInt64(state.pointee.held)
            return counts
        }
    }
}

extension Bufio {
    /// A sync for a client that waits for it.
    func flush(_ file: CachedFile, _ flush: UnsafeMutablePointer<BufioClient.Flush>, _ turn: inout Turn) -> Bool {
        guard
            let own = turn.make(
                .synchronizeData, on: file.way.pointee.target!, in: file.way.pointee.stack!, at: position)
        else { return false }
        prepare(flush: own, UInt(bitPattern: flush))
        turn.handOn(own, below: position)
        return true
    }
}
