// Memory of the C library's that is given back all at once, or never: for what is read once. Not where a signal
// handler may be.

import CKernel

struct Arena {
    /// The block that was allocated last; each begins with the address of the one before.
    private var last: UnsafeMutableRawPointer?

    private static let header = 16

    mutating func allocate(_ count: Int) -> UnsafeMutableRawPointer? {
        guard let block = malloc(Arena.header + count) else { return nil }
        block.storeBytes(of: last, as: UnsafeMutableRawPointer?.self)
        last = block
        return block + Arena.header
    }

    mutating func allocate<T: ~Copyable>(_ type: T.Type, count: Int = 1) -> UnsafeMutablePointer<T>? {
        allocate(MemoryLayout<T>.stride * count)?.bindMemory(to: type, capacity: count)
    }

    /// A copy with a zero byte behind it that does not count.
    mutating func copy(_ text: Text) -> Text? {
        guard let bytes = allocate(UInt8.self, count: text.count + 1) else { return nil }
        memcpy(bytes, text.start, text.count)
        bytes[text.count] = 0
        return Text(bytes, count: text.count)
    }

    /// Gives everything back.
    mutating func free() {
        while let block = last {
            last = block.load(as: UnsafeMutableRawPointer?.self)
            CKernel.free(block)
        }
    }
}
