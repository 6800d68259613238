// aio_pthread: runs everything, on the pool's threads, by priority. The last module of every stack.
//
//     vfs objects = ordered aio_linux aio_poll aio_pthread

import CKernel
import Synchronization

final class AIOPthread: Module {
    let name: StaticString = "aio_pthread"
    private let position: Int

    init(position: Int) { self.position = position }

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) { Workers.add(&requests, &turn) }

    func cancel(_ request: RequestIdentity, force: Bool, _ turn: inout Turn) -> CancelOutcome {
        let outcome = Workers.withdraw(request, position: position, force: force)
        return outcome == .no ? OpenFiles.withdraw(request, position: position) : outcome
    }

    /// Its own requests are what is to be done for open files.
    func work(_ own: Request, _ turn: inout Turn) -> Int { OpenFiles.work(own) }
    func finished(_ own: Request, _ turn: inout Turn) { OpenFiles.finished(own, &turn) }

    /// What a thread knows from one request to the next.
    struct Knowledge {
        /// The thread's number.
        let thread: CInt
        /// When the latest request was begun, and its transfer was over; ns of the clock.
        var began: Int64 = 0
        var ended: Int64 = 0
        /// The file that a descriptor was found to be of when the thread looked last, and when that was.
        fileprivate var descriptor = Descriptor.none
        fileprivate var file = FileFacts()
        fileprivate var looked = Int64.min

        init(thread: CInt) { self.thread = thread }
    }

    /// On a thread of the pool: does what the request asks for and completes it.
    static func perform(_ request: Request, _ knowledge: inout Knowledge) {
        Turn.visit(as: .worker) { turn in
            perform(request, &knowledge, &turn)
            turn.finishAndHarvest()
        }
    }

    /// Returns what the last call gave: the request may be another's by then.
    @discardableResult
    static func perform(_ request: Request, _ knowledge: inout Knowledge, _ turn: inout Turn) -> Int {
        knowledge.began = Instant.now.nanoseconds
        knowledge.ended = knowledge.began
        if request.operation == .work { return work(request, on: knowledge.thread, &turn) }
        if AIOLinux.tryAgain(request) { return 0 }
        request.run(on: knowledge.thread)
        let result = transfer(request, &knowledge)
        knowledge.ended = Instant.now.nanoseconds
        if request.file.kind == .file {
            let (device, interval) = (request.file.device, knowledge.ended - knowledge.began)
            if request.length <= Workers.mostHere { Devices.took(device, interval) }
            if mayBeMemory(request) { Devices.tookOnWorker(device, request.length, interval) }
            if mayKeep(request, result) {
                Devices.wroteOnWorker(
                    device, result, interval,
                    isClean: request.descriptor.isCached(
                        request.offset, result, isClean: true))
            }
        }
        request.become(.held, isFenced: true)
        if result == wouldWait {
            AIOPoll.takeBack(request, &turn)
            return 0
        }
        Statistics.count(Statistics.ranOnWorker, by: request)
        if !Connection.leave(request, result) { turn.complete(request, result) }
        return result
    }

    private static func work(_ request: Request, on thread: CInt, _ turn: inout Turn) -> Int {
        let stack = request.stack
        request.run(on: thread)
        stack.enter()
        let result = stack[Int(request.owner) - 1].work(request, &turn)
        stack.leave()
        request.become(.held, isFenced: true)
        turn.complete(request, result)
        return result
    }

    /// Whether it is worth knowing how long the transfer takes: see `Devices`.
    private static func mayBeMemory(_ request: Request) -> Bool {
        let file = request.file
        if file.isBlockDevice { return file.isDirect }
        return file.kind == .file && !file.isDirect && request.operation == .read
            && !AIOLinux.knowsNoWait(file, .read)
    }

    /// Whether it is worth knowing whether a write's pages are all that there is of the file: see `Devices`.
    private static func mayKeep(_ request: Request, _ result: Int) -> Bool {
        let file = request.file
        return request.operation == .write && result > 0 && !file.isDirect && !file.isAppending
            && !AIOLinux.knowsNoWait(file, .write) && Devices.mayKeepWrites(file.device)
    }

    /// 0, or the result of a request whose descriptor is another file's by now: it was closed before the request's turn. Who closes by a
    /// call that the library sees waits for the request or takes it back. Other ways to close are found out by a look, and not within
    /// `justNow` of the last one.
    private static func fileProblem(_ request: Request, _ knowledge: inout Knowledge) -> Int {
        if request.descriptor == knowledge.descriptor, request.file.isSameFile(as: knowledge.file),
            knowledge.began - knowledge.looked < justNow
        {
            return 0
        }
        let problem = request.fileProblem
        (knowledge.descriptor, knowledge.file) = (problem == 0 ? request.descriptor : .none, request.file)
        knowledge.looked = knowledge.began
        return problem
    }

    private static let justNow: Int64 = 10_000

    private static func transfer(_ request: Request, _ knowledge: inout Knowledge) -> Int {
        let descriptor = request.descriptor
        let problem = fileProblem(request, &knowledge)
        if problem != 0 { return problem }
        switch request.operation {
        case .synchronize: return again { descriptor.synchronize(dataOnly: false) }
        case .synchronizeData: return again { descriptor.synchronize(dataOnly: true) }
        case .list, .work: return 0
        case .read, .write: if AIOLinux.transferBeforehand(request) { return request.transferred }
        }
        var patience: Int64 = 0
        while true {
            if request.isStepwise {
                switch request.nextStep(patience: patience) {
                case .wait: return wouldWait
                case .over(let result): return result
                case .transfer(let most): request.most = most
                case .unknown: break
                }
            }
            let before = request.transferred
            let result = again { move(request, descriptor) }
            if request.isStepwise, request.operation == .write, result > 0,
                result < request.remainingLength
            {
                request.transferred += result
                // It flows: the way round would cost more than a short wait.
                patience = flowing
                continue
            }
            if request.neverBlocks, request.file.statusFlags & O_NONBLOCK == 0 {
                // Where it can't be polled without a thread.
                if result == -Int(EAGAIN) {
                    _ = request.readiness(request.operation == .read ? POLLIN : POLLOUT, .max)
                    continue
                }
                if request.operation == .write, result > 0, result < request.remainingLength {
                    request.transferred += result
                    continue
                }
            }
            if result >= 0 { return before + result }
            return before > 0 ? before : result
        }
    }

    /// Of a step that aio_poll is to wait for; no errno.
    private static let wouldWait = Int.min
    /// How long a worker waits for the next piece of a write that has begun.
    private static let flowing: Int64 = 5_000_000

    private static func move(_ request: Request, _ descriptor: Descriptor) -> Int {
        let isRead = request.operation == .read
        let number = Int(descriptor.number)
        let isStream = request.file.isStream
        if request.vectorCount == 0 {
            // Not the calls for several buffers: they do nothing where there is nothing to transfer, and the driver says what
            // of a datagram, or an error, there is all the same.
            let buffer = address(request.buffer) + request.transferred
            let length = min(request.remainingLength, request.most)
            if !isStream {
                let result = systemCall(
                    isRead ? SYS_pread64 : SYS_pwrite64, number, buffer, length, request.remainingOffset)
                if result != -Int(ESPIPE) { return result }
            }
            return systemCall(isRead ? SYS_read : SYS_write, number, buffer, length)
        }
        return request.withRemainingBuffers { buffers, count in
            if !isStream {
                let result = systemCall(
                    isRead ? SYS_preadv : SYS_pwritev, number, address(buffers), count, request.remainingOffset)
                if result != -Int(ESPIPE) { return result }
            }
            return systemCall(isRead ? SYS_readv : SYS_writev, number, address(buffers), count)
        }
    }
}

extension AIOPthread {
    static var entry: ModuleEntry {
        ModuleEntry(
            name: "aio_pthread", side: .below, make: { position, _ in AIOPthread(position: position) })
    }
}
