// aio_linux: gives to the kernel what the kernel can do without blocking the caller.
//
//     vfs objects = ordered aio_linux aio_poll aio_pthread
//
// Reads and writes of regular files and block devices go by io_submit with RWF_NOWAIT: where the kernel would
// have to wait (for a page to be read, a block to be allocated), it says so, and the request goes on to the
// next module. So does all that the kernel does not support this way, and whatever it calls invalid: the plain
// system call then gives the error that programs know. A buffered request is made by preadv2 or pwritev2 with the same flag, as
// the kernel would do it inside io_submit; so a program that has no others needs no context.
//
// A buffered request that takes long even without waiting (a large copy) would be done in the caller's time; those go on
// at once. So do direct ones whose pages are many: a worker gives them to the kernel. And what the kernel does not say it would wait
// for is learnt by `Devices`: workers do the same with what is for a device that is held.
//
// Invariant: no call of the program's gives the kernel a request of a device while that is held.

import CKaio
import CKernel

final class AIOLinux: Module {
    static let parameters: StaticString = "aio num events"

    let name: StaticString = "aio_linux"
    private let position: Int
    private let events: Int
    /// What bounds it, in a connection's stack.
    private var gate: KernelGate?

    /// A buffered request beyond this many bytes is not done in the caller's time.
    private static let mostInline = 64 << 10
    /// And a direct one beyond this many: to pin and map 1 MiB that was never touched takes 0.25 ms, 4 MiB 1 ms.
    private static let mostDirectInline = 1 << 20

    init(position: Int, parameters: Parameters) {
        self.position = position
        events = parameters.number("aio_linux", "aio num events", default: 128, in: 1...65536)
    }

    /// From here on `aio num events` of the connection's requests at most are in the kernel. Before the first of them.
    func bound() { gate = KernelGate(events) }

    // MARK: Module

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        var mine = RequestQueue()
        var others = RequestQueue()
        while let request = requests.popFirst() {
            guard isForKernel(request) else {
                others.append(request)
                continue
            }
            if isForWorkers(request) {
                // It has its place in the bound, or none.
                if isBuffered(request) || gate == nil && hasContext(for: request) {
                    request.secondTry = .wanted
                }
                others.append(request)
                continue
            }
            let hasWaited = request.isExposed
            if hasWaited || turn.role == .submitter, isBuffered(request) {
                // As good as io_submit, and nothing has to be harvested. The number of what has waited may be another file's.
                let problem = hasWaited ? request.fileProblem : 0
                handle(request, problem != 0 ? problem : AIOLinux.transferWatched(request), &turn)
            } else if Reactor.isRunning || !request.isExpectedByNobody, hasContext(for: request) {
                AIOLinux.prepare(request)
                mine.append(request)
            } else {
                others.append(request)
            }
        }
        // First those that may take a worker: the kernel's take none of our time.
        turn.handOn(&others, below: position)
        gate?.admit(&mine)
        if !mine.isEmpty { KernelQueue.submit(&mine, &turn) }
    }

    func harvested(_ request: Request, _ result: Int, _ turn: inout Turn) {
        gate?.leave(&turn)
        handle(request, result, &turn)
    }

    private func handle(_ request: Request, _ result: Int, _ turn: inout Turn) {
        let isKnown = result == request.length || isFileKnown(request, turn)
        switch result {
        case -Int(EAGAIN), -Int(EOPNOTSUPP), -Int(EINVAL), -Int(ENOMEM), -Int(ENOSYS), -Int(EPERM), -Int(EINTR):
            if result == -Int(EOPNOTSUPP), isKnown, !request.operation.isSynchronize {
                AIOLinux.learn(request.file, request.operation)
            }
            if result == -Int(EAGAIN), gate == nil, isForWorkers(request) || AIOLinux.isWorthASecondTry(request) {
                request.secondTry = .wanted
            }
            turn.handOn(request, below: position)
        case 0... where isKnown && isPartial(request, result):
            // The kernel stopped early, or did not begin: the rest may not be in the page cache, or need an allocation.
            request.transferred += result
            if result > 0 { Statistics.count(Statistics.ranInKernel, by: request) }
            turn.handOn(request, below: position)
        default:
            Statistics.count(Statistics.ranInKernel, by: request)
            turn.complete(request, result < 0 ? result : request.transferred + result)
        }
    }

    /// Whether the request's file is the one that the kernel has. What was remembered of the descriptor is put right as
    /// long as the call that submits the request has not returned. Afterwards the number may be another file's: then
    /// what the kernel gave is all there is, and what it refused is refused by who looks at the number next.
    private func isFileKnown(_ request: Request, _ turn: borrowing Turn) -> Bool {
        guard request.isFileRemembered else { return true }
        guard let now = FileFacts(request.descriptor) else { return false }
        guard turn.own == request.sequence else { return now.isSameFile(as: request.file) }
        request.file = now
        request.isFileRemembered = false
        return true
    }

    func reset() { gate?.reset() }

    func cancel(_ request: RequestIdentity, force: Bool, _ turn: inout Turn) -> CancelOutcome {
        if let gate, case let outcome = gate.withdraw(request, position: position, force: force),
            outcome != .no
        {
            return outcome
        }
        let outcome = KernelQueue.withdraw(request, position: position, force: force)
        if outcome == .taken { gate?.leave(&turn) }
        return outcome
    }

    // MARK: what goes to the kernel

    private func isForKernel(_ request: Request) -> Bool {
        let file = request.file
        guard file.kind == .file, !request.isKnownToWait else { return false }
        switch request.operation {
        case .synchronize, .synchronizeData: return true
        case .read: return isTried(request)
        case .write: return isTried(request) && AIOLinux.isWithin(file, request.end) && !file.isAppending
        case .list, .work: return false
        }
    }

    private func isBuffered(_ request: Request) -> Bool {
        !request.operation.isSynchronize && !request.file.isDirect
    }

    /// Whether there is a context, which is opened for what is direct: for a connection's, which is to need no threads, at once.
    private func hasContext(for request: Request) -> Bool {
        if KernelQueue.context != nil { return true }
        guard !request.operation.isSynchronize, request.file.isDirect else { return false }
        return (gate != nil || KernelQueue.isWorthItsEnd()) && Engine.openKernel()
    }

    private static func transferAtOnce(_ request: Request) -> Int {
        request.withRemainingBuffers { buffers, count in
            systemCall(
                request.operation == .write ? SYS_pwritev2 : SYS_preadv2,
                Int(request.descriptor.number), address(buffers), count, request.remainingOffset, 0,
                Int(noWait))
        }
    }

    /// The same in a call, or on a worker for one: whether the thread sleeps in it is looked at.
    private static func transferWatched(_ request: Request) -> Int {
        let device = request.file.device
        let (watch, start) = (Devices.course(device) == .plain ? nil : Watch(), Instant.roughlyNow)
        let result = transferAtOnce(request)
        Devices.submitted(device, since: start, watch)
        return result
    }

    /// Whether a worker is to give it to the kernel.
    private func isForWorkers(_ request: Request) -> Bool {
        guard !request.operation.isSynchronize, request.secondTry == .none,
            request.transferred == 0
        else { return false }
        return AIOLinux.isLarge(request) || Devices.holds(request.file.device)
    }

    private static func isLarge(_ request: Request) -> Bool {
        request.file.isDirect && request.length > mostDirectInline
    }

    /// Whether a transfer may be tried in the caller's time.
    private func isTried(_ request: Request) -> Bool {
        let file = request.file
        return (file.isDirect || request.length <= AIOLinux.mostInline)
            && AIOLinux.knowsNoWait(file, request.operation)
    }

    /// Whether a write up to `end` goes no further than the file does, where the kernel would wait for an allocation,
    /// nor than the limit (RLIMIT_FSIZE) beyond which it would raise SIGXFSZ in the thread that submits.
    private static func isWithin(_ file: FileFacts, _ end: Int) -> Bool {
        if file.isBlockDevice { return true }
        guard end <= Int(clamping: file.size) else { return false }
        var limit = rlimit()
        _ = withUnsafeMutablePointer(to: &limit) {
            systemCall(SYS_prlimit64, 0, Int(RLIMIT_FSIZE.rawValue), 0, address($0))
        }
        return end <= Int(clamping: UInt64(limit.rlim_cur))
    }

    // MARK: the second try

    /// File systems refuse a direct write that must not wait when its time stamp has to change, once for each tick of the
    /// clock (XFS, ext4 from Linux 7.3 on), though they need not wait for the device then.
    private static func isWorthASecondTry(_ request: Request) -> Bool {
        let file = request.file
        return request.operation == .write && file.isDirect && !file.isBlockDevice
            && request.secondTry == .none && request.transferred == 0
            && !Devices.sleepsInWrites(file.device)
    }

    /// By a worker, which may wait: gives the request to the kernel, and does not have it any more. False: it has, and is
    /// to make the transfer itself.
    static func tryAgain(_ request: Request) -> Bool {
        guard request.secondTry == .wanted, request.file.isDirect else { return false }
        request.secondTry = .made
        guard KernelQueue.hasRoom, Reactor.isRunning || !request.isExpectedByNobody, request.fileProblem == 0,
            let mine = request.stack.position(of: "aio_linux")
        else { return false }
        let device = request.file.device
        let position = request.position
        request.position = UInt8(truncatingIfNeeded: mine)
        prepare(request)
        let (isWrite, isLarge) = (request.operation == .write, isLarge(request))
        let watch = Watch()
        if KernelQueue.submitOne(exposed: request) {
            if isLarge { return true }
            if Devices.holds(device) {
                Devices.slept(device, watch.slept)
            } else if isWrite {
                Devices.sleptInWrite(device, watch.slept > 0)
            }
            return true
        }
        request.position = position
        return false
    }

    /// By a worker, for a call that would have tried it: the part of a buffered transfer that need not wait. True: that was all.
    static func transferBeforehand(_ request: Request) -> Bool {
        guard request.secondTry == .wanted else { return false }
        request.secondTry = .made
        request.transferred += max(0, transferWatched(request))
        return request.remainingLength == 0
    }

    // MARK: the fast path

    func passage(of operation: Operation) -> Passage { operation.isSynchronize ? .intercepts : .answers }

    var fastCalls: FastCalls {
        FastCalls(
            ask: { _, attempt in FastCalls.answer(attempt) { AIOLinux.ask($0) } },
            prepare: { _, block in AIOLinux.prepare(Request(data: block).unsafelyUnwrapped) }, isOverWhenWhole: true)
    }

    @inline(__always)
    private static func ask(_ attempt: Attempt) -> FastAnswer {
        if let flags = flagsInCall(attempt) { return transfer(attempt, flags) }
        let file = attempt.file
        guard file.isDirect, KernelQueue.context != nil,
            !attempt.isWrite || mayWrite(file, attempt.descriptor, attempt.end, isDirect: true),
            knowsNoWait(file, attempt.operation), KernelQueue.hasRoom,
            // Where a leader gets what the kernel refuses, what is remembered can't be put right.
            !Waiting.hasLeader || attempt.isStillOnItsFile, !attempt.needsUs || Reactor.isRunning
        else { return .slow }
        return .give
    }

    /// How a transfer is asked for that the call that submits it does, since data is in memory: by noWait, or by 0, as that is not
    /// known there. Nil: another way.
    @inline(__always)
    private static func flagsInCall(_ attempt: Attempt) -> CInt? {
        let file = attempt.file
        if file.isDirect {
            return file.isBlockDevice && !knowsNoWait(file, attempt.operation) && Devices.isQuick(file.device) ? 0 : nil
        }
        if attempt.isWrite { return isKeptInMemory(attempt) ? 0 : nil }
        if knowsNoWait(file, .read) { return noWait }
        return isInMemory(attempt) ? 0 : nil
    }

    /// Of a file system that can't be asked not to wait (tmpfs, FUSE): whether its reads were quick of late, and all of this one's
    /// pages are there.
    @inline(never)
    private static func isInMemory(_ attempt: Attempt) -> Bool {
        Devices.isQuick(attempt.file.device) && attempt.descriptor.isCached(attempt.offset, attempt.length)
    }

    /// Of a write on such a file system: whether it goes over pages that are there, and no device or server hears of them.
    @inline(__always)
    private static func isKeptInMemory(_ attempt: Attempt) -> Bool {
        !knowsNoWait(attempt.file, .write) && Devices.keepsWrites(attempt.file.device)
            && mayWrite(attempt.file, attempt.descriptor, attempt.end, isDirect: false)
            && attempt.descriptor.isCached(attempt.offset, attempt.length, isClean: true)
    }

    private static func transfer(_ attempt: Attempt, _ flags: CInt) -> FastAnswer {
        let (file, descriptor) = (attempt.file, attempt.descriptor)
        let course = Devices.course(file.device)
        if course == .held { return .slow }
        let watch = course == .watched ? Watch() : nil
        var buffer = iovec(iov_base: attempt.buffer, iov_len: attempt.length)
        let mayWait = flags != noWait
        let started = mayWait ? Instant.now : .never
        let result = systemCall(
            attempt.isWrite ? SYS_pwritev2 : SYS_preadv2, Int(descriptor.number), address(&buffer), 1,
            attempt.offset, 0, Int(flags))
        Devices.submitted(file.device, since: attempt.time, watch)
        if mayWait { Devices.tookInCall(file.device, Instant.now.nanoseconds - started.nanoseconds) }
        // Once for each file, so the descriptor may be looked at.
        if result == -Int(EOPNOTSUPP), !mayWait, let now = FileFacts(descriptor), now.isSameFile(as: file) {
            learn(now, attempt.operation)
            if let flags = flagsInCall(attempt), flags != noWait { return transfer(attempt, flags) }
        }
        // Nothing, where there was something when it was last looked at: it is shorter now, which modules may want to know.
        let isPlausible = result > 0 || result == 0 && attempt.offset >= file.size
        guard
            result == attempt.length || isPlausible && FileFacts.isAtEnd(descriptor, file, attempt.offset + result)
        else { return result == -Int(EAGAIN) || result == 0 ? .slowAndWaits : .slow }
        Statistics.count(Statistics.ranInKernel)
        return .done(result)
    }

    /// Whether a write up to `end` may be given to the kernel. The descriptor is asked whether it appends: what is
    /// remembered of that may be wrong.
    static func mayWrite(_ file: FileFacts, _ descriptor: Descriptor, _ end: Int, isDirect: Bool) -> Bool {
        var now = file
        now.statusFlags = CInt(truncatingIfNeeded: descriptor.statusFlags)
        return now.statusFlags >= 0 && now.isDirect == isDirect && now.isWritable && !now.isAppending
            && isWithin(file, end)
    }

    @inline(__always)
    static func knowsNoWait(_ file: FileFacts, _ operation: Operation) -> Bool {
        !Devices.refuses(file, operation)
    }

    /// The kernel said that it can't be asked not to wait.
    static func learn(_ file: FileFacts, _ operation: Operation) {
        Devices.learnRefusal(file, operation)
        if !file.isDirect { (operation == .write ? Decision.writesRefused : .readsRefused).tell() }
    }

    // MARK: iocbs

    @inline(__always)
    static func prepare(_ request: Request) {
        let operation: Int
        switch request.operation {
        case .read: operation = request.vectorCount > 0 ? IOCB_CMD_PREADV : IOCB_CMD_PREAD
        case .write: operation = request.vectorCount > 0 ? IOCB_CMD_PWRITEV : IOCB_CMD_PWRITE
        case .synchronizeData: operation = IOCB_CMD_FDSYNC
        case .synchronize, .list, .work: operation = IOCB_CMD_FSYNC
        }
        request.iocb = iocb()
        request.iocb.aio_data = UInt64(UInt(bitPattern: request.block))
        request.iocb.aio_lio_opcode = UInt16(operation)
        request.iocb.aio_fildes = UInt32(bitPattern: request.descriptor.number)
        if !request.operation.isSynchronize {
            request.iocb.aio_buf = UInt64(UInt(bitPattern: request.buffer))
            let count = request.vectorCount
            request.iocb.aio_nbytes = UInt64(count > 0 ? count : request.length)
            request.iocb.aio_offset = Int64(request.offset)
            if request.secondTry == .none { request.iocb.aio_rw_flags = AIOLinux.noWait }
        }
        request.wakesReactor = request.isExpectedByNobody
        if request.notification.hasOwnEvent, !request.wakesReactor {
            request.setEvent(request.notification.ownEvent)
        }
        let priority = request.priority
        if priority > 0 {
            // Below the usual 4 of the best-effort class (2), whose lowest is 7.
            request.iocb.aio_reqprio = Int16(2 << 13 | min(7, 5 + Int(priority) / 8))
            request.iocb.aio_flags |= UInt32(IOCB_FLAG_IOPRIO)
        }
    }

    /// RWF_NOWAIT.
    static let noWait: CInt = 8

    private func isPartial(_ request: Request, _ result: Int) -> Bool {
        guard result < request.remainingLength else { return false }
        return request.operation == .write
            || request.operation == .read
                && !FileFacts.isAtEnd(
                    request.descriptor, request.file, request.remainingOffset + result)
    }
}

extension Request {
    /// Has the kernel signal an eventfd at the completion (IOCB_FLAG_RESFD), if there is one.
    func setEvent(_ event: Descriptor) {
        _ = iocb.loseEvent()
        guard event.isOpen else { return }
        iocb.aio_flags |= UInt32(IOCB_FLAG_RESFD)
        iocb.aio_resfd = UInt32(event.number)
    }

    /// Whether its completion must be acted upon though no caller may come for it: somebody is notified, or a module goes on.
    var isExpectedByNobody: Bool {
        if isOwn { return parent?.isExpectedByNobody ?? true }
        return notification.needsUs
            || (list.map { $0.notification.kind != .none } ?? false)
    }
}

extension iocb {
    /// False if it signals no eventfd anyway.
    mutating func loseEvent() -> Bool {
        defer { aio_flags &= ~UInt32(IOCB_FLAG_RESFD) }
        return aio_flags & UInt32(IOCB_FLAG_RESFD) != 0
    }
}

extension AIOLinux {
    static var entry: ModuleEntry {
        ModuleEntry(
            name: "aio_linux", parameters: parameters, side: .below, make: { AIOLinux(position: $0, parameters: $1) })
    }
}
