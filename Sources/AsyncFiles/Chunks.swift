// A file as a sequence of pieces.

public import SystemPackage

extension AsyncFile {
    /// The file's bytes in pieces of `size`, of which only the last may be shorter; of a stream, as they come.
    ///
    /// - Parameters:
    ///   - size: how many bytes a piece has.
    ///   - range: which bytes of the file; a stream has none.
    ///   - ahead: how many pieces are read ahead, once one is not in the page cache.
    public func chunks(of size: Int = 256 * 1024, in range: Range<Int64> = 0..<Int64.max, ahead: Int = 2) -> Chunks {
        precondition(size > 0, "a piece has at least one byte")
        return Chunks(file: self, size: size, range: range, ahead: ahead)
    }

    public struct Chunks: AsyncSequence, Sendable {
        public typealias Element = [UInt8]
        public typealias Failure = Errno

        fileprivate let file: AsyncFile
        fileprivate let size: Int
        fileprivate let range: Range<Int64>
        fileprivate let ahead: Int

        public func makeAsyncIterator() -> Iterator {
            Iterator(pieces: ReadAhead(file, size: size, range: range, depth: ahead))
        }

        public struct Iterator: AsyncIteratorProtocol {
            fileprivate var pieces: ReadAhead<[UInt8]>

            public mutating func next(isolation actor: isolated (any Actor)?) async throws(Errno) -> [UInt8]? {
                try await pieces.removeFirst()
            }

            public mutating func next() async throws(Errno) -> [UInt8]? { try await next(isolation: #isolation) }
        }
    }
}

extension [UInt8]: FilePiece {
    package var byteCount: Int { count }

    package static func read(_ file: AsyncFile, _ count: Int, at offset: Int64) async throws(Errno) -> [UInt8] {
        try await file.read(count, at: offset)
    }

    package static func readCached(_ file: AsyncFile, _ count: Int, at offset: Int64) throws(Errno) -> [UInt8]? {
        try file.readCached(count, at: offset)
    }
}
