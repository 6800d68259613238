// How a mirror of a file begins: its legs are opened or made, and what the log says of them is compared with what they are.
// See Mirror.swift.

import CKernel

extension Mirror {
    /// By a worker, at the first request, or when it was refused and is asked for again. Nobody else is about to do it.
    func start(_ file: OpenFile, _ target: Target, after old: MirrorState) -> MirrorState {
        var state = MirrorState()
        var status = stat()
        guard target.descriptor.status(&status) == 0, status.st_nlink > 0,
            let memory = Pages.map(MirrorState.length)
        else { return state }
        // What is open stays so until the file ends.
        state.legs[0].target = old.legs[0].target
        state.log = old.log
        state.saidError = old.saidError
        state.memory = memory
        let text = state.texts.assumingMemoryBound(to: UInt8.self)
        let length = target.descriptor.path(into: text, MirrorLayout.page) ?? 0
        let path = Text(text, count: length)
        if length > 1, text[0] == UInt8(ascii: "/") {
            state.status = .on
            let named = path.dropFirst(Mirror.fixedPart(of: path, in: service))
            let error = begin(file, target, path, named, status.st_mode & 0o777, &state)
            if error == 0 { return state }
            state.status = .refused
            state.error = error
            state.saidError = error
            state.refusedUntil = Instant.now.advanced(by: Mirror.pause).nanoseconds
        }
        Pages.unmap(memory, MirrorState.length)
        state.memory = nil
        return state
    }

    /// How long what was refused is not tried again.
    private static let pause: Int64 = 500_000_000

    /// How much of a path the pattern of the service says itself, up to its last slash before what is variable.
    static func fixedPart(of path: Text, in service: Text?) -> Int {
        let configuration = Configuration.current
        for position in 0..<configuration.count where service.map({ $0 == configuration[position].name }) ?? false {
            for pattern in configuration[position].patterns where pattern.matches(path) {
                var slash = 0
                for index in 0..<pattern.text.count {
                    switch pattern.text[index] {
                    case UInt8(ascii: "/"): slash = index + 1
                    case UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "["), UInt8(ascii: "\\"):
                        return max(1, slash)
                    default: break
                    }
                }
                return max(1, slash)
            }
        }
        return 1
    }

    private func begin(
        _ file: OpenFile, _ target: Target, _ path: Text, _ named: Text, _ mode: mode_t, _ state: inout MirrorState
    ) -> CInt {
        if state.legs[0].target == nil {
            guard case .success(let opened) = file.open(target.descriptor, O_RDWR) else {
                return refuse(path, EACCES, "it can't be opened to read and write by this process", state)
            }
            state.legs[0].target = opened
        }
        let first = state.legs[0].target.unsafelyUnwrapped
        guard let known = MirrorFacts(first.descriptor) else {
            return refuse(path, EIO, "it can't be looked at", state)
        }
        // By the time that it was opened the number may have been another file's.
        if known.device != file.device || known.inode != file.inode {
            state.legs[0].target = nil
            return refuse(path, EBADF, "its descriptor was closed before it could be opened", state)
        }
        state.isLocal = !first.descriptor.isRemote
        state.size = known.size
        let header = state.header
        header.begin()
        var found = Found.nothing
        if let template = logPath {
            let error = openLog(file, path, template, named, &state)
            if error != 0 { return error }
            found = readHeader(path, &state)
        }
        if found == .later { return refuse(path, EINVAL, "its log was made by a later version of kaio", state) }
        if found != .whole { makeHeader(&state) }
        if !header.leg(0).setPath(path) { return refuse(path, ENAMETOOLONG, "its path is too long", state) }
        // A failed one is tried again.
        if header.leg(0).state != .failed { header.leg(0).state = .used }
        var fresh: MirrorLegs = 0
        let problem = addLegs(path, named, &state, &fresh)
        if problem != 0 { return problem }
        state.shift = header.regionSize.trailingZeroBitCount
        for number in 0..<header.count where header.leg(number).state != .none && header.leg(number).state != .removed {
            state.all |= .leg(number)
        }
        state.count = header.count
        compare(file, path, named, known, fresh, mode, found, &state)
        return 0
    }

    private func refuse(
        _ path: Text, _ error: CInt, _ reason: StaticString, _ state: borrowing MirrorState
    ) -> CInt {
        if error == state.saidError { return error }
        say(path) {
            $0.add("its requests fail with ")
            $0.add(ErrorName.of(Int(error)) ?? Text("an error" as StaticString))
            $0.add(": ")
            $0.add(reason)
        }
        return error
    }

    // MARK: the log

    private func openLog(
        _ file: OpenFile, _ path: Text, _ template: Text, _ named: Text, _ state: inout MirrorState
    ) -> CInt {
        var status = stat()
        if let log = state.log, log.descriptor.status(&status) != 0 || status.st_nlink == 0 { state.log = nil }
        if state.log == nil {
            var reason: StaticString?
            let number = open(template, named, mode: 0o600, creates: true, .believed, &reason)
            guard number >= 0 else {
                if CInt(-number) == state.saidError { return CInt(-number) }
                say(path) {
                    $0.add("its requests fail: the log ")
                    Mirror.expand(template, named, &$0)
                    $0.add(": ")
                    $0.addProblem(-number, reason)
                }
                return CInt(-number)
            }
            let opened = Descriptor(number: CInt(number))
            defer { opened.close() }
            guard case .success(let log) = file.open(opened, O_RDWR) else {
                return refuse(path, EACCES, "its log can't be opened to read and write by this process", state)
            }
            state.log = log
        }
        let log = state.log.unsafelyUnwrapped
        // Of the open file, not of the process: it is not lost when another descriptor of the file is closed.
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_len = 1
        let setOpenFileLock = 37
        let result = withUnsafePointer(to: &lock) {
            systemCall(SYS_fcntl, Int(log.descriptor.number), setOpenFileLock, address($0))
        }
        if result == 0 { return 0 }
        // Another kind of file system: better not at all than by two.
        if result != -Int(EAGAIN), result != -Int(EACCES) {
            return refuse(path, CInt(-result), "its log can't be locked", state)
        }
        if state.saidError == EBUSY { return EBUSY }
        _ = readHeader(path, &state, isSilent: true)
        let holder = state.header.process
        say(path) {
            $0.add("its requests fail with EBUSY: process ")
            $0.add(holder)
            $0.add(" mirrors it already, according to the lock on its log")
        }
        return EBUSY
    }

    /// What there is of a log.
    private enum Found {
        case nothing, damaged, later, whole
    }

    private func readHeader(_ path: Text, _ state: inout MirrorState, isSilent: Bool = false) -> Found {
        let log = state.log.unsafelyUnwrapped.descriptor
        let header = state.header
        let other = MirrorHeader(state.headerCopy)
        let places = [0, MirrorLayout.page] as InlineArray<2, Int>
        var found = false
        var isAnything = false
        for index in 0..<2 {
            let memory = other.words.memory
            memset(memory, 0, MirrorLayout.page)
            let count = again {
                systemCall(SYS_pread64, Int(log.number), address(memory), MirrorLayout.page, places[index])
            }
            if count > 0 { isAnything = true }
            if count == MirrorLayout.page, other.isOfLaterVersion { return .later }
            guard count == MirrorLayout.page, other.isWhole, !found || other.sequence > header.sequence else {
                continue
            }
            memcpy(header.words.memory, memory, MirrorLayout.page)
            found = true
        }
        if !found {
            header.begin()
            if isAnything, !isSilent {
                say(path) {
                    $0.add("the log is damaged: nothing counts as in sync with the first leg, all is copied again")
                }
            }
        }
        return found ? .whole : isAnything ? .damaged : .nothing
    }

    private func makeHeader(_ state: inout MirrorState) {
        let header = state.header
        var set: UInt64 = 0
        withUnsafeMutableBytes(of: &set) { randomBytes($0.baseAddress, 8) }
        header.begin()
        header.set = set
        header.count = 1
        var size = regionSize
        while size < 1 << 40, state.size / size > MirrorLayout.mostRegions / 4 { size *= 2 }
        header.regionSize = size
        // What a damaged one had must not be taken for this one's.
        if let log = state.log { _ = systemCall(SYS_ftruncate, Int(log.descriptor.number), 0) }
    }

    /// Those of the configuration that the log does not know.
    private func addLegs(_ path: Text, _ named: Text, _ state: inout MirrorState, _ fresh: inout MirrorLegs) -> CInt {
        let header = state.header
        var rest = legPaths
        while let template = rest.takeWord() {
            var message = Message()
            Mirror.expand(template, named, &message)
            guard let terminated = message.terminated() else { return ENOMEM }
            let wanted = Text(terminated)
            var place = -1
            for number in 1..<header.count where Text(header.leg(number).path) == wanted { place = number }
            if place > 0 { continue }
            // That of one that was removed is free.
            for number in (1..<MirrorLayout.mostLegs).reversed()
            where number >= header.count || header.leg(number).state == .none || header.leg(number).path[0] == 0 {
                place = number
            }
            guard place > 0, header.leg(place).setPath(wanted) else {
                return refuse(
                    path, EINVAL, "there is no room in its log for a leg more, or the leg's path is too long", state)
            }
            for number in header.count..<max(header.count, place) { header.leg(number).clear() }
            header.count = max(header.count, place + 1)
            header.leg(place).state = .used
            fresh |= .leg(place)
        }
        return 0
    }

    // MARK: the legs

    private func compare(
        _ file: OpenFile, _ path: Text, _ named: Text, _ first: MirrorFacts, _ fresh: MirrorLegs, _ mode: mode_t,
        _ found: Found, _ state: inout MirrorState
    ) {
        let header = state.header
        let isNew = found != .whole
        let wasClean = header.isClean && !isNew
        var other: MirrorLegs = 0
        var sizes = InlineArray<4, Int>(repeating: .max)
        state.live = 0
        for number in 0..<header.count where state.all.has(number) {
            let leg = header.leg(number)
            let isFresh = fresh.has(number) || leg.inode == 0
            if number > 0 {
                var reason: StaticString?
                let opened = openLeg(file, path, leg, named, creates: isFresh && creates, mode, &reason)
                guard case .success(let target) = opened else {
                    if case .failure(let problem) = opened { sayMissing(path, leg, problem.error, reason) }
                    continue
                }
                state.legs[number].target = target
            }
            guard let facts = number == 0 ? first : MirrorFacts(state.legs[number].target.unsafelyUnwrapped.descriptor)
            else { continue }
            // What may be the last copy there is, is not written over.
            if number > 0, isFresh, found != .damaged, facts.size > first.size {
                sayMissing(
                    path, leg, EEXIST,
                    "it is longer than the file, and the log does not know it; see kaio mirror replace")
                continue
            }
            leg.state = .used
            leg.error = 0
            state.live |= .leg(number)
            if isFresh || isNew {
                if number > 0 { other |= .leg(number) }
            } else if facts.device != leg.device || facts.inode != leg.inode {
                other |= .leg(number)
            } else if wasClean ? facts.changed != leg.changed || facts.size != leg.size : facts.changed < leg.changed {
                other |= .leg(number)
            }
            if isFresh || isNew || other.has(number) { leg.set(facts) }
            sizes[number] = facts.size
        }
        withUnsafeMutablePointer(to: &state) { (state: UnsafeMutablePointer<MirrorState>) in
            state.pointee.size = max(state.pointee.size, isNew ? 0 : header.size)
            if !isNew { readRecords(path, state) }
            judge(path, first, fresh, other, isNew, sizes, state)
            let header = state.pointee.header
            header.process = systemCall(SYS_getpid)
            header.size = state.pointee.size
            header.rate = rate
            if other != 0 || !wasClean || state.pointee.all != state.pointee.live { header.isClean = false }
            state.tellHeader()
            state.pointee.idle = first
            state.pointee.hasIdle = true
            writeAll(path, state)
            passOverQuestions(state)
        }
    }

    /// What was changed without the log's knowledge, or is another file.
    private func judge(
        _ path: Text, _ first: MirrorFacts, _ fresh: MirrorLegs, _ other: MirrorLegs, _ isNew: Bool,
        _ sizes: InlineArray<4, Int>, _ state: UnsafeMutablePointer<MirrorState>
    ) {
        let header = state.pointee.header
        var other = other
        if other.has(0) {
            let copies = state.pointee.all & ~other
            if state.isFirstStale, copies & state.pointee.live != 0 {
                say(path) {
                    $0.add("it is not the file that it was, and had missed writes: it is copied from the other legs")
                }
                state.markStale(.leg(0))
            } else {
                say(path) { $0.add("it was changed without the mirror: the other legs are copied from it") }
                state.pointee.size = first.size
                state.markOthersStale()
            }
            other &= ~1
        }
        other.forEachLeg { number in
            if !fresh.has(number), !isNew {
                say(path) {
                    $0.add("leg ")
                    $0.add(Text(header.leg(number).path))
                    $0.add(" is not what it was when the mirror left it: it is copied again, and not read until then")
                }
            }
        }
        if other != 0 { state.markStale(other) }
        // The file is as long as its first leg that is what it was.
        var size = 0
        var isKnown = false
        state.pointee.live.forEachLeg { number in
            if isKnown || other.has(number) || hasStale(number, state) { return }
            size = sizes[number]
            isKnown = true
        }
        if isKnown { state.pointee.size = size }
        state.pointee.live.forEachLeg { number in
            if sizes[number] < state.pointee.size {
                state.markStale(.leg(number), from: state.pointee.number(at: sizes[number]))
            }
        }
    }

    private func hasStale(_ leg: Int, _ state: UnsafeMutablePointer<MirrorState>) -> Bool {
        var has = false
        state.forEach(busy: false) { _, region in if region.pointee.stale.has(leg) { has = true } }
        return has
    }

    private func sayMissing(_ path: Text, _ leg: MirrorLeg, _ error: CInt, _ reason: StaticString?) {
        leg.state = .failed
        leg.error = error
        numbers.add(Number.failures)
        say(path) {
            $0.add("leg ")
            $0.add(Text(leg.path))
            $0.add(" can't be used: ")
            $0.addProblem(Int(error), reason)
            $0.add("; it goes on with the others")
        }
    }

    func openLeg(
        _ file: OpenFile, _ first: Text, _ leg: MirrorLeg, _ named: Text, creates: Bool, _ mode: mode_t,
        _ reason: inout StaticString?
    ) -> Result<Target, OpenFile.OpenError> {
        let path = Text(leg.path)
        let fixed = max(0, path.count - named.count)
        let isNamed = path.dropFirst(fixed) == named
        // What only the log names, or the command has named, must be nobody else's.
        let number = open(
            leg.path, below: isNamed ? fixed : path.count, mode: Int(mode), creates: creates,
            isConfigured(path, of: first) ? .asked : .named, &reason)
        guard number >= 0 else { return .failure(OpenFile.OpenError(error: CInt(-number))) }
        let descriptor = Descriptor(number: CInt(number))
        defer { descriptor.close() }
        let opened = file.open(descriptor, O_RDWR)
        if case .success(let target) = opened, target.file.kind != .file {
            return .failure(OpenFile.OpenError(error: EINVAL))
        }
        return opened
    }

    private func isConfigured(_ path: Text, of first: Text) -> Bool {
        let named = first.dropFirst(Mirror.fixedPart(of: first, in: service))
        var rest = legPaths
        while let template = rest.takeWord() {
            var message = Message()
            Mirror.expand(template, named, &message)
            if let text = message.terminated(), Text(text) == path { return true }
        }
        return false
    }

    /// Who says which file it is: the configuration; the log or a person, of a leg; and what is in it is believed.
    private enum Trust {
        case asked, named, believed
    }

    private func open(
        _ template: Text, _ named: Text, mode: Int, creates: Bool, _ trust: Trust, _ reason: inout StaticString?
    ) -> Int {
        var message = Message()
        Mirror.expand(template, named, &message)
        guard let path = message.terminated() else { return -Int(ENOMEM) }
        let fixed = template.firstIndex(of: UInt8(ascii: "%")) ?? template.count
        return open(path, below: fixed, mode: mode, creates: creates, trust, &reason)
    }

    /// Makes directories too, those below so much of the path.
    private func open(
        _ path: UnsafePointer<CChar>, below fixed: Int, mode: Int, creates: Bool, _ trust: Trust,
        _ reason: inout StaticString?
    ) -> Int {
        let number = open(path, mode: mode, creates: creates, trust, &reason)
        guard creates, number == -Int(ENOENT) else { return number }
        Mirror.makeDirectories(path, below: fixed)
        return open(path, mode: mode, creates: creates, trust, &reason)
    }

    private func open(
        _ path: UnsafePointer<CChar>, mode: Int, creates: Bool, _ trust: Trust, _ reason: inout StaticString?
    ) -> Int {
        var file = NamedFile()
        let bytes = UnsafeRawPointer(path).assumingMemoryBound(to: UInt8.self)
        var number = creates ? file.openForWriting(bytes, mode: mode) : file.findForWriting(bytes)
        if number >= 0, trust != .asked {
            let opened = Descriptor(number: CInt(number))
            let result = file.vouch(for: opened, isBelieved: trust == .believed)
            if result < 0 {
                opened.close()
                number = result
            }
        }
        reason = file.reason
        return number
    }

    /// %f in a path is the file's name.
    static func expand(_ template: Text, _ named: Text, _ message: inout Message) {
        var rest = template
        while let percent = rest.firstIndex(of: UInt8(ascii: "%")) {
            message.add(rest.prefix(percent))
            rest = rest.dropFirst(percent)
            if rest.hasPrefix("%f") {
                message.add(named)
                rest = rest.dropFirst(2)
            } else {
                message.add("%")
                rest = rest.dropFirst(1)
            }
        }
        message.add(rest)
    }

    /// Those that a file's name has; what stands before it must be there: it may be where a disk is to be mounted.
    private static func makeDirectories(_ path: UnsafePointer<CChar>, below fixed: Int) {
        var message = Message()
        message.add(Text(path))
        guard let copy = message.terminated() else { return }
        let bytes = UnsafeMutablePointer(mutating: copy)
        var index = fixed
        let length = strlen(path)
        while index < length {
            if bytes[index] == 0x2f, index > fixed {
                bytes[index] = 0
                var way = NamedFile()
                _ = way.makeDirectory(
                    UnsafeRawPointer(bytes).assumingMemoryBound(to: UInt8.self), mode: 0o700)
                bytes[index] = 0x2f
            }
            index += 1
        }
    }

    // MARK: records

    private func readRecords(_ path: Text, _ state: UnsafeMutablePointer<MirrorState>) {
        let log = state.pointee.log.unsafelyUnwrapped.descriptor
        var status = stat()
        guard log.status(&status) == 0 else { return }
        let pages = max(0, Int(status.st_size) - MirrorLayout.records) / MirrorLayout.page
        let used = min(MirrorLayout.mostRecords, (pages + 1) / 2 * 8)
        let memory = state.pointee.batchMemory
        var damaged = 0
        for group in stride(from: 0, to: used, by: 8) {
            memset(memory, 0, 2 * MirrorLayout.page)
            let count = again {
                systemCall(
                    SYS_pread64, Int(log.number), address(memory), 2 * MirrorLayout.page,
                    MirrorLayout.records + group / 8 * 2 * MirrorLayout.page)
            }
            for index in group..<min(group + 8, MirrorLayout.mostRecords) {
                let offset = (index - group) * MirrorLayout.recordBytes
                let places =
                    [memory + offset, memory + offset + MirrorLayout.page] as InlineArray<2, UnsafeMutableRawPointer>
                var best: MirrorRecord?
                var isUntouched = false
                for place in 0..<2 {
                    let record = MirrorRecord(places[place])
                    if record.isWhole(index, of: state.pointee.header.set), record.sequence & 1 == UInt64(place) {
                        if best.map({ $0.sequence < record.sequence }) ?? true { best = record }
                    } else if Mirror.isEmpty(places[place]) {
                        isUntouched = true
                    }
                }
                if let best {
                    take(best, index, state)
                } else if !isUntouched || count < 0 {
                    damaged += 1
                    let first = index * MirrorLayout.regionsOfRecord
                    for number in first..<min(first + MirrorLayout.regionsOfRecord, MirrorLayout.mostRegions)
                    where state.pointee.start(of: number) < state.pointee.size {
                        state.change(number) { $0.stale = state.pointee.all & ~1 }
                    }
                }
            }
        }
        if damaged > 0 {
            say(path) {
                $0.add("the log is damaged in ")
                $0.add(damaged)
                $0.add(" places: nothing there counts as in sync with the first leg, and it is copied again")
            }
        }
    }

    private static func isEmpty(_ memory: UnsafeRawPointer) -> Bool {
        for offset in stride(from: 0, to: MirrorLayout.recordBytes, by: 8)
        where memory.load(fromByteOffset: offset, as: UInt64.self) != 0 { return false }
        return true
    }

    private func take(_ record: MirrorRecord, _ index: Int, _ state: UnsafeMutablePointer<MirrorState>) {
        state.pointee.part(index).pointee.sequence = record.sequence
        let first = index * MirrorLayout.regionsOfRecord
        let all = state.pointee.all
        for bit in 0..<min(MirrorLayout.regionsOfRecord, MirrorLayout.mostRegions - first) {
            var stale: MirrorLegs = 0
            all.forEachLeg { if record[1 + $0, bit] { stale |= .leg($0) } }
            let isDirty = record[0, bit]
            if isDirty {
                // Each that is not stale has all that was complete.
                let whole = all & ~stale
                let source = whole & state.pointee.live != 0 ? whole & state.pointee.live : whole
                if source != 0 { stale |= whole & ~.leg(source.firstLeg) }
            }
            if stale == 0, !isDirty { continue }
            state.change(first + bit, isTold: isDirty) { $0.stale = stale }
        }
    }

    /// All that is to be said, at once: nobody waits for another yet.
    private func writeAll(_ path: Text, _ state: UnsafeMutablePointer<MirrorState>) {
        guard let log = state.pointee.log?.descriptor else { return }
        var error = 0
        func write(_ memory: UnsafeRawPointer, _ length: Int, _ offset: Int) {
            let count = again { systemCall(SYS_pwrite64, Int(log.number), address(memory), length, offset) }
            if count != length { error = count < 0 ? count : -Int(EIO) }
        }
        for index in 0..<state.pointee.partsUsed where state.pointee.part(index).pointee.isPending {
            state.encode(index, state.pointee.batchMemory)
            write(
                state.pointee.batchMemory, MirrorLayout.recordBytes,
                MirrorLayout.place(ofRecord: index, state.pointee.part(index).pointee.sequence))
            state.pointee.part(index).pointee.isPending = false
            state.pointee.pending -= 1
        }
        let header = state.pointee.header
        header.sequence &+= 1
        header.seal()
        if error == 0 { write(header.words.memory, MirrorLayout.page, Int(header.sequence & 1) * MirrorLayout.page) }
        // Room for the question, and for a file that grows a little.
        var status = stat()
        if log.status(&status) == 0, status.st_size < MirrorLayout.length(records: 1) {
            let empty = state.pointee.batchMemory
            memset(empty, 0, 2 * MirrorLayout.page)
            if state.pointee.partsUsed == 0 { write(empty, 2 * MirrorLayout.page, MirrorLayout.records) }
            write(empty, 2 * MirrorLayout.page, MirrorLayout.question)
        }
        if error == 0 { error = again { log.synchronize(dataOnly: false) } }
        state.pointee.isHeaderPending = error != 0
        if error != 0 { sayLog(path, CInt(-error)) }
    }
}
