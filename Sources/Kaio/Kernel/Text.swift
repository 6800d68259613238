// Bytes that are text, and messages made of them. The library does without String: its tables would be four
// times the library's own size.

import CKernel
import Synchronization

/// A piece of text that somebody else keeps: a literal, the environment, a file's contents.
struct Text {
    private(set) var start: UnsafePointer<UInt8>
    private(set) var count: Int

    init(_ literal: StaticString) {
        start = literal.utf8Start
        count = literal.utf8CodeUnitCount
    }

    /// Not for a literal, of which the compiler would pass a copy that is gone with the call.
    @_disfavoredOverload
    init(_ string: UnsafePointer<CChar>) {
        start = UnsafeRawPointer(string).assumingMemoryBound(to: UInt8.self)
        count = strlen(string)
    }

    init(_ start: UnsafePointer<UInt8>, count: Int) {
        self.start = start
        self.count = count
    }

    var isEmpty: Bool { count == 0 }

    subscript(index: Int) -> UInt8 { start[index] }

    static func == (a: Text, b: Text) -> Bool { a.count == b.count && memcmp(a.start, b.start, a.count) == 0 }
    static func == (a: Text, b: StaticString) -> Bool { a == Text(b) }

    func hasPrefix(_ prefix: StaticString) -> Bool {
        count >= prefix.utf8CodeUnitCount && memcmp(start, prefix.utf8Start, prefix.utf8CodeUnitCount) == 0
    }

    func firstIndex(of byte: UInt8) -> Int? {
        for index in 0..<count where self[index] == byte { return index }
        return nil
    }

    func prefix(_ length: Int) -> Text { Text(start, count: min(length, count)) }
    func dropFirst(_ length: Int) -> Text { Text(start + min(length, count), count: max(0, count - length)) }

    /// Takes the next word off the front: blanks end it. Nil if there is none.
    mutating func takeWord() -> Text? {
        var rest = self
        while !rest.isEmpty, Text.isBlank(rest[0]) { rest = rest.dropFirst(1) }
        var length = 0
        while length < rest.count, !Text.isBlank(rest[length]) { length += 1 }
        self = rest.dropFirst(length)
        return length == 0 ? nil : rest.prefix(length)
    }

    var countOfWords: Int {
        var rest = self
        var count = 0
        while rest.takeWord() != nil { count += 1 }
        return count
    }

    /// A decimal number without sign; nil for anything else, and for one beyond 18 digits.
    var number: Int? {
        guard (1...18).contains(count) else { return nil }
        var value = 0
        for index in 0..<count {
            guard (0x30...0x39).contains(self[index]) else { return nil }
            value = value * 10 + Int(self[index] - 0x30)
        }
        return value
    }

    /// The value of "0x" and hexadecimal digits; nil for anything else.
    var hexadecimal: Int? {
        guard hasPrefix("0x"), (3...17).contains(count) else { return nil }
        var value = 0
        for index in 2..<count {
            switch self[index] {
            case 0x30...0x39: value = value << 4 | Int(self[index] - 0x30)
            case 0x61...0x66: value = value << 4 | Int(self[index] - 0x61 + 10)
            default: return nil
            }
        }
        return value
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x2c || byte == 0x0a }
}

extension Text {
    /// Puts a question mark in the place of what a terminal would take for an order. Returns the last byte, which what follows is
    /// cleaned `after`.
    @inline(never)
    static func clean(
        _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, keepsLines: Bool, after previous: UInt8 = 0
    ) -> UInt8 {
        var previous = previous
        for index in 0..<count {
            let byte = bytes[index]
            let isLayout = byte == 0x09 || keepsLines && byte == 0x0a
            // U+0080 to U+009F: some terminals obey them.
            let isControl = byte < 0x20 && !isLayout || byte == 0x7f || previous == 0xc2 && byte >= 0x80 && byte < 0xa0
            if isControl { bytes[index] = UInt8(ascii: "?") }
            previous = byte
        }
        return previous
    }
}

/// A message that is put together and then written in one call. What does not fit is cut off.
struct Message: ~Copyable {
    private let buffer: UnsafeMutablePointer<UInt8>
    private let capacity: Int
    private var count = 0

    /// The memory comes straight from the kernel: a message may have to be made where malloc may not be called.
    init() {
        let pages = Pages.map(4096)
        capacity = pages == nil ? 0 : 4096
        buffer = (pages ?? UnsafeMutableRawPointer(bitPattern: 4096)!).assumingMemoryBound(to: UInt8.self)
    }

    deinit { if capacity > 0 { Pages.unmap(buffer, capacity) } }

    @inline(never)
    mutating func add(_ text: Text) {
        let length = min(text.count, capacity - count)
        memcpy(buffer + count, text.start, length)
        count += length
    }

    mutating func add(_ literal: StaticString) { add(Text(literal)) }

    @inline(never)
    mutating func add(_ number: Int) {
        var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
        withUnsafeMutableBytes(of: &digits) { bytes in
            var magnitude = number.magnitude
            var index = bytes.count
            repeat {
                index -= 1
                bytes[index] = UInt8(truncatingIfNeeded: magnitude % 10) + 0x30
                magnitude /= 10
            } while magnitude != 0
            if number < 0 {
                index -= 1
                bytes[index] = 0x2d
            }
            add(Text(bytes.baseAddress!.assumingMemoryBound(to: UInt8.self) + index, count: bytes.count - index))
        }
    }

    /// The text so far, with a zero byte behind it that does not count.
    mutating func terminated() -> UnsafePointer<CChar>? {
        if capacity == 0 { return nil }
        count = min(count, capacity - 1)
        buffer[count] = 0
        return UnsafePointer(UnsafeRawPointer(buffer).assumingMemoryBound(to: CChar.self))
    }

    /// Returns the length, or a negated errno.
    @discardableResult
    func write(to descriptor: Descriptor) -> Int { descriptor.writeAll(buffer, count) }

    /// One line on stderr, or some. What is in it may be a stranger's.
    @inline(never)
    mutating func show(hasLines: Bool = false) {
        _ = Text.clean(buffer, count, keepsLines: hasLines)
        if Message.isOneTooMany { return }
        add("\n")
        if let descriptor = StandardError.descriptor { write(to: descriptor) }
    }
}

/// A file may be wrong in each of its lines, and each of a thousand services in what it inherits.
extension Message {
    /// So many are shown of what is wrong with one thing.
    private static let most = 40
    /// The thread whose messages are counted; 0: none's are.
    private static let counted = Atomic<CInt>(0)
    nonisolated(unsafe) private static var seen = 0

    /// Of the messages that the calling thread has while `body` runs the first ones are shown, and then how many more there were.
    static func bound<Result>(_ body: () -> Result) -> Result {
        let isMine = counted.compareExchange(expected: 0, desired: ThreadState.mine, ordering: .acquiring).exchanged
        if isMine { seen = 0 }
        let result = body()
        if isMine {
            let more = seen - most
            counted.store(0, ordering: .releasing)
            if more > 0 {
                var message = Message()
                message.add("kaio: ")
                message.add(more)
                message.add(" more lines like these are left out")
                message.show()
            }
        }
        return result
    }

    private static var isOneTooMany: Bool {
        let thread = counted.load(ordering: .relaxed)
        guard thread != 0, thread == ThreadState.mine else { return false }
        seen += 1
        return seen > most
    }
}
