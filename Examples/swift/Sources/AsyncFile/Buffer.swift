// Memory that requests read into and write from.
//
// Invariant: a buffer has one owner, and a request borrows it until it is complete: `read` takes it inout and `write`
// borrowing, and neither returns before. So the compiler sees to it that the memory stays, and that nobody else looks
// at what a read is filling.

import Glibc

public struct Buffer: ~Copyable, @unchecked Sendable {
    let memory: UnsafeMutableRawBufferPointer

    /// So many bytes, from the first on, have been read or put there.
    public internal(set) var count = 0

    public var capacity: Int { memory.count }

    /// It begins at a page's boundary, which is good for files opened with O_DIRECT too.
    public init(capacity: Int) { memory = .allocate(byteCount: capacity, alignment: 4096) }

    deinit { memory.deallocate() }

    /// Takes a text, as far as there is room for it.
    public mutating func put(_ text: String) {
        count = 0
        for byte in text.utf8.prefix(capacity) {
            memory[count] = byte
            count += 1
        }
    }

    public func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(rebasing: memory[..<count]))
    }
}
