// What the `kaio mirror` command asks of the process that has a mirrored file in use: it stands in the log's third page, with a
// number that no question had before, and the answer in the fourth has that number. See Mirror.swift.

import CKernel

extension Mirror {
    private enum Question: UInt64 {
        /// Legs that failed are tried again; or one is copied anew.
        case resync = 1
        case add, remove, replace
        /// These regions of a leg count as stale.
        case mark
    }

    private static let (magic, bytes, hole): (UInt64, Int, Int) = (0x3f52_494d_4f49_414b, MirrorLayout.page, 48)

    /// The number of the question that is there; 0: none. It is in the memory then.
    private func lookForQuestion(_ log: Descriptor, _ memory: UnsafeMutableRawPointer) -> UInt64 {
        let words = MirrorWords(memory: memory)
        let count = again {
            systemCall(SYS_pread64, Int(log.number), address(memory), Mirror.bytes, MirrorLayout.question)
        }
        guard count == Mirror.bytes, words[0] == Mirror.magic, words.isWhole(Mirror.bytes, hole: Mirror.hole) else {
            return 0
        }
        return words[8]
    }

    /// What was asked before is not for this one.
    func passOverQuestions(_ state: UnsafeMutablePointer<MirrorState>) {
        guard let log = state.pointee.log?.descriptor else { return }
        state.pointee.question = lookForQuestion(log, state.pointee.texts)
    }

    /// By the clock, one at a time.
    func answerQuestion(_ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>) {
        guard let log = state.pointee.log?.descriptor else { return }
        let memory = state.pointee.texts
        let number = lookForQuestion(log, memory)
        guard number != 0, number != state.pointee.question else { return }
        state.pointee.question = number
        let words = MirrorWords(memory: memory)
        (memory + Mirror.bytes - 1).storeBytes(of: 0, as: UInt8.self)
        let path = Text(UnsafePointer((memory + 64).assumingMemoryBound(to: CChar.self)))
        let leg = Int(truncatingIfNeeded: words[24])
        let range = (Int(truncatingIfNeeded: words[32]), Int(truncatingIfNeeded: words[40]))
        var error = EINVAL
        switch Question(rawValue: words[16]) {
        case .resync: error = resync(leg, file, state)
        case .add: error = put(path, at: nil, file, state)
        case .remove: error = remove(leg, state)
        case .replace: error = put(path, at: leg, file, state)
        case .mark: error = mark(leg, range.0, range.1, state)
        case nil: break
        }
        memset(memory, 0, Mirror.bytes)
        words[0] = Mirror.magic
        words[8] = number
        words[16] = UInt64(error)
        words.seal(Mirror.bytes, hole: Mirror.hole)
        _ = again { systemCall(SYS_pwrite64, Int(log.number), address(memory), Mirror.bytes, MirrorLayout.answer) }
    }

    /// The log is to be written anew, with this.
    private func tellAll(_ state: UnsafeMutablePointer<MirrorState>) {
        state.pointee.changes &+= 1
        state.pointee.hasIdle = false
        state.pointee.header.isClean = false
        state.tellHeader()
        state.pointee.isDue = true
        if state.pointee.log != nil { state.pointee.unsaid = state.ticket }
    }

    private func resync(_ leg: Int, _ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>) -> CInt {
        let failed = lock.pointee.locked { state.pointee.all & ~state.pointee.live }
        failed.forEachLeg { number in
            let record = state.pointee.header.leg(number)
            var target = state.pointee.legs[number].target
            var reason: StaticString?
            if target == nil,
                case .success(let opened) = openLeg(
                    file, Text(state.pointee.header.leg(0).path), record, Text(record.path), creates: false, 0o600,
                    &reason)
            {
                target = opened
            }
            // One that can't be is still failed then.
            guard let target, let facts = MirrorFacts(target.descriptor) else { return }
            lock.pointee.lock()
            state.pointee.legs[number].target = target
            if facts.device != record.device || facts.inode != record.inode {
                state.markStale(.leg(number))
                record.set(facts)
            }
            record.state = .used
            record.error = 0
            state.pointee.live |= .leg(number)
            tellAll(state)
            lock.pointee.unlock()
        }
        guard leg > 0, leg <= MirrorLayout.mostLegs else { return 0 }
        if isLast(leg - 1, state) { return EBUSY }
        return lock.pointee.locked {
            guard state.pointee.all.has(leg - 1) else { return ENOENT }
            state.markStale(.leg(leg - 1))
            tellAll(state)
            return 0
        }
    }

    private func put(_ path: Text, at leg: Int?, _ file: OpenFile, _ state: UnsafeMutablePointer<MirrorState>) -> CInt {
        let header = state.pointee.header
        guard !path.isEmpty, path[0] == UInt8(ascii: "/") else { return EINVAL }
        var place = -1
        for number in (0..<header.count).reversed() {
            if header.leg(number).state == .none || header.leg(number).state == .removed, number > 0 { place = number }
            let isThis = Text(header.leg(number).path) == path && header.leg(number).state != .removed
            if isThis, leg == nil || number != leg { return EEXIST }
        }
        if place < 0, header.count < MirrorLayout.mostLegs { place = header.count }
        if let leg {
            // The first is the file itself.
            guard leg < header.count, state.pointee.all.has(leg), leg > 0 || Text(header.leg(0).path) == path else {
                return EINVAL
            }
            place = leg
        }
        guard place >= 0 else { return ENOSPC }
        if place == 0 { return resync(1, file, state) }
        if leg != nil, isLast(place, state) { return EBUSY }
        lock.pointee.lock()
        let old = Text(header.leg(place).path) == path
        if !old { header.leg(place).clear() }
        let isSet = header.leg(place).setPath(path)
        lock.pointee.unlock()
        guard isSet else { return ENAMETOOLONG }
        var mode = stat()
        _ = state.pointee.legs[0].target?.descriptor.status(&mode)
        var reason: StaticString?
        let opened = openLeg(
            file, Text(header.leg(0).path), header.leg(place), path, creates: true, mode.st_mode & 0o777, &reason)
        lock.pointee.lock()
        defer { lock.pointee.unlock() }
        guard case .success(let target) = opened, let facts = MirrorFacts(target.descriptor) else {
            if leg == nil { header.leg(place).state = .removed }
            if case .failure(let problem) = opened { return problem.error }
            return EIO
        }
        // Not over what may be the last copy of something, unless it is said that this leg is to be another.
        if leg == nil, facts.size > state.pointee.size {
            header.leg(place).state = .removed
            return EFBIG
        }
        state.pointee.targets &= ~.leg(place)
        state.pointee.legs[place] = MirrorState.Leg()
        state.pointee.legs[place].target = target
        header.leg(place).state = .used
        header.leg(place).error = 0
        header.leg(place).set(facts)
        header.count = max(header.count, place + 1)
        state.pointee.count = header.count
        state.pointee.all |= .leg(place)
        state.pointee.live |= .leg(place)
        state.markStale(.leg(place))
        tellAll(state)
        return 0
    }

    /// Whether there is something that only this leg has.
    private func isLast(_ leg: Int, _ state: UnsafeMutablePointer<MirrorState>) -> Bool {
        lock.pointee.locked {
            var isLast = state.pointee.live & ~.leg(leg) == 0
            let others = state.pointee.live & ~.leg(leg)
            state.forEach(busy: false) { _, region in
                if !region.pointee.stale.has(leg), others & ~region.pointee.stale == 0 { isLast = true }
            }
            return isLast
        }
    }

    private func remove(_ leg: Int, _ state: UnsafeMutablePointer<MirrorState>) -> CInt {
        guard leg > 0, leg < state.pointee.header.count, state.pointee.all.has(leg) else { return EINVAL }
        if isLast(leg, state) { return EBUSY }
        lock.pointee.lock()
        state.pointee.live &= ~.leg(leg)
        state.pointee.all &= ~.leg(leg)
        state.pointee.targets &= ~.leg(leg)
        state.pointee.header.leg(leg).state = .removed
        state.forEach(busy: false) { number, _ in state.change(number) { $0.stale &= ~.leg(leg) } }
        state.forEach(busy: true) { number, region in
            if (region.pointee.unsafe | region.pointee.syncing).has(leg) {
                state.change(number) {
                    $0.unsafe &= ~.leg(leg)
                    $0.syncing &= ~.leg(leg)
                }
            }
        }
        tellAll(state)
        lock.pointee.unlock()
        return 0
    }

    private func mark(_ leg: Int, _ first: Int, _ last: Int, _ state: UnsafeMutablePointer<MirrorState>) -> CInt {
        lock.pointee.lock()
        defer { lock.pointee.unlock() }
        guard state.pointee.all.has(leg), first >= 0, first <= last, last < MirrorLayout.mostRegions else {
            return EINVAL
        }
        if (first...last).contains(state.pointee.region) { state.pointee.isCopyVoid = true }
        for number in first...last {
            let left = state.pointee.live & ~state.pointee.region(number).pointee.stale & ~.leg(leg)
            if left == 0 { return EBUSY }
            state.change(number) { $0.stale |= .leg(leg) }
        }
        tellAll(state)
        return 0
    }
}
