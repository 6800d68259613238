// What a blocking read or write of a stream would do next, for who must not block. "poll, then a transfer that does not
// wait" is not the same as a blocking call where
//   - a terminal is not in canonical mode: VMIN and VTIME say when a read ends;
//   - the process is in its terminal's background: a read fails at once;
//   - a socket has SO_RCVLOWAT, SO_RCVTIMEO or SO_SNDTIMEO;
//   - a FIFO has had no writer yet: a read gives 0, and poll says nothing;
//   - a descriptor without a file is readable at any time (a perf counter), whatever poll says;
//   - poll calls ready what a transfer calls EAGAIN (a socket's error queue, a datagram socket after shutdown): see
//     `isShutDown`, and `aio_poll`, which then waits for something to change.
//
// Nothing here waits, but for `patience`, and nothing is transferred. Who calls has the request.

import CKernel

enum StreamStep {
    /// A transfer of so many bytes at most. It will not wait, or not if it is asked not to.
    case transfer(Int)
    /// Wait until the descriptor is ready or something changes, and until `Instant` at the latest; then look again.
    case wait(Instant)
    /// A read has ended, with this count of bytes or negated errno.
    case over(Int)
    /// Only the call itself can tell.
    case unknown
}

extension Request {
    /// The next step of a request that waits.
    ///
    /// - Parameter patience: for how long, in nanoseconds, the calling thread may wait for the descriptor to be ready.
    func nextStep(patience: Int64 = 0) -> StreamStep {
        if file.kind == .device, let step = terminalStep(patience) { return step }
        let isRead = operation == .read
        if file.kind == .socket, isRead, !hasEnough { return .wait(deadline) }
        if !needsWorker { return .transfer(.max) }
        if file.kind == .event, !hasReadiness { return .unknown }
        if readiness(isRead ? POLLIN : POLLOUT, patience) != 0 { return .transfer(isRead ? .max : roomForWrite) }
        if isRead, file.kind == .pipe, hasNoWriter { return .over(0) }
        return .wait(.never)
    }

    /// The transfer can't be asked not to wait, so a worker does it, once it need not.
    var needsWorker: Bool { cannotAskNotToWait && !neverBlocks }

    /// What poll says of these events now, or within `patience`; 0 for none. Where a filter refuses poll, all of them: the worker
    /// that makes the transfer then waits in it.
    func readiness(_ events: CInt, _ patience: Int64 = 0) -> CInt { poll(events, patience) ?? events }

    /// Nil: the call was refused.
    private func poll(_ events: CInt, _ patience: Int64 = 0) -> CInt? {
        var wanted = pollfd(fd: descriptor.number, events: Int16(events), revents: 0)
        var limit = timespec(interval: patience)
        let result = withUnsafeMutablePointer(to: &wanted) {
            systemCall(SYS_ppoll, address($0), 1, address(&limit), 0, 8)
        }
        if result > 0 { return CInt(wanted.revents) }
        return result == 0 || result == -Int(EINTR) ? 0 : nil
    }

    private func control(_ command: Int, _ argument: UnsafeMutableRawPointer) -> Int {
        systemCall(SYS_ioctl, Int(descriptor.number), command, address(argument))
    }

    /// How many bytes there are to be read; nil where that is not known.
    private var available: Int? {
        var count: CInt = 0
        return control(Int(FIONREAD), &count) == 0 ? Int(count) : nil
    }

    // MARK: pipes

    /// PIPE_BUF: so much fits where poll says that anything does, and is not mixed with what others write.
    private static let pieceOfPipe = 4096

    /// How much a write that is to a worker may be, where poll says that it is ready.
    private var roomForWrite: Int {
        guard file.kind == .pipe, available == 0 else { return Request.pieceOfPipe }
        let capacity = systemCall(SYS_fcntl, Int(descriptor.number), Request.getCapacity)
        return max(capacity, Request.pieceOfPipe)
    }

    /// Of a FIFO that is empty, and does not say POLLHUP, since none came yet. `tee` says so, and takes nothing.
    private var hasNoWriter: Bool {
        guard !file.isWritable else { return false }
        var ends = (CInt(0), CInt(0))
        guard systemCall(SYS_pipe2, address(&ends), Int(O_CLOEXEC | O_NONBLOCK)) == 0 else { return false }
        let result = systemCall(
            SYS_tee, Int(descriptor.number), Int(ends.1), 1, Request.doNotWait)
        _ = systemCall(SYS_close, Int(ends.0))
        _ = systemCall(SYS_close, Int(ends.1))
        return result == 0
    }

    /// F_GETPIPE_SZ and SPLICE_F_NONBLOCK.
    private static let (getCapacity, doNotWait) = (1032, 2)

    // MARK: what has no file

    /// Whether a read waits until poll says that the descriptor is ready. Its name in /proc says what it is.
    private var hasReadiness: Bool {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 40) { room in
            guard let start = room.baseAddress, let length = descriptor.path(into: start, 40), length > 0
            else { return false }
            let found = Text(start, count: length)
            return found == "anon_inode:[eventfd]" as StaticString || found == "anon_inode:[timerfd]" as StaticString
                || found == "anon_inode:[signalfd]" as StaticString || found == "anon_inode:inotify" as StaticString
                || found == "anon_inode:[fanotify]" as StaticString
                || found == "anon_inode:[userfaultfd]" as StaticString
        }
    }

    // MARK: sockets

    func socketOption(_ option: CInt) -> Int {
        var value: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        let result = systemCall(
            SYS_getsockopt, Int(descriptor.number), Int(SOL_SOCKET), Int(option), address(&value),
            address(&length))
        return result == 0 ? Int(value) : result
    }

    /// Whether a read of a socket has as much as SO_RCVLOWAT says, or will not get it.
    private var hasEnough: Bool {
        let least = min(socketOption(SO_RCVLOWAT), remainingLength)
        guard least > 1, !isOverdue, socketOption(SO_TYPE) == Request.streamType, let available, available < least
        else { return true }
        let state = readiness(POLLIN | Request.readIsOver)
        return state & (Request.readIsOver | POLLHUP) != 0 || state & POLLERR != 0 && available == 0
    }

    /// SOCK_STREAM, and POLLRDHUP.
    private static let streamType = 1
    private static let readIsOver: CInt = 0x2000

    /// Its time is up.
    var isOverdue: Bool { deadline != .never && Instant.now >= deadline }

    /// A transfer of a socket has to wait: from now on, for as long as SO_RCVTIMEO or SO_SNDTIMEO says.
    func beginTimeOfSocket() {
        guard file.kind == .socket, !isDeadlineKnown else { return }
        isDeadlineKnown = true
        var limit = timeval()
        var length = socklen_t(MemoryLayout<timeval>.size)
        let option = operation == .read ? SO_RCVTIMEO : SO_SNDTIMEO
        let result = systemCall(
            SYS_getsockopt, Int(descriptor.number), Int(SOL_SOCKET), Int(option), address(&limit),
            address(&length))
        guard result == 0, limit.tv_sec > 0 || limit.tv_usec > 0 else { return }
        let time = Int64(limit.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        deadline =
            time.overflow ? .never : Instant.now.advanced(by: time.partialValue + Int64(limit.tv_usec) * 1000)
    }

    /// A part of a write went out: the time of a unix socket begins anew, that of others goes on.
    func continueTimeOfSocket() {
        guard deadline != .never, socketOption(SO_DOMAIN) == Int(AF_UNIX) else { return }
        deadline = .never
        isDeadlineKnown = false
    }

    /// A datagram socket after shutdown(SHUT_RD), of which a read that must not wait gives EAGAIN, and any other 0.
    var isShutDown: Bool {
        file.kind == .socket && operation == .read
            && (poll(Request.readIsOver) ?? 0) & Request.readIsOver != 0
    }

    // MARK: terminals

    /// A read of fewer bytes than VMIN looks so often how many there are: poll is silent until there are VMIN.
    private static let lookAgainAfter: Int64 = 10_000_000
    /// So much a terminal takes where poll says that it takes anything: a pseudo terminal has room for a whole buffer then, and
    /// where it looks at each character, for the least that it counts in.
    private static let (pieceOfTerminal, pieceOfProcessed) = (1024, 256)
    /// TIOCGPKT, which only the master of a pseudo terminal knows.
    private static let getPacketMode = 0x8004_5438

    /// Nil if it is no terminal.
    private func terminalStep(_ patience: Int64) -> StreamStep? {
        var mode = ck_termios()
        let isRead = operation == .read
        let answer = control(Int(TCGETS), &mode)
        // It was one when the wait began: to a read that comes now, a hang-up is the end of the stream.
        if answer == -Int(EIO), isRead, mustBeWatched, isPseudoTerminal { return .over(answer) }
        guard answer == 0 else { return nil }
        cannotAskNotToWait = true
        mustBeWatched = true
        let state = readiness(isRead ? POLLIN : POLLOUT, patience)
        if !isRead {
            let piece = mode.output & UInt32(ck_OPOST) != 0 ? Request.pieceOfProcessed : Request.pieceOfTerminal
            return state != 0 ? .transfer(needsWorker ? piece : .max) : .wait(.never)
        }
        // A hang-up; and what a process in the background is told, the call says.
        if state & (POLLHUP | POLLERR) != 0 || isInBackground { return .transfer(.max) }
        var packets: CInt = 0
        let isCanonical = mode.local & UInt32(ck_ICANON) != 0
        if isCanonical || control(Request.getPacketMode, &packets) == 0 {
            return state != 0 ? .transfer(.max) : .wait(.never)
        }
        guard let available else { return .transfer(.max) }
        let (least, tenths) = withUnsafeBytes(of: &mode.characters) { (Int($0[ck_VMIN]), Int64($0[ck_VTIME])) }
        if available > 0, available >= min(least, remainingLength) { return .transfer(available) }
        if tenths == 0 {
            if least == 0 { return .over(0) }
            return .wait(remainingLength < least ? Instant.now.advanced(by: Request.lookAgainAfter) : .never)
        }
        // From the beginning, or, where there is a least number, from the last byte that came.
        if least > 0, available == 0 {
            seen = 0
            deadline = .never
        } else if deadline == .never || available > seen {
            seen = available
            deadline = Instant.now.advanced(by: tenths * 100_000_000)
        } else if isOverdue {
            return available > 0 ? .transfer(available) : .over(0)
        }
        return .wait(deadline)
    }

    private var isPseudoTerminal: Bool {
        var status = stat()
        return descriptor.status(&status) == 0 && 136...143 ~= status.st_rdev >> 8 & 0xfff
    }

    /// Whether the terminal is the process's own, and another group of processes has it.
    private var isInBackground: Bool {
        var foreground: CInt = 0
        guard control(Int(TIOCGPGRP), &foreground) == 0, foreground != 0 else { return false }
        return Int(foreground) != systemCall(SYS_getpgid, 0)
    }
}
