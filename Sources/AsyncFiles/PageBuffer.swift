// Memory that begins at a page, as files opened with O_DIRECT need it.

enum Pages {
    static let size = 4096
    static func roundedUp(_ count: Int) -> Int { (count + size - 1) / size * size }
}

/// Memory at a page's beginning, for files opened with `.direct`, and to be used again for one read after the other.
///
///     var buffer = PageBuffer(capacity: 65536)
///     try await file.read(into: &buffer, at: 0)
///     print(buffer.bytes.byteCount)
public struct PageBuffer: ~Copyable {
    let start: UnsafeMutableRawPointer?
    public let capacity: Int
    /// How many of its bytes have something in them.
    public internal(set) var count = 0

    public init(capacity: Int) {
        self.capacity = capacity
        start = capacity > 0 ? .allocate(byteCount: capacity, alignment: Pages.size) : nil
    }

    deinit { start?.deallocate() }

    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            let span = RawSpan(_unsafeStart: UnsafeRawPointer(start ?? PageBuffer.nowhere), byteCount: count)
            return _overrideLifetime(span, borrowing: self)
        }
    }

    private static var nowhere: UnsafeMutableRawPointer { UnsafeMutableRawPointer(bitPattern: Pages.size)! }

    /// Puts bytes behind those that are there. They must fit.
    public mutating func append(_ bytes: some Sequence<UInt8>) {
        for byte in bytes {
            precondition(count < capacity, "the buffer is full")
            start.unsafelyUnwrapped.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
            count += 1
        }
    }

    public mutating func removeAll() { count = 0 }
}
