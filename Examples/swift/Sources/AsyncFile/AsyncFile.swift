// A file, pipe or socket whose reads and writes suspend the task that awaits them. No thread waits for a request: the
// kernel does it, and the library's notification resumes the task.
//
//     let file = try AsyncFile(path: "/etc/hostname")
//     var buffer = Buffer(capacity: 4096)
//     let count = try await file.read(into: &buffer, at: 0)
//
// When the task is cancelled, so is its request (`Errno.canceled`); one that can't be recalled any more is waited for
// and has its ordinary result.

import Glibc
import Synchronization

public final class AsyncFile: Sendable {
    /// Nil when closed. Requests are submitted under this lock, so that none meets a number that is another file's by
    /// now. A submission is short: it does not wait for the disk.
    private let descriptor: Mutex<CInt?>

    /// Takes over a descriptor that is open.
    public init(descriptor: CInt) { self.descriptor = Mutex(descriptor) }

    /// As open(2); O_CLOEXEC is added.
    public convenience init(path: String, flags: CInt = O_RDONLY, permissions: mode_t = 0o666) throws(Errno) {
        let descriptor = open(path, flags | O_CLOEXEC, permissions)
        guard descriptor >= 0 else { throw .last }
        self.init(descriptor: descriptor)
    }

    public static func pipe() throws(Errno) -> (reading: AsyncFile, writing: AsyncFile) {
        var ends: [CInt] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw .last }
        return (AsyncFile(descriptor: ends[0]), AsyncFile(descriptor: ends[1]))
    }

    deinit { try? close() }

    public var size: Int64 {
        get throws(Errno) {
            var status = stat()
            let result = descriptor.withLock { fstat($0 ?? -1, &status) }
            guard result == 0 else { throw .last }
            return Int64(status.st_size)
        }
    }

    /// Reads from an offset, which a pipe or socket does not look at, as many bytes as there are, up to the buffer's
    /// capacity; gives their number, which is 0 at the end.
    @discardableResult
    public func read(into buffer: inout Buffer, at offset: Int64) async throws(Errno) -> Int {
        buffer.count = 0
        buffer.count = try await perform(.read(buffer.memory), at: offset)
        return buffer.count
    }

    /// Writes what is in the buffer, from its byte `start` on; gives the number of bytes, which can be less where the
    /// device is full.
    @discardableResult
    public func write(_ buffer: borrowing Buffer, from start: Int = 0, at offset: Int64) async throws(Errno) -> Int {
        precondition((0...buffer.count).contains(start))
        return try await perform(
            .write(UnsafeRawBufferPointer(rebasing: buffer.memory[start..<buffer.count])), at: offset)
    }

    /// Waits until what was written is safe on the device, as fsync(2).
    public func sync() async throws(Errno) { _ = try await perform(.sync, at: 0) }

    /// Requests that have not begun are cancelled; those under way end in the file that they began in.
    public func close() throws(Errno) {
        let old = descriptor.withLock { descriptor in
            defer { descriptor = nil }
            return descriptor
        }
        if let old, Glibc.close(old) != 0 { throw .last }
    }

    private func perform(_ operation: Request.Operation, at offset: Int64) async throws(Errno) -> Int {
        let request = Request(operation, at: offset)
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                descriptor.withLock { request.submit(to: $0 ?? -1, continuation) }
            }
        } onCancel: {
            request.cancel()
        }
        return try outcome.get()
    }
}
