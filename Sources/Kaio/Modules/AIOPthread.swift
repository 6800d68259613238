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
        Workers.withdraw(request, sequence, position: position) ? .taken : .no
    }

    /// On a thread of the pool, whose number is given: does what the request asks for and completes it.
    static func perform(_ request: Request, on thread: CInt) {
        Turn.visit(as: .worker) { turn in
            perform(request, on: thread, &turn)
            turn.finish()
            if KernelQueue.hasEvents { KernelQueue.harvest(&turn) }
        }
    }

    static func perform(_ request: Request, on thread: CInt, _ turn: inout Turn) {
        request.block.pointee.runner.store(thread, ordering: .sequentiallyConsistent)
        let isTimed = request.block.pointee.file.isBlockDevice && request.block.pointee.file.isDirect
        let started = isTimed ? Instant.now : .never
        let result = transfer(request)
        if isTimed {
            Devices.tookOnWorker(
                request.block.pointee.file.device, request.block.pointee.length,
                Instant.now.nanoseconds - started.nanoseconds)
        }
        request.block.pointee.runner.store(0, ordering: .sequentiallyConsistent)
        Statistics.count(Statistics.ranOnWorker)
        turn.complete(request, result)
    }

    private static func transfer(_ request: Request) -> Int {
        let descriptor = request.block.pointee.descriptor
        // The number may be another file's by now: then the descriptor was closed before the request's turn.
        guard request.isOnItsFile else { return -Int(ECANCELED) }
        switch request.block.pointee.operation {
        case .synchronize: return again { descriptor.synchronize(dataOnly: false) }
        case .synchronizeData: return again { descriptor.synchronize(dataOnly: true) }
        case .list: return 0
        case .read, .write: break
        }
        while true {
            let before = request.block.pointee.transferred
            let result = again { move(request, descriptor) }
            if request.block.pointee.neverBlocks, request.block.pointee.file.statusFlags & O_NONBLOCK == 0 {
                // Where it can't be polled without a thread.
                if result == -Int(EAGAIN) {
                    awaitReadiness(of: request)
                    continue
                }
                if request.block.pointee.operation == .write, result > 0, result < request.remainingLength {
                    request.block.pointee.transferred += result
                    continue
                }
            }
            if result >= 0 { return before + result }
            return before > 0 ? before : result
        }
    }

    private static func awaitReadiness(of request: Request) {
        let isRead = request.block.pointee.operation == .read
        var wanted = pollfd(
            fd: request.block.pointee.descriptor.number, events: Int16(isRead ? POLLIN : POLLOUT), revents: 0)
        _ = withUnsafeMutablePointer(to: &wanted) { systemCall(SYS_poll, address($0), 1, -1) }
    }

    private static func move(_ request: Request, _ descriptor: Descriptor) -> Int {
        let isRead = request.block.pointee.operation == .read
        let number = Int(descriptor.number)
        if request.block.pointee.vectorCount == 0, request.block.pointee.file.kind == .file {
            return systemCall(
                isRead ? SYS_pread64 : SYS_pwrite64, number,
                address(request.block.pointee.buffer) + request.block.pointee.transferred, request.remainingLength,
                request.remainingOffset)
        }
        return request.withRemainingBuffers { buffers, count in
            if request.block.pointee.file.kind != .stream {
                let result = systemCall(
                    isRead ? SYS_preadv : SYS_pwritev, number, address(buffers), count, request.remainingOffset)
                if result != -Int(ESPIPE) { return result }
            }
            return systemCall(isRead ? SYS_readv : SYS_writev, number, address(buffers), count)
        }
    }

    /// All signals are blocked here, but a stop and a continuation interrupt some calls all the same.
    private static func again(_ call: () -> Int) -> Int {
        while true {
            let result = call()
            if result != -Int(EINTR) { return result }
        }
    }
}
