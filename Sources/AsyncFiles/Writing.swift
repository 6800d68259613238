// Writes, and what makes them safe.

import CKernel
import Glibc
import Kaio
public import SystemPackage

extension AsyncFile {
    /// Writes from memory that is not looked at any more when this returns.
    ///
    /// - Returns: How many bytes, which may be less where there is no room on the device, or the task was cancelled on the way.
    public func writeSome(_ memory: UnsafeRawBufferPointer, at offset: Int64 = 0) async throws(Errno) -> Int {
        try enter()
        defer { exit() }
        return try await wait(for: .write, memory.baseAddress, memory.count, at: offset)
    }

    /// Writes all, or throws why the rest was not. Streams have no offset, nor has a file opened with `.append`.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64 = 0) async throws(Errno) {
        var done = 0
        repeat {
            done += try await writeSome(
                UnsafeRawBufferPointer(rebasing: bytes[done...]), at: offset + Int64(done))
        } while done < bytes.count
    }

    /// Writes all, or throws why the rest was not.
    public func write(_ bytes: RawSpan, at offset: Int64 = 0) async throws(Errno) {
        // The span's memory stays until this returns.
        let memory = bytes.withUnsafeBytes { $0 }
        try await write(memory, at: offset)
    }

    /// Writes all, or throws why the rest was not.
    public func write(_ bytes: [UInt8], at offset: Int64 = 0) async throws(Errno) {
        try await write(bytes.span.bytes, at: offset)
    }

    public func write(_ text: String, at offset: Int64 = 0) async throws(Errno) {
        try await write([UInt8](text.utf8), at: offset)
    }

    public func write(_ buffer: borrowing PageBuffer, at offset: Int64 = 0) async throws(Errno) {
        try await write(UnsafeRawBufferPointer(start: buffer.start, count: buffer.count), at: offset)
    }

    /// Writes several pieces of memory one behind the other by one request, as pwritev(2) does.
    ///
    /// - Returns: How many bytes, which may be less where there is no room on the device, or the task was cancelled on the way.
    public func writeSome(_ pieces: [UnsafeRawBufferPointer], at offset: Int64 = 0) async throws(Errno) -> Int {
        try await transfer(
            .writeVector,
            pieces.map { iovec(iov_base: UnsafeMutableRawPointer(mutating: $0.baseAddress), iov_len: $0.count) },
            at: offset)
    }

    /// Writes several pieces, each at its offset, as one submission. If one fails this throws, when all are over.
    public func write(many parts: [(bytes: [UInt8], offset: Int64)]) async throws(Errno) {
        try enter()
        defer { exit() }
        var places: [Int] = []
        var total = 0
        for part in parts {
            places.append(total)
            total += Pages.roundedUp(part.bytes.count)
        }
        let memory = PageBuffer(capacity: total)
        let call = Call(self, count: parts.count)
        defer { call.free() }
        for (index, part) in parts.enumerated() {
            let start = memory.start.map { $0 + places[index] }
            part.bytes.withUnsafeBytes { start?.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
            call[index].prepare(.write, start, part.bytes.count, at: part.offset)
        }
        await call.run()
        for (index, part) in parts.enumerated() {
            let result = call[index].result
            if result < 0 { throw Errno(rawValue: CInt(-result)) }
            if result < part.bytes.count { throw .noSpace }
        }
    }

    /// Puts bytes at the file's end, whole and in the order of the calls. The file must have been opened with `.append`.
    public func append(_ bytes: RawSpan) async throws(Errno) {
        guard fcntl(number, F_GETFL) & O_APPEND != 0 else { throw .invalidArgument }
        try await write(bytes)
    }

    public func append(_ bytes: [UInt8]) async throws(Errno) { try await append(bytes.span.bytes) }

    /// Waits until what was written before is safe on the device, as fsync(2).
    ///
    /// - Parameter dataOnly: As fdatasync(2): not the time stamps.
    public func sync(dataOnly: Bool = false) async throws(Errno) {
        try enter()
        defer { exit() }
        _ = try await wait(for: dataOnly ? .synchronizeData : .synchronize, nil, 0, at: 0)
    }
}
