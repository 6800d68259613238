// mirror: a file has several copies (legs); each write goes to all of them, a read comes from one.
//
//     vfs objects = mirror ordered aio_linux aio_poll aio_pthread
//     mirror:legs = /disk2/copy/%f /disk3/copy/%f
//     mirror:log = /data/.mirror/%f.log
//
// The first leg is the file itself. It is divided into regions. A region is *clean*; *dirty* while writes of it are under way, or are
// not known to be safe on all legs; *stale* on legs that have missed writes; *recovering* while it is copied to these. A leg is live, or
// has failed. The log (MirrorLog.swift) is what is known of that after a crash. The order in which things happen, which
// Tests/models/mirror.pml checks:
//
//     write        the log says dirty, and is safe, before data goes to any leg; it goes to those that are live, and not stale in all
//                  of its regions. Where a leg has missed it the log says so, and is safe, before the write is complete
//     aio_fsync    of all live legs; it is complete when the log says of each leg that failed that it is stale wherever
//                  something was not safe
//     failure      a leg that fails is stale in all regions that are dirty. What the others have is made safe before the log says so
//     read         from a live leg that is not stale there; if it fails the leg is stale there, and another is read
//     clean again  some time after the last write: all live legs are synchronized, and then the log says so
//     recovery     the writes of a region that are under way end, others wait; it is copied; the others go on. The log calls it
//                  stale until the legs that it was copied to are synchronized
//
// It stands below `ordered` (which is put above it where it was named below): no two requests come at the same time that are in each
// other's way.
//
// Everything is done on descriptors of the module's own. What is not for a request of the program's (the log, syncs,
// recovery, a clock) are own requests made for none.
//
// Invariant, under `lock`: a write is counted in its regions and its file from before it is decided whether the log has to be
// written until it is complete. A request is in `blocked` (and waits), in `logging`, or somebody has it. One round of the
// log is under way at most, one sync of the legs, one copy of a region. A region that is being copied has no writes. At least one
// leg is not stale in each region, unless all have failed there.

import CKaio
import CKernel
import Synchronization

final class Mirror: Module {
    enum Kind: UInt8 {
        case program, clock, pacer, logWrite, logSync, legSync, copyRead, copyWrite
        /// Only for a worker.
        case start, direct, settle
    }

    enum Stage: UInt8 {
        /// Before the data, and before the end, the log may have to be written.
        case begin, data, safety, recording
    }

    private struct Work {
        var kind = Kind.program
        var stage = Stage.begin
        /// Of an own request for none.
        var leg = 0
        /// Those that the own requests under way are for, in this order; and all that had a part in it.
        var legs: MirrorLegs = 0
        var asked: MirrorLegs = 0
        var tried: MirrorLegs = 0
        var results = InlineArray<4, Int>(repeating: 0)
        var offset = 0
        var first = 0
        var last = 0
        var ticket: UInt64 = 0
        var done = 0
        var result = 0
        var began: Int64 = 0
        /// Of a piece of several buffers.
        var memory: UInt = 0
        var pages = 0
        var length = 0
    }

    private enum ReadPolicy {
        case first, balance, fastest
    }

    /// What is to be done when the lock is free.
    private struct Plan {
        var flush = false
        var clean: MirrorLegs = 0
        var copyRead = false
        var pace: Int64 = 0
        /// Requests that go on, and those that may begin anew.
        var ready = RequestQueue()
        var again = RequestQueue()
        /// With `error`.
        var refused = RequestQueue()
        var failed: MirrorLegs = 0
        var isReadFailure = false
        var error: CInt = 0
        var mayClose = false
        var settles = false
        var tells = false
        var logError: CInt = 0
    }

    enum Number {
        static let (reads, writes, logged, rounds) = (0, 1, 2, 3)
        static let (retried, failures, waited, copied, outside, staleNow, failedNow) = (4, 5, 6, 7, 8, 9, 10)
        static let names: StaticString =
            "reads writes logged log_writes reads_retried leg_failures waited recovered_bytes changed_outside =stale_regions =failed_legs"
    }

    static let parameters: StaticString = "legs, log, region size, read, resync rate, on failure, create"

    let name: StaticString = "mirror"
    private let position: Int
    let lock: UnsafeMutablePointer<Lock>
    private let files: PerFile<MirrorState>
    private let work: PerRequest<Work>
    let numbers: ModuleNumbers
    let service: Text?
    let legPaths: Text
    /// Nil: in memory.
    let logPath: Text?
    let regionSize: Int
    /// In bytes a second.
    let rate: Int
    let creates: Bool
    private let failsToo: Bool
    private let policy: ReadPolicy
    /// Files that have memory, by the number of their place.
    private var firstFile: UInt64 = 0

    private static let pieceSize = 256 << 10
    private static let interval: Int64 = 500_000_000

    init?(position: Int, parameters: Parameters) {
        guard let files = PerFile<MirrorState>(), let work = PerRequest<Work>(),
            let numbers = ModuleNumbers("mirror", parameters.service, Number.names)
        else {
            sayNoMemory(for: "mirror")
            return nil
        }
        self.position = position
        self.files = files
        self.work = work
        self.numbers = numbers
        service = parameters.service
        lock = .allocate(capacity: 1)
        lock.initialize(to: Lock())
        legPaths = parameters.text("mirror", "legs") ?? Text("" as StaticString)
        let log = parameters.text("mirror", "log")
        logPath = log.flatMap { $0.isWord("core") ? nil : $0 }
        regionSize = parameters.size("mirror", "region size", default: 512 << 10, in: 4096...1 << 30)
        rate = parameters.size("mirror", "resync rate", default: 50 << 20, in: 4096...1 << 50)
        creates = parameters.flag("mirror", "create", default: true)
        let failure = parameters.text("mirror", "on failure")
        failsToo = failure.map { $0.isWord("fail") } ?? false
        let read = parameters.text("mirror", "read")
        policy = read.map { $0.isWord("first") ? .first : $0.isWord("fastest") ? .fastest : .balance } ?? .balance
        if let failure, !failsToo, !failure.isWord("continue") {
            parameters.complain("mirror", "on failure") { $0.add("continue or fail") }
        }
        if let read, policy == .balance, !read.isWord("balance") {
            parameters.complain("mirror", "read") { $0.add("first, balance or fastest") }
        }
        if regionSize & (regionSize - 1) != 0 {
            parameters.complain("mirror", "region size") { $0.add("a power of two") }
        }
        if let logPath, logPath[0] != UInt8(ascii: "/") {
            parameters.complain("mirror", "log") { $0.add("core, or an absolute path with %f in it") }
        }
        checkLegs(parameters)
        listenForExit()
    }

    // MARK: the program's end

    private static let mostInstances = 16
    nonisolated(unsafe) private static var instances = InlineArray<16, Unmanaged<Mirror>?>(repeating: nil)
    nonisolated(unsafe) private static var listensForExit = false
    private static let patience: Int64 = 10_000_000_000

    /// Where modules are made nothing else is.
    private func listenForExit() {
        for index in 0..<Mirror.mostInstances where Mirror.instances[index] == nil {
            Mirror.instances[index] = .passUnretained(self)
            break
        }
        if Mirror.listensForExit { return }
        Mirror.listensForExit = true
        atexit { Mirror.writeAtExit() }
    }

    /// What is open is left as by a close: nothing is to be copied at the next start.
    private static func writeAtExit() {
        guard Engine.isPrepared, ProcessPage.current?.isOfThisProcess == true else { return }
        let mask = SignalMask.blockAll()
        Turn.visit(as: .caller) { turn in
            for index in 0..<mostInstances {
                let module = instances[index]?.takeUnretainedValue()
                module?.forEachFile { module?.end($0, isAtExit: true, &turn) }
            }
        }
        mask.restore()
        let end = Instant.now.advanced(by: patience)
        while !areAllEnded, Instant.now < end {
            _ = Waiting.wait(until: end, as: .caller, cancellable: false) { areAllEnded }
        }
    }

    private static var areAllEnded: Bool {
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        var areEnded = true
        for index in 0..<mostInstances {
            let module = instances[index]?.takeUnretainedValue()
            module?.forEachFile { file in
                if module?.lock.pointee.locked({ module?.files[file].pointee.isEnded }) == false { areEnded = false }
            }
        }
        return areEnded
    }

    /// Those that are mirrored.
    private func forEachFile(_ body: (OpenFile) -> Void) {
        var number = lock.pointee.locked { firstFile }
        while number != 0 {
            let state = files[Int(number)]
            let (next, word) = lock.pointee.locked { (state.pointee.next, state.pointee.word) }
            if let file = OpenFile(word: word) { body(file) }
            number = next
        }
    }

    private func checkLegs(_ parameters: Parameters) {
        var rest = legPaths
        var count = 0
        while let leg = rest.takeWord() {
            count += 1
            if leg[0] != UInt8(ascii: "/") || count >= MirrorLayout.mostLegs {
                return parameters.complain(
                    "mirror", "legs", leg, "not a path from the root with %f in it, of which there may be three")
            }
        }
    }

    deinit {
        for index in 0..<Mirror.mostInstances
        where Mirror.instances[index]?.toOpaque() == Unmanaged.passUnretained(self).toOpaque() {
            Mirror.instances[index] = nil
        }
        lock.deallocate()
        files.free()
        work.free()
    }

    func reset() {
        lock.pointee.reset()
        var number = firstFile
        while number != 0 {
            let state = files[Int(number)]
            number = state.pointee.next
            if let memory = state.pointee.memory { Pages.unmap(memory, MirrorState.length) }
            state.pointee.memory = nil
        }
        firstFile = 0
    }

    /// One line on stderr and in syslog about a file.
    @inline(never)
    func say(_ path: Text, _ body: (inout Message) -> Void) {
        var message = Message()
        message.add("kaio: mirror of ")
        message.add(path)
        message.add(": ")
        body(&message)
        message.show()
        var reason: StaticString?
        let socket = Syslog.connect(("/dev/log" as StaticString).utf8Start, &reason)
        guard socket >= 0 else { return }
        let descriptor = Descriptor(number: CInt(socket))
        if let text = message.terminated() {
            let line = Text(text)
            _ = Syslog.send(descriptor, line.count > 6 ? line.dropFirst(6) : line, zone: 0)
        }
        descriptor.close()
    }

    func sayLog(_ path: Text, _ error: CInt) {
        say(path) {
            $0.add("the log can't be written: ")
            $0.add(ErrorName.of(Int(error)) ?? Text("an error" as StaticString))
            $0.add("; until it can, writes that have to be logged fail with this error")
        }
    }

    private func path(_ state: UnsafeMutablePointer<MirrorState>) -> Text { Text(state.pointee.header.leg(0).path) }

    // MARK: files

    var hearsOfFiles: Bool { true }

    func opened(_ file: OpenFile, _ descriptor: Descriptor, _ facts: FileFacts, _ turn: inout Turn) {
        var state = MirrorState()
        if facts.kind == .file, !facts.isBlockDevice { state.status = .new }
        files.begin(file, state)
        if state.status == .new { _ = beginStart(file, Target(descriptor: descriptor, file: facts), &turn) }
    }

    /// Has a worker open what belongs to the file; or another thread has. False: it can't be asked.
    private func beginStart(_ file: OpenFile, _ target: Target, _ turn: inout Turn) -> Bool {
        let state = files[file]
        guard let own = Own.make(.work, on: target, in: file.stack, at: position) else { return false }
        begin(own, .start, file)
        let isFirst = lock.pointee.locked {
            let isFirst = state.pointee.status == .new || state.pointee.status == .refused
            if isFirst { state.pointee.status = .starting }
            return isFirst
        }
        if isFirst { turn.handToWorker(own) } else { dismiss(own, &turn) }
        return true
    }

    /// An own request that nobody needs.
    private func dismiss(_ own: Request, _ turn: inout Turn) {
        work.place(of: own).pointee.kind = .program
        turn.complete(own, 0)
    }

    /// On a worker.
    private func start(_ file: OpenFile, _ target: Target) {
        let state = files[file]
        // Nobody else touches these while it starts.
        var begun = start(file, target, after: state.pointee)
        lock.pointee.lock()
        begun.word = file.word
        begun.blocked = state.pointee.blocked
        begun.isClosing = state.pointee.isClosing
        begun.isAtExit = state.pointee.isAtExit
        if begun.memory != nil {
            begun.next = firstFile
            firstFile = UInt64(file.number)
        }
        state.pointee = begun
        tellNumbers(state)
        lock.pointee.unlock()
    }

    /// What waited for a worker goes on.
    private func hasOpened(
        _ result: Int, _ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>, isStart: Bool, _ turn: inout Turn
    ) {
        var plan = Plan()
        lock.pointee.lock()
        if isStart {
            if result < 0 { state.pointee.status = .new }
            if state.pointee.isClosing, state.pointee.memory == nil {
                state.pointee.isClosing = false
                plan.mayClose = true
            }
        } else {
            state.pointee.isOpeningDirect = false
        }
        releaseBlocked(state, &plan)
        if isStart, result < 0 {
            swap(&plan.again, &plan.refused)
            plan.error = CInt(-result)
        }
        advance(state, &plan)
        let isOn = state.pointee.status == .on
        lock.pointee.unlock()
        if isStart, isOn { startClock(file, state, &turn) }
        perform(&plan, file, &turn)
    }

    /// Under the lock.
    @inline(never)
    private func tellNumbers(_ state: UnsafeMutablePointer<MirrorState>) {
        let (stale, failed) = (state.pointee.staleTotal, (state.pointee.all & ~state.pointee.live).nonzeroBitCount)
        if stale != state.pointee.toldStale { numbers.add(Number.staleNow, stale - state.pointee.toldStale) }
        if failed != state.pointee.toldFailed { numbers.add(Number.failedNow, failed - state.pointee.toldFailed) }
        (state.pointee.toldStale, state.pointee.toldFailed) = (stale, failed)
    }

    func closes(_ file: OpenFile, _ turn: inout Turn) {
        end(file, isAtExit: false, &turn)
    }

    private func end(_ file: OpenFile, isAtExit: Bool, _ turn: inout Turn) {
        let state = files[file]
        var plan = Plan()
        lock.pointee.lock()
        let isOn = state.pointee.status == .on || state.pointee.status == .starting
        if isOn, !state.pointee.isClosing {
            state.pointee.isClosing = true
            state.pointee.isAtExit = isAtExit
            if !isAtExit { file.hold() }
        }
        let (clock, pacer) = (state.pointee.clock, state.pointee.pacer)
        lock.pointee.unlock()
        guard isOn else { return }
        if let clock, Timers.withdraw(clock, position: position) { turn.complete(clock.request, 0) }
        if let pacer, Timers.withdraw(pacer, position: position) { turn.complete(pacer.request, 0) }
        lock.pointee.lock()
        advance(state, &plan)
        lock.pointee.unlock()
        perform(&plan, file, &turn)
    }

    func closed(_ file: OpenFile) {
        let state = files[file]
        lock.pointee.lock()
        let memory = state.pointee.memory
        let buffer = state.pointee.buffer
        state.pointee.memory = nil
        state.pointee.buffer = nil
        if memory != nil {
            if firstFile == UInt64(file.number) {
                firstFile = state.pointee.next
            } else {
                var current = firstFile
                while current != 0, files[Int(current)].pointee.next != UInt64(file.number) {
                    current = files[Int(current)].pointee.next
                }
                if current != 0 { files[Int(current)].pointee.next = state.pointee.next }
            }
        }
        numbers.add(Number.staleNow, -state.pointee.toldStale)
        numbers.add(Number.failedNow, -state.pointee.toldFailed)
        state.pointee.status = .off
        lock.pointee.unlock()
        if let memory { Pages.unmap(memory, MirrorState.length) }
        if let buffer { Pages.unmap(buffer, Mirror.pieceSize) }
    }

    // MARK: on the way down

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        var free = RequestQueue()
        while let request = requests.popFirst() {
            let operation = request.operation
            guard let file = request.openFile, operation != .list,
                operation.isSynchronize || request.length > 0
            else {
                free.append(request)
                continue
            }
            if !take(request, file, &turn) { free.append(request) }
        }
        turn.handOn(&free, below: position)
    }

    /// False: it is none of the module's.
    private func take(_ request: Request, _ file: OpenFile, _ turn: inout Turn) -> Bool {
        switch statusNow(file, files[file], request, &turn) {
        case .off: return false
        case .refused: turn.complete(request, -Int(files[file].pointee.error))
        case .new: turn.complete(request, -Int(EAGAIN))
        case .starting: break
        case .on:
            work.place(of: request).initialize(to: Work())
            work.place(of: request).pointee.offset = request.offset
            switch request.operation {
            case .read: read(request, file, &turn)
            case .write: write(request, file, &turn)
            default: synchronize(request, file, &turn)
            }
        }
        return true
    }

    /// `.starting`: the request waits until a worker has opened what it needs.
    private func statusNow(
        _ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>, _ request: Request, _ turn: inout Turn
    ) -> MirrorState.Status {
        while true {
            lock.pointee.lock()
            let status = state.pointee.status
            var mustOpen = false
            if status == .on, request.file.isDirect {
                for leg in 0..<state.pointee.count
                where state.pointee.live.has(leg) && state.pointee.legs[leg].lacksDirect { mustOpen = true }
            }
            if status == .starting || mustOpen {
                block(request, state)
                let isFirst = mustOpen && !state.pointee.isOpeningDirect
                if isFirst { state.pointee.isOpeningDirect = true }
                lock.pointee.unlock()
                if isFirst { askWorker(.direct, file, state, &turn) }
                return .starting
            }
            let needsClock = status == .on && state.pointee.clock == nil && !state.pointee.isClosing
            let mayStart =
                status == .new || status == .refused && Instant.now.nanoseconds >= state.pointee.refusedUntil
            lock.pointee.unlock()
            if needsClock { startClock(file, state, &turn) }
            guard mayStart else { return status }
            if !beginStart(file, request.target, &turn) { return .new }
        }
    }

    /// Under the lock.
    private func block(_ request: Request, _ state: UnsafeMutablePointer<MirrorState>) {
        Exposure.begin(request)
        request.become(.waiting, at: position)
        state.pointee.blocked.append(request)
    }

    /// Something that may wait for files' servers. Where there can't be another request it is as if no worker could be had.
    private func askWorker(
        _ kind: Kind, _ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>, _ turn: inout Turn
    ) {
        let target = lock.pointee.locked { state.pointee.legs[0].target }
        if let own = makeOwn(.work, target, nil, 0, 0, kind, file, state, &turn) {
            turn.handToWorker(own)
        } else if kind == .direct {
            refuseDirect(state)
            hasOpened(-Int(EAGAIN), file, state, isStart: false, &turn)
        } else {
            hasSettled(-Int(EAGAIN), file, state, &turn)
        }
    }

    private func startClock(_ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>, _ turn: inout Turn) {
        let target = lock.pointee.locked { state.pointee.legs[0].target }
        guard let target, let clock = Own.make(.read, on: target, in: file.stack, at: position) else { return }
        begin(clock, .clock, file)
        let identity = clock.identity
        let isFirst = lock.pointee.locked {
            guard state.pointee.clock == nil, !state.pointee.isClosing else { return false }
            state.pointee.clock = identity
            return true
        }
        if isFirst, Timers.add(clock, at: .now.advanced(by: Mirror.interval), for: position) {
            // Who closes the file meanwhile waits for it.
            let isClosing = lock.pointee.locked { state.pointee.isClosing }
            if isClosing, Timers.withdraw(identity, position: position) { turn.complete(clock, 0) }
            return
        }
        if isFirst { lock.pointee.locked { state.pointee.clock = nil } }
        dismiss(clock, &turn)
    }

    /// An own request for none.
    @inline(never)
    private func begin(_ own: Request, _ kind: Kind, _ file: OpenFile, leg: Int = 0) {
        work.place(of: own).initialize(to: Work())
        work.place(of: own).pointee.kind = kind
        work.place(of: own).pointee.leg = leg
        own.openFileWord = file.word
    }

    /// The leg's descriptor for a request: with O_DIRECT where the program's has it, and the leg's file system takes that.
    @inline(never)
    private func target(_ leg: Int, _ isDirect: Bool, _ state: UnsafeMutablePointer<MirrorState>) -> Target? {
        let known = lock.pointee.locked { state.pointee.legs[leg] }
        return isDirect && !known.refusesDirect ? known.direct ?? known.target : known.target
    }

    /// On a worker.
    private func openDirect(_ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>) {
        for leg in 0..<MirrorLayout.mostLegs {
            let known = lock.pointee.locked { state.pointee.legs[leg] }
            guard known.lacksDirect, let target = known.target else { continue }
            let opened = file.open(target.descriptor, O_RDWR | __O_DIRECT)
            lock.pointee.locked {
                // It may be another leg by now: that is seen by the next request.
                guard let now = state.pointee.legs[leg].target, now.descriptor == target.descriptor else { return }
                if case .success(let direct) = opened, direct.file.isSameFile(as: target.file) {
                    state.pointee.legs[leg].direct = direct
                } else {
                    state.pointee.legs[leg].refusesDirect = true
                }
            }
        }
    }

    /// For want of a worker.
    private func refuseDirect(_ state: UnsafeMutablePointer<MirrorState>) {
        lock.pointee.locked {
            for leg in 0..<MirrorLayout.mostLegs where state.pointee.legs[leg].lacksDirect {
                state.pointee.legs[leg].refusesDirect = true
            }
        }
    }

    // MARK: writes

    @inline(never)
    private func write(_ request: Request, _ file: OpenFile, _ turn: inout Turn) {
        let state = files[file]
        let place = work.place(of: request)
        let (mustLook, isShorter) = lock.pointee.locked {
            let isShorter = Int(request.file.size) < state.pointee.size
            return (state.pointee.isLocal && (isShorter || state.pointee.hasIdle), isShorter)
        }
        if mustLook { lookForOthers(file, state, isSuspicious: isShorter) }
        let appended = request.file.isAppending ? endOfFirst(request, state) : 0
        var plan = Plan()
        lock.pointee.lock()
        if request.file.isAppending { place.pointee.offset = max(appended, state.pointee.size) }
        let (end, overflow) = place.pointee.offset.addingReportingOverflow(request.length)
        place.pointee.first = state.pointee.number(at: place.pointee.offset)
        place.pointee.last = state.pointee.number(at: overflow ? .max : end - 1)
        let isBlocked =
            state.pointee.copy != .idle && state.pointee.copy != .paced
            && (place.pointee.first...place.pointee.last).contains(state.pointee.region)
        if isBlocked {
            block(request, state)
            lock.pointee.unlock()
            numbers.add(Number.waited)
            return
        }
        let mustWait = enter(place, state)
        if mustWait {
            park(request, state)
            advance(state, &plan)
        }
        lock.pointee.unlock()
        numbers.add(Number.writes)
        if mustWait { numbers.add(Number.logged) }
        if !mustWait { go(request, file, &turn) }
        perform(&plan, file, &turn)
    }

    /// No other append is under way, says `ordered`. 0 where the first leg does not count.
    private func endOfFirst(_ request: Request, _ state: UnsafeMutablePointer<MirrorState>) -> Int {
        let (target, isLocal) = lock.pointee.locked {
            (state.pointee.live.has(0) ? state.pointee.legs[0].target : nil, state.pointee.isLocal)
        }
        // What is known without asking.
        if !isLocal, target != nil { return Int(request.file.size) }
        return target.flatMap { MirrorFacts($0.descriptor) }?.size ?? 0
    }

    /// Counts a write in. Whether the log is to be written first. Under the lock.
    private func enter(_ place: UnsafeMutablePointer<Work>, _ state: UnsafeMutablePointer<MirrorState>) -> Bool {
        state.pointee.writes += 1
        state.pointee.changes &+= 1
        state.pointee.hasIdle = false
        var ticket: UInt64 = 0
        let dead = state.pointee.all & ~state.pointee.live
        let hasLog = state.pointee.log != nil
        if state.pointee.header.isClean {
            state.pointee.header.isClean = false
            state.tellHeader()
            if hasLog { ticket = state.ticket }
        }
        for number in place.pointee.first...place.pointee.last {
            let region = state.pointee.region(number)
            region.pointee.writes += 1
            region.pointee.flags = region.pointee.flags & ~MirrorRegion.cleaning | MirrorRegion.touched
            let missing = dead & ~region.pointee.stale
            let isKnown = region.pointee.has(MirrorRegion.dirty | MirrorRegion.inRound | MirrorRegion.wanted)
            if missing != 0 || !isKnown {
                state.change(number) {
                    $0.stale |= missing
                    if !isKnown { $0.flags |= hasLog ? MirrorRegion.wanted : MirrorRegion.dirty }
                }
            }
            guard hasLog else { continue }
            if region.pointee.has(MirrorRegion.wanted) || missing != 0 {
                ticket = max(ticket, state.ticket)
            } else if region.pointee.has(MirrorRegion.inRound) {
                ticket = max(ticket, state.pointee.round)
            }
        }
        place.pointee.ticket = ticket
        return ticket > state.pointee.completed
    }

    /// Waits for the log. Under the lock.
    private func park(_ request: Request, _ state: UnsafeMutablePointer<MirrorState>) {
        // What has begun goes to its end.
        request.become(.kept, isFenced: true)
        state.pointee.logging.append(request)
    }

    /// The data goes to the legs.
    private func go(_ request: Request, _ file: OpenFile, _ turn: inout Turn) {
        let state = files[file]
        let place = work.place(of: request)
        lock.pointee.lock()
        var staleInAll = MirrorLegs.max
        for number in place.pointee.first...place.pointee.last {
            staleInAll &= state.pointee.region(number).pointee.stale
        }
        let legs = state.pointee.live & ~staleInAll
        lock.pointee.unlock()
        place.pointee.stage = .data
        place.pointee.asked = legs
        ask(request, legs, file, &turn)
    }

    /// Has the legs do what a request wants, or synchronize.
    @inline(never)
    private func ask(_ request: Request, _ legs: MirrorLegs, _ file: OpenFile, _ turn: inout Turn) {
        let state = files[file]
        let place = work.place(of: request)
        let operation = request.operation
        place.pointee.legs = legs
        place.pointee.asked |= legs
        let isSync = place.pointee.stage == .safety || operation.isSynchronize
        var isShort = false
        let isDirect = request.file.isDirect
        let known = lock.pointee.locked { state.pointee.legs }
        legs.forEachLeg { leg in
            if isShort { return }
            if isSync {
                let kind =
                    operation.isSynchronize
                    ? operation
                    : request.file.statusFlags & Mirror.whole == Mirror.whole
                        ? .synchronize : .synchronizeData
                isShort =
                    state.pointee.legs[leg].target.flatMap {
                        turn.make(kind, on: $0, in: request.stack, at: position, for: request)
                    } == nil
            } else if let target = isDirect
                ? known[leg].direct ?? target(leg, true, state) : known[leg].target,
                let own = turn.make(like: request, on: target, at: position)
            {
                own.offset = place.pointee.offset
            } else {
                isShort = true
            }
        }
        if legs == 0 || isShort {
            turn.dropOwn(for: request)
            legs.forEachLeg { place.pointee.results[$0] = -Int(isShort ? EAGAIN : EIO) }
            place.pointee.result = -Int(isShort ? EAGAIN : EIO)
            return settle(request, file, &turn)
        }
        turn.start(for: request, at: position)
    }

    /// O_SYNC, which contains O_DSYNC.
    private static let whole: CInt = 0o4_010_000

    func joined(_ parent: Request, _ own: OwnRequests, _ turn: inout Turn) {
        guard let file = parent.openFile else { return turn.complete(parent, own.result) }
        let place = work.place(of: parent)
        if parent.operation == .read { return readJoined(parent, own, file, &turn) }
        var leg = place.pointee.legs
        for request in own {
            let number = leg.firstLeg
            leg &= leg &- 1
            let result = request.result
            // Of a write's own sync: its result stays, unless that is the error.
            if place.pointee.stage == .safety, result >= 0 { continue }
            place.pointee.results[number] = result
        }
        settle(parent, file, &turn)
    }

    /// All legs have said what became of it.
    @inline(never)
    private func settle(_ request: Request, _ file: OpenFile, _ turn: inout Turn) {
        let state = files[file]
        let place = work.place(of: request)
        let isWrite = request.operation == .write
        if isWrite, place.pointee.stage == .data, let legs = refusedDirect(place, request, state) {
            return ask(request, legs, file, &turn)
        }
        var best = Int.min
        place.pointee.asked.forEachLeg { best = max(best, place.pointee.results[$0]) }
        if place.pointee.asked == 0 { best = -Int(EIO) }
        var good: MirrorLegs = 0
        place.pointee.asked.forEachLeg { if place.pointee.results[$0] == best { good |= .leg($0) } }
        if isWrite, best > 0, place.pointee.stage == .data,
            request.file.statusFlags & O_DSYNC != 0
        {
            place.pointee.stage = .safety
            return ask(request, good, file, &turn)
        }
        var plan = Plan()
        lock.pointee.lock()
        place.pointee.result = best
        if best < 0 {
            // The first leg's word; nobody is to blame alone.
            if place.pointee.asked != 0 { place.pointee.result = place.pointee.results[place.pointee.asked.firstLeg] }
            if isWrite { allFailed(place, state) }
        } else {
            let bad = place.pointee.asked & ~good
            bad.forEachLeg { leg in
                let result = place.pointee.results[leg]
                if result >= 0 || !Mirror.isPassing(result) {
                    fail(leg, result >= 0 ? ENOSPC : CInt(-result), state, &plan)
                }
                if failsToo { place.pointee.result = result < 0 ? result : -Int(EIO) }
            }
            if isWrite {
                noteMissed(place, good, state)
                state.pointee.size = max(state.pointee.size, place.pointee.offset + best)
            }
        }
        place.pointee.ticket = max(place.pointee.ticket, state.pointee.unsaid)
        let mustWait = place.pointee.ticket > state.pointee.completed
        place.pointee.stage = .recording
        if mustWait { park(request, state) } else if isWrite { leave(place, state, &plan) }
        advance(state, &plan)
        let isIdle = state.pointee.writes == 0 && !state.pointee.hasIdle
        lock.pointee.unlock()
        if isIdle { noteIdle(state) }
        if !mustWait { turn.complete(request, place.pointee.result) }
        perform(&plan, file, &turn)
    }

    /// What passes by itself, and says nothing of the leg.
    private static func isPassing(_ result: Int) -> Bool {
        switch CInt(-result) {
        case ECANCELED, EAGAIN, ENOMEM, EINTR: true
        default: false
        }
    }

    /// Legs that do not take the request with O_DIRECT though others did: they get it without.
    private func refusedDirect(
        _ place: UnsafeMutablePointer<Work>, _ request: Request, _ state: UnsafeMutablePointer<MirrorState>
    ) -> MirrorLegs? {
        guard request.file.isDirect else { return nil }
        var (refused, isAny): (MirrorLegs, Bool) = (0, false)
        place.pointee.asked.forEachLeg {
            if place.pointee.results[$0] > 0 { isAny = true }
            if place.pointee.legs.has($0), $0 > 0, place.pointee.results[$0] == -Int(EINVAL),
                !state.pointee.legs[$0].refusesDirect
            {
                refused |= .leg($0)
            }
        }
        guard isAny, refused != 0 else { return nil }
        lock.pointee.lock()
        refused.forEachLeg { state.pointee.legs[$0].refusesDirect = true }
        lock.pointee.unlock()
        return refused
    }

    /// The legs but these have missed a write: that has to be known before it is complete. Under the lock.
    @inline(never)
    private func noteMissed(
        _ place: UnsafeMutablePointer<Work>, _ good: MirrorLegs, _ state: UnsafeMutablePointer<MirrorState>
    ) {
        let others = state.pointee.all & ~good
        if others == 0 { return }
        for number in place.pointee.first...place.pointee.last {
            let missed = others & ~state.pointee.region(number).pointee.stale
            if missed == 0 { continue }
            state.change(number) { $0.stale |= missed }
            if state.pointee.log != nil { place.pointee.ticket = max(place.pointee.ticket, state.ticket) }
        }
    }

    /// No leg has all of it: which parts they have nobody knows, so they are made equal. Under the lock.
    private func allFailed(_ place: UnsafeMutablePointer<Work>, _ state: UnsafeMutablePointer<MirrorState>) {
        var isHarmless = true
        place.pointee.asked.forEachLeg {
            switch CInt(-place.pointee.results[$0]) {
            case EINVAL, EBADF, EFBIG, ECANCELED, EAGAIN: break
            default: isHarmless = false
            }
        }
        if isHarmless { return }
        for number in place.pointee.first...place.pointee.last {
            let whole = state.pointee.live & ~state.pointee.region(number).pointee.stale
            if whole.nonzeroBitCount > 1 { state.change(number) { $0.stale |= whole & (whole &- 1) } }
        }
    }

    /// A leg has failed, unless it is the last: it is stale wherever something is not safe. Under the lock.
    @inline(never)
    private func fail(
        _ leg: Int, _ error: CInt, _ state: UnsafeMutablePointer<MirrorState>, _ plan: inout Plan
    ) {
        let rest = state.pointee.live & ~.leg(leg)
        guard state.pointee.live.has(leg), rest != 0 else { return }
        state.pointee.live = rest
        state.pointee.header.leg(leg).state = .failed
        state.pointee.header.leg(leg).error = error
        state.tellHeader()
        state.forEach(busy: true) { number, region in
            let left = state.pointee.all & ~region.pointee.stale & ~.leg(leg)
            guard !region.pointee.stale.has(leg), left != 0 else { return }
            if region.pointee.unsafe | region.pointee.syncing != 0 { state.pointee.mustSync = true }
            state.change(number) {
                $0.stale |= .leg(leg)
                $0.unsafe &= ~.leg(leg)
                $0.syncing &= ~.leg(leg)
            }
        }
        if state.pointee.log != nil { state.pointee.unsaid = state.ticket }
        plan.failed |= .leg(leg)
        plan.error = error
        numbers.add(Number.failures)
    }

    /// A write is complete. Under the lock.
    @inline(never)
    private func leave(
        _ place: UnsafeMutablePointer<Work>, _ state: UnsafeMutablePointer<MirrorState>, _ plan: inout Plan
    ) {
        state.pointee.writes -= 1
        for number in place.pointee.first...place.pointee.last { state.pointee.region(number).pointee.writes -= 1 }
    }

    /// From here on it is noticed if others change the file. `isWorker`: it may wait.
    private func noteIdle(_ state: UnsafeMutablePointer<MirrorState>, isWorker: Bool = false) {
        for _ in 0..<Mirror.mostLooks { if triesToNoteIdle(state, isWorker) { return } }
    }

    /// What recovery copies meanwhile changes other legs.
    private static let mostLooks = 16

    /// False: something was changed meanwhile, but nothing is being written.
    private func triesToNoteIdle(_ state: UnsafeMutablePointer<MirrorState>, _ isWorker: Bool) -> Bool {
        lock.pointee.lock()
        let changes = state.pointee.changes
        let mayLook = state.pointee.live.has(0) && (isWorker || state.pointee.isLocal)
        let target = mayLook ? state.pointee.legs[0].target : nil
        lock.pointee.unlock()
        guard let target, let facts = MirrorFacts(target.descriptor) else { return true }
        return lock.pointee.locked {
            guard state.pointee.writes == 0, !state.pointee.hasIdle else { return true }
            guard state.pointee.changes == changes else { return false }
            state.pointee.idle = facts
            state.pointee.hasIdle = true
            return true
        }
    }

    // MARK: aio_fsync

    private func synchronize(_ request: Request, _ file: OpenFile, _ turn: inout Turn) {
        let state = files[file]
        let place = work.place(of: request)
        let legs = lock.pointee.locked { state.pointee.live }
        place.pointee.stage = .data
        ask(request, legs, file, &turn)
    }

    // MARK: reads

    private func read(_ request: Request, _ file: OpenFile, _ turn: inout Turn) {
        let facts = request.file
        let state = files[file]
        let isShorter = lock.pointee.locked { state.pointee.isLocal && Int(facts.size) < state.pointee.size }
        if isShorter { lookForOthers(file, state, isSuspicious: true) }
        numbers.add(Number.reads)
        goOn(request, file, &turn)
    }

    /// The next piece of a read: as far as there is one leg that has it all.
    private func goOn(_ request: Request, _ file: OpenFile, _ turn: inout Turn) {
        let state = files[file]
        let place = work.place(of: request)
        let length = request.length
        let begin = place.pointee.offset + place.pointee.done
        lock.pointee.lock()
        var legs = state.pointee.live & ~place.pointee.tried
        var number = state.pointee.number(at: begin)
        let last = state.pointee.number(at: request.end == .max ? .max : request.end - 1)
        place.pointee.first = number
        var piece = length - place.pointee.done
        legs &= ~state.pointee.region(number).pointee.stale
        while number < last {
            let next = legs & ~state.pointee.region(number + 1).pointee.stale
            if next == 0 {
                piece = state.pointee.end(of: number) - begin
                break
            }
            legs = next
            number += 1
        }
        place.pointee.last = number
        guard legs != 0 else {
            lock.pointee.unlock()
            let isKnown = place.pointee.result < 0 || place.pointee.tried == Mirror.onlyFirst
            return turn.complete(request, isKnown ? place.pointee.result : -Int(EIO))
        }
        // Behind the end other legs may still have what was cut off, or what came of a write that came to no end.
        if begin + piece > state.pointee.size {
            if legs.has(0) { legs = .leg(0) } else { piece = state.pointee.size - begin }
            if piece <= 0 {
                lock.pointee.unlock()
                return turn.complete(request, place.pointee.done)
            }
        }
        let leg = choose(legs, state)
        state.pointee.legs[leg].reads += 1
        lock.pointee.unlock()
        place.pointee.legs = .leg(leg)
        place.pointee.length = piece
        if policy == .fastest { place.pointee.began = Instant.now.nanoseconds }
        guard let target = target(leg, request.file.isDirect, state),
            make(request, piece, target, &turn)
        else {
            lock.pointee.locked { state.pointee.legs[leg].reads -= 1 }
            return turn.complete(request, -Int(EAGAIN))
        }
        turn.start(for: request, at: position)
    }

    /// The others have been tried.
    private static let onlyFirst: MirrorLegs = ~1

    private func choose(_ legs: MirrorLegs, _ state: UnsafeMutablePointer<MirrorState>) -> Int {
        if legs.nonzeroBitCount == 1 || policy == .first { return legs.firstLeg }
        state.pointee.turn &+= 1
        var best = -1
        // In turn where they are equal.
        for step in 0..<state.pointee.count {
            let leg = (step + state.pointee.turn) % state.pointee.count
            guard legs.has(leg) else { continue }
            let (one, other) = (state.pointee.legs[leg], best < 0 ? nil : state.pointee.legs[best] as MirrorState.Leg?)
            guard let other else {
                best = leg
                continue
            }
            if policy == .fastest
                ? one.usual * Int64(one.reads + 1) < other.usual * Int64(other.reads + 1) : one.reads < other.reads
            {
                best = leg
            }
        }
        return best
    }

    /// An own request for `length` bytes of a read behind what is done.
    private func make(_ request: Request, _ length: Int, _ target: Target, _ turn: inout Turn) -> Bool {
        let place = work.place(of: request)
        let done = place.pointee.done
        if done == 0, length == request.length {
            return turn.make(like: request, on: target, at: position) != nil
        }
        let count = request.vectorCount
        guard count > 0, let vector = request.buffer?.assumingMemoryBound(to: iovec.self) else {
            return turn.make(
                .read, on: target, request.buffer.map { $0 + done }, length: length,
                offset: place.pointee.offset + done, priority: request.priority, in: request.stack, at: position,
                for: request) != nil
        }
        let pages = (count * MemoryLayout<iovec>.stride + Pool.pageSize - 1) / Pool.pageSize
        guard let memory = Pool.take(pages) else { return false }
        let start = memory.leak()
        place.pointee.memory = UInt(bitPattern: start)
        place.pointee.pages = pages
        let rest = start.assumingMemoryBound(to: iovec.self)
        var (skip, left, used) = (done, length, 0)
        for index in 0..<count where left > 0 {
            let size = vector[index].iov_len
            if skip >= size {
                skip -= size
                continue
            }
            rest[used] = iovec(iov_base: vector[index].iov_base + skip, iov_len: min(size - skip, left))
            left -= rest[used].iov_len
            skip = 0
            used += 1
        }
        if turn.make(
            .read, on: target, start, vectorCount: used, length: length, offset: place.pointee.offset + done,
            priority: request.priority, in: request.stack, at: position, for: request) != nil
        {
            return true
        }
        freePiece(place)
        return false
    }

    private func freePiece(_ place: UnsafeMutablePointer<Work>) {
        guard let memory = UnsafeMutableRawPointer(bitPattern: place.pointee.memory) else { return }
        _ = PoolMemory(start: memory, pages: place.pointee.pages)
        place.pointee.memory = 0
    }

    private func readJoined(_ request: Request, _ own: OwnRequests, _ file: OpenFile, _ turn: inout Turn) {
        let state = files[file]
        let place = work.place(of: request)
        freePiece(place)
        let result = own[0].unsafelyUnwrapped.result
        let leg = place.pointee.legs.firstLeg
        let piece = place.pointee.length
        var plan = Plan()
        var isOver = false
        lock.pointee.lock()
        state.pointee.legs[leg].reads -= 1
        if policy == .fastest, result > 0 {
            let took = Instant.now.nanoseconds - place.pointee.began
            let usual = state.pointee.legs[leg].usual
            state.pointee.legs[leg].usual = usual == 0 ? took : usual + (took - usual) / 8
        }
        if result < 0 {
            place.pointee.result = result
            if result == -Int(EINVAL), request.file.isDirect, leg > 0,
                !state.pointee.legs[leg].refusesDirect
            {
                state.pointee.legs[leg].refusesDirect = true
            } else if result == -Int(EFAULT) || result == -Int(EINVAL) || Mirror.isPassing(result) {
                isOver = true
            } else {
                place.pointee.tried |= .leg(leg)
                readFailed(leg, CInt(-result), place, state, &plan)
            }
        } else if result < piece {
            // The end of the file: that of the first leg, where it counts.
            var mayAsk = leg != 0 && state.pointee.live.has(0) && !place.pointee.tried.has(0)
            for number in place.pointee.first...place.pointee.last
            where state.pointee.region(number).pointee.stale.has(0) { mayAsk = false }
            if mayAsk {
                place.pointee.tried = Mirror.onlyFirst
                place.pointee.result = place.pointee.done + result
            } else {
                place.pointee.done += result
                place.pointee.result = place.pointee.done
                isOver = true
            }
        } else {
            place.pointee.done += result
            place.pointee.tried = 0
            place.pointee.result = place.pointee.done
            isOver = place.pointee.done == request.length
        }
        advance(state, &plan)
        lock.pointee.unlock()
        if isOver { turn.complete(request, place.pointee.result) } else { goOn(request, file, &turn) }
        perform(&plan, file, &turn)
    }

    /// The leg is stale there, if another is not, and is written anew from that. Under the lock.
    @inline(never)
    private func readFailed(
        _ leg: Int, _ error: CInt, _ place: UnsafeMutablePointer<Work>, _ state: UnsafeMutablePointer<MirrorState>,
        _ plan: inout Plan
    ) {
        numbers.add(Number.retried)
        for number in place.pointee.first...place.pointee.last {
            let region = state.pointee.region(number)
            let others = state.pointee.live & ~region.pointee.stale & ~.leg(leg)
            guard others != 0, !region.pointee.stale.has(leg) else { continue }
            if region.pointee.unsafe | region.pointee.syncing != 0 { state.pointee.mustSync = true }
            state.change(number) {
                $0.stale |= .leg(leg)
                $0.unsafe &= ~.leg(leg)
                $0.syncing &= ~.leg(leg)
            }
        }
        if !state.pointee.legs[leg].isReadSaid {
            state.pointee.legs[leg].isReadSaid = true
            plan.failed |= .leg(leg)
            plan.isReadFailure = true
            plan.error = error
        }
    }

    // MARK: what others did

    /// A look at the first leg, which a server may have to be asked for: whether it is what the mirror left. `isSuspicious`: it
    /// seems to be shorter.
    @inline(never)
    private func lookForOthers(
        _ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>, isSuspicious: Bool = false
    ) {
        for _ in 0..<Mirror.mostLooks { if triesToLook(state, isSuspicious) { return } }
    }

    /// False: something was changed meanwhile, but nothing is being written.
    private func triesToLook(_ state: UnsafeMutablePointer<MirrorState>, _ isSuspicious: Bool) -> Bool {
        lock.pointee.lock()
        let (changes, size) = (state.pointee.changes, state.pointee.size)
        let hasIdle = state.pointee.hasIdle && state.pointee.writes == 0
        let target = state.pointee.live.has(0) ? state.pointee.legs[0].target : nil
        lock.pointee.unlock()
        guard hasIdle || isSuspicious, let target, let facts = MirrorFacts(target.descriptor) else { return true }
        var isOther = false
        lock.pointee.lock()
        if hasIdle, state.pointee.hasIdle, state.pointee.writes == 0, state.pointee.changes != changes {
            lock.pointee.unlock()
            return false
        }
        let leg = state.pointee.header.leg(0)
        if !state.isFirstStale {
            if hasIdle, state.pointee.changes == changes {
                isOther = facts.changed != state.pointee.idle.changed || facts.size != state.pointee.idle.size
            } else if isSuspicious {
                isOther = facts.size < size
            }
        }
        if isOther {
            state.pointee.idle = facts
            state.pointee.changes &+= 1
            state.pointee.size = facts.size
            leg.set(facts)
            state.pointee.header.isClean = false
            state.tellHeader()
            state.markOthersStale()
            if state.pointee.log != nil { state.pointee.unsaid = state.ticket }
        }
        lock.pointee.unlock()
        guard isOther else { return true }
        numbers.add(Number.outside)
        say(path(state)) { $0.add("it was changed without the mirror: the other legs are copied from it") }
        return true
    }

    // MARK: what goes on by itself

    /// What is to be done next. Under the lock.
    @inline(never)
    private func advance(_ state: UnsafeMutablePointer<MirrorState>, _ plan: inout Plan) {
        guard state.pointee.memory != nil else { return }
        if !state.pointee.isFlushing, !state.pointee.mustSync, isUrgent(state),
            state.pointee.pending > 0 || state.pointee.isHeaderPending
        {
            state.pointee.isFlushing = true
            state.pointee.round += 1
            state.pointee.roundError = 0
            fillBatch(state)
            plan.flush = true
        }
        if state.pointee.mustSync, !state.pointee.isCleaning { beginCleaning(state, onlyUnsafe: true, &plan) }
        if state.pointee.isHeldUp, !state.pointee.mustSync {
            state.pointee.isHeldUp = false
            fillBatch(state)
            plan.flush = true
        }
        advanceCopy(state, &plan)
        tellNumbers(state)
        if state.pointee.isClosing { advanceEnd(state, &plan) }
    }

    /// Whether somebody waits for the log, or it is time.
    private func isUrgent(_ state: UnsafeMutablePointer<MirrorState>) -> Bool {
        !state.pointee.logging.isEmpty || state.pointee.isDue
            || state.pointee.isClosing && state.pointee.roundError == 0
    }

    /// Under the lock.
    private func advanceEnd(_ state: UnsafeMutablePointer<MirrorState>, _ plan: inout Plan) {
        guard state.pointee.writes == 0, !state.pointee.isFlushing, !plan.flush, !state.pointee.isCleaning,
            plan.clean == 0,
            state.pointee.copy == .idle || state.pointee.copy == .paced, state.pointee.clock == nil,
            state.pointee.pacer == nil, !state.pointee.isSettling, !state.pointee.isOpeningDirect
        else { return }
        state.pointee.copy = .idle
        if state.pointee.roundError == 0 {
            if state.pointee.busyTotal > 0, !state.pointee.hasCleanFailed {
                beginCleaning(state, isAll: true, &plan)
                if plan.clean != 0 { return }
            }
            if isAtRest(state), !state.pointee.hasSettleFailed {
                plan.settles = true
                state.pointee.isSettling = true
                return
            }
        }
        if state.pointee.isAtExit {
            state.pointee.isEnded = true
            plan.tells = true
            return
        }
        state.pointee.isClosing = false
        plan.mayClose = true
    }

    /// The log may say what the legs' files are, and does not yet. Under the lock.
    private func isAtRest(_ state: UnsafeMutablePointer<MirrorState>) -> Bool {
        !state.pointee.header.isClean && state.pointee.busyTotal == 0 && state.pointee.writes == 0
            && !state.pointee.isFlushing && !state.pointee.isCleaning && state.pointee.pending == 0
            && (state.pointee.copy == .idle || state.pointee.copy == .paced) && state.pointee.log != nil
    }

    /// On a worker.
    private func settleLegs(_ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>) {
        lookForOthers(file, state)
        var known = InlineArray<4, MirrorFacts?>(repeating: nil)
        lock.pointee.lock()
        let (changes, live) = (state.pointee.changes, state.pointee.live)
        // What is longer than the first leg has been left over by a write that came to no end.
        let mayCut = state.pointee.staleTotal == 0 && isAtRest(state)
        lock.pointee.unlock()
        var size = -1
        live.forEachLeg { number in
            guard let target = state.pointee.legs[number].target else { return }
            known[number] = MirrorFacts(target.descriptor)
            if size < 0 { size = known[number]?.size ?? -1 }
            if mayCut, size >= 0, let facts = known[number], facts.size != size {
                _ = systemCall(SYS_ftruncate, Int(target.descriptor.number), size)
                known[number] = MirrorFacts(target.descriptor)
            }
        }
        lock.pointee.lock()
        let isSeen =
            !state.pointee.hasIdle || !live.has(0) || state.isFirstStale
            || known[0].map { $0.changed == state.pointee.idle.changed } ?? false
        if state.pointee.changes == changes, isAtRest(state), isSeen {
            let header = state.pointee.header
            live.forEachLeg { if let facts = known[$0] { header.leg($0).set(facts) } }
            if mayCut, size >= 0 { state.pointee.size = size }
            header.size = state.pointee.size
            header.isClean = true
            state.tellHeader()
            state.pointee.isDue = true
        }
        lock.pointee.unlock()
    }

    private func hasSettled(
        _ result: Int, _ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>, _ turn: inout Turn
    ) {
        var plan = Plan()
        lock.pointee.lock()
        state.pointee.isSettling = false
        // The log is not called clean then.
        state.pointee.hasSettleFailed = result < 0
        advance(state, &plan)
        lock.pointee.unlock()
        perform(&plan, file, &turn)
    }

    @inline(never)
    private func perform(_ plan: inout Plan, _ file: OpenFile, _ turn: inout Turn) {
        let state = files[file]
        if plan.failed != 0 { sayFailed(plan, state) }
        if plan.logError != 0 { sayLog(path(state), plan.logError) }
        if plan.flush { writeBatch(file, state, &turn) }
        if plan.clean != 0 { syncLegs(plan.clean, file, state, &turn) }
        if plan.copyRead { readPiece(file, state, &turn) }
        if plan.pace != 0 { pace(until: plan.pace, file, state, &turn) }
        while let request = plan.ready.popFirst() {
            request.become(.held, isFenced: true)
            let place = work.place(of: request)
            if place.pointee.stage == .begin {
                go(request, file, &turn)
            } else {
                turn.complete(request, place.pointee.result)
            }
        }
        while let request = plan.again.popFirst() {
            if !take(request, file, &turn) { turn.handOn(request, below: position) }
        }
        while let request = plan.refused.popFirst() { turn.complete(request, -Int(plan.error)) }
        if plan.settles { askWorker(.settle, file, state, &turn) }
        if plan.tells { turn.mustTell = true }
        if plan.mayClose { file.release(&turn) }
    }

    private func sayFailed(_ plan: borrowing Plan, _ state: UnsafeMutablePointer<MirrorState>) {
        let (legs, error, isRead) = (plan.failed, plan.error, plan.isReadFailure)
        legs.forEachLeg { number in
            say(path(state)) {
                $0.add("leg ")
                $0.add(Text(state.pointee.header.leg(number).path))
                $0.add(isRead ? " can't be read: " : " failed: ")
                $0.add(ErrorName.of(Int(error)) ?? Text("an error" as StaticString))
                $0.add(
                    isRead ? "; it is read from another, and written anew from that" : "; it goes on with the others")
            }
        }
    }

    // MARK: rounds of the log

    /// What is written next of a round. Under the lock.
    private func fillBatch(_ state: UnsafeMutablePointer<MirrorState>) {
        var count = 0
        var index = 0
        while count < MirrorState.batch, state.pointee.pending > 0, index < state.pointee.partsUsed {
            let part = state.pointee.part(index)
            if part.pointee.isPending {
                part.pointee.isPending = false
                part.pointee.isInRound = true
                state.pointee.pending -= 1
                state.encode(index, state.pointee.batchMemory + count * MirrorLayout.recordBytes)
                state.pointee.batch[count] = Int32(index)
                count += 1
            }
            index += 1
        }
        state.pointee.batchCount = count
        state.pointee.hasHeader = state.pointee.isHeaderPending
        if state.pointee.isHeaderPending {
            state.pointee.isHeaderPending = false
            let header = state.pointee.header
            header.sequence &+= 1
            header.size = state.pointee.size
            header.seal()
            memcpy(state.pointee.headerCopy, header.words.memory, MirrorLayout.page)
        }
        state.pointee.outstanding = count + (state.pointee.hasHeader ? 1 : 0)
    }

    private func writeBatch(_ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>, _ turn: inout Turn) {
        let count = state.pointee.batchCount
        var queue = RequestQueue()
        var done = 0
        var error = 0
        for index in 0..<count + (state.pointee.hasHeader ? 1 : 0) {
            let isHeader = index == count
            let memory =
                isHeader ? state.pointee.headerCopy : state.pointee.batchMemory + index * MirrorLayout.recordBytes
            let length = isHeader ? MirrorLayout.page : MirrorLayout.recordBytes
            let offset =
                isHeader
                ? Int(MirrorHeader(memory).sequence & 1) * MirrorLayout.page
                : MirrorLayout.place(ofRecord: Int(state.pointee.batch[index]), MirrorRecord(memory).sequence)
            if let own = makeOwn(.write, state.pointee.log, memory, length, offset, .logWrite, file, state, &turn) {
                queue.append(own)
            } else {
                // Where there can't be a request: better late than never.
                let number = Int(state.pointee.log.unsafelyUnwrapped.descriptor.number)
                let written = again { systemCall(SYS_pwrite64, number, address(memory), length, offset) }
                if written != length { error = written < 0 ? written : -Int(EIO) }
                done += 1
            }
        }
        numbers.add(Number.rounds)
        turn.handOn(&queue, below: position)
        if done > 0 { batchWritten(done, error, file, state, &turn) }
    }

    @inline(never)
    private func makeOwn(
        _ operation: Operation, _ target: Target?, _ memory: UnsafeMutableRawPointer?, _ length: Int, _ offset: Int,
        _ kind: Kind, _ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>, _ turn: inout Turn, leg: Int = 0
    ) -> Request? {
        guard let target,
            let own = turn.make(
                operation, on: target, memory, length: length, offset: offset, in: file.stack, at: position)
        else { return nil }
        begin(own, kind, file, leg: leg)
        return own
    }

    /// Some of a batch are over.
    private func batchWritten(
        _ count: Int, _ error: Int, _ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>, _ turn: inout Turn
    ) {
        lock.pointee.lock()
        if error != 0 { state.pointee.roundError = CInt(-error) }
        state.pointee.outstanding -= count
        let isOver = state.pointee.outstanding == 0
        let hasMore = isOver && state.pointee.roundError == 0 && state.pointee.pending > 0
        var plan = Plan()
        if hasMore {
            state.pointee.isHeldUp = true
            advance(state, &plan)
        }
        let isBad = state.pointee.roundError != 0
        lock.pointee.unlock()
        guard isOver else { return }
        if hasMore { return perform(&plan, file, &turn) }
        if isBad { return endRound(0, file, state, &turn) }
        guard let own = makeOwn(.synchronizeData, state.pointee.log, nil, 0, 0, .logSync, file, state, &turn) else {
            return synchronizeLog(file, state, &turn)
        }
        turn.handOn(own, below: position)
    }

    private func synchronizeLog(_ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>, _ turn: inout Turn) {
        let log = state.pointee.log.unsafelyUnwrapped.descriptor
        endRound(again { log.synchronize(dataOnly: true) }, file, state, &turn)
    }

    @inline(never)
    private func endRound(
        _ result: Int, _ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>, _ turn: inout Turn
    ) {
        var plan = Plan()
        lock.pointee.lock()
        if result < 0 { state.pointee.roundError = CInt(-result) }
        let error = state.pointee.roundError
        for index in 0..<state.pointee.partsUsed where state.pointee.part(index).pointee.isInRound {
            state.pointee.part(index).pointee.isInRound = false
            let first = index * MirrorLayout.regionsOfRecord
            for number in first..<min(first + MirrorLayout.regionsOfRecord, MirrorLayout.mostRegions) {
                let region = state.pointee.region(number)
                guard region.pointee.has(MirrorRegion.inRound) else { continue }
                region.pointee.flags =
                    region.pointee.flags & ~MirrorRegion.inRound
                    | (error == 0 ? MirrorRegion.dirty : MirrorRegion.wanted)
            }
            if error != 0 {
                // The same place once more: the other has what is true.
                state.pointee.part(index).pointee.sequence &-= 1
                state.tell(index)
            }
        }
        state.pointee.isFlushing = false
        if error == 0 {
            state.pointee.completed = state.pointee.round
            state.pointee.isDue = false
            state.pointee.isLogSaid = false
        } else {
            if state.pointee.hasHeader {
                state.pointee.header.sequence &-= 1
                state.tellHeader()
            }
            if !state.pointee.isLogSaid { plan.logError = error }
            state.pointee.isLogSaid = true
            state.pointee.isDue = false
        }
        var kept = RequestQueue()
        while let request = state.pointee.logging.popFirst() {
            let place = work.place(of: request)
            if place.pointee.ticket > state.pointee.round {
                kept.append(request)
                continue
            }
            if error != 0 {
                // What could not be told is not done, or not good.
                place.pointee.result = -Int(error)
                place.pointee.stage = .recording
            }
            if place.pointee.stage == .recording, request.operation == .write {
                leave(place, state, &plan)
            }
            plan.ready.append(request)
        }
        state.pointee.logging = kept
        advance(state, &plan)
        let isIdle = state.pointee.writes == 0 && !state.pointee.hasIdle
        lock.pointee.unlock()
        if isIdle { noteIdle(state) }
        perform(&plan, file, &turn)
    }

    // MARK: clean again

    /// Regions that are not written to are to be clean, or all; or only what was copied is to be safe. Under the lock.
    @inline(never)
    private func beginCleaning(
        _ state: UnsafeMutablePointer<MirrorState>, isAll: Bool = false, onlyUnsafe: Bool = false, _ plan: inout Plan
    ) {
        var isAny = onlyUnsafe
        state.forEach(busy: true) { _, region in
            if region.pointee.unsafe != 0 {
                region.pointee.syncing |= region.pointee.unsafe
                region.pointee.unsafe = 0
                isAny = true
            }
            if onlyUnsafe || region.pointee.writes > 0 || !region.pointee.has(MirrorRegion.dirty) { return }
            if region.pointee.has(MirrorRegion.touched), !isAll {
                region.pointee.flags &= ~MirrorRegion.touched
                return
            }
            region.pointee.flags |= MirrorRegion.cleaning
            isAny = true
        }
        guard isAny, state.pointee.live != 0 else { return }
        state.pointee.isCleaning = true
        state.pointee.hasCleanFailed = false
        state.pointee.cleanLegs = state.pointee.live
        state.pointee.cleanOutstanding = state.pointee.live.nonzeroBitCount
        plan.clean = state.pointee.live
    }

    private func syncLegs(
        _ legs: MirrorLegs, _ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>, _ turn: inout Turn
    ) {
        var queue = RequestQueue()
        var missing: MirrorLegs = 0
        legs.forEachLeg { leg in
            if let own = makeOwn(
                .synchronizeData, state.pointee.legs[leg].target, nil, 0, 0, .legSync, file, state, &turn, leg: leg)
            {
                queue.append(own)
            } else {
                missing |= .leg(leg)
            }
        }
        turn.handOn(&queue, below: position)
        missing.forEachLeg { leg in
            let result = state.pointee.legs[leg].target.map { target in
                again { target.descriptor.synchronize(dataOnly: true) }
            }
            legSynced(leg, result ?? -Int(EBADF), file, state, &turn)
        }
    }

    private func legSynced(
        _ leg: Int, _ result: Int, _ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>, _ turn: inout Turn
    ) {
        var plan = Plan()
        lock.pointee.lock()
        if result < 0 {
            fail(leg, CInt(-result), state, &plan)
            // The last one: nothing is safe.
            if state.pointee.live.has(leg) { state.pointee.hasCleanFailed = true }
        }
        state.pointee.cleanOutstanding -= 1
        if state.pointee.cleanOutstanding == 0 {
            state.pointee.isCleaning = false
            let isSafe = !state.pointee.hasCleanFailed
            var isAnyUnsafe = false
            state.forEach(busy: true) { number, region in
                if region.pointee.unsafe != 0 { isAnyUnsafe = true }
                let isCleaned = region.pointee.has(MirrorRegion.cleaning) && isSafe
                if region.pointee.syncing == 0, !region.pointee.has(MirrorRegion.cleaning) { return }
                state.change(number) {
                    if !isSafe { $0.unsafe |= $0.syncing }
                    $0.syncing = 0
                    $0.flags &= ~(MirrorRegion.cleaning | (isCleaned ? MirrorRegion.dirty : 0))
                }
            }
            state.pointee.mustSync = state.pointee.mustSync && isAnyUnsafe && isSafe
            state.pointee.isDue = true
        }
        advance(state, &plan)
        lock.pointee.unlock()
        perform(&plan, file, &turn)
    }

    // MARK: recovery

    /// Under the lock.
    @inline(never)
    private func advanceCopy(_ state: UnsafeMutablePointer<MirrorState>, _ plan: inout Plan) {
        if state.pointee.copy == .waiting, state.pointee.region(state.pointee.region).pointee.writes == 0 {
            state.pointee.copy = .reading
            plan.copyRead = true
        }
        guard state.pointee.copy == .idle, state.pointee.staleTotal > 0, !state.pointee.isCopyStuck,
            !state.pointee.isClosing, !state.pointee.mustSync, state.pointee.clock != nil
        else { return }
        guard let number = nextToCopy(state) else { return }
        let now = Instant.now.nanoseconds
        if state.pointee.nextCopy > now + 1_000_000 {
            state.pointee.copy = .paced
            plan.pace = state.pointee.nextCopy
            return
        }
        let region = state.pointee.region(number)
        state.pointee.region = number
        state.pointee.source = (state.pointee.live & ~region.pointee.stale).firstLeg
        state.pointee.targets = state.pointee.live & region.pointee.stale
        state.pointee.position = state.pointee.start(of: number)
        state.pointee.end = state.pointee.end(of: number)
        state.pointee.copy = .waiting
        state.pointee.isCopyVoid = false
        advanceCopy(state, &plan)
    }

    /// From where the last one was.
    private func nextToCopy(_ state: UnsafeMutablePointer<MirrorState>) -> Int? {
        for round in 0..<2 {
            let from = round == 0 ? state.pointee.cursor / MirrorLayout.regionsOfRecord : 0
            for index in from..<max(from, state.pointee.partsUsed) where state.pointee.part(index).pointee.stale > 0 {
                let first = index * MirrorLayout.regionsOfRecord
                for number in first..<min(first + MirrorLayout.regionsOfRecord, MirrorLayout.mostRegions)
                where round > 0 || number >= state.pointee.cursor {
                    let stale = state.pointee.region(number).pointee.stale
                    guard stale & state.pointee.live != 0, state.pointee.live & ~stale != 0 else { continue }
                    if state.pointee.start(of: number) < state.pointee.size {
                        state.pointee.cursor = number
                        return number
                    }
                    // Behind the end there is nothing to copy.
                    state.change(number) { $0.stale &= ~state.pointee.live }
                    if state.pointee.header.isClean {
                        state.pointee.header.isClean = false
                        state.tellHeader()
                    }
                }
            }
        }
        return nil
    }

    private func pace(
        until time: Int64, _ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>, _ turn: inout Turn
    ) {
        if let own = makeOwn(.read, state.pointee.legs[0].target, nil, 0, 0, .pacer, file, state, &turn) {
            lock.pointee.locked { state.pointee.pacer = own.identity }
            if Timers.add(own, at: Instant(nanoseconds: time), for: position) { return }
            turn.complete(own, 0)
            return
        }
        // The clock comes by.
        lock.pointee.locked { state.pointee.copy = .idle }
    }

    @inline(never)
    private func readPiece(_ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>, _ turn: inout Turn) {
        if state.pointee.buffer == nil { state.pointee.buffer = Pages.map(Mirror.pieceSize) }
        lock.pointee.lock()
        let length = min(Mirror.pieceSize, state.pointee.end - state.pointee.position)
        state.pointee.piece = length
        let isInside = state.pointee.position < max(state.pointee.size, 0)
        let target = state.pointee.legs[state.pointee.source].target
        let offset = state.pointee.position
        lock.pointee.unlock()
        if !isInside { return pieceDone(file, state, &turn, isEnd: true) }
        guard let buffer = state.pointee.buffer,
            let own = makeOwn(.read, target, buffer, length, offset, .copyRead, file, state, &turn)
        else { return giveUpCopy(file, state, &turn) }
        own.priority = Int32(HoldingQueue.lowestPriority)
        turn.handOn(own, below: position)
    }

    /// Later, when the clock comes by.
    private func giveUpCopy(_ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>, _ turn: inout Turn) {
        var plan = Plan()
        lock.pointee.lock()
        state.pointee.isCopyStuck = true
        endCopy(state, &plan)
        advance(state, &plan)
        lock.pointee.unlock()
        perform(&plan, file, &turn)
    }

    /// Under the lock.
    @inline(never)
    private func endCopy(_ state: UnsafeMutablePointer<MirrorState>, _ plan: inout Plan) {
        state.pointee.copy = .idle
        state.pointee.region = -1
        releaseBlocked(state, &plan)
    }

    /// Under the lock.
    private func releaseBlocked(_ state: UnsafeMutablePointer<MirrorState>, _ plan: inout Plan) {
        while let request = state.pointee.blocked.popFirst() {
            request.become(.held)
            plan.again.append(request)
        }
    }

    private func copyWasRead(
        _ result: Int, _ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>, _ turn: inout Turn
    ) {
        if result == 0 { return pieceDone(file, state, &turn, isEnd: true) }
        if result < 0 {
            var plan = Plan()
            lock.pointee.lock()
            let number = state.pointee.region
            let source = state.pointee.source
            let others = state.pointee.live & ~state.pointee.region(number).pointee.stale & ~.leg(source)
            if others != 0, !Mirror.isPassing(result) {
                // Another has it too.
                var place = Work()
                place.first = number
                place.last = number
                withUnsafeMutablePointer(to: &place) { readFailed(source, CInt(-result), $0, state, &plan) }
            } else {
                state.pointee.cursor = number + 1
                state.pointee.isCopyStuck = true
            }
            endCopy(state, &plan)
            advance(state, &plan)
            lock.pointee.unlock()
            return perform(&plan, file, &turn)
        }
        lock.pointee.lock()
        let targets = state.pointee.targets & state.pointee.live
        state.pointee.targets = targets
        state.pointee.copy = .writing
        state.pointee.piece = result
        state.pointee.copyOutstanding = targets.nonzeroBitCount
        let offset = state.pointee.position
        lock.pointee.unlock()
        if targets == 0 { return pieceDone(file, state, &turn, isEnd: true) }
        var queue = RequestQueue()
        var missing: MirrorLegs = 0
        targets.forEachLeg { leg in
            if let own = makeOwn(
                .write, state.pointee.legs[leg].target, state.pointee.buffer, result, offset, .copyWrite, file, state,
                &turn,
                leg: leg)
            {
                own.priority = Int32(HoldingQueue.lowestPriority)
                queue.append(own)
            } else {
                missing |= .leg(leg)
            }
        }
        turn.handOn(&queue, below: position)
        missing.forEachLeg { copyWasWritten($0, -Int(EAGAIN), file, state, &turn) }
    }

    @inline(never)
    private func copyWasWritten(
        _ leg: Int, _ result: Int, _ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>, _ turn: inout Turn
    ) {
        var plan = Plan()
        lock.pointee.lock()
        if result != state.pointee.piece {
            state.pointee.targets &= ~.leg(leg)
            if result >= 0 || !Mirror.isPassing(result) {
                fail(leg, result >= 0 ? ENOSPC : CInt(-result), state, &plan)
            } else {
                state.pointee.isCopyStuck = true
            }
        } else {
            numbers.add(Number.copied, result)
        }
        state.pointee.copyOutstanding -= 1
        let isOver = state.pointee.copyOutstanding == 0
        if isOver { state.pointee.position += state.pointee.piece }
        let isEnd = state.pointee.position >= state.pointee.end || state.pointee.targets == 0
        if isOver, !isEnd { state.pointee.copy = .reading }
        lock.pointee.unlock()
        perform(&plan, file, &turn)
        if isOver { if isEnd { pieceDone(file, state, &turn, isEnd: true) } else { readPiece(file, state, &turn) } }
    }

    /// The region is over.
    @inline(never)
    private func pieceDone(
        _ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>, _ turn: inout Turn, isEnd: Bool
    ) {
        var plan = Plan()
        lock.pointee.lock()
        let number = state.pointee.region
        let targets = state.pointee.targets & state.pointee.live & state.pointee.region(number).pointee.stale
        if targets != 0, !state.pointee.isCopyVoid,
            !state.pointee.region(number).pointee.stale.has(state.pointee.source)
        {
            state.change(number) {
                $0.stale &= ~targets
                $0.unsafe |= targets
            }
            state.pointee.changes &+= 1
            if targets.has(0) { state.pointee.hasIdle = false }
            if state.pointee.header.isClean {
                state.pointee.header.isClean = false
                state.tellHeader()
            }
        }
        state.pointee.cursor = number + 1
        let length = min(state.pointee.position, state.pointee.end) - state.pointee.start(of: number)
        let now = Instant.now.nanoseconds
        // What a slow moment has cost is made up for, within limits.
        state.pointee.nextCopy =
            max(state.pointee.nextCopy, state.pointee.nextCopy == 0 ? now : now - 50_000_000) + Int64(length)
            * 1_000_000_000 / Int64(rate)
        endCopy(state, &plan)
        advance(state, &plan)
        lock.pointee.unlock()
        perform(&plan, file, &turn)
    }

    // MARK: own requests come back

    func finished(_ own: Request, _ turn: inout Turn) {
        guard let file = own.openFile else { return }
        let state = files[file]
        let place = work.place(of: own)
        let result = own.result
        switch place.pointee.kind {
        case .program: return
        case .start: hasOpened(result, file, state, isStart: true, &turn)
        case .direct:
            if result < 0 { refuseDirect(state) }
            hasOpened(result, file, state, isStart: false, &turn)
        case .settle: hasSettled(result, file, state, &turn)
        case .clock, .pacer:
            var plan = Plan()
            var goesOn = false
            lock.pointee.lock()
            if place.pointee.kind == .clock {
                if state.pointee.clock == own.identity { state.pointee.clock = nil }
                // Not one that was withdrawn.
                goesOn = own.operation == .work && !state.pointee.isClosing
                if result > 0, goesOn { tick(state, &plan) }
            } else {
                if state.pointee.pacer == own.identity { state.pointee.pacer = nil }
                if state.pointee.copy == .paced { state.pointee.copy = .idle }
            }
            advance(state, &plan)
            lock.pointee.unlock()
            perform(&plan, file, &turn)
            if goesOn { startClock(file, state, &turn) }
        case .logWrite:
            guard let result = outcome(own, file, &turn) else { return }
            batchWritten(
                1, result == own.length ? 0 : result < 0 ? result : -Int(EIO), file, state, &turn)
        case .logSync:
            guard let result = outcome(own, file, &turn) else { return }
            endRound(result, file, state, &turn)
        case .legSync:
            guard let result = outcome(own, file, &turn) else { return }
            legSynced(place.pointee.leg, result, file, state, &turn)
        case .copyRead: copyWasRead(result, file, state, &turn)
        case .copyWrite: copyWasWritten(place.pointee.leg, result, file, state, &turn)
        }
    }

    /// Of a request that has to be done though who ends a connection has cancelled it: nil where a worker does it anew. Where
    /// there can be none it is better done here than never.
    private func outcome(_ own: Request, _ file: OpenFile, _ turn: inout Turn) -> Int? {
        let isWork = own.operation == .work
        guard own.result == -Int(isWork ? EAGAIN : ECANCELED) else { return own.result }
        guard !isWork,
            let other = turn.make(
                .work, on: own.target, own.buffer, length: own.length,
                offset: own.offset, in: own.stack, at: position)
        else { return work(own, &turn) }
        begin(other, work.place(of: own).pointee.kind, file, leg: work.place(of: own).pointee.leg)
        turn.handToWorker(other)
        return nil
    }

    func work(_ own: Request, _ turn: inout Turn) -> Int {
        guard let file = own.openFile else { return -Int(EIO) }
        let state = files[file]
        let descriptor = own.descriptor
        switch work.place(of: own).pointee.kind {
        case .start: start(file, own.target)
        case .direct: openDirect(file, state)
        case .settle: settleLegs(file, state)
        case .clock:
            lookForOthers(file, state, isSuspicious: true)
            answerQuestion(file, state)
            if !lock.pointee.locked({ state.pointee.hasIdle }) { noteIdle(state, isWorker: true) }
            return 1
        case .logWrite:
            return again {
                systemCall(
                    SYS_pwrite64, Int(descriptor.number), address(own.buffer), own.length,
                    own.offset)
            }
        case .logSync, .legSync: return again { descriptor.synchronize(dataOnly: true) }
        case .program, .pacer, .copyRead, .copyWrite: break
        }
        return 0
    }

    func expired(_ request: Request, _ turn: inout Turn) {
        guard request.isOwn, work.place(of: request).pointee.kind == .clock else { return turn.complete(request, 0) }
        turn.handToWorker(request)
    }

    /// Twice a second. Under the lock.
    private func tick(_ state: UnsafeMutablePointer<MirrorState>, _ plan: inout Plan) {
        state.pointee.isCopyStuck = false
        if !state.pointee.isCleaning, state.pointee.busyTotal > 0 { beginCleaning(state, &plan) }
        if state.pointee.pending > 0 || state.pointee.isHeaderPending { state.pointee.isDue = true }
        guard plan.clean == 0, isAtRest(state), !state.pointee.isSettling else { return }
        plan.settles = true
        state.pointee.isSettling = true
    }

    func cancel(_ identity: RequestIdentity, force: Bool, _ turn: inout Turn) -> CancelOutcome {
        lock.pointee.lock()
        defer { lock.pointee.unlock() }
        guard let request = identity.request(waitingAt: position) else { return .no }
        if let file = request.openFile, files[file].pointee.blocked.remove(request) {
            request.become(.held)
            return .taken
        }
        return request.isOwn && Timers.withdraw(identity, position: position) ? .taken : .no
    }
}

extension Mirror {
    static var entry: ModuleEntry {
        ModuleEntry(
            name: "mirror", parameters: parameters, side: .below, needsOrder: true,
            make: { Mirror(position: $0, parameters: $1) })
    }
}
