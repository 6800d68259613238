// One asynchronous request, from its submission to the continuation that waits for it.
//
// Invariant: from `submit` until `complete` the library has the block, and holds a reference to the request, so both
// stay in their place. The state moves forward only, under its lock; who moves it to `done` resumes the task, once.

import CKaio
import Glibc
import Synchronization

final class Request: @unchecked Sendable {
    enum Operation {
        case read(UnsafeMutableRawBufferPointer)
        case write(UnsafeRawBufferPointer)
        case sync
    }

    typealias Outcome = Result<Int, Errno>

    private enum State {
        case new
        /// The task was cancelled before there was anything to cancel.
        case cancelledEarly
        case inFlight(CheckedContinuation<Outcome, Never>)
        case done
    }

    private let operation: Operation
    private let block: UnsafeMutablePointer<aiocb>
    private let state = Mutex(State.new)

    init(_ operation: Operation, at offset: Int64) {
        self.operation = operation
        block = .allocate(capacity: 1)
        block.initialize(to: aiocb())
        block.pointee.aio_offset = off_t(offset)
        switch operation {
        case .read(let bytes):
            block.pointee.aio_buf = bytes.baseAddress
            block.pointee.aio_nbytes = bytes.count
        case .write(let bytes):
            // Only read from; the C struct has one member for both directions.
            block.pointee.aio_buf = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
            block.pointee.aio_nbytes = bytes.count
        case .sync: break
        }
    }

    deinit { block.deallocate() }

    /// The continuation is resumed when the request is complete, by a thread of the library's; or at once if it is
    /// refused, or was cancelled before.
    func submit(to descriptor: CInt, _ continuation: CheckedContinuation<Outcome, Never>) {
        // Under the lock, so that `cancel` finds the block in flight or not at all, and `complete` the continuation.
        let refused: Errno? = state.withLock { state in
            if case .cancelledEarly = state {
                state = .done
                return .canceled
            }
            block.pointee.aio_fildes = descriptor
            block.pointee.aio_sigevent.sigev_notify = CInt(SIGEV_THREAD)
            block.pointee.aio_sigevent.sigev_value.sival_ptr = Unmanaged.passRetained(self).toOpaque()
            block.pointee.aio_sigevent._sigev_un._sigev_thread._function = { value in
                Unmanaged<Request>.fromOpaque(value.sival_ptr).takeRetainedValue().complete()
            }
            let result =
                switch operation {
                case .read: aio_read(block)
                case .write: aio_write(block)
                case .sync: aio_fsync(O_SYNC, block)
                }
            if result == 0 {
                state = .inFlight(continuation)
                return nil
            }
            let refused = Errno.last
            state = .done
            Unmanaged.passUnretained(self).release()  // the library has taken nothing
            return refused
        }
        if let refused { continuation.resume(returning: .failure(refused)) }
    }

    /// A request that has begun can't always be recalled. Then it goes on, and the task waits for it: the kernel has
    /// the buffer's address.
    func cancel() {
        state.withLock { state in
            switch state {
            case .new: state = .cancelledEarly
            case .inFlight: _ = aio_cancel(block.pointee.aio_fildes, block)
            case .cancelledEarly, .done: break
            }
        }
    }

    private func complete() {
        let continuation: CheckedContinuation<Outcome, Never>? = state.withLock { state in
            guard case .inFlight(let continuation) = state else { return nil }
            state = .done
            return continuation
        }
        let error = aio_error(block)
        let count = aio_return(block)
        continuation?.resume(returning: error == 0 ? .success(count) : .failure(Errno(rawValue: error)))
    }
}
