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

    /// On a thread of the pool: does what the request asks for and completes it.
    static func perform(_ request: Request) {
        _ = Engine.hold()
        var turn = Turn(.worker)
        perform(request, &turn)
        turn.finish()
        if KernelQueue.hasEvents { KernelQueue.harvest(&turn) }
        Engine.leave(1)
    }

    static func perform(_ request: Request, _ turn: inout Turn) {
        request.block.pointee.runner.store(
            CInt(truncatingIfNeeded: systemCall(SYS_gettid)), ordering: .sequentiallyConsistent)
        let result = transfer(request)
        request.block.pointee.runner.store(0, ordering: .sequentiallyConsistent)
        Statistics.count(Statistics.ranOnWorker)
        turn.complete(request, result)
    }

    private static func transfer(_ request: Request) -> Int {
        let descriptor = request.block.pointee.descriptor
        // The number may be another file's by now: then the descriptor was closed before the request's turn.
        guard let now = FileFacts(descriptor), now.isSameFile(as: request.block.pointee.file) else {
            return -Int(ECANCELED)
        }
        switch request.block.pointee.operation {
        case .synchronize: return again { descriptor.synchronize(dataOnly: false) }
        case .synchronizeData: return again { descriptor.synchronize(dataOnly: true) }
        case .list: return 0
        case .read, .write: break
        }
        let before = request.block.pointee.transferred
        let result = again { move(request, descriptor) }
        if result >= 0 { return before + result }
        return before > 0 ? before : result
    }

    private static func move(_ request: Request, _ descriptor: Descriptor) -> Int {
        let isRead = request.block.pointee.operation == .read
        let number = Int(descriptor.number)
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
