// A file as a sequence of pieces, read ahead where they are not in the page cache.
//
// Invariant: the tasks in `ahead` read the pieces from `next` backwards, without a gap; whoever lets go of the iterator cancels
// them. A stream is never read ahead: what is taken from it and not given out would be lost.

public import SystemPackage

extension AsyncFile {
    /// The file's bytes in pieces of `size`, of which only the last may be shorter; of a stream, as they come.
    ///
    /// - Parameters:
    ///   - range: which bytes of the file; a stream has none.
    ///   - ahead: how many pieces are read ahead, once one is not in the page cache.
    public func chunks(of size: Int = 256 * 1024, in range: Range<Int64> = 0..<Int64.max, ahead: Int = 2) -> Chunks {
        precondition(size > 0, "a piece has at least one byte")
        return Chunks(file: self, size: size, range: range, ahead: isSeekable ? max(0, ahead) : 0)
    }

    public struct Chunks: AsyncSequence, Sendable {
        public typealias Element = [UInt8]
        public typealias Failure = Errno

        fileprivate let file: AsyncFile
        fileprivate let size: Int
        fileprivate let range: Range<Int64>
        fileprivate let ahead: Int

        public func makeAsyncIterator() -> Iterator { Iterator(self) }

        public struct Iterator: AsyncIteratorProtocol {
            private let chunks: Chunks
            private let ahead = Ahead()
            private var next: Int64
            private var isOver = false

            fileprivate init(_ chunks: Chunks) {
                self.chunks = chunks
                next = chunks.range.lowerBound
            }

            public mutating func next(isolation actor: isolated (any Actor)?) async throws(Errno) -> [UInt8]? {
                if isOver { return nil }
                let count = Int(Swift.min(Int64(chunks.size), chunks.range.upperBound - next))
                guard count > 0 else { return end() }
                let piece: [UInt8]
                if ahead.isEmpty, chunks.ahead == 0 {
                    piece = try await chunks.file.read(count, at: next)
                } else if ahead.isEmpty, let cached = try chunks.file.readCached(count, at: next) {
                    piece = cached
                } else {
                    fill()
                    piece = try await ahead.removeFirst()
                }
                if piece.isEmpty { return end() }
                next += Int64(piece.count)
                // The file's end, or it became shorter: what was read ahead lies elsewhere.
                if piece.count < count, chunks.file.isSeekable { _ = end() }
                return piece
            }

            public mutating func next() async throws(Errno) -> [UInt8]? { try await next(isolation: #isolation) }

            private mutating func end() -> [UInt8]? {
                isOver = true
                ahead.cancel()
                return nil
            }

            private func fill() {
                while ahead.count <= chunks.ahead {
                    let start = next + Int64(ahead.count) * Int64(chunks.size)
                    let count = Int(Swift.min(Int64(chunks.size), chunks.range.upperBound - start))
                    guard count > 0 else { return }
                    ahead.add(chunks.file, count, at: start)
                }
            }
        }
    }
}

/// The pieces that are being read, for one iterator. A class for its end.
private final class Ahead {
    private var tasks: [Task<[UInt8], any Error>] = []

    deinit { cancel() }

    var count: Int { tasks.count }
    var isEmpty: Bool { tasks.isEmpty }

    func add(_ file: AsyncFile, _ count: Int, at offset: Int64) {
        tasks.append(Task { try await file.read(count, at: offset) })
    }

    func removeFirst() async throws(Errno) -> [UInt8] {
        let task = tasks.removeFirst()
        let result = await withTaskCancellationHandler {
            await task.result
        } onCancel: {
            task.cancel()
        }
        do {
            return try result.get()
        } catch {
            cancel()
            // The task throws nothing else.
            throw error as! Errno
        }
    }

    func cancel() {
        for task in tasks { task.cancel() }
        tasks = []
    }
}
