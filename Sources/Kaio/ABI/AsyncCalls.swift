// What AsyncFiles needs beyond kaio.h, for that alone: no C program sees it. Errors are errno's values.

import CKernel

public enum AsyncCalls {
    /// Of a request's aiocb, in aio_lio_opcode.
    public enum Operation: CInt {
        case read, write, readVector, writeVector, synchronize, synchronizeData
    }

    /// The calling thread is the connection's until it ends: no signal interrupts it.
    public static func blockSignals() { SignalMask.blockForGood() }

    /// For the connection's thread, before it sleeps: completes what workers have done, and waits for more for a moment, where that paid of
    /// late, or until `isOver`. False: there was nothing.
    public static func serve(_ connection: OpaquePointer, until isOver: () -> Bool) -> Bool {
        Connection(connection)?.serve(until: isOver) ?? false
    }

    /// The connection's thread has slept, since the clock's `began` (ns), and something woke it.
    public static func slept(_ connection: OpaquePointer, since began: Int64) {
        Connection(connection)?.state.pointee.spin.slept(since: Instant(nanoseconds: began))
    }

    /// The clock of `slept`.
    public static var now: Int64 { Instant.now.nanoseconds }

    /// Makes an open descriptor a file of the connection's, which kaio_close closes. Nil: it stays the caller's.
    public static func adopt(_ connection: OpaquePointer, _ descriptor: CInt, waits: Bool) -> OpaquePointer? {
        guard let connection = Connection(connection), connection.isOfThisProcess else { return nil }
        return connection.adopt(Descriptor(number: descriptor), waits: waits)?.handle
    }

    /// Submits several requests on a file at once; each aiocb has its operation, and a callback. Returns how many were taken, in
    /// their order; where that is not all, `error` is what is wrong with the next. A callback is called by the connection's thread, by
    /// the thread of the library's that did the transfer, or by one that submits, with all signals blocked; it must not wait for anything.
    ///
    /// - Parameter request: the aiocb, and whether its data is known not to be in the page cache.
    public static func submit(
        _ file: OpaquePointer, _ count: Int, _ error: inout CInt,
        _ request: (Int) -> (control: UnsafeMutablePointer<aiocb>, isKnownToWait: Bool)
    ) -> Int {
        guard let file = ConnectionFile(file), file.connection.isOfThisProcess else {
            error = EINVAL
            return 0
        }
        return SignalMask.whileAllBlocked {
            file.submit(count, &error) { index in
                let (control, isKnownToWait) = request(index)
                let user = UserBlock(control)
                user.setDescriptor(file.descriptor)
                var notification = file.notification(for: user) ?? Notification()
                notification.isImmediate = true
                let operation = Operation(rawValue: control.pointee.aio_lio_opcode) ?? .read
                return Submission.Member(
                    user: user, operation: operation.inLibrary,
                    notification: notification,
                    isVector: operation == .readVector || operation == .writeVector, isKnownToWait: isKnownToWait)
            }
        }
    }

    /// As kaio_aio_cancel, but also what counts as being in progress and only waits: the write at the head of a pipe.
    public static func cancel(_ file: OpaquePointer, _ control: UnsafeMutablePointer<aiocb>) {
        guard let file = ConnectionFile(file), file.connection.isOfThisProcess else { return }
        Cancellation.endUse(UserBlock(control))
        Reactor.startIfWanted()
    }

    /// The same for all on the file.
    public static func endUses(of file: OpaquePointer) {
        guard let file = ConnectionFile(file), file.connection.isOfThisProcess else { return }
        Cancellation.endUses(of: file.descriptor)
        Reactor.startIfWanted()
    }
}

extension AsyncCalls.Operation {
    fileprivate var inLibrary: Operation {
        switch self {
        case .read, .readVector: .read
        case .write, .writeVector: .write
        case .synchronize: .synchronize
        case .synchronizeData: .synchronizeData
        }
    }
}
