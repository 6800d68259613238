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

    func cancel(_ request: Request, _ sequence: UInt64, force: Bool, _ turn: inout Turn) -> CancelOutcome {
        let outcome = Workers.withdraw(request, sequence, position: position, force: force)
        return outcome == .no ? OpenFiles.withdraw(request, sequence, position: position) : outcome
    }

    /// Its own requests are what is to be done for open files.
    func work(_ own: Request, _ turn: inout Turn) -> Int { OpenFiles.work(own) }
    func finished(_ own: Request, _ turn: inout Turn) { OpenFiles.finished(own, &turn) }

    /// On a thread of the pool, whose number is given: does what the request asks for and completes it. `nearEnd` is called when it is
    /// done and nobody knows yet; not of a request that goes on elsewhere.
    static func perform(_ request: Request, on thread: CInt, nearEnd: () -> Void) {
        Turn.visit(as: .worker) { turn in
            perform(request, on: thread, &turn, nearEnd: nearEnd)
            turn.finishAndHarvest()
        }
    }

    /// Returns what the last call gave: the request may be another's by then.
    @discardableResult
    static func perform(
        _ request: Request, on thread: CInt, _ turn: inout Turn, nearEnd: () -> Void = {}
    ) -> Int {
        if request.operation == .work { return work(request, on: thread, &turn) }
        if AIOLinux.tryAgain(request) { return 0 }
        request.shared.runner.store(thread, ordering: .sequentiallyConsistent)
        let isTimed = request.file.kind == .file
        let started = isTimed ? Instant.now : .never
        let result = transfer(request)
        if isTimed {
            let (device, interval) = (request.file.device, Instant.now.nanoseconds - started.nanoseconds)
            if request.length <= Workers.mostHere { Devices.took(device, interval) }
            if mayBeMemory(request) { Devices.tookOnWorker(device, request.length, interval) }
            if mayKeep(request, result) {
                Devices.wroteOnWorker(
                    device, result, interval,
                    isClean: request.descriptor.isCached(
                        request.offset, result, isClean: true))
            }
        }
        request.shared.runner.store(0, ordering: .sequentiallyConsistent)
        if result == wouldWait {
            AIOPoll.takeBack(request, &turn)
            return 0
        }
        Statistics.count(Statistics.ranOnWorker, by: request)
        nearEnd()
        if !Connection.leave(request, result) { turn.complete(request, result) }
        return result
    }

    private static func work(_ request: Request, on thread: CInt, _ turn: inout Turn) -> Int {
        let stack = request.stack
        request.shared.runner.store(thread, ordering: .sequentiallyConsistent)
        stack.enter()
        let result = stack[Int(request.owner) - 1].work(request, &turn)
        stack.leave()
        request.shared.runner.store(0, ordering: .sequentiallyConsistent)
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

    private static func transfer(_ request: Request) -> Int {
        let descriptor = request.descriptor
        // The number may be another file's by now: then the descriptor was closed before the request's turn.
        let problem = request.fileProblem
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
