// follow: a read that begins at or beyond the end of a file waits until the file has grown that far, and then gives what is there.
//
//     vfs objects = follow ordered aio_linux aio_poll aio_pthread
//     follow:timeout = 10s
//     follow:at end = ENODATA
//
// It belongs above `ordered`, where a write of the program's own does not wait behind a read that waits for it. inotify says
// that a file has changed; a read of the module's own on its descriptor waits in the reactor's epoll, so no thread does. That read
// is there only while others wait. Where inotify has no more room, or does not hear of all changes (what other machines do to a file
// of a network file system), the file is looked at ten times a second.
//
// Invariant, under `lock`: a request that waits is in the list of its file, with its size as it was then in `size`, exposed, and
// in `Timers` too if there is a timeout; who takes it out of the list has it, but one whose time is up just then goes on by
// `expired`. A watch of the kernel's is in `wd` of its file, and in the table of watches. A file with requests that wait has a
// watch, or `isPolled`; or a thread is just about to see to that (`isSettling`).

import CKernel
import Synchronization

final class Follow: Module {
    private struct State {
        var first: Request?
        var size: Int64 = 0
        /// Changes with `size`, and when a request begins to wait.
        var looks: UInt64 = 0
        var wd: CInt = -1
        var isSettling = false
        var isPolled = false
        /// Only a worker looks at it, as that may wait for its server; one at a time.
        var isRemote = false
        var isLooking = false
        var isClosing = false
        /// Whether it is in the list of those that are looked at.
        var isListed = false
        /// Changes in a row that nobody waited for.
        var idleEvents = 0
        /// In the chain of its watch; and of the files that are polled.
        var nextWatched: OpenFile?
        var nextPolled: OpenFile?
    }

    /// In the list of those that wait for a file; not by the requests' own links, which are those of `Timers`' hands.
    private struct Link: BitwiseCopyable {
        var isIn = false
        var previous: Request?
        var next: Request?
    }

    private struct Shared {
        /// What tells of changes; none: not opened yet, or lost.
        var inotify = Target(descriptor: .none, file: FileFacts())
        /// The module's own read of it.
        var reader: Request?
        var isReading = false
        /// It is given up by the module itself.
        var isStopping = false
        var waitingCount = 0
        var polled: OpenFile?
        /// A request of the module's own in `Timers`, for the files that are polled.
        var clock: Request?
        var hasSaid = false
    }

    static let parameters: StaticString = "timeout, at end"

    private enum Number {
        static let (waited, grown, shrunk, timedOut, cancelled, events, polls, watches, waiting) =
            (0, 1, 2, 3, 4, 5, 6, 7, 8)
        static let names: StaticString = "waited grown shrunk timed_out cancelled events polls =watches =waiting"
    }

    let name: StaticString = "follow"
    private let position: Int
    /// Apart from what it guards: to the thread sanitizer a change of a part is one of the whole.
    private let lock: UnsafeMutablePointer<Lock>
    private let shared: UnsafeMutablePointer<Shared>
    private let files: PerFile<State>
    private let links: PerRequest<Link>
    private let watches: UnsafeMutablePointer<OpenFile?>
    private let numbers: ModuleNumbers
    private let buffer: UnsafeMutableRawPointer
    /// 0: for ever.
    private let timeout: Int64
    private let atEnd: Int

    private static let (bufferSize, eventSize) = (4096, MemoryLayout<inotify_event>.size)
    private static let watchBuckets = 4096
    private static let pollInterval: Int64 = 100_000_000
    /// A watch that nobody needs goes after so many changes.
    private static let mostIdleEvents = 16

    init?(position: Int, parameters: Parameters) {
        guard let files = PerFile<State>(), let links = PerRequest<Link>(), let buffer = Pages.map(Follow.bufferSize),
            let table = Pages.map(Follow.watchBuckets * MemoryLayout<OpenFile?>.stride),
            let numbers = ModuleNumbers("follow", parameters.service, Number.names)
        else {
            sayNoMemory(for: "follow")
            return nil
        }
        self.position = position
        self.files = files
        self.links = links
        self.buffer = buffer
        self.numbers = numbers
        watches = table.bindMemory(to: OpenFile?.self, capacity: Follow.watchBuckets)
        watches.initialize(repeating: nil, count: Follow.watchBuckets)
        lock = .allocate(capacity: 1)
        lock.initialize(to: Lock())
        shared = .allocate(capacity: 1)
        shared.initialize(to: Shared())
        timeout = parameters.interval("follow", "timeout", default: 0, in: 0...86_400_000_000_000)
        atEnd = parameters.choice("follow", "at end", among: "0 ENODATA") == 1 ? -Int(ENODATA) : 0
    }

    deinit {
        if shared.pointee.inotify.descriptor.isOpen { ModuleDescriptors.close(shared.pointee.inotify.descriptor) }
        files.free()
        links.free()
        Pages.unmap(buffer, Follow.bufferSize)
        Pages.unmap(watches, Follow.watchBuckets * MemoryLayout<OpenFile?>.stride)
        lock.deallocate()
        shared.deallocate()
    }

    /// The descriptor was closed when the child began.
    func reset() {
        lock.pointee.reset()
        shared.initialize(to: Shared())
        watches.initialize(repeating: nil, count: Follow.watchBuckets)
    }

    // MARK: files

    var hearsOfFiles: Bool { true }

    func opened(_ file: OpenFile, _ descriptor: Descriptor, _ facts: FileFacts, _ turn: inout Turn) {
        files.begin(file, State())
    }

    var prepares: Bool { true }

    func prepare(_ file: OpenFile, _ target: Target) {
        guard target.descriptor.isRemote else { return }
        locked {
            files[file].pointee.isRemote = true
            files[file].pointee.isPolled = true
        }
    }

    func closes(_ file: OpenFile, _ turn: inout Turn) {
        locked {
            guard files[file].pointee.isLooking, !files[file].pointee.isClosing else { return }
            files[file].pointee.isClosing = true
            file.hold()
        }
    }

    func closed(_ file: OpenFile) {
        locked {
            removeWatch(of: file)
            if files[file].pointee.isListed { unlist(file) }
        }
    }

    private func locked<T>(_ body: () -> T) -> T { lock.pointee.locked(body) }

    // MARK: on the way down

    func passage(of operation: Operation) -> Passage { operation == .read ? .guards : .passesThrough }

    var fastCalls: FastCalls {
        FastCalls(
            ask: { _, attempt in
                FastCalls.answer(attempt) { $0.isWrite || $0.offset < $0.file.size ? .goOn : .slow }
            },
            admit: { _, block in
                let request = Request(data: block).unsafelyUnwrapped
                return request.offset < request.file.size
            })
    }

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        var free = RequestQueue()
        while let request = requests.popFirst() {
            let facts = request.file
            guard request.operation == .read, facts.kind == .file, !facts.isBlockDevice,
                request.offset >= facts.size, request.length > 0,
                let file = request.openFile
            else {
                free.append(request)
                continue
            }
            wait(request, file, &turn)
        }
        turn.handOn(&free, below: position)
    }

    private func wait(_ request: Request, _ file: OpenFile, _ turn: inout Turn) {
        let state = files[file]
        let (descriptor, facts, stack) = (request.descriptor, request.file, request.stack)
        numbers.add(Number.waited)
        numbers.add(Number.waiting)
        Exposure.begin(request)
        lock.pointee.lock()
        if state.pointee.first == nil { state.pointee.size = facts.size }
        link(request, state)
        state.pointee.looks &+= 1
        shared.pointee.waitingCount += 1
        // Who waits for ever, or without a timer.
        if timeout == 0 || !Timers.add(request, at: Instant.now.advanced(by: timeout), for: position) {
            request.become(.waiting, at: position)
        }
        let settles = !state.pointee.isSettling
        if settles { state.pointee.isSettling = true }
        lock.pointee.unlock()
        // From here on it may be over.
        if settles { settle(file, descriptor, facts, stack, &turn) }
        beginLook(at: file, descriptor, facts, stack, &turn)
    }

    /// Sees to it that a file with requests that wait is heard of.
    private func settle(
        _ file: OpenFile, _ descriptor: Descriptor, _ facts: FileFacts, _ stack: Stack, _ turn: inout Turn
    ) {
        let state = files[file]
        let isWatched = locked { state.pointee.wd >= 0 || state.pointee.isPolled }
        if !isWatched, let inotify = openInotify(stack, &turn) {
            let wd = Follow.watch(descriptor, inotify)
            if wd >= 0, facts.isStill(descriptor) {
                locked { addWatch(wd, of: file) }
            } else if wd >= 0 {
                // The number is another file's by now, and the request is over.
                _ = systemCall(SYS_inotify_rm_watch, Int(inotify.number), Int(wd))
            } else {
                fallBack(file, "inotify_add_watch", -wd)
            }
        } else if !isWatched {
            locked { state.pointee.isPolled = true }
        }
        locked { state.pointee.isSettling = false }
        listen(file, stack, &turn)
    }

    private static func watch(_ descriptor: Descriptor, _ inotify: Descriptor) -> CInt {
        descriptor.withLink { link in
            CInt(
                truncatingIfNeeded: systemCall(
                    SYS_inotify_add_watch, Int(inotify.number), address(link), Int(IN_MODIFY)))
        }
    }

    private func openInotify(_ stack: Stack, _ turn: inout Turn) -> Descriptor? {
        let (known, isReading) = locked { (shared.pointee.inotify.descriptor, shared.pointee.isReading) }
        if known.isOpen {
            if ModuleDescriptors.has(known) { return known }
            // The read of it ends soon, as the reactor finds that it is lost.
            if isReading { return nil }
            loseInotify(stack, &turn)
        }
        let number = systemCall(SYS_inotify_init1, Int(O_CLOEXEC | O_NONBLOCK))
        guard number >= 0 else {
            say("inotify_init1", CInt(-number))
            return nil
        }
        let descriptor = Descriptor(number: CInt(number)).adopted()
        guard descriptor.isOpen, ModuleDescriptors.keep(descriptor), var facts = FileFacts(descriptor) else {
            descriptor.dispose()
            say("a descriptor", EMFILE)
            return nil
        }
        // It waits all the same, and need not be asked not to (`neverBlocks`).
        facts.statusFlags &= ~O_NONBLOCK
        let isFirst = locked {
            if shared.pointee.inotify.descriptor.isOpen { return false }
            shared.pointee.inotify = Target(descriptor: descriptor, file: facts)
            return true
        }
        if !isFirst { ModuleDescriptors.close(descriptor) }
        return locked { shared.pointee.inotify.descriptor }
    }

    /// The file is looked at by time from here on.
    private func fallBack(_ file: OpenFile, _ call: StaticString, _ error: CInt) {
        locked { files[file].pointee.isPolled = true }
        say(call, error)
    }

    private func say(_ call: StaticString, _ error: CInt) {
        let isFirst = locked {
            defer { shared.pointee.hasSaid = true }
            return !shared.pointee.hasSaid
        }
        guard isFirst else { return }
        var message = Message()
        message.add("kaio: follow: ")
        message.add(call)
        message.add(": ")
        message.add(ErrorName.of(Int(error)) ?? Text("?" as StaticString))
        switch error {
        case ENOSPC: message.add(" (the limit fs.inotify.max_user_watches is used up)")
        case EMFILE: message.add(" (the limit fs.inotify.max_user_instances, or that of descriptors, is used up)")
        default: break
        }
        message.add("; files without a watch are checked every 100 ms")
        message.show()
    }

    // MARK: watches; under the lock

    private func bucket(_ wd: CInt) -> UnsafeMutablePointer<OpenFile?> {
        watches + Int(UInt32(bitPattern: wd)) % Follow.watchBuckets
    }

    private func addWatch(_ wd: CInt, of file: OpenFile) {
        let state = files[file]
        if state.pointee.wd >= 0 { return }
        state.pointee.wd = wd
        state.pointee.idleEvents = 0
        state.pointee.nextWatched = bucket(wd).pointee
        bucket(wd).pointee = file
        numbers.add(Number.watches)
    }

    /// Takes it out of the table; the kernel's is gone, or goes.
    private func forgetWatch(of file: OpenFile) {
        let state = files[file]
        let wd = state.pointee.wd
        guard wd >= 0 else { return }
        state.pointee.wd = -1
        numbers.add(Number.watches, -1)
        if bucket(wd).pointee == file {
            bucket(wd).pointee = state.pointee.nextWatched
            return
        }
        var current = bucket(wd).pointee
        while let other = current {
            let next = files[other].pointee.nextWatched
            if next == file { files[other].pointee.nextWatched = state.pointee.nextWatched }
            current = next
        }
    }

    private func removeWatch(of file: OpenFile) {
        let wd = files[file].pointee.wd
        guard wd >= 0 else { return }
        forgetWatch(of: file)
        let inotify = shared.pointee.inotify.descriptor
        if ModuleDescriptors.has(inotify) { _ = systemCall(SYS_inotify_rm_watch, Int(inotify.number), Int(wd)) }
    }

    private func file(ofWatch wd: CInt) -> OpenFile? {
        var current = bucket(wd).pointee
        while let file = current, files[file].pointee.wd != wd { current = files[file].pointee.nextWatched }
        return current
    }

    // MARK: hearing of changes

    /// Begins to read what inotify says, or to look by time, if nobody does.
    private func listen(_ file: OpenFile, _ stack: Stack, _ turn: inout Turn) {
        let (reads, polls) = locked {
            let state = files[file]
            if state.pointee.first == nil { return (false, false) }
            if state.pointee.isPolled {
                list(file)
                return (false, shared.pointee.clock == nil)
            }
            defer { shared.pointee.isReading = true }
            return (!shared.pointee.isReading, false)
        }
        if reads { read(stack, &turn) }
        if polls { setClock(stack, &turn) }
    }

    /// The next read of the module's own.
    private func read(_ stack: Stack, _ turn: inout Turn) {
        let target = locked { shared.pointee.inotify }
        guard ModuleDescriptors.has(target.descriptor),
            let own = turn.make(.read, on: target, buffer, length: Follow.bufferSize, in: stack, at: position)
        else {
            // It is lost, or no control block is left: by time, then.
            locked { shared.pointee.isReading = false }
            return pollAll(stack, &turn)
        }
        own.neverBlocks = true
        own.isUnordered = true
        locked { shared.pointee.reader = own }
        turn.handOn(own, below: position)
        // All may have gone meanwhile.
        stop(locked { idleReader() }, &turn)
    }

    func finished(_ own: Request, _ turn: inout Turn) {
        let stack = own.stack
        // The clock's, and a worker's.
        if own.operation == .work, let file = own.openFile { endLook(at: file, &turn) }
        if own.operation != .read { return }
        let result = own.result
        let wasStopped = locked {
            shared.pointee.reader = nil
            defer { shared.pointee.isStopping = false }
            return result == -Int(ECANCELED) && shared.pointee.isStopping
        }
        if result > 0 { take(result, stack, &turn) }
        let goesOn = locked {
            // The last one that waited has gone, and others may have come while this was given up.
            shared.pointee.isReading = shared.pointee.waitingCount > 0
            return shared.pointee.isReading
        }
        if result >= Follow.eventSize || wasStopped {
            if goesOn { read(stack, &turn) }
        } else {
            loseInotify(stack, &turn)
        }
    }

    /// The program has closed it behind the library's back, or it can't be read.
    private func loseInotify(_ stack: Stack, _ turn: inout Turn) {
        let lost = locked {
            let lost = shared.pointee.inotify.descriptor
            shared.pointee.inotify = Target(descriptor: .none, file: FileFacts())
            shared.pointee.isReading = false
            for index in 0..<Follow.watchBuckets {
                while let file = watches[index] {
                    forgetWatch(of: file)
                    files[file].pointee.isPolled = true
                    if files[file].pointee.first != nil { list(file) }
                }
            }
            return lost
        }
        ModuleDescriptors.close(lost)
        say("the descriptor of inotify is gone", EBADF)
        if locked({ shared.pointee.polled != nil && shared.pointee.clock == nil }) { setClock(stack, &turn) }
    }

    /// Every watched file is looked at by time: there can't be a read just now.
    private func pollAll(_ stack: Stack, _ turn: inout Turn) { loseInotify(stack, &turn) }

    /// What inotify said.
    private func take(_ count: Int, _ stack: Stack, _ turn: inout Turn) {
        var at = 0
        while at + Follow.eventSize <= count {
            let event = (buffer + at).loadUnaligned(as: inotify_event.self)
            at += Follow.eventSize + Int(event.len)
            numbers.add(Number.events)
            if event.mask & UInt32(IN_Q_OVERFLOW) != 0 {
                for index in 0..<Follow.watchBuckets {
                    var current = locked { watches[index] }
                    while let file = current {
                        changed(file, stack, &turn)
                        current = locked { files[file].pointee.nextWatched }
                    }
                }
                continue
            }
            guard let file = locked({ file(ofWatch: event.wd) }) else { continue }
            if event.mask & UInt32(IN_IGNORED) != 0 {
                // Unmounted.
                locked { forgetWatch(of: file) }
                continue
            }
            changed(file, stack, &turn)
        }
    }

    private func changed(_ file: OpenFile, _ stack: Stack, _ turn: inout Turn) {
        let state = files[file]
        let request: (Descriptor, FileFacts)? = locked {
            guard let first = state.pointee.first else {
                state.pointee.idleEvents += 1
                if state.pointee.idleEvents > Follow.mostIdleEvents { removeWatch(of: file) }
                return nil
            }
            state.pointee.idleEvents = 0
            return (first.descriptor, first.file)
        }
        if let (descriptor, facts) = request { beginLook(at: file, descriptor, facts, stack, &turn) }
    }

    @inline(never)
    private func beginLook(
        at file: OpenFile, _ descriptor: Descriptor, _ facts: FileFacts, _ stack: Stack, _ turn: inout Turn
    ) {
        let state = files[file]
        if !locked({ state.pointee.isRemote }) {
            return look(at: file, descriptor, facts, stack, asksServer: false, &turn)
        }
        let isFirst = locked {
            defer { state.pointee.isLooking = true }
            return !state.pointee.isLooking
        }
        guard isFirst else { return }
        let target = Target(descriptor: descriptor, file: facts)
        guard let own = turn.make(.work, on: target, in: stack, at: position) else {
            // The clock will try again.
            return endLook(at: file, &turn)
        }
        own.openFileWord = file.word
        turn.handToWorker(own)
    }

    func work(_ own: Request, _ turn: inout Turn) -> Int {
        if let file = own.openFile {
            look(at: file, own.target.descriptor, own.target.file, own.stack, asksServer: true, &turn)
        }
        return 0
    }

    private func endLook(at file: OpenFile, _ turn: inout Turn) {
        let isClosing = locked {
            files[file].pointee.isLooking = false
            defer { files[file].pointee.isClosing = false }
            return files[file].pointee.isClosing
        }
        if isClosing { file.release(&turn) }
    }

    /// Lets those go that wait for no more than there is; all, where the file has shrunk.
    @inline(never)
    private func look(
        at file: OpenFile, _ descriptor: Descriptor, _ facts: FileFacts, _ stack: Stack, asksServer: Bool,
        _ turn: inout Turn
    ) {
        var grown = RequestQueue()
        var shrunk = RequestQueue()
        let state = files[file]
        var isStill = false
        var size: Int64 = 0
        while true {
            let looks = locked { state.pointee.looks }
            // Where the number is no longer this file's, the request is over, or has been closed behind the library's back.
            let now = facts.withSizeNow(descriptor, asksServer: asksServer)
            isStill = now != nil
            lock.pointee.lock()
            // What another thread has found, or began to wait for, meanwhile is newer.
            if state.pointee.looks == looks {
                size = isStill ? now.unsafelyUnwrapped.size : state.pointee.size
                break
            }
            lock.pointee.unlock()
        }
        state.pointee.looks &+= 1
        let hasShrunk = size < state.pointee.size
        state.pointee.size = size
        var current = state.pointee.first
        while let request = current {
            current = links[request].next
            let isLost = !isStill && request.descriptor == descriptor
            guard hasShrunk || isLost || request.offset < size else { continue }
            unlink(request, state)
            // Else its time is up just now, and `expired` finds it gone.
            if !stopWaiting(request) { continue }
            if hasShrunk { shrunk.append(request) } else { grown.append(request) }
        }
        let reader = idleReader()
        lock.pointee.unlock()
        while let request = shrunk.popFirst() {
            numbers.add(Number.shrunk)
            turn.complete(request, 0)
        }
        while let request = grown.popFirst() {
            numbers.add(Number.grown)
            turn.handOn(request, below: position)
        }
        stop(reader, &turn)
        // Through another descriptor.
        if !isStill { changed(file, stack, &turn) }
    }

    private func link(_ request: Request, _ state: UnsafeMutablePointer<State>) {
        links[request] = Link(isIn: true, previous: nil, next: state.pointee.first)
        if let first = state.pointee.first { links.place(of: first).pointee.previous = request }
        state.pointee.first = request
    }

    private func unlink(_ request: Request, _ state: UnsafeMutablePointer<State>) {
        let (previous, next) = (links[request].previous, links[request].next)
        if let previous { links.place(of: previous).pointee.next = next } else { state.pointee.first = next }
        if let next { links.place(of: next).pointee.previous = previous }
        links[request] = Link()
    }

    /// False: its time is up just now. Under the lock.
    private func stopWaiting(_ request: Request) -> Bool {
        if !Timers.withdraw(request.identity, position: position) {
            guard request.isWaiting(at: position) else { return false }
            request.become(.held)
        }
        countDown()
        return true
    }

    private func countDown() {
        shared.pointee.waitingCount -= 1
        numbers.add(Number.waiting, -1)
    }

    /// The module's own read, where nobody waits any more: it would keep the library up for ever. Under the lock.
    private func idleReader() -> RequestIdentity? {
        shared.pointee.waitingCount == 0 ? shared.pointee.reader?.identity : nil
    }

    private func stop(_ reader: RequestIdentity?, _ turn: inout Turn) {
        guard let reader else { return }
        locked { shared.pointee.isStopping = true }
        if !turn.cancel(own: reader) { locked { shared.pointee.isStopping = false } }
    }

    // MARK: looking by time

    private func setClock(_ stack: Stack, _ turn: inout Turn) {
        guard
            let own = turn.make(
                .synchronizeData, on: Target(descriptor: .none, file: FileFacts()), in: stack, at: position)
        else { return endWaits(&turn) }
        let isMine = locked {
            if shared.pointee.clock != nil { return false }
            shared.pointee.clock = own
            return Timers.add(own, at: Instant.now.advanced(by: Follow.pollInterval), for: position)
        }
        if isMine { return }
        let isMissing = locked {
            if shared.pointee.clock != own { return false }
            shared.pointee.clock = nil
            return true
        }
        turn.complete(own, 0)
        if isMissing { endWaits(&turn) }
    }

    /// There is no timer either: as without the module.
    private func endWaits(_ turn: inout Turn) {
        var free = RequestQueue()
        locked {
            while let file = shared.pointee.polled {
                unlist(file)
                while let request = files[file].pointee.first {
                    unlink(request, files[file])
                    if stopWaiting(request) { free.append(request) }
                }
            }
        }
        turn.handOn(&free, below: position)
    }

    private func list(_ file: OpenFile) {
        if files[file].pointee.isListed { return }
        files[file].pointee.isListed = true
        files[file].pointee.nextPolled = shared.pointee.polled
        shared.pointee.polled = file
    }

    private func unlist(_ file: OpenFile) {
        let next = files[file].pointee.nextPolled
        files[file].pointee.isListed = false
        if shared.pointee.polled == file {
            shared.pointee.polled = next
            return
        }
        var current = shared.pointee.polled
        while let other = current {
            current = files[other].pointee.nextPolled
            if current == file { files[other].pointee.nextPolled = next }
        }
    }

    private func tick(_ own: Request, _ turn: inout Turn) {
        let stack = own.stack
        locked { shared.pointee.clock = nil }
        var current = locked { shared.pointee.polled }
        while let file = current {
            numbers.add(Number.polls)
            changed(file, stack, &turn)
            current = locked {
                let next = files[file].pointee.nextPolled
                if files[file].pointee.first == nil { unlist(file) }
                return next
            }
        }
        turn.complete(own, 0)
        if locked({ shared.pointee.polled != nil && shared.pointee.clock == nil }) { setClock(stack, &turn) }
    }

    // MARK: the end of a wait

    func expired(_ request: Request, _ turn: inout Turn) {
        if request.isOwn { return tick(request, &turn) }
        guard let file = request.openFile else { return turn.complete(request, atEnd) }
        var isHere = false
        var reader: RequestIdentity?
        lock.pointee.lock()
        isHere = links[request].isIn
        if isHere { unlink(request, files[file]) }
        countDown()
        reader = idleReader()
        lock.pointee.unlock()
        stop(reader, &turn)
        // Else the file has grown, or shrunk, just now.
        if !isHere { return turn.handOn(request, below: position) }
        numbers.add(Number.timedOut)
        turn.complete(request, atEnd)
    }

    func cancel(_ identity: RequestIdentity, force: Bool, _ turn: inout Turn) -> CancelOutcome {
        var reader: RequestIdentity?
        lock.pointee.lock()
        guard let request = identity.request(waitingAt: position) else {
            lock.pointee.unlock()
            return .no
        }
        if request.isOwn {
            let isTaken = Timers.withdraw(identity, position: position)
            if isTaken, shared.pointee.clock == request { shared.pointee.clock = nil }
            lock.pointee.unlock()
            return isTaken ? .taken : .no
        }
        let isTaken = links[request].isIn && stopWaiting(request)
        if isTaken, let file = request.openFile { unlink(request, files[file]) }
        if isTaken { reader = idleReader() }
        lock.pointee.unlock()
        if isTaken { numbers.add(Number.cancelled) }
        stop(reader, &turn)
        return isTaken ? .taken : .no
    }
}

extension Follow {
    static var entry: ModuleEntry {
        ModuleEntry(
            name: "follow", parameters: parameters, side: .above, make: { Follow(position: $0, parameters: $1) })
    }
}
