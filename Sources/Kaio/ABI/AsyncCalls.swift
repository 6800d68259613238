// What AsyncFiles needs beyond kaio.h, for that alone: no C program sees it. Errors are errno's values.

import CKernel

public enum AsyncCalls {
    /// Of a request's aiocb, in aio_lio_opcode.
    public enum Operation: CInt {
        case read, write, readVector, writeVector, synchronize, synchronizeData
    }

    /// The calling thread is the connection's until it ends: no signal interrupts it.
    public static func blockSignals() { SignalMask.blockForGood() }

    /// Makes an open descriptor a file of the connection's, which kaio_close closes. Nil: it stays the caller's.
    public static func adopt(_ connection: OpaquePointer, _ descriptor: CInt, waits: Bool) -> OpaquePointer? {
        guard let connection = Connection(connection), connection.isOfThisProcess else { return nil }
        return connection.adopt(Descriptor(number: descriptor), waits: waits)?.handle
    }

    /// Submits several requests on a file at once; each aiocb has its operation, and a callback. Returns how many were taken, in
    /// their order; where that is not all, `error` is what is wrong with the next.
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
        let completions = file.connection.completions
        return file.submit(count, &error) { index in
            let (control, isKnownToWait) = request(index)
            let user = UserBlock(control)
            user.setDescriptor(file.descriptor)
            let operation = Operation(rawValue: control.pointee.aio_lio_opcode) ?? .read
            return Submission.Member(
                user: user, operation: operation.inLibrary,
                notification: file.notification(for: user, completions) ?? Notification(),
                isVector: operation == .readVector || operation == .writeVector, isKnownToWait: isKnownToWait)
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
