// Logs: lines that go to a file, stderr or syslog, and never hold up who writes them.
//
// A line is put together in a ring in memory; a thread of the log takes it from there to where it belongs. Nobody
// else ever waits for that place: if the ring is full, because the place is slow or gone, the line is dropped and
// counted, and at that point of the log a line says later how many are missing. The thread starts with the first
// line and ends when there was none for two seconds. The file stays open: the program may have given up its rights, or gone
// into another root, by the next line. Every two seconds the thread looks whether the name is another file's by now (it was
// rotated), and takes that one if it can. At exit the process waits until everything is written that was there by then, for
// as long as that makes progress.
//
// Invariant: `lock` guards `Guarded`; only the thread, of which there is one at most, uses `Own`. Lines lie in the
// ring from `tail` on, up to `head`; where `head` is below `tail`, up to `end` and then from 0 to `head`. A line is
// never parted by the ring's end. Only the thread moves `tail`, after it has written what was there, so it reads a
// piece without the lock. Lines are missing where `lost` is not 0: `lost` of them, at the place `gap`, which the
// thread does not pass before it has said so. `added` counts, from the log's beginning, the bytes of all lines and each gap,
// in their order, and `gone` those of them that the thread is done with. `isRunning` says that there is a thread that will look again. Where
// lines lie and no thread can be had, the next line, the reactor or the end of the process sees to them.

import CKernel
import Synchronization

struct Log {
    fileprivate enum Place: UInt8 { case file, standardError, syslog }

    /// What the thread waits for.
    fileprivate enum Sleep: UInt8 { case none, short, long }

    fileprivate struct State: ~Copyable {
        let lock = Lock()
        let ring: UnsafeMutablePointer<UInt8>
        let size: Int
        let place: Place
        /// Of the file, or of syslog's socket.
        let path: PathTemplate
        let isJSON: Bool
        /// Whom a message on stderr is from.
        let owner: StaticString
        let next: UnsafeMutablePointer<State>?

        let guarded: UnsafeMutablePointer<Guarded>
        let own: UnsafeMutablePointer<Own>

        /// Changes when the thread has something new to look at.
        let work = Atomic<UInt32>(0)
        /// Changes when the thread got something done.
        let progress = Atomic<UInt32>(0)

        init(
            _ ring: UnsafeMutablePointer<UInt8>, _ size: Int, _ place: Place, _ path: PathTemplate,
            isJSON: Bool, owner: StaticString, next: UnsafeMutablePointer<State>?
        ) {
            self.ring = ring
            self.size = size
            self.place = place
            self.path = path
            self.isJSON = isJSON
            self.owner = owner
            self.next = next
            guarded = .allocate(capacity: 1)
            guarded.initialize(to: Guarded())
            own = .allocate(capacity: 1)
            own.initialize(to: Own())
        }
    }

    /// By the lock.
    fileprivate struct Guarded {
        var head = 0
        var tail = 0
        var end = 0
        var gap = 0
        var lost = 0
        var added = 0
        var gone = 0
        var isRunning = false
        var sleep = Sleep.none
        /// Where no thread could be had: not tried again before this.
        var nextStart = Instant(nanoseconds: 0)
        /// The place takes nothing at the moment.
        var isBroken = false
    }

    /// The thread's own.
    fileprivate struct Own {
        var descriptor = Descriptor.none
        /// What was opened: the program may close the descriptor, and the number then be another file's.
        var device: UInt64 = 0
        var inode: UInt64 = 0
        var nextLook = Instant(nanoseconds: 0)
        var saidProblem = false
    }

    private let state: UnsafeMutablePointer<State>
    private var guarded: UnsafeMutablePointer<Guarded> { state.pointee.guarded }
    private var own: UnsafeMutablePointer<Own> { state.pointee.own }

    // MARK: all logs

    /// Every log there ever was; only grows. Guards `State.next` of new ones too.
    private static let allLock = Lock()
    nonisolated(unsafe) private static var all: UnsafeMutablePointer<State>?
    private static let isEnding = Atomic<Bool>(false)

    /// How often a busy log is written: lines come in between, and are written together.
    private static let nap: Int64 = 5_000_000
    /// How long a thread without lines stays.
    private static let patience: Int64 = 2_000_000_000
    /// How long after a failure the place is tried again.
    private static let retryAfter: Int64 = 1_000_000_000
    /// How long the end of the process waits for a place that takes nothing.
    private static let endPatience: Int64 = 1_000_000_000

    /// The log with this destination; all who name the same one, in the same format, share it. May allocate.
    ///
    /// - Parameters:
    ///   - destination: `stderr`, `syslog` (the socket /dev/log), `syslog:` and a socket's path, or a file's path, in
    ///     which `%p` is the process id.
    ///   - size: of the ring, in bytes.
    ///   - owner: whom a message on stderr is from.
    /// - Returns: nil without memory.
    static func open(_ destination: Text, isJSON: Bool, size: Int, owner: StaticString) -> Log? {
        var place = Place.file
        var name = destination
        if destination == "stderr" {
            place = .standardError
        } else if destination == "syslog" {
            place = .syslog
            name = Text("/dev/log" as StaticString)
        } else if destination.hasPrefix("syslog:") {
            place = .syslog
            name = destination.dropFirst(7)
        }
        guard let path = PathTemplate(name) else { return nil }
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        allLock.lock()
        defer { allLock.unlock() }
        var known = all
        while let state = known {
            if state.pointee.place == place, state.pointee.isJSON == isJSON,
                state.pointee.path.text == path.text
            {
                path.free()
                return Log(state: state)
            }
            known = state.pointee.next
        }
        guard let ring = Pages.map(size) else {
            path.free()
            return nil
        }
        if all == nil {
            prepareForEnd()
            findZone()
        }
        let state = UnsafeMutablePointer<State>.allocate(capacity: 1)
        state.initialize(
            to: State(
                ring.assumingMemoryBound(to: UInt8.self), size, place, path, isJSON: isJSON, owner: owner, next: all))
        all = state
        return Log(state: state)
    }

    private init(state: UnsafeMutablePointer<State>) { self.state = state }

    private static func prepareForEnd() {
        atexit { Log.finishAll() }
        pthread_atfork(nil, nil, { Log.closeInherited() })
    }

    private static func forEach(_ body: (Log) -> Void) {
        allLock.lock()
        var next = all
        allLock.unlock()
        while let state = next {
            body(Log(state: state))
            next = state.pointee.next
        }
    }

    /// The reactor's part: starts the threads that a signal handler could not.
    static func startThreads() {
        forEach { log in
            log.state.pointee.lock.lock()
            let isWaiting = !log.isEmpty
            let start = isWaiting && log.claimThread()
            log.state.pointee.lock.unlock()
            if start { log.startThread() }
        }
    }

    // MARK: writing

    /// Adds a line.
    ///
    /// All signals are blocked. Takes no memory, and waits for nothing but other threads that do the same.
    ///
    /// - Parameters:
    ///   - most: more bytes than this the line can't have.
    ///   - mayCreateThreads: see `Turn.mayCreateThreads`.
    ///   - body: puts the line together, without its end; under the log's lock.
    func add(_ most: Int, mayCreateThreads: Bool, _ body: (inout Line) -> Void) {
        state.pointee.lock.lock()
        if let place = reserve(most + 1) {
            var line = Line(place, capacity: most)
            body(&line)
            place[line.count] = 0x0a
            guarded.pointee.head += line.count + 1
            guarded.pointee.added += line.count + 1
        } else {
            if guarded.pointee.lost == 0 { openGap() }
            guarded.pointee.lost += 1
        }
        let start = mayCreateThreads && claimThread()
        let isMissing = !guarded.pointee.isRunning
        let wake = takeSleeper()
        state.pointee.lock.unlock()
        if start { startThread() }
        if isMissing { Reactor.ask(.log) }
        if wake {
            state.pointee.work.wrappingAdd(1, ordering: .sequentiallyConsistent)
            Futex.wake(state.pointee.work, 1)
        }
    }

    /// Room in one piece for so many bytes. Under the lock.
    private func reserve(_ most: Int) -> UnsafeMutablePointer<UInt8>? {
        let (head, tail) = (guarded.pointee.head, guarded.pointee.tail)
        if head < tail { return tail - head > most ? state.pointee.ring + head : nil }
        if state.pointee.size - head >= most { return state.pointee.ring + head }
        guard tail > most else { return nil }
        guarded.pointee.end = head
        guarded.pointee.head = 0
        // A gap that was noted at the old head is still found there: the lines before it end there.
        return state.pointee.ring
    }

    /// Lines are missing from here on. Under the lock.
    private func openGap() {
        guarded.pointee.gap = guarded.pointee.head
        guarded.pointee.added += 1
    }

    /// Under the lock.
    private var isEmpty: Bool { guarded.pointee.gone == guarded.pointee.added }

    /// Under the lock: whether the thread is to be woken, which is then the caller's to do. In a nap it is left alone
    /// while the ring has room.
    private func takeSleeper() -> Bool {
        switch guarded.pointee.sleep {
        case .none: return false
        case .short:
            var used = guarded.pointee.head - guarded.pointee.tail
            if used < 0 { used += guarded.pointee.end }
            if used < state.pointee.size / 2 { return false }
        case .long: break
        }
        guarded.pointee.sleep = .none
        return true
    }

    // MARK: the thread

    /// Under the lock. True: the caller is to start the thread.
    private func claimThread() -> Bool {
        if guarded.pointee.isRunning || Instant.roughlyNow < guarded.pointee.nextStart { return false }
        guarded.pointee.isRunning = true
        return true
    }

    @discardableResult
    private func startThread() -> Bool {
        let isStarted = Thread.start(UnsafeMutableRawPointer(state)) { argument in
            Thread.begin("kaio-log")
            Log(state: argument!.assumingMemoryBound(to: State.self)).run()
            return nil
        }
        if !isStarted {
            state.pointee.lock.lock()
            guarded.pointee.isRunning = false
            guarded.pointee.nextStart = Instant.roughlyNow.advanced(by: Log.retryAfter)
            state.pointee.lock.unlock()
        }
        return isStarted
    }

    private func run() {
        var lastLine = Instant.now
        while true {
            switch step() {
            case .wrote:
                lastLine = .now
                if !Log.isEnding.load(ordering: .relaxed) { sleep(.short, until: lastLine.advanced(by: Log.nap)) }
            case .failed: sleep(.none, until: Instant.now.advanced(by: Log.retryAfter))
            case .nothing:
                if sleep(.long, until: lastLine.advanced(by: Log.patience)) { return }
            }
        }
    }

    /// Sleeps until there is something to do. True: there was nothing for long enough, and the thread is to end.
    @discardableResult
    private func sleep(_ kind: Sleep, until deadline: Instant) -> Bool {
        state.pointee.lock.lock()
        let seen = state.pointee.work.load(ordering: .sequentiallyConsistent)
        if kind == .long, !isEmpty {
            state.pointee.lock.unlock()
            return false
        }
        if kind == .long, Instant.now >= deadline {
            guarded.pointee.head = 0
            guarded.pointee.tail = 0
            Pages.discard(state.pointee.ring, state.pointee.size)
            guarded.pointee.isRunning = false
            state.pointee.lock.unlock()
            return true
        }
        guarded.pointee.sleep = kind
        state.pointee.lock.unlock()
        _ = Futex.wait(state.pointee.work, seen, until: deadline)
        state.pointee.lock.lock()
        guarded.pointee.sleep = .none
        state.pointee.lock.unlock()
        return false
    }

    private enum Step { case wrote, failed, nothing }

    /// Writes the next piece of the ring, or of what is missing there.
    ///
    /// - Parameter mask: of who does it in the thread's place, and has all signals blocked: they are not while it writes.
    private func step(_ mask: SignalMask? = nil) -> Step {
        state.pointee.lock.lock()
        if guarded.pointee.lost > 0, guarded.pointee.tail == guarded.pointee.gap {
            let lost = guarded.pointee.lost
            state.pointee.lock.unlock()
            return tellLost(lost, mask)
        }
        if guarded.pointee.head < guarded.pointee.tail, guarded.pointee.tail == guarded.pointee.end {
            guarded.pointee.tail = 0
        }
        let (head, tail) = (guarded.pointee.head, guarded.pointee.tail)
        if head == tail {
            // Lines in one piece are written with one call.
            if guarded.pointee.lost == 0 {
                guarded.pointee.head = 0
                guarded.pointee.tail = 0
            }
            state.pointee.lock.unlock()
            return .nothing
        }
        var stop = head < tail ? guarded.pointee.end : head
        if guarded.pointee.lost > 0, (tail..<stop).contains(guarded.pointee.gap) { stop = guarded.pointee.gap }
        state.pointee.lock.unlock()
        let written = write(Text(UnsafePointer(state.pointee.ring + tail), count: stop - tail), mask)
        state.pointee.lock.lock()
        guarded.pointee.tail += written
        guarded.pointee.gone += written
        guarded.pointee.isBroken = written == 0
        state.pointee.lock.unlock()
        return note(written > 0)
    }

    private func tellLost(_ lost: Int, _ mask: SignalMask?) -> Step {
        let isTold = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 128) { buffer in
            var line = Line(buffer.baseAddress!, capacity: buffer.count)
            if state.pointee.isJSON {
                line.add("{\"time\":\"")
                line.add(WallTime())
                line.add("\",\"lost\":")
                line.add(lost)
                line.add("}\n")
            } else {
                line.add(WallTime())
                line.add(" lines lost: ")
                line.add(lost)
                line.add("\n")
            }
            return write(line.text, mask) > 0
        }
        state.pointee.lock.lock()
        if isTold {
            guarded.pointee.lost -= lost
            guarded.pointee.gone += 1
            // Those that were dropped meanwhile.
            if guarded.pointee.lost > 0 { openGap() }
        }
        guarded.pointee.isBroken = !isTold
        state.pointee.lock.unlock()
        return note(isTold)
    }

    private func note(_ done: Bool) -> Step {
        guard done else { return .failed }
        state.pointee.progress.wrappingAdd(1, ordering: .sequentiallyConsistent)
        if Log.isEnding.load(ordering: .sequentiallyConsistent) { Futex.wake(state.pointee.progress) }
        return .wrote
    }

    // MARK: where the lines go; the thread's own

    /// Writes whole lines. Returns how many bytes are gone; 0 where the place takes nothing.
    private func write(_ lines: Text, _ mask: SignalMask?) -> Int {
        mask.map { $0.whileWriting { write(lines) } } ?? write(lines)
    }

    private func write(_ lines: Text) -> Int {
        guard open() else { return 0 }
        if state.pointee.place == .syslog { return send(lines) }
        while true {
            let result = own.pointee.descriptor.write(lines.start, lines.count)
            if result > 0 { return result }
            if result == -Int(EINTR) { continue }
            say("can't be written", result)
            close()
            return 0
        }
    }

    private func open() -> Bool {
        if own.pointee.descriptor.isOpen, isMine { return true }
        var result = Int(STDERR_FILENO)
        var reason: StaticString?
        switch state.pointee.place {
        case .standardError: if StandardError.descriptor == nil { result = -Int(EBADF) }
        case .file: result = openFile(&reason)
        case .syslog: result = state.pointee.path.with { Syslog.connect($0, &reason) }
        }
        if result >= 0, take(Descriptor(number: CInt(truncatingIfNeeded: result))) { return true }
        say("can't be opened", result < 0 ? result : -Int(EMFILE), reason)
        return false
    }

    private func take(_ new: Descriptor) -> Bool {
        let isStandardError = state.pointee.place == .standardError
        own.pointee.descriptor = isStandardError ? new : new.adopted()
        own.pointee.nextLook = Instant.now.advanced(by: Log.patience)
        var status = stat()
        guard !isStandardError, own.pointee.descriptor.status(&status) == 0 else {
            return own.pointee.descriptor.isOpen
        }
        own.pointee.device = UInt64(status.st_dev)
        own.pointee.inode = UInt64(status.st_ino)
        return true
    }

    /// Whether the descriptor still is what was opened. If not, it is not ours to close.
    private var isMine: Bool {
        if state.pointee.place == .standardError { return StandardError.descriptor != nil }
        var status = stat()
        if own.pointee.descriptor.status(&status) == 0, isOpened(status) {
            if state.pointee.place == .file, Instant.now >= own.pointee.nextLook { lookAgain() }
            return true
        }
        ProcessPage.current?.removeOwn(own.pointee.descriptor)
        own.pointee.descriptor = .none
        return false
    }

    private func isOpened(_ status: stat) -> Bool {
        UInt64(status.st_dev) == own.pointee.device && UInt64(status.st_ino) == own.pointee.inode
    }

    /// Takes the file that has the name now, if it is another one and can be had.
    private func lookAgain() {
        own.pointee.nextLook = Instant.now.advanced(by: Log.patience)
        var status = stat()
        let result = state.pointee.path.with { path in
            withUnsafeMutablePointer(to: &status) {
                systemCall(SYS_newfstatat, Int(AT_FDCWD), address(path), address($0), 0)
            }
        }
        if result == 0, isOpened(status) { return }
        var reason: StaticString?
        let number = openFile(&reason)
        if number < 0 { return }
        let old = own.pointee.descriptor
        if take(Descriptor(number: CInt(number))) { old.dispose() } else { own.pointee.descriptor = old }
    }

    private func openFile(_ reason: inout StaticString?) -> Int {
        // Not waiting for the reader of a FIFO: then nobody would be told that there is none. What is written waits.
        let number = state.pointee.path.openForWriting(mode: 0o640, flags: O_APPEND, reason: &reason)
        if number >= 0 { _ = systemCall(SYS_fcntl, number, Int(F_SETFL), Int(O_APPEND)) }
        return number
    }

    private func close() {
        let old = own.pointee.descriptor
        own.pointee.descriptor = .none
        if state.pointee.place != .standardError { old.dispose() }
    }

    /// Once in the life of a log.
    private func say(_ what: StaticString, _ result: Int, _ reason: StaticString? = nil) {
        if own.pointee.saidProblem { return }
        own.pointee.saidProblem = true
        var message = Message()
        message.add("kaio: ")
        message.add(state.pointee.owner)
        message.add(": the log ")
        if state.pointee.place == .standardError { message.add("stderr") } else { message.add(state.pointee.path.text) }
        message.add(" ")
        message.add(what)
        message.add(" (")
        message.add(ErrorName.of(-result) ?? Text("nothing was taken" as StaticString))
        if reason != nil {
            message.add(": ")
            message.addProblem(-result, reason)
        }
        message.add("); it is tried again every second, and lines that find no room until then are lost")
        message.show()
    }

    /// A datagram for each line.
    private func send(_ lines: Text) -> Int {
        var rest = lines
        while let length = rest.firstIndex(of: 0x0a) {
            let result = Syslog.send(own.pointee.descriptor, rest.prefix(length), zone: Log.zone)
            if result < 0 {
                // The daemon was started anew, or ended.
                close()
                guard rest.count == lines.count, result == -Int(ECONNREFUSED) || result == -Int(ENOTCONN), open(),
                    Syslog.send(own.pointee.descriptor, rest.prefix(length), zone: Log.zone) >= 0
                else {
                    say("takes nothing", result)
                    break
                }
            }
            rest = rest.dropFirst(length + 1)
        }
        return lines.count - rest.count
    }

    /// Seconds east of UTC, for syslog. Asked for once: the C library's answer takes a lock, which must not be held by
    /// a thread of ours when the program forks.
    nonisolated(unsafe) private static var zone = 0

    private static func findZone() {
        var now = timespec(of: CLOCK_REALTIME).tv_sec
        var parts = tm()
        localtime_r(&now, &parts)
        zone = parts.tm_gmtoff
    }

    // MARK: the end of the process, and its children

    /// Waits until everything is written that other threads don't add meanwhile, for as long as that goes on.
    private static func finishAll() {
        // In the child of a fork or a vfork that has no log of its own, the lines are the parent's.
        guard Engine.isPrepared, ProcessPage.current?.isOfThisProcess == true else { return }
        isEnding.store(true, ordering: .sequentiallyConsistent)
        var next = Log.blocked { allLock.locked { all } }
        while let state = next {
            Log(state: state).finish()
            next = state.pointee.next
        }
    }

    private static func blocked<T>(_ body: () -> T) -> T {
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        return body()
    }

    /// The same for one log. Signals reach the caller while it waits.
    func finish() {
        Log.isEnding.store(true, ordering: .sequentiallyConsistent)
        let mask = SignalMask.blockAll()
        state.pointee.lock.lock()
        let end = guarded.pointee.added
        let start = !isEmpty && !guarded.pointee.isRunning
        if start { guarded.pointee.isRunning = true }
        state.pointee.lock.unlock()
        if start, !startThread() {
            // In its place.
            state.pointee.lock.locked { guarded.pointee.isRunning = true }
            while state.pointee.lock.locked({ guarded.pointee.gone < end }), step(mask) == .wrote {}
            state.pointee.lock.locked { guarded.pointee.isRunning = false }
        }
        mask.restore()
        state.pointee.work.wrappingAdd(1, ordering: .sequentiallyConsistent)
        Futex.wake(state.pointee.work)
        var last = state.pointee.progress.load(ordering: .sequentiallyConsistent)
        var deadline = Instant.now.advanced(by: Log.endPatience)
        while true {
            let seen = state.pointee.progress.load(ordering: .sequentiallyConsistent)
            let isDone = Log.blocked {
                state.pointee.lock.locked {
                    guarded.pointee.gone >= end || guarded.pointee.isBroken || !guarded.pointee.isRunning
                }
            }
            if isDone { return }
            if seen != last {
                last = seen
                deadline = Instant.now.advanced(by: Log.endPatience)
            }
            if Futex.wait(state.pointee.progress, seen, until: deadline) == -Int(ETIMEDOUT) { return }
        }
    }

    /// In the child of a fork, as soon as it runs: later the number may be the child's own.
    private static func closeInherited() {
        var next = all
        while let state = next {
            let own = state.pointee.own
            if state.pointee.place != .standardError { own.pointee.descriptor.close() }
            own.pointee.descriptor = .none
            next = state.pointee.next
        }
    }

    /// In the child of a fork, before its first line: the parent's lines are the parent's.
    static func resetAll() {
        allLock.reset()
        isEnding.store(false, ordering: .relaxed)
        forEach { $0.reset() }
    }

    private func reset() {
        state.pointee.lock.reset()
        guarded.pointee.head = 0
        guarded.pointee.tail = 0
        guarded.pointee.lost = 0
        guarded.pointee.added = 0
        guarded.pointee.gone = 0
        guarded.pointee.isRunning = false
        guarded.pointee.sleep = .none
        guarded.pointee.nextStart = Instant(nanoseconds: 0)
        guarded.pointee.isBroken = false
        own.pointee.descriptor = .none
        own.pointee.saidProblem = false
    }
}
