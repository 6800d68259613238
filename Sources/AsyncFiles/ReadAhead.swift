// The pieces of a file one after the other, read ahead where they are not in the page cache: for the sequences of them.
//
// Invariant: the tasks in `ahead` read the pieces from `next` on, without a gap; whoever lets go of this cancels them. A stream is
// never read ahead: what is taken from it and not given out would be lost.

package import SystemPackage

/// What a file is read into, a piece at a time.
package protocol FilePiece: Sendable {
    var byteCount: Int { get }

    /// So many bytes, or fewer at the file's end; of a stream what there was.
    static func read(_ file: AsyncFile, _ count: Int, at offset: Int64) async throws(Errno) -> Self

    /// The same of what is in the page cache; nil where that is not all of it.
    static func readCached(_ file: AsyncFile, _ count: Int, at offset: Int64) throws(Errno) -> Self?
}

package struct ReadAhead<Piece: FilePiece> {
    private let file: AsyncFile
    private let size: Int
    private let end: Int64
    private let depth: Int
    private let ahead = Ahead<Piece>()
    private var next: Int64
    private var isOver = false

    /// - Parameters:
    ///   - size: of a piece.
    ///   - depth: how many pieces are read ahead, once one is not in the page cache.
    package init(_ file: AsyncFile, size: Int, range: Range<Int64>, depth: Int) {
        precondition(size > 0, "a piece has at least one byte")
        self.file = file
        self.size = size
        self.depth = file.isSeekable ? max(0, depth) : 0
        next = range.lowerBound
        end = range.upperBound
    }

    package mutating func removeFirst() async throws(Errno) -> Piece? {
        if isOver { return nil }
        let count = Int(min(Int64(size), end - next))
        guard count > 0 else { return finish() }
        let piece: Piece
        if ahead.isEmpty, depth == 0 {
            piece = try await Piece.read(file, count, at: next)
        } else if ahead.isEmpty, let cached = try Piece.readCached(file, count, at: next) {
            piece = cached
        } else {
            fill()
            piece = try await ahead.removeFirst()
        }
        if piece.byteCount == 0 { return finish() }
        next += Int64(piece.byteCount)
        // The file's end, or it became shorter: what was read ahead lies elsewhere.
        if piece.byteCount < count, file.isSeekable { _ = finish() }
        return piece
    }

    private mutating func finish() -> Piece? {
        isOver = true
        ahead.cancel()
        return nil
    }

    private func fill() {
        while ahead.count <= depth {
            let start = next + Int64(ahead.count) * Int64(size)
            let count = Int(min(Int64(size), end - start))
            guard count > 0 else { return }
            ahead.add(file, count, at: start)
        }
    }
}

/// The pieces that are being read. A class for its end.
private final class Ahead<Piece: FilePiece> {
    private var tasks: [Task<Piece, any Error>] = []

    deinit { cancel() }

    var count: Int { tasks.count }
    var isEmpty: Bool { tasks.isEmpty }

    func add(_ file: AsyncFile, _ count: Int, at offset: Int64) {
        tasks.append(Task { try await Piece.read(file, count, at: offset) })
    }

    func removeFirst() async throws(Errno) -> Piece {
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
