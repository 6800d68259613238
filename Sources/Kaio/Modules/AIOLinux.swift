// aio_linux: gives to the kernel what the kernel can do without blocking the caller.
//
//     vfs objects = ordered aio_linux aio_poll aio_pthread
//
// Reads and writes of regular files and block devices go by io_submit with RWF_NOWAIT: where the kernel would
// have to wait (for a page to be read, a block to be allocated), it says so, and the request goes on to the
// next module. So does all that the kernel does not support this way, and whatever it calls invalid: the plain
// system call then gives the error that programs know. A buffered read that comes alone is made by preadv2 with the
// same flag, as the kernel would do it inside io_submit.
//
// A buffered request that takes long even without waiting (a large copy) would be done by io_submit in the
// caller's time; those go on at once.

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
            let isAlone = requests.isEmpty && mine.isEmpty
            guard KernelQueue.context != nil, isForKernel(request) else {
                others.append(request)
                continue
            }
            let isFresh = isAlone && turn.role == .submitter && !request.block.pointee.isExposed
            if isFresh, gate == nil, isBufferedRead(request) {
                // As good as io_submit, and nothing has to be harvested. Not of what has waited: `KernelQueue` looks whether
                // the number is still its file's.
                handle(request, AIOLinux.readAtOnce(request), &turn)
            } else if Reactor.isRunning || !request.isExpectedByNobody {
                AIOLinux.prepare(request)
                mine.append(request)
            } else {
                others.append(request)
            }
        }
        // First those that may take a worker: the kernel's take none of our time.
        turn.handOn(&others, below: position)
        gate?.admit(&mine, at: position)
        if !mine.isEmpty { KernelQueue.submit(&mine, &turn) }
    }

    func harvested(_ request: Request, _ result: Int, _ turn: inout Turn) {
        gate?.leave(&turn)
        handle(request, result, &turn)
    }

    private func handle(_ request: Request, _ result: Int, _ turn: inout Turn) {
        let isKnown = result == request.block.pointee.length || isFileKnown(request, turn)
        switch result {
        case -Int(EAGAIN), -Int(EOPNOTSUPP), -Int(EINVAL), -Int(ENOMEM), -Int(ENOSYS):
            if result == -Int(EOPNOTSUPP), isKnown, !request.block.pointee.operation.isSynchronize {
                AIOLinux.learn(request.block.pointee.file, request.block.pointee.operation)
            }
            turn.handOn(request, below: position)
        case 0... where isKnown && isPartial(request, result):
            // The kernel stopped early: the rest may not be in the page cache, or need an allocation.
            request.block.pointee.transferred += result
            Statistics.count(Statistics.ranInKernel)
            turn.handOn(request, below: position)
        default:
            Statistics.count(Statistics.ranInKernel)
            turn.complete(request, result < 0 ? result : request.block.pointee.transferred + result)
        }
    }

    /// Whether the request's file is the one that the kernel has. What was remembered of the descriptor is put right as
    /// long as the call that submits the request has not returned. Afterwards the number may be another file's: then
    /// what the kernel gave is all there is, and what it refused is refused by who looks at the number next.
    private func isFileKnown(_ request: Request, _ turn: borrowing Turn) -> Bool {
        guard request.block.pointee.isFileRemembered else { return true }
        guard let now = FileFacts(request.block.pointee.descriptor) else { return false }
        guard turn.own == request.sequence else { return now.isSameFile(as: request.block.pointee.file) }
        request.block.pointee.file = now
        request.block.pointee.isFileRemembered = false
        return true
    }

    func reset() { gate?.reset() }

    func cancel(_ request: Request, _ sequence: UInt64, force: Bool, _ turn: inout Turn) -> CancelOutcome {
        if let gate, gate.withdraw(request, sequence, position: position) { return .taken }
        guard KernelQueue.withdraw(request, sequence, position: position) else { return .no }
        gate?.leave(&turn)
        return .taken
    }

    // MARK: what goes to the kernel

    private func isForKernel(_ request: Request) -> Bool {
        let file = request.block.pointee.file
        guard file.kind == .file, !request.block.pointee.isKnownToWait else { return false }
        switch request.block.pointee.operation {
        case .synchronize, .synchronizeData: return true
        case .read: return isTried(request)
        case .write: return isTried(request) && AIOLinux.isWithin(file, request.end) && !file.isAppending
        case .list: return false
        }
    }

    private func isBufferedRead(_ request: Request) -> Bool {
        request.block.pointee.operation == .read && !request.block.pointee.file.isDirect
    }

    private static func readAtOnce(_ request: Request) -> Int {
        request.withRemainingBuffers { buffers, count in
            systemCall(
                SYS_preadv2, Int(request.block.pointee.descriptor.number), address(buffers), count,
                request.remainingOffset, 0, Int(noWait))
        }
    }

    /// Whether a transfer may be tried in the caller's time.
    private func isTried(_ request: Request) -> Bool {
        let file = request.block.pointee.file
        return (file.isDirect || request.block.pointee.length <= AIOLinux.mostInline)
            && AIOLinux.knowsNoWait(file, request.block.pointee.operation)
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

    // MARK: what `Express` asks

    /// Whether a transfer is done by the call that submits it, if it need not wait: where data is in memory.
    @inline(__always)
    static func isDoneInCall(_ file: FileFacts, _ length: Int, isWrite: Bool) -> Bool {
        if !file.isDirect { return !isWrite && knowsNoWait(file, .read) }
        return file.isBlockDevice && !knowsNoWait(file, isWrite ? .write : .read) && Devices.isQuick(file.device)
    }

    /// Whether a write up to `end` may be given to the kernel. The descriptor is asked whether it appends: what is
    /// remembered of that may be wrong.
    static func mayWrite(_ file: FileFacts, _ descriptor: Descriptor, _ end: Int) -> Bool {
        var now = file
        now.statusFlags = CInt(truncatingIfNeeded: descriptor.statusFlags)
        return now.statusFlags >= 0 && now.isDirect && now.isWritable && !now.isAppending && isWithin(file, end)
    }

    @inline(__always)
    static func knowsNoWait(_ file: FileFacts, _ operation: Operation) -> Bool {
        !Devices.refuses(file.device, Devices.Way(file, operation))
    }

    /// The kernel said that it can't be asked not to wait.
    static func learn(_ file: FileFacts, _ operation: Operation) {
        Devices.learnRefusal(file.device, Devices.Way(file, operation))
        if !file.isDirect { (operation == .write ? Decision.writesRefused : .readsRefused).tell() }
    }

    // MARK: iocbs

    @inline(__always)
    static func prepare(_ request: Request) {
        let block = request.block
        let operation: io_iocb_cmd
        switch block.pointee.operation {
        case .read: operation = block.pointee.vectorCount > 0 ? IO_CMD_PREADV : IO_CMD_PREAD
        case .write: operation = block.pointee.vectorCount > 0 ? IO_CMD_PWRITEV : IO_CMD_PWRITE
        case .synchronizeData: operation = IO_CMD_FDSYNC
        case .synchronize, .list: operation = IO_CMD_FSYNC
        }
        block.pointee.iocb = iocb()
        block.pointee.iocb.data = UnsafeMutableRawPointer(block)
        block.pointee.iocb.aio_lio_opcode = Int16(operation.rawValue)
        block.pointee.iocb.aio_fildes = block.pointee.descriptor.number
        if !block.pointee.operation.isSynchronize {
            block.pointee.iocb.u.c.buf = block.pointee.buffer
            let count = block.pointee.vectorCount
            block.pointee.iocb.u.c.nbytes = UInt(count > 0 ? count : block.pointee.length)
            block.pointee.iocb.u.c.offset = Int64(block.pointee.offset)
            block.pointee.iocb.aio_rw_flags = AIOLinux.noWait
        }
        if block.pointee.notification.hasOwnEvent, !request.isExpectedByNobody {
            request.signalEvent(block.pointee.notification.target)
        } else if request.isExpectedByNobody {
            request.signalCompletionEvent()
        }
        let priority = block.pointee.priority
        if priority > 0 {
            // Below the usual 4 of the best-effort class (2), whose lowest is 7.
            block.pointee.iocb.aio_reqprio = Int16(2 << 13 | min(7, 5 + Int(priority) / 8))
            block.pointee.iocb.u.c.flags |= AIOLinux.hasPriority
        }
    }

    /// RWF_NOWAIT and IOCB_FLAG_IOPRIO of the kernel's headers, which can't be included beside libaio's.
    static let noWait: UInt32 = 8
    private static let hasPriority: UInt32 = 2

    private func isPartial(_ request: Request, _ result: Int) -> Bool {
        guard result > 0, result < request.block.pointee.length else { return false }
        return request.block.pointee.operation == .write
            || request.block.pointee.operation == .read
                && request.block.pointee.offset + result < request.block.pointee.file.size
    }
}

extension Request {
    /// Has the kernel wake the reactor at the completion (IOCB_FLAG_RESFD).
    func signalCompletionEvent() {
        if let event = KernelQueue.completionEvent { signalEvent(event.descriptor.number) }
    }

    /// Has the kernel signal an eventfd at the completion.
    func signalEvent(_ descriptor: CInt) {
        block.pointee.iocb.u.c.flags |= 1
        block.pointee.iocb.u.c.resfd = UInt32(descriptor)
    }

    /// Whether its completion must be acted upon though no caller may come for it: somebody is notified.
    var isExpectedByNobody: Bool {
        block.pointee.notification.needsUs
            || (block.pointee.list.map { $0.block.pointee.notification.kind != .none } ?? false)
    }
}
