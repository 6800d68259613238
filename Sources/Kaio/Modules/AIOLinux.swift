// aio_linux: gives to the kernel what the kernel can do without blocking the caller.
//
//     vfs objects = ordered aio_linux aio_poll aio_pthread
//
// Reads and writes of regular files and block devices go by io_submit with RWF_NOWAIT: where the kernel would
// have to wait (for a page to be read, a block to be allocated), it says so, and the request goes on to the
// next module. So does all that the kernel does not support this way, and whatever it calls invalid: the plain
// system call then gives the error that programs know.
//
// A buffered request that takes long even without waiting (a large copy) would be done by io_submit in the
// caller's time; those go on at once.

import CKernel
import Synchronization

final class AIOLinux: Module {
    let name: StaticString = "aio_linux"
    private let position: Int
    /// Devices whose file system refuses buffered reads, or writes, with RWF_NOWAIT; each is asked once.
    private let refusing: UnsafeMutablePointer<Atomic<UInt64>>

    private static let refusingCount = 16
    /// A buffered request beyond this many bytes is not done in the caller's time.
    private static let mostInline = 64 << 10

    init(position: Int) {
        self.position = position
        refusing = .allocate(capacity: AIOLinux.refusingCount)
        for index in 0..<AIOLinux.refusingCount { (refusing + index).initialize(to: Atomic(0)) }
    }

    // MARK: Module

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        var mine = RequestQueue()
        var others = RequestQueue()
        while let request = requests.popFirst() {
            if KernelQueue.context != nil, isForKernel(request), Reactor.isRunning || !request.isExpectedByNobody {
                prepare(request)
                mine.append(request)
            } else {
                others.append(request)
            }
        }
        // First those that may take a worker: the kernel's take none of our time.
        turn.handOn(&others, below: position)
        if !mine.isEmpty { KernelQueue.submit(&mine, &turn) }
    }

    func harvested(_ request: Request, _ result: Int, _ turn: inout Turn) {
        switch result {
        case -Int(EAGAIN), -Int(EOPNOTSUPP), -Int(EINVAL), -Int(ENOMEM), -Int(ENOSYS):
            if result == -Int(EOPNOTSUPP) { learn(request) }
            turn.handOn(request, below: position)
        case 0... where isPartial(request, result):
            // The kernel stopped early: the rest may not be in the page cache, or need an allocation.
            request.block.pointee.transferred += result
            Statistics.count(Statistics.ranInKernel)
            turn.handOn(request, below: position)
        default:
            Statistics.count(Statistics.ranInKernel)
            turn.complete(request, result < 0 ? result : request.block.pointee.transferred + result)
        }
    }

    func cancel(_ request: Request, _ sequence: UInt64, force: Bool, _ turn: inout Turn) -> CancelOutcome {
        KernelQueue.withdraw(request, sequence, position: position) ? .taken : .no
    }

    // MARK: what goes to the kernel

    private func isForKernel(_ request: Request) -> Bool {
        let file = request.block.pointee.file
        switch request.block.pointee.operation {
        case .synchronize, .synchronizeData:
            return file.kind == .file
        case .read:
            return file.kind == .file && (file.isDirect || isQuick(request))
        case .write:
            guard file.kind == .file else { return false }
            // Beyond the end the kernel would wait for the allocation; it also is where a limit on the file's
            // size would raise SIGXFSZ in the caller.
            guard !file.isAppending, request.end <= Int(clamping: file.size), request.end <= fileSizeLimit else {
                return false
            }
            return file.isDirect || isQuick(request)
        case .list:
            return false
        }
    }

    /// Whether a buffered request may be tried in the caller's time.
    private func isQuick(_ request: Request) -> Bool {
        request.block.pointee.length <= AIOLinux.mostInline && !isRefused(request)
    }

    /// RLIMIT_FSIZE: beyond it a write raises SIGXFSZ in the thread that submits.
    private var fileSizeLimit: Int {
        var limit = rlimit()
        _ = withUnsafeMutablePointer(to: &limit) {
            systemCall(SYS_prlimit64, 0, Int(RLIMIT_FSIZE.rawValue), 0, address($0))
        }
        return Int(clamping: UInt64(limit.rlim_cur))
    }

    private func prepare(_ request: Request) {
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
        if block.pointee.notification.kind == .event, !request.isExpectedByNobody {
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
    private static let noWait: UInt32 = 8
    private static let hasPriority: UInt32 = 2

    private func isPartial(_ request: Request, _ result: Int) -> Bool {
        guard result > 0, result < request.block.pointee.length else { return false }
        return request.block.pointee.operation == .write
            || request.block.pointee.operation == .read
                && request.block.pointee.offset + result < request.block.pointee.file.size
    }

    // MARK: what was learnt

    /// A device and a direction as one word, never 0.
    private func word(_ request: Request) -> UInt64 {
        request.block.pointee.file.device << 2 | (request.block.pointee.operation == .write ? 2 : 1)
    }

    private func isRefused(_ request: Request) -> Bool {
        let word = word(request)
        return refusing[slot(word)].load(ordering: .relaxed) == word
    }

    private func learn(_ request: Request) {
        guard !request.block.pointee.operation.isSynchronize, !request.block.pointee.file.isDirect else { return }
        let word = word(request)
        refusing[slot(word)].store(word, ordering: .relaxed)
        (request.block.pointee.operation == .write ? Decision.writesRefused : .readsRefused).tell()
    }

    private func slot(_ word: UInt64) -> Int { Int((word &* 0x9e37_79b9_7f4a_7c15) >> 60) }
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
