// group_sync: a write is complete when its data is safe. All writes of a file that wait for that are served by one fdatasync;
// the next group is what came meanwhile.
//
//     vfs objects = group_sync ordered aio_linux aio_poll aio_pthread
//     group_sync:gather = auto
//     group_sync:hold writes = yes
//     group_sync:exempt range = 0-4095, 1M-2M
//     group_sync:exempt path = /srv/scratch/*
//
// It belongs above `ordered`: below it a buffered write would wait until the one before is safe, and each would be a group of its
// own. A sync begins when the writes that were under way as it was asked for are complete, and as many wait as the last one served:
// a program that was told of those is just about to write again. That they begin is waited for an eighth of the time that a sync
// takes as a rule, and that they end as long as that. Descriptors with O_SYNC or O_DSYNC are written to by way of a descriptor of the module's own, for the
// same file and without that flag.
//
// Invariant, under `lock`: a write of a file is held back (`held`), or below (counted in `below`, by the parity of the epoch in
// which it went), or complete and in `waiting`, or in `group`, which the sync under way serves; it covers all of these, as each
// was complete before the sync began. A file's sync is one own request: in `Timers` while it gathers, or on its way. An error
// of a sync is `error` from then on, until the file has no descriptor.

import CKernel
import Synchronization

final class GroupSync: Module {
    private enum Phase: UInt8 {
        case idle
        /// The sync waits for the writes under way.
        case gathering
        /// A thread is just about to begin it.
        case beginning
        case syncing
    }

    private struct State {
        var isExempt = false
        /// For the syncs; nil: none could be had.
        var target: Target?
        /// For what would be synchronized by the kernel: by O_DIRECT and O_APPEND.
        var plain = InlineArray<4, Descriptor>(repeating: .none)
        var error: CInt = 0
        var phase = Phase.idle
        var epoch = 0
        var below = InlineArray<2, Int>(repeating: 0)
        var waiting = RequestQueue()
        var waitingCount = 0
        /// How many the last sync served.
        var expected = 1
        var group = RequestQueue()
        /// A write that waits wants what is known of the file to be safe too (O_SYNC).
        var isWhole = false
        var sync: Request?
        /// When it was asked for, and when it began.
        var asked: Int64 = 0
        /// It waits no longer for writes to begin.
        var isShort = false
        var began: Int64 = 0
        /// How long a sync takes, in nanoseconds.
        var usual: Int64 = 0
        /// What is held back: the first, in `Timers`, or just taken out there to be given back, and the others.
        var firstHeld: Request?
        var held = RequestQueue()
        /// A thread is just handing on what was held back; nothing overtakes that.
        var isPassing = false
        /// Meanwhile the time of the first was up: that goes on too.
        var isLate = false
        var isClosing = false

        var isAtRest: Bool {
            phase == .idle && below[0] == 0 && below[1] == 0 && firstHeld == nil && !isPassing
        }
    }

    private struct Mark: BitwiseCopyable {
        var parity: UInt8 = 0
        var isWhole = false
        /// Of no known file: it has a sync of its own.
        var isAlone = false
    }

    /// What remains to be done when the lock is free.
    private enum Step {
        case none
        case gather(isReady: Bool)
        case begin(Request)
        /// The same, if its time is not up just now.
        case hurry(RequestIdentity)
    }

    static let parameters: StaticString = "gather, hold writes, hold limit, exempt range, exempt path"

    private enum Number {
        static let (writes, syncs, failed, latched, largest, alone, exempt, rerouted) = (0, 1, 2, 3, 4, 5, 6, 7)
        static let (held, heldTooLong, below, waiting, heldNow) = (8, 9, 10, 11, 12)
        static let names: StaticString =
            "writes syncs failed latched largest_group alone exempt rerouted held held_too_long =below =waiting =held_now"
    }

    private struct Range {
        let first: Int
        /// The last byte.
        let last: Int
    }

    let name: StaticString = "group_sync"
    private let position: Int
    private let lock: UnsafeMutablePointer<Lock>
    private let files: PerFile<State>
    private let marks: PerRequest<Mark>
    private let numbers: ModuleNumbers
    /// Requests that are held back, of all files.
    private let heldNow: UnsafeMutablePointer<Atomic<Int>>
    /// Nil: as long as a sync takes.
    private let gather: Int64?
    private let holdsWrites: Bool
    private let holdLimit: Int64
    private var ranges = InlineArray<16, Range>(repeating: Range(first: 0, last: -1))
    private var rangeCount = 0
    private let exemptPaths: Text?

    /// How long a sync is waited for before the first has been timed, and at most.
    private static let (firstGather, longestGather): (Int64, Int64) = (1_000_000, 100_000_000)

    init?(position: Int, parameters: Parameters) {
        guard let files = PerFile<State>(), let marks = PerRequest<Mark>(),
            let numbers = ModuleNumbers("group_sync", parameters.service, Number.names, times: "sync_us")
        else {
            sayNoMemory(for: "group_sync")
            return nil
        }
        self.position = position
        self.files = files
        self.marks = marks
        self.numbers = numbers
        lock = .allocate(capacity: 1)
        lock.initialize(to: Lock())
        heldNow = .allocate(capacity: 1)
        heldNow.initialize(to: Atomic(0))
        let isAuto = parameters.text("group_sync", "gather").map { $0 == "auto" } ?? true
        gather = isAuto ? nil : parameters.interval("group_sync", "gather", default: 0, in: 0...1_000_000_000)
        holdsWrites = parameters.flag("group_sync", "hold writes", default: false)
        holdLimit = parameters.interval(
            "group_sync", "hold limit", default: 60_000_000_000, in: 1_000_000...3_600_000_000_000)
        exemptPaths = parameters.text("group_sync", "exempt path")
        readRanges(parameters)
        checkPaths(parameters)
    }

    deinit {
        lock.deallocate()
        heldNow.deallocate()
        files.free()
        marks.free()
    }

    private func readRanges(_ parameters: Parameters) {
        guard var rest = parameters.text("group_sync", "exempt range") else { return }
        while let word = rest.takeWord() {
            guard let dash = word.firstIndex(of: UInt8(ascii: "-")), let first = word.prefix(dash).bytes,
                let last = word.dropFirst(dash + 1).bytes, first <= last, rangeCount < ranges.count
            else {
                return parameters.complain(
                    "group_sync", "exempt range", word,
                    "a range is its first and its last byte, 0-4095 or 1M-2M, and 16 are the most")
            }
            ranges[rangeCount] = Range(first: first, last: last)
            rangeCount += 1
        }
    }

    private func checkPaths(_ parameters: Parameters) {
        guard var rest = exemptPaths else { return }
        while let (pattern, isClosed) = PathPattern.take(&rest) {
            let problem = isClosed ? PathPattern.problem(pattern) : "the closing quote is missing"
            if let problem { return parameters.complain("group_sync", "exempt path", pattern, problem) }
        }
    }

    func reset() {
        lock.pointee.reset()
        heldNow.pointee.store(0, ordering: .relaxed)
    }

    // MARK: files

    var hearsOfFiles: Bool { true }

    func opened(_ file: OpenFile, _ descriptor: Descriptor, _ facts: FileFacts, _ turn: inout Turn) {
        var state = State()
        state.isExempt = isExempt(descriptor)
        files.begin(file, state)
    }

    var prepares: Bool { true }

    func prepare(_ file: OpenFile, _ target: Target) {
        let state = files[file]
        let (isExempt, isNew) = lock.pointee.locked { (state.pointee.isExempt, state.pointee.target == nil) }
        if isExempt { return }
        // Of its own, since the kernel tells each error once for each time that a file is opened: it must not be another who
        // hears of it.
        var own: Target?
        let flags = [O_RDONLY, O_WRONLY] as InlineArray<2, CInt>
        for index in 0..<2 where isNew && own == nil { own = GroupSync.open(file, target, flags[index]) }
        if isNew, own == nil, case .success(let other) = file.duplicate(target.descriptor),
            other.file.isSameFile(as: target.file)
        {
            own = other
        }
        // Where it can't be had it is not asked for again.
        let (index, flagsWithout) = GroupSync.plain(target.file)
        let plain =
            target.file.isWritable && target.file.statusFlags & O_DSYNC != 0
            ? GroupSync.open(file, target, flagsWithout) : nil
        lock.pointee.locked {
            if let own { state.pointee.target = own }
            if let plain, !state.pointee.plain[index].isOpen { state.pointee.plain[index] = plain.descriptor }
        }
    }

    private static func open(_ file: OpenFile, _ target: Target, _ flags: CInt) -> Target? {
        guard case .success(let own) = file.open(target.descriptor, flags), own.file.isSameFile(as: target.file) else {
            return nil
        }
        return own
    }

    private func isExempt(_ descriptor: Descriptor) -> Bool {
        guard var rest = exemptPaths, let memory = Pages.map(Descriptor.longestPath) else { return false }
        defer { Pages.unmap(memory, Descriptor.longestPath) }
        let path = memory.assumingMemoryBound(to: UInt8.self)
        guard let length = descriptor.path(into: path, Descriptor.longestPath) else { return false }
        while let (pattern, _) = PathPattern.take(&rest) {
            if PathPattern(text: pattern).matches(Text(path, count: length)) { return true }
        }
        return false
    }

    func closes(_ file: OpenFile, _ turn: inout Turn) {
        let state = files[file]
        lock.pointee.lock()
        if !state.pointee.isAtRest, !state.pointee.isClosing {
            state.pointee.isClosing = true
            file.hold()
        }
        lock.pointee.unlock()
    }

    /// Whether who closes the file need not wait any longer. Under the lock.
    private func mayClose(_ state: UnsafeMutablePointer<State>) -> Bool {
        guard state.pointee.isClosing, state.pointee.isAtRest else { return false }
        state.pointee.isClosing = false
        return true
    }

    // MARK: on the way down

    func passage(of operation: Operation) -> Passage {
        if operation == .read { return holdsWrites ? .guards : .passesThrough }
        return .intercepts
    }

    /// A read must not overtake a write that is held back.
    var fastCalls: FastCalls {
        FastCalls(
            UnsafeRawPointer(heldNow),
            ask: { held, attempt in
                FastCalls.answer(attempt) { _ in
                    held!.assumingMemoryBound(to: Atomic<Int>.self).pointee.load(ordering: .sequentiallyConsistent) == 0
                        ? .goOn : .slow
                }
            })
    }

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        var free = RequestQueue()
        while let request = requests.popFirst() {
            guard request.file.kind == .file,
                request.length > 0
                    || request.operation.isSynchronize
            else {
                free.append(request)
                continue
            }
            if isHeld(request) { continue }
            pass(request, &free, &turn)
        }
        turn.handOn(&free, below: position)
    }

    /// Holds a request back that must not overtake what is, or a write while a sync runs.
    private func isHeld(_ request: Request) -> Bool {
        guard holdsWrites, let file = request.openFile else { return false }
        let state = files[file]
        lock.pointee.lock()
        defer { lock.pointee.unlock() }
        let isWrite = request.operation == .write
        guard isWrite && state.pointee.phase == .syncing && !isExempt(request, state) || hasInItsWay(request, state)
        else {
            return false
        }
        Exposure.begin(request)
        if state.pointee.firstHeld == nil {
            beginHolding(request, state)
        } else {
            request.become(.waiting, at: position)
            state.pointee.held.append(request)
        }
        heldNow.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
        numbers.add(Number.held)
        numbers.add(Number.heldNow)
        return true
    }

    private func beginHolding(_ first: Request, _ state: UnsafeMutablePointer<State>) {
        state.pointee.firstHeld = first
        // Without a timer it waits for the sync alone.
        if !Timers.add(first, at: Instant.now.advanced(by: holdLimit), for: position) {
            first.become(.waiting, at: position)
        }
    }

    private func hasInItsWay(_ request: Request, _ state: UnsafeMutablePointer<State>) -> Bool {
        if state.pointee.isPassing { return true }
        guard let first = state.pointee.firstHeld else { return false }
        if request.operation != .read || GroupSync.overlaps(request, first) { return true }
        for other in state.pointee.held where GroupSync.overlaps(request, other) { return true }
        return false
    }

    private static func overlaps(_ read: Request, _ other: Request) -> Bool {
        other.operation == .write
            && (other.file.isAppending
                || read.offset < other.end && other.offset < read.end)
    }

    private func isExempt(_ request: Request, _ state: UnsafeMutablePointer<State>) -> Bool {
        if state.pointee.isExempt { return true }
        if request.file.isAppending { return false }
        for index in 0..<rangeCount
        where request.offset >= ranges[index].first && request.end - 1 <= ranges[index].last {
            return true
        }
        return false
    }

    /// Hands a request on, now or with `free`.
    private func pass(_ request: Request, _ free: inout RequestQueue, _ turn: inout Turn) {
        switch request.operation {
        case .read, .list, .work: return free.append(request)
        case .synchronize, .synchronizeData:
            if request.openFile != nil { turn.observe(request, at: position) }
            return free.append(request)
        case .write: break
        }
        let flags = request.file.statusFlags
        var mark = Mark(isWhole: flags & GroupSync.whole == GroupSync.whole)
        var state: UnsafeMutablePointer<State>?
        if let file = request.openFile {
            state = files[file]
            lock.pointee.lock()
            let isExempt = isExempt(request, state!)
            if !isExempt, state!.pointee.target != nil {
                mark.parity = UInt8(state!.pointee.epoch & 1)
                state!.pointee.below[Int(mark.parity)] += 1
            } else {
                state = nil
            }
            lock.pointee.unlock()
            if isExempt {
                numbers.add(Number.exempt)
                return free.append(request)
            }
        }
        mark.isAlone = state == nil
        marks[request] = mark
        numbers.add(Number.writes)
        numbers.add(mark.isAlone ? Number.alone : Number.below)
        if flags & O_DSYNC != 0, let state, let target = plain(request, state),
            turn.make(like: request, on: target, at: position) != nil
        {
            // In the order of the calls.
            turn.handOn(&free, below: position)
            numbers.add(Number.rerouted)
            return turn.start(for: request, at: position)
        }
        turn.observe(request, at: position)
        free.append(request)
    }

    /// O_SYNC, which has the bit of O_DSYNC.
    private static let whole = O_SYNC | O_DSYNC

    /// The module's own descriptor by which a write goes that the kernel would synchronize alone. Nil: there is none now.
    private func plain(_ request: Request, _ state: UnsafeMutablePointer<State>) -> Target? {
        var facts = request.file
        let (index, flags) = GroupSync.plain(facts)
        let descriptor = lock.pointee.locked { state.pointee.plain[index] }
        guard descriptor.isOpen else { return nil }
        facts.statusFlags = flags
        return Target(descriptor: descriptor, file: facts)
    }

    /// Where in `plain`, and how it is opened.
    private static func plain(_ facts: FileFacts) -> (Int, CInt) {
        let flags = facts.statusFlags
        let kept = flags & ~(whole | O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_NOCTTY)
        return ((facts.isDirect ? 1 : 0) + (facts.isAppending ? 2 : 0), kept | O_WRONLY)
    }

    // MARK: on the way up

    func completed(_ request: Request, _ turn: inout Turn) -> Bool {
        if request.operation.isSynchronize {
            noteSynchronization(request)
            return true
        }
        return isOver(request, &turn)
    }

    /// A write that went by the module's own descriptor, or a write's own sync.
    func joined(_ parent: Request, _ own: OwnRequests, _ turn: inout Turn) {
        if marks[parent].isAlone {
            return turn.complete(parent, own.result < 0 ? own.result : parent.result)
        }
        parent.result = own.result
        if isOver(parent, &turn) { turn.complete(parent, parent.result) }
    }

    /// The caller's aio_fsync hears of the error too, and may be the one that finds it.
    private func noteSynchronization(_ request: Request) {
        guard let file = request.openFile else { return }
        let result = request.result
        lock.pointee.lock()
        if result < 0 {
            latch(result, files[file])
        } else if files[file].pointee.error != 0 {
            request.result = -Int(files[file].pointee.error)
        }
        lock.pointee.unlock()
    }

    private func latch(_ result: Int, _ state: UnsafeMutablePointer<State>) {
        if result != -Int(ECANCELED), state.pointee.error == 0 { state.pointee.error = CInt(-result) }
    }

    /// A write is complete below: whether that is all, since nothing was written, or no sync will be good.
    private func isOver(_ request: Request, _ turn: inout Turn) -> Bool {
        let mark = marks[request]
        guard !mark.isAlone, let file = request.openFile else {
            return request.result <= 0 || !synchronizeAlone(request, mark, &turn)
        }
        let state = files[file]
        var isOver = true
        numbers.add(Number.below, -1)
        lock.pointee.lock()
        state.pointee.below[Int(mark.parity)] -= 1
        if request.result > 0 {
            if state.pointee.error != 0 {
                request.result = -Int(state.pointee.error)
                numbers.add(Number.latched)
            } else {
                state.pointee.waiting.append(request)
                state.pointee.waitingCount += 1
                if mark.isWhole { state.pointee.isWhole = true }
                numbers.add(Number.waiting)
                isOver = false
            }
        }
        let step = advance(state)
        let mayGo = mayClose(state)
        lock.pointee.unlock()
        perform(step, file, request.stack, &turn)
        if mayGo { file.release(&turn) }
        return isOver
    }

    /// False: it is safe, or known not to be.
    private func synchronizeAlone(_ request: Request, _ mark: Mark, _ turn: inout Turn) -> Bool {
        guard
            let own = turn.make(
                mark.isWhole ? .synchronize : .synchronizeData, on: request.target, in: request.stack, at: position,
                for: request)
        else {
            let problem = request.fileProblem
            let result =
                problem != 0 ? problem : again { request.descriptor.synchronize(dataOnly: !mark.isWhole) }
            if result < 0 { request.result = result }
            return false
        }
        own.isUnordered = true
        Exposure.begin(own)
        turn.start(for: request, at: position)
        return true
    }

    // MARK: syncs

    /// What is to be done next; under the lock.
    private func advance(_ state: UnsafeMutablePointer<State>) -> Step {
        switch state.pointee.phase {
        case .idle:
            if state.pointee.waiting.isEmpty { return .none }
            state.pointee.phase = .gathering
            state.pointee.epoch += 1
            state.pointee.asked = Instant.now.nanoseconds
            state.pointee.isShort = false
            return .gather(isReady: isGathered(state))
        case .gathering:
            guard let sync = state.pointee.sync else { return .none }
            if isGathered(state) {
                state.pointee.sync = nil
                return .hurry(sync.identity)
            }
            // From here on it does not wait as long.
            if hasNoneUnderWay(state), !state.pointee.isShort,
                Timers.withdraw(sync.identity, position: position), !waits(sync, state)
            {
                return .begin(sync)
            }
            return .none
        case .beginning, .syncing: return .none
        }
    }

    /// Whether the writes that were under way when the sync was asked for are complete.
    private func hasNoneUnderWay(_ state: UnsafeMutablePointer<State>) -> Bool {
        state.pointee.below[(state.pointee.epoch - 1) & 1] == 0
    }

    private func isGathered(_ state: UnsafeMutablePointer<State>) -> Bool {
        guard hasNoneUnderWay(state) else { return false }
        return state.pointee.waitingCount >= state.pointee.expected
            || state.pointee.below[0] + state.pointee.below[1] == 0
                && Instant.now.nanoseconds >= state.pointee.asked + patience(state) / 8
    }

    /// How long a sync may wait, in nanoseconds.
    private func patience(_ state: UnsafeMutablePointer<State>) -> Int64 {
        let usual = state.pointee.usual == 0 ? GroupSync.firstGather : min(state.pointee.usual, GroupSync.longestGather)
        return gather ?? usual
    }

    private func perform(_ step: Step, _ file: OpenFile, _ stack: Stack, _ turn: inout Turn) {
        switch step {
        case .none: return
        case .begin(let sync): begin(sync, file, &turn)
        case .hurry(let sync):
            // Else `expired` begins it.
            if Timers.withdraw(sync, position: position) { begin(sync.request, file, &turn) }
        case .gather(let isReady):
            let state = files[file]
            guard
                let sync = turn.make(
                    .synchronizeData, on: state.pointee.target.unsafelyUnwrapped, in: stack, at: position)
            else { return synchronizeHere(file, stack, &turn) }
            sync.isUnordered = true
            sync.openFileWord = file.word
            if isReady || !lock.pointee.locked({ waits(sync, state) }) { begin(sync, file, &turn) }
        }
    }

    /// Keeps a sync until it may begin, or its time is up. False: it may begin. Under the lock.
    private func waits(_ sync: Request, _ state: UnsafeMutablePointer<State>) -> Bool {
        state.pointee.sync = nil
        let now = Instant.now.nanoseconds
        let early = state.pointee.asked + patience(state) / 8
        let late = state.pointee.asked + patience(state)
        guard !isGathered(state), now < late else { return false }
        state.pointee.isShort = hasNoneUnderWay(state)
        let time = state.pointee.isShort && now < early ? early : late
        state.pointee.sync = sync
        if Timers.add(sync, at: Instant(nanoseconds: time), for: position) { return true }
        state.pointee.sync = nil
        return false
    }

    private func begin(_ sync: Request, _ file: OpenFile, _ turn: inout Turn) {
        lock.pointee.lock()
        if takeGroup(files[file]) { sync.operation = .synchronize }
        lock.pointee.unlock()
        turn.handOn(sync, below: position)
    }

    /// What waits is what the sync serves that is about to begin. Whether it is for O_SYNC. Under the lock.
    private func takeGroup(_ state: UnsafeMutablePointer<State>) -> Bool {
        state.pointee.sync = nil
        state.pointee.phase = .syncing
        state.pointee.began = Instant.now.nanoseconds
        state.pointee.group.append(contentsOf: &state.pointee.waiting)
        state.pointee.expected = max(1, state.pointee.waitingCount)
        state.pointee.waitingCount = 0
        let isWhole = state.pointee.isWhole
        state.pointee.isWhole = false
        return isWhole
    }

    /// Where there can't be a request: better late than never.
    private func synchronizeHere(_ file: OpenFile, _ stack: Stack, _ turn: inout Turn) {
        let state = files[file]
        lock.pointee.lock()
        let isWhole = takeGroup(state)
        lock.pointee.unlock()
        let descriptor = state.pointee.target.unsafelyUnwrapped.descriptor
        end(again { descriptor.synchronize(dataOnly: !isWhole) }, file, stack, &turn)
    }

    func finished(_ own: Request, _ turn: inout Turn) {
        guard let file = own.openFile else { return }
        // Who ends a connection has cancelled it: that says nothing of the data.
        if own.result == -Int(ECANCELED) { return synchronizeHere(file, own.stack, &turn) }
        end(own.result, file, own.stack, &turn)
    }

    private func end(_ result: Int, _ file: OpenFile, _ stack: Stack, _ turn: inout Turn) {
        let state = files[file]
        var group = RequestQueue()
        var held = RequestQueue()
        lock.pointee.lock()
        let took = Instant.now.nanoseconds - state.pointee.began
        state.pointee.usual += (took - state.pointee.usual) / (state.pointee.usual == 0 ? 1 : 8)
        state.pointee.phase = .idle
        group.append(contentsOf: &state.pointee.group)
        if result < 0 {
            latch(result, state)
            // Their data may be gone too, and the next sync would not say so.
            group.append(contentsOf: &state.pointee.waiting)
            state.pointee.waitingCount = 0
        }
        if !state.pointee.isPassing { takeHeld(state, &held) }
        let step = advance(state)
        let mayGo = mayClose(state)
        lock.pointee.unlock()
        numbers.add(Number.syncs)
        if result < 0 { numbers.add(Number.failed) }
        numbers.record(time: Int(took))
        var count = 0
        while let request = group.popFirst() {
            count += 1
            turn.complete(request, result < 0 ? result : request.result)
        }
        numbers.add(Number.waiting, -count)
        numbers.raise(Number.largest, to: count)
        perform(step, file, stack, &turn)
        if !held.isEmpty { goOn(&held, file, &turn) }
        if mayGo { file.release(&turn) }
    }

    // MARK: what is held back

    /// Takes all out that are held back; none where the first one's time is up just now: then `expired` does. Under the lock.
    private func takeHeld(_ state: UnsafeMutablePointer<State>, _ held: inout RequestQueue) {
        guard let first = state.pointee.firstHeld, takeFirst(first, state) else { return }
        held.append(first)
        takeOthers(state, &held)
        state.pointee.isPassing = true
    }

    private func takeOthers(_ state: UnsafeMutablePointer<State>, _ held: inout RequestQueue) {
        for request in state.pointee.held { request.become(.held) }
        held.append(contentsOf: &state.pointee.held)
    }

    /// False: its time is up just now.
    private func takeFirst(_ first: Request, _ state: UnsafeMutablePointer<State>) -> Bool {
        if !Timers.withdraw(first.identity, position: position) {
            guard first.isWaiting(at: position) else { return false }
            first.become(.held)
        }
        state.pointee.firstHeld = nil
        return true
    }

    private func goOn(_ held: inout RequestQueue, _ file: OpenFile, _ turn: inout Turn) {
        let state = files[file]
        while true {
            var free = RequestQueue()
            var count = 0
            while let request = held.popFirst() {
                count += 1
                pass(request, &free, &turn)
            }
            turn.handOn(&free, below: position)
            heldNow.pointee.wrappingSubtract(count, ordering: .sequentiallyConsistent)
            numbers.add(Number.heldNow, -count)
            lock.pointee.lock()
            // What came meanwhile.
            state.pointee.isPassing = false
            if state.pointee.isLate || state.pointee.phase != .syncing { takeHeld(state, &held) }
            state.pointee.isLate = false
            if held.isEmpty { break }
            lock.pointee.unlock()
        }
        let mayGo = mayClose(state)
        lock.pointee.unlock()
        if mayGo { file.release(&turn) }
    }

    func expired(_ request: Request, _ turn: inout Turn) {
        guard let file = request.openFile else { return turn.handOn(request, below: position) }
        if request.isOwn {
            if !lock.pointee.locked({ waits(request, files[file]) }) { begin(request, file, &turn) }
            return
        }
        var held = RequestQueue()
        let state = files[file]
        lock.pointee.lock()
        if state.pointee.isPassing {
            // Not before those.
            state.pointee.isLate = true
            request.become(.waiting, at: position)
        } else {
            state.pointee.firstHeld = nil
            state.pointee.isPassing = true
            held.append(request)
            takeOthers(state, &held)
        }
        lock.pointee.unlock()
        numbers.add(Number.heldTooLong)
        if !held.isEmpty { goOn(&held, file, &turn) }
    }

    func cancel(_ request: RequestIdentity, force: Bool, _ turn: inout Turn) -> CancelOutcome {
        lock.pointee.lock()
        let file = request.request.openFile
        let outcome = cancel(request)
        let mayGo = outcome == .taken && (file.map { mayClose(files[$0]) } ?? false)
        lock.pointee.unlock()
        if mayGo { file?.release(&turn) }
        return outcome
    }

    /// Under the lock.
    private func cancel(_ identity: RequestIdentity) -> CancelOutcome {
        guard let request = identity.request(waitingAt: position) else { return .no }
        if request.isOwn { return Timers.withdraw(identity, position: position) ? .taken : .no }
        guard let file = request.openFile else { return .no }
        let state = files[file]
        if state.pointee.firstHeld == request {
            guard takeFirst(request, state) else { return .no }
            if let next = state.pointee.held.popFirst() {
                next.become(.held)
                beginHolding(next, state)
            }
        } else if state.pointee.held.remove(request) {
            request.become(.held)
        } else {
            return .no
        }
        heldNow.pointee.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        numbers.add(Number.heldNow, -1)
        return .taken
    }
}

extension GroupSync {
    static var entry: ModuleEntry {
        ModuleEntry(
            name: "group_sync", parameters: parameters, side: .above,
            make: { GroupSync(position: $0, parameters: $1) })
    }
}
