// A file as a sequence of lines.

import Glibc
public import SystemPackage

extension AsyncFile {
    /// The file's lines, without the newlines (`\n` or `\r\n`). What is no UTF-8 in them is repaired, as by `String(decoding:as:)`.
    ///
    /// - Parameter limit: how many bytes a line may have; a longer one throws EOVERFLOW.
    public func lines(limit: Int = 1 << 20) -> Lines { Lines(chunks: chunks(), limit: limit) }

    public var lines: Lines { lines() }

    public struct Lines: AsyncSequence, Sendable {
        public typealias Element = String
        public typealias Failure = Errno

        fileprivate let chunks: Chunks
        fileprivate let limit: Int

        public func makeAsyncIterator() -> Iterator {
            Iterator(chunks: chunks.makeAsyncIterator(), limit: limit)
        }

        public struct Iterator: AsyncIteratorProtocol {
            fileprivate var chunks: Chunks.Iterator
            fileprivate let limit: Int
            private var piece: ArraySlice<UInt8> = []
            private var begun: [UInt8] = []
            private var isOver = false

            fileprivate init(chunks: Chunks.Iterator, limit: Int) {
                self.chunks = chunks
                self.limit = limit
            }

            public mutating func next(isolation actor: isolated (any Actor)?) async throws(Errno) -> String? {
                while !isOver {
                    if let end = piece.firstIndex(of: UInt8(ascii: "\n")) {
                        let rest = piece[piece.startIndex..<end]
                        piece = piece[(end + 1)...]
                        return try take(rest)
                    }
                    begun += piece
                    guard begun.count <= limit else { throw Errno(rawValue: EOVERFLOW) }
                    if let next = try await chunks.next(isolation: actor) {
                        piece = next[...]
                    } else {
                        isOver = true
                        piece = []
                        return begun.isEmpty ? nil : try take([])
                    }
                }
                return nil
            }

            public mutating func next() async throws(Errno) -> String? { try await next(isolation: #isolation) }

            private mutating func take(_ rest: ArraySlice<UInt8>) throws(Errno) -> String {
                guard begun.count + rest.count <= limit else { throw Errno(rawValue: EOVERFLOW) }
                defer { begun = [] }
                if begun.isEmpty { return text(rest) }
                begun += rest
                return text(begun[...])
            }

            private func text(_ line: ArraySlice<UInt8>) -> String {
                String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
            }
        }
    }
}
