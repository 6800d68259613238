// Files for programs on swift-nio: read into its ByteBuffer and written from it, without a copy.
//
// A buffer's memory is an object of its own. While a request is in flight a reference to that object is held, and the buffer is in
// the hands of the function that awaits; so the memory is there, and nobody writes to it, until the function returns.

#if NIO

    public import AsyncFiles
    public import NIOCore
    public import SystemPackage

    extension AsyncFile {
        /// Reads `count` bytes into a new buffer; of a file fewer only at its end, of a stream what there was. An empty buffer is the end.
        public func readBuffer(_ count: Int, at offset: Int64 = 0) async throws(Errno) -> ByteBuffer {
            var buffer = ByteBuffer()
            try await read(into: &buffer, atMost: count, at: offset)
            return buffer
        }

        /// Reads at most `count` bytes and puts them behind those that the buffer has, which grows as far as it must.
        ///
        /// - Returns: How many bytes; of a file less than `count` only at its end, of a stream what there was. 0 is the end.
        @discardableResult
        public func read(
            into buffer: inout ByteBuffer, atMost count: Int, at offset: Int64 = 0
        ) async throws(Errno) -> Int {
            let room = Room(&buffer, count)
            defer { room.release() }
            let read = try await read(into: room.memory, at: offset)
            buffer.moveWriterIndex(forwardBy: read)
            return read
        }

        /// Writes the buffer's readable bytes, all, or throws why the rest was not. Streams have no offset, nor has a file opened with
        /// `.append`.
        public func write(_ buffer: ByteBuffer, at offset: Int64 = 0) async throws(Errno) {
            let (memory, storage) = buffer.withUnsafeReadableBytesWithStorageManagement { ($0, $1.retain()) }
            defer { storage.release() }
            try await write(memory, at: offset)
        }

        /// Puts the buffer's readable bytes at the file's end, whole and in the order of the calls. The file must have been opened
        /// with `.append`.
        public func append(_ buffer: ByteBuffer) async throws(Errno) { try await append(buffer.readableBytesSpan) }

        /// As ``AsyncFiles/AsyncFile/chunks(of:in:ahead:)``, in buffers.
        public func buffers(
            of size: Int = 256 * 1024, in range: Range<Int64> = 0..<Int64.max, ahead: Int = 2
        ) -> Buffers {
            precondition(size > 0, "a piece has at least one byte")
            return Buffers(file: self, size: size, range: range, ahead: ahead)
        }

        public struct Buffers: AsyncSequence, Sendable {
            public typealias Element = ByteBuffer
            public typealias Failure = Errno

            fileprivate let file: AsyncFile
            fileprivate let size: Int
            fileprivate let range: Range<Int64>
            fileprivate let ahead: Int

            public func makeAsyncIterator() -> Iterator {
                Iterator(pieces: ReadAhead(file, size: size, range: range, depth: ahead))
            }

            public struct Iterator: AsyncIteratorProtocol {
                fileprivate var pieces: ReadAhead<Piece>

                public mutating func next(isolation actor: isolated (any Actor)?) async throws(Errno) -> ByteBuffer? {
                    try await pieces.removeFirst()?.buffer
                }

                public mutating func next() async throws(Errno) -> ByteBuffer? {
                    try await next(isolation: #isolation)
                }
            }
        }
    }

    /// Free memory behind a buffer's bytes, and a reference to what it belongs to.
    private struct Room {
        let memory: UnsafeMutableRawBufferPointer
        private let storage: Unmanaged<AnyObject>

        init(_ buffer: inout ByteBuffer, _ count: Int) {
            buffer.reserveCapacity(minimumWritableBytes: count)
            memory = buffer.withUnsafeMutableWritableBytes {
                UnsafeMutableRawBufferPointer(rebasing: $0.prefix(count))
            }
            storage = buffer.withUnsafeReadableBytesWithStorageManagement { $1.retain() }
        }

        func release() { storage.release() }
    }

    struct Piece: FilePiece {
        let buffer: ByteBuffer

        package var byteCount: Int { buffer.readableBytes }

        package static func read(_ file: AsyncFile, _ count: Int, at offset: Int64) async throws(Errno) -> Piece {
            Piece(buffer: try await file.readBuffer(count, at: offset))
        }

        package static func readCached(
            _ file: AsyncFile, _ count: Int, at offset: Int64
        ) throws(Errno) -> Piece? {
            var buffer = ByteBuffer()
            let room = Room(&buffer, count)
            defer { room.release() }
            guard let read = try file.readCached(into: room.memory, at: offset) else { return nil }
            buffer.moveWriterIndex(forwardBy: read)
            return Piece(buffer: buffer)
        }
    }

#endif
