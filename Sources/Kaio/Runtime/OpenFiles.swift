// The files that are open, for modules that keep something of them: one object for each file and stack, from the first
// request (or a connection's open) on the first descriptor until the last one that is known is closed, or its number is found
// to be another file's. A file that is opened again later is another object.
//
// Invariant, under `lock`: an object is in its bucket, with `uses` descriptors whose entry in `KnownFiles` has its word, or it
// is unused. It ends in one step from "no use, not ending"; while it ends the modules, from the top, see to what they have of
// it, each when the one above is done, and it may come into use again meanwhile: then it stays. `generation` says which
// object lives there, and is never used twice. The engine and the stack stay as long as there is an object.
//
// What may wait for a file's server is a worker's: modules that open the file once more do so in `Module.prepare`, once for each
// kind of descriptor (`FileFacts.way`). Until then its requests wait here, in their order, as if for aio_pthread; and the
// modules' descriptors are closed by a worker. Invariant, under `lock`: `isHolding` as long as a request is in `held`, or a
// thread has taken some out (`isPassing`), or a worker prepares (`isPreparing`); the file does not end meanwhile.

import CKernel
import Synchronization

struct OpenFile: Equatable {
    /// What anyone may look at. Behind it lie what the lock guards (`rest`), and the modules' words (`data`): parts with
    /// different owners are no members of one struct, as an access to a member may count as one to the whole.
    fileprivate struct State: ~Copyable {
        let generation = Atomic<UInt64>(0)
        let isReady = Atomic<Bool>(false)
        let isEnding = Atomic<Bool>(false)
        let isHolding = Atomic<Bool>(false)
        /// While it ends: those who are not done, of the module at `position`, and the one that calls it.
        let holds = Atomic<Int32>(0)
        let position = Atomic<Int>(0)
        /// These change only while nobody has it.
        let device = Atomic<UInt64>(0)
        let inode = Atomic<UInt64>(0)
        let stack = Atomic<UInt>(0)
        /// The ways to open it that the modules are prepared for.
        let prepared = Atomic<UInt64>(0)
    }

    fileprivate struct Rest {
        var uses = 0
        /// It came into use while it was ending, so what the modules have done may not be all.
        var isUsedAgain = false
        var next: UnsafeMutablePointer<State>?
        var held = RequestQueue()
        var isPreparing = false
        var isPassing = false
        /// It is to end when it holds nothing any more.
        var mustEnd = false
        var own = InlineArray<10, Descriptor>(repeating: .none)
    }

    fileprivate let state: UnsafeMutablePointer<State>
    fileprivate let generation: UInt64

    fileprivate init(_ state: UnsafeMutablePointer<State>) {
        self.state = state
        generation = state.pointee.generation.load(ordering: .relaxed)
    }

    static func == (a: OpenFile, b: OpenFile) -> Bool { a.state == b.state && a.generation == b.generation }

    var device: UInt64 { state.pointee.device.load(ordering: .relaxed) }
    var inode: UInt64 { state.pointee.inode.load(ordering: .relaxed) }
    var stack: Stack { Stack(bits: state.pointee.stack.load(ordering: .relaxed))! }

    /// A word of the module's own, 0 at first.
    subscript(position: Int) -> UInt {
        get { state.data[position] }
        nonmutating set { state.data[position] = newValue }
    }

    /// Below `OpenFiles.most`; another file's when this one has ended.
    var number: Int { OpenFiles.number(of: state) }

    /// As a number, never 0, and back; nil where that object has ended.
    var word: UInt64 { generation << 16 | UInt64(OpenFiles.number(of: state)) }

    init?(word: UInt64) {
        guard word != 0 else { return nil }
        self.init(OpenFiles.state(Int(word & 0xffff)))
        guard generation == word >> 16 else { return nil }
    }

    // MARK: descriptors of the module's own

    /// Opens a descriptor that the program neither sees nor closes; it is closed when the file ends, or in the child of a
    /// fork. Not before: whatever descriptor of a file is closed, the process loses its record locks on it.
    func open(_ path: UnsafePointer<CChar>, _ flags: CInt) -> Result<Target, OpenError> {
        let number = systemCall(SYS_openat, Int(AT_FDCWD), address(path), Int(flags | O_CLOEXEC), 0)
        guard number >= 0 else { return .failure(OpenError(error: CInt(-number))) }
        return keep(Descriptor(number: CInt(number)).adopted())
    }

    @inline(never)
    private func keep(_ descriptor: Descriptor) -> Result<Target, OpenError> {
        guard let facts = FileFacts(descriptor) else { return .failure(OpenError(error: EMFILE)) }
        let mask = SignalMask.blockAll()
        let isKept = OpenFiles.lock.locked {
            for index in 0..<state.rest.pointee.own.count where !state.rest.pointee.own[index].isOpen {
                state.rest.pointee.own[index] = descriptor
                return true
            }
            return false
        }
        mask.restore()
        if isKept { return .success(Target(descriptor: descriptor, file: facts)) }
        descriptor.dispose()
        return .failure(OpenError(error: EMFILE))
    }

    /// The same file as one of the program's descriptors. Not waiting for another process that has a lease of it, nor for what
    /// the number may be by now.
    @inline(never)
    func open(_ other: Descriptor, _ flags: CInt) -> Result<Target, OpenError> {
        let result = other.withLink { link in
            open(UnsafeRawPointer(link).assumingMemoryBound(to: CChar.self), flags | O_NONBLOCK)
        }
        guard case .success(let target) = result, flags & O_NONBLOCK == 0 else { return result }
        var file = target.file
        file.statusFlags &= ~O_NONBLOCK
        _ = systemCall(SYS_fcntl, Int(target.descriptor.number), Int(F_SETFL), Int(file.statusFlags))
        return .success(Target(descriptor: target.descriptor, file: file))
    }

    /// Where the file may not be opened by this process any more: the same open file as one of the program's.
    func duplicate(_ other: Descriptor) -> Result<Target, OpenError> {
        let number = systemCall(SYS_fcntl, Int(other.number), Int(F_DUPFD_CLOEXEC), 0)
        guard number >= 0 else { return .failure(OpenError(error: CInt(-number))) }
        return keep(Descriptor(number: CInt(number)).adopted())
    }

    struct OpenError: Error {
        let error: CInt
    }

    // MARK: the end

    /// See `OpenFiles.retain`.
    func letGo() { OpenFiles.letGo(self) }

    /// In `Module.closes`: not before `release`. Whoever closes the descriptor waits until then.
    func hold() { state.pointee.holds.wrappingAdd(1, ordering: .relaxed) }

    func release(_ turn: inout Turn) {
        let left = state.pointee.holds.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue
        assert(left >= 0 && isEnding)
        if left == 0 { closeBelow(&turn) }
    }

    fileprivate func beginEnd(_ turn: inout Turn) {
        assert(isEnding)
        state.pointee.position.store(-1, ordering: .relaxed)
        closeBelow(&turn)
    }

    /// Whether a request, by a descriptor that was opened in this way, need not wait for a worker.
    func isPrepared(for way: UInt64) -> Bool {
        has(way) && !state.pointee.isHolding.load(ordering: .sequentiallyConsistent)
    }

    fileprivate func has(_ way: UInt64) -> Bool { state.pointee.prepared.load(ordering: .acquiring) & way != 0 }

    /// On a worker, or where none can be had.
    fileprivate func prepare(_ target: Target) {
        let stack = stack
        for position in (0..<stack.count).reversed() where stack[position].prepares {
            stack[position].prepare(self, target)
        }
    }

    /// The module at `position` is done.
    private func closeBelow(_ turn: inout Turn) {
        let stack = stack
        repeat {
            let position = state.pointee.position.wrappingAdd(1, ordering: .relaxed).newValue
            if position == stack.count {
                guard endOrGoOn(&turn) == .again else {
                    turn.mustTell = true
                    return
                }
                state.pointee.position.store(-1, ordering: .relaxed)
                state.pointee.holds.store(1, ordering: .relaxed)
                continue
            }
            state.pointee.holds.store(1, ordering: .relaxed)
            stack[position].closes(self, &turn)
        } while state.pointee.holds.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0
    }

    private enum End {
        case over, goesOn, again, later
    }

    /// All modules are done.
    private func endOrGoOn(_ turn: inout Turn) -> End {
        let end: End = OpenFiles.lock.locked {
            if state.pointee.isHolding.load(ordering: .relaxed) {
                state.rest.pointee.mustEnd = true
                return .later
            }
            let isUsedAgain = state.rest.pointee.isUsedAgain
            state.rest.pointee.isUsedAgain = false
            if state.rest.pointee.uses == 0 {
                if isUsedAgain { return .again }
                OpenFiles.remove(state)
                return .over
            }
            state.pointee.isEnding.store(false, ordering: .sequentiallyConsistent)
            return .goesOn
        }
        guard end == .over else { return end }
        let stack = stack
        for position in 0..<stack.count { stack[position].closed(self) }
        var hasOwn = false
        for index in 0..<state.rest.pointee.own.count where state.rest.pointee.own[index].isOpen { hasOwn = true }
        // The last close of a file may wait for its server.
        if hasOwn, let closer = makeWork(Target(descriptor: .none, file: facts), .closing) {
            turn.handToWorker(closer)
        } else {
            closeOwn()
            dispose(&turn)
        }
        return .over
    }

    private var facts: FileFacts {
        FileFacts(device: device, inode: inode, size: 0, kind: .file, statusFlags: 0)
    }

    fileprivate func closeOwn() {
        for index in 0..<state.rest.pointee.own.count where state.rest.pointee.own[index].isOpen {
            state.rest.pointee.own[index].dispose()
            state.rest.pointee.own[index] = .none
        }
    }

    fileprivate func dispose(_ turn: inout Turn) {
        let stack = stack
        OpenFiles.dispose(state)
        stack.addOwn(-1)
        Engine.leave(1)
        turn.mustTell = true
    }

    fileprivate enum Errand: Int {
        case preparing, closing
    }

    /// Something for a worker: a request of aio_pthread's own.
    fileprivate func makeWork(_ target: Target, _ errand: Errand) -> Request? {
        let stack = stack
        let own = Own.make(.work, on: target, offset: errand.rawValue, in: stack, at: stack.count - 1)
        own?.openFileWord = word
        return own
    }

    fileprivate var isEnding: Bool {
        state.pointee.isEnding.load(ordering: .sequentiallyConsistent)
            && state.pointee.generation.load(ordering: .sequentiallyConsistent) == generation
    }

    /// Waits, whatever signals come, until the modules are done with it.
    fileprivate func awaitEnd() {
        while isEnding { _ = Waiting.wait(until: .never, as: .caller, cancellable: false) { !isEnding } }
    }
}

extension UnsafeMutablePointer where Pointee == OpenFile.State {
    fileprivate var rest: UnsafeMutablePointer<OpenFile.Rest> {
        (UnsafeMutableRawPointer(self) + OpenFiles.restOffset).assumingMemoryBound(to: OpenFile.Rest.self)
    }

    /// One word for each module of the stack.
    fileprivate var data: UnsafeMutablePointer<UInt> {
        (UnsafeMutableRawPointer(self) + OpenFiles.dataOffset).assumingMemoryBound(to: UInt.self)
    }
}

enum OpenFiles {
    fileprivate static let lock = Lock()
    private static let states = Atomic<UInt>(0)
    nonisolated(unsafe) private static var buckets: UnsafeMutablePointer<UnsafeMutablePointer<OpenFile.State>?>?
    nonisolated(unsafe) private static var unused: UnsafeMutablePointer<OpenFile.State>?
    nonisolated(unsafe) private static var fresh = 1
    nonisolated(unsafe) private static var lastGeneration: UInt64 = 0

    fileprivate static let restOffset = 64
    fileprivate static let dataOffset = (restOffset + MemoryLayout<OpenFile.Rest>.stride + 63) & ~63
    private static let stride = (dataOffset + Stack.greatestCount * MemoryLayout<UInt>.stride + 63) & ~63
    static let most = 1 << 16
    private static let bucketCount = 1024

    /// Whether any stack wants to hear of files.
    @inline(__always)
    static var areKept: Bool { states.load(ordering: .acquiring) != 0 }

    fileprivate static func state(_ number: Int) -> UnsafeMutablePointer<OpenFile.State> {
        (UnsafeMutableRawPointer(bitPattern: states.load(ordering: .relaxed))! + number * stride)
            .assumingMemoryBound(to: OpenFile.State.self)
    }

    fileprivate static func number(of state: UnsafeMutablePointer<OpenFile.State>) -> Int {
        Int(UInt(bitPattern: state) - states.load(ordering: .relaxed)) / stride
    }

    /// Under the lock.
    private static func prepare() -> Bool {
        if areKept { return true }
        let length = bucketCount * MemoryLayout<UnsafeMutablePointer<OpenFile.State>?>.stride
        guard let table = Pages.map(length), let memory = Pages.map(most * stride) else { return false }
        buckets = table.bindMemory(to: UnsafeMutablePointer<OpenFile.State>?.self, capacity: bucketCount)
        states.store(UInt(bitPattern: memory), ordering: .releasing)
        return true
    }

    private static func bucket(_ device: UInt64, _ inode: UInt64) -> Int { Int(FileFacts.hash(device, inode) >> 54) }

    // MARK: begin

    /// The object of a descriptor's file, which begins here if it is new. Nil: the stack wants none, or there is no room. In
    /// a turn.
    static func use(_ descriptor: Descriptor, _ facts: FileFacts, _ stack: Stack, _ turn: inout Turn) -> OpenFile? {
        guard stack.hearsOfFiles, facts.kind == .file else { return nil }
        let known = OpenFile(word: KnownFiles.file(of: descriptor))
        if let known {
            if known.device == facts.device, known.inode == facts.inode, known.stack == stack { return ready(known) }
            endUse(of: descriptor, known.word, &turn)
        }
        lock.lock()
        guard let (file, isNew) = find(facts, stack) else {
            lock.unlock()
            return nil
        }
        guard KnownFiles.setFile(file.word, of: descriptor) else {
            // Too high a number, or another thread was faster.
            if isNew { remove(file.state) }
            lock.unlock()
            if isNew { dispose(file.state) }
            return OpenFile(word: KnownFiles.file(of: descriptor)).flatMap { ready($0) }
        }
        file.state.rest.pointee.uses += 1
        if file.state.rest.pointee.uses == 1, !isNew { file.state.rest.pointee.isUsedAgain = true }
        lock.unlock()
        guard isNew else { return ready(file) }
        _ = Engine.hold()
        stack.addOwn(1)
        for position in (0..<stack.count).reversed() { stack[position].opened(file, descriptor, facts, &turn) }
        file.state.pointee.isReady.store(true, ordering: .releasing)
        return file
    }

    /// A descriptor's file, which is counted in: it stays until `OpenFile.letGo`, whatever is closed.
    static func retain(_ descriptor: Descriptor) -> OpenFile? {
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        return lock.locked {
            guard let file = OpenFile(word: KnownFiles.file(of: descriptor)), file.state.rest.pointee.uses > 0 else {
                return nil
            }
            file.state.rest.pointee.uses += 1
            return file
        }
    }

    fileprivate static func letGo(_ file: OpenFile) {
        let mask = SignalMask.blockAll()
        Turn.visit(as: .caller) { turn in
            lock.lock()
            file.state.rest.pointee.uses -= 1
            assert(file.state.rest.pointee.uses >= 0)
            let isLast = file.state.rest.pointee.uses == 0
            let begins = isLast && !file.state.pointee.isEnding.exchange(true, ordering: .sequentiallyConsistent)
            lock.unlock()
            if begins { file.beginEnd(&turn) }
        }
        mask.restore()
    }

    /// Another thread may be about to tell the modules.
    private static func ready(_ file: OpenFile) -> OpenFile {
        var pause = Pause()
        while !file.state.pointee.isReady.load(ordering: .acquiring) { pause.next() }
        return file
    }

    /// Under the lock.
    private static func find(_ facts: FileFacts, _ stack: Stack) -> (OpenFile, isNew: Bool)? {
        guard prepare(), let buckets else { return nil }
        let bucket = bucket(facts.device, facts.inode)
        var current = buckets[bucket]
        while let state = current {
            if state.pointee.device.load(ordering: .relaxed) == facts.device,
                state.pointee.inode.load(ordering: .relaxed) == facts.inode,
                state.pointee.stack.load(ordering: .relaxed) == stack.bits
            {
                return (OpenFile(state), false)
            }
            current = state.rest.pointee.next
        }
        var state = unused
        unused = state?.rest.pointee.next
        if state == nil, fresh < most {
            state = self.state(fresh)
            state!.initialize(to: OpenFile.State())
            fresh += 1
        }
        guard let state else { return nil }
        // As new, but for the generation.
        state.pointee.isReady.store(false, ordering: .relaxed)
        state.pointee.isEnding.store(false, ordering: .relaxed)
        state.pointee.isHolding.store(false, ordering: .relaxed)
        state.pointee.prepared.store(0, ordering: .relaxed)
        state.rest.initialize(to: OpenFile.Rest())
        state.data.initialize(repeating: 0, count: Stack.greatestCount)
        lastGeneration += 1
        state.pointee.generation.store(lastGeneration, ordering: .relaxed)
        state.pointee.device.store(facts.device, ordering: .relaxed)
        state.pointee.inode.store(facts.inode, ordering: .relaxed)
        state.pointee.stack.store(stack.bits, ordering: .relaxed)
        state.rest.pointee.next = buckets[bucket]
        buckets[bucket] = state
        return (OpenFile(state), true)
    }

    // MARK: what waits for a worker

    /// Whether a request may go to its modules. Else it waits until they are prepared for its descriptor, and so do all of the
    /// file that come behind it. In a turn.
    static func mayPass(_ request: Request, _ turn: inout Turn) -> Bool {
        guard request.stack.prepares, let file = request.openFile,
            !file.isPrepared(for: request.file.way)
        else { return true }
        return !holds(request, file, &turn)
    }

    @inline(never)
    private static func holds(_ request: Request, _ file: OpenFile, _ turn: inout Turn) -> Bool {
        lock.lock()
        if file.isPrepared(for: request.file.way) {
            lock.unlock()
            return false
        }
        Exposure.begin(request)
        request.become(.waiting, at: request.stack.count - 1)
        file.state.rest.pointee.held.append(request)
        file.state.pointee.isHolding.store(true, ordering: .sequentiallyConsistent)
        lock.unlock()
        goOn(file, &turn)
        return true
    }

    /// Hands on what waits, as far as the modules are prepared for it, and has a worker prepare them for the next.
    private static func goOn(_ file: OpenFile, _ turn: inout Turn) {
        let rest = file.state.rest
        while true {
            var free = RequestQueue()
            var next: Target?
            var mustEnd = false
            lock.lock()
            if rest.pointee.isPassing || rest.pointee.isPreparing { return lock.unlock() }
            while let first = rest.pointee.held.first, file.has(first.file.way) {
                _ = rest.pointee.held.popFirst()
                first.become(.held)
                free.append(first)
            }
            if !free.isEmpty {
                rest.pointee.isPassing = true
            } else if let first = rest.pointee.held.first {
                rest.pointee.isPreparing = true
                next = first.target
            } else {
                file.state.pointee.isHolding.store(false, ordering: .sequentiallyConsistent)
                mustEnd = rest.pointee.mustEnd
                rest.pointee.mustEnd = false
            }
            lock.unlock()
            if let next { return prepare(file, next, &turn) }
            if free.isEmpty {
                if mustEnd { file.beginEnd(&turn) }
                return
            }
            turn.goOn(&free)
            lock.lock()
            rest.pointee.isPassing = false
            lock.unlock()
        }
    }

    private static func prepare(_ file: OpenFile, _ target: Target, _ turn: inout Turn) {
        if let own = file.makeWork(target, .preparing) { return turn.handToWorker(own) }
        file.prepare(target)
        isPrepared(file, target, &turn)
    }

    private static func isPrepared(_ file: OpenFile, _ target: Target, _ turn: inout Turn) {
        lock.lock()
        let prepared = file.state.pointee.prepared.load(ordering: .relaxed)
        file.state.pointee.prepared.store(prepared | target.file.way, ordering: .releasing)
        file.state.rest.pointee.isPreparing = false
        lock.unlock()
        turn.mustTell = true
        goOn(file, &turn)
    }

    /// By the thread of a call that may wait, with signals as they are: returns when the modules are prepared. The caller has a
    /// use of the file (`retain`).
    static func prepare(_ file: OpenFile, _ target: Target) {
        while file.stack.prepares, !file.has(target.file.way) {
            let mask = SignalMask.blockAll()
            Turn.visit(as: .submitter) { turn in
                lock.lock()
                let begins = !file.state.rest.pointee.isPreparing && !file.has(target.file.way)
                if begins {
                    file.state.rest.pointee.isPreparing = true
                    file.state.pointee.isHolding.store(true, ordering: .sequentiallyConsistent)
                }
                lock.unlock()
                if begins { prepare(file, target, &turn) }
            }
            mask.restore()
            _ = Waiting.wait(until: .never, as: .caller, cancellable: false) {
                file.has(target.file.way) || !file.state.pointee.isHolding.load(ordering: .sequentiallyConsistent)
            }
        }
    }

    /// What a worker has to do.
    static func work(_ own: Request) -> Int {
        guard let file = own.openFile else { return 0 }
        if OpenFile.Errand(rawValue: own.offset) == .preparing {
            file.prepare(own.target)
        } else {
            file.closeOwn()
        }
        return 0
    }

    /// It is done; or there is no worker, and it is better done here than never.
    static func finished(_ own: Request, _ turn: inout Turn) {
        guard let file = own.openFile else { return }
        if own.result < 0 { _ = work(own) }
        if OpenFile.Errand(rawValue: own.offset) == .preparing {
            isPrepared(file, own.target, &turn)
        } else {
            file.dispose(&turn)
        }
    }

    /// Takes a request out that waits here. See `Module.cancel`.
    static func withdraw(_ identity: RequestIdentity, position: Int) -> CancelOutcome {
        guard areKept else { return .no }
        lock.lock()
        defer { lock.unlock() }
        guard let request = identity.request(waitingAt: position), let file = request.openFile,
            file.state.rest.pointee.held.remove(request)
        else { return .no }
        request.become(.held)
        return .taken
    }

    // MARK: end

    /// Takes it out of its bucket. Under the lock.
    fileprivate static func remove(_ state: UnsafeMutablePointer<OpenFile.State>) {
        let bucket =
            buckets!
            + bucket(state.pointee.device.load(ordering: .relaxed), state.pointee.inode.load(ordering: .relaxed))
        if bucket.pointee == state {
            bucket.pointee = state.rest.pointee.next
            return
        }
        var current = bucket.pointee
        assert(current != nil)
        while let candidate = current {
            if candidate.rest.pointee.next == state { candidate.rest.pointee.next = state.rest.pointee.next }
            current = candidate.rest.pointee.next
        }
    }

    fileprivate static func dispose(_ state: UnsafeMutablePointer<OpenFile.State>) {
        lock.lock()
        assert(
            state.pointee.generation.load(ordering: .relaxed) != 0 && !state.pointee.isHolding.load(ordering: .relaxed))
        assert(state.rest.pointee.held.isEmpty && !state.rest.pointee.isPassing && !state.rest.pointee.isPreparing)
        state.pointee.generation.store(0, ordering: .sequentiallyConsistent)
        state.rest.pointee.next = unused
        unused = state
        lock.unlock()
    }

    /// A descriptor is no longer this file's. Returns the file if this was the last use. In a turn.
    @discardableResult
    private static func endUse(of descriptor: Descriptor, _ word: UInt64, _ turn: inout Turn) -> OpenFile? {
        lock.lock()
        guard KnownFiles.clearFile(word, of: descriptor), let file = OpenFile(word: word) else {
            lock.unlock()
            return nil
        }
        file.state.rest.pointee.uses -= 1
        assert(file.state.rest.pointee.uses >= 0)
        let isLast = file.state.rest.pointee.uses == 0
        let begins = isLast && !file.state.pointee.isEnding.exchange(true, ordering: .sequentiallyConsistent)
        lock.unlock()
        if begins { file.beginEnd(&turn) }
        return isLast ? file : nil
    }

    /// A descriptor is about to be closed: the modules see to what they have of its file, if it was the last.
    @inline(__always)
    static func close(_ descriptor: Descriptor) {
        if areKept, case let word = KnownFiles.file(of: descriptor), word != 0 { close(descriptor, word) }
    }

    private static func close(_ descriptor: Descriptor, _ word: UInt64) {
        var file: OpenFile?
        let mask = SignalMask.blockAll()
        Turn.visit(as: .caller) { file = endUse(of: descriptor, word, &$0) }
        mask.restore()
        file?.awaitEnd()
    }

    // MARK: fork

    /// In the child of a fork, as soon as it runs.
    static func closeInherited() {
        guard areKept else { return }
        for number in 1..<fresh {
            let state = state(number)
            guard state.pointee.generation.load(ordering: .relaxed) != 0 else { continue }
            for index in 0..<state.rest.pointee.own.count where state.rest.pointee.own[index].isOpen {
                state.rest.pointee.own[index].close()
                state.rest.pointee.own[index] = .none
            }
        }
    }

    static func reset() {
        lock.reset()
        for number in 1..<fresh where areKept { state(number).pointee.generation.store(0, ordering: .relaxed) }
        buckets?.update(repeating: nil, count: bucketCount)
        unused = nil
        fresh = 1
    }
}
