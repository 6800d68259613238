// A shell pattern over the whole path of a file:
//
//     path = /data/* "/mnt/with blanks/*.db" /home/[!a]*/mail
//
// `*` stands for any characters, slashes too, `?` for one, `[a-z]` for one of these, `[!a-z]` for one that is none of
// these; after a backslash a character stands for itself. Characters are those of UTF-8. The case of letters counts.

import CKernel

struct PathPattern {
    let text: Text

    /// Text that may be longer than its pattern is matched with one place to go back to, so the worst case is the
    /// product of both lengths.
    func matches(_ path: Text) -> Bool {
        var pattern = text
        var rest = path
        var afterStar: Text?
        var tried = path
        while !rest.isEmpty {
            if !pattern.isEmpty, pattern[0] == UInt8(ascii: "*") {
                pattern = pattern.dropFirst(1)
                afterStar = pattern
                tried = rest
            } else if let (length, width) = PathPattern.matchOne(pattern, rest) {
                pattern = pattern.dropFirst(length)
                rest = rest.dropFirst(width)
            } else if let again = afterStar {
                pattern = again
                tried = tried.dropFirst(1)
                rest = tried
            } else {
                return false
            }
        }
        while !pattern.isEmpty, pattern[0] == UInt8(ascii: "*") { pattern = pattern.dropFirst(1) }
        return pattern.isEmpty
    }

    /// Whether it is the path of what a descriptor refers to.
    func matches(_ descriptor: Descriptor) -> Bool {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4096) { buffer in
            guard let start = buffer.baseAddress, let length = descriptor.path(into: start, buffer.count) else {
                return false
            }
            return matches(Text(start, count: length))
        }
    }

    /// What is wrong with a pattern; nil if nothing is.
    static func problem(_ text: Text) -> StaticString? {
        guard couldBePath(text) else {
            return "a path begins with / (or *), and that of a pipe or socket with pipe: or socket:"
        }
        if text[text.count - 1] == UInt8(ascii: "/") {
            return "no file's path ends with /; /* there means all below it"
        }
        var rest = text
        while !rest.isEmpty {
            switch rest[0] {
            case UInt8(ascii: "\\"):
                if rest.count == 1 { return "the backslash at the end has no character" }
                rest = rest.dropFirst(2)
            case UInt8(ascii: "["):
                guard let end = set(rest, contains: nil)?.length else {
                    return "a set is [abc], [a-z] or [!a-z], and needs its ]"
                }
                rest = rest.dropFirst(end)
            default:
                rest = rest.dropFirst(1)
            }
        }
        return nil
    }

    /// Takes the next pattern off the front of several with blanks between; those with blanks inside stand in quotes.
    /// `isClosed` is false if the closing quote is missing.
    static func take(_ rest: inout Text) -> (pattern: Text, isClosed: Bool)? {
        rest = rest.trimmed
        guard !rest.isEmpty else { return nil }
        let isQuoted = rest[0] == UInt8(ascii: "\"")
        if isQuoted { rest = rest.dropFirst(1) }
        var length = 0
        while length < rest.count, isQuoted ? rest[length] != UInt8(ascii: "\"") : !Text.isSpace(rest[length]) {
            length += rest[length] == UInt8(ascii: "\\") ? 2 : 1
        }
        length = min(length, rest.count)
        let pattern = rest.prefix(length)
        let isClosed = !isQuoted || length < rest.count
        rest = rest.dropFirst(length + (isQuoted ? 1 : 0))
        return (pattern, isClosed)
    }

    private static func couldBePath(_ text: Text) -> Bool {
        guard !text.isEmpty else { return false }
        switch text[0] {
        case UInt8(ascii: "/"), UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "["): return true
        default: return text.hasPrefix("pipe:") || text.hasPrefix("socket:") || text.hasPrefix("anon_inode:")
        }
    }

    /// Whether the first character of `path` is what the pattern begins with: how much of both that is.
    private static func matchOne(_ pattern: Text, _ path: Text) -> (length: Int, width: Int)? {
        guard !pattern.isEmpty else { return nil }
        switch pattern[0] {
        case UInt8(ascii: "?"):
            return (1, character(path).width)
        case UInt8(ascii: "["):
            let (value, width) = character(path)
            guard let (length, isIn) = set(pattern, contains: value), isIn else { return nil }
            return (length, width)
        case UInt8(ascii: "\\") where pattern.count > 1:
            return pattern[1] == path[0] ? (2, 1) : nil
        default:
            return pattern[0] == path[0] ? (1, 1) : nil
        }
    }

    /// Reads a set, from its `[`: its length in bytes, and whether the character is in it. Nil if it is none.
    private static func set(_ pattern: Text, contains value: UInt32?) -> (length: Int, isIn: Bool)? {
        var rest = pattern.dropFirst(1)
        var isNegated = false
        if !rest.isEmpty, rest[0] == UInt8(ascii: "!") || rest[0] == UInt8(ascii: "^") {
            isNegated = true
            rest = rest.dropFirst(1)
        }
        var found = false
        var isFirst = true
        while !rest.isEmpty {
            if rest[0] == UInt8(ascii: "]"), !isFirst {
                return (pattern.count - rest.count + 1, found != isNegated)
            }
            isFirst = false
            // Classes such as [:alpha:] are not known here.
            if rest.hasPrefix("[:") { return nil }
            guard let low = takeMember(&rest) else { return nil }
            var high = low
            if rest.count >= 2, rest[0] == UInt8(ascii: "-"), rest[1] != UInt8(ascii: "]") {
                rest = rest.dropFirst(1)
                guard let end = takeMember(&rest), end >= low else { return nil }
                high = end
            }
            if let value, (low...high).contains(value) { found = true }
        }
        return nil
    }

    private static func takeMember(_ rest: inout Text) -> UInt32? {
        if rest[0] == UInt8(ascii: "\\") { rest = rest.dropFirst(1) }
        guard !rest.isEmpty else { return nil }
        let (value, width) = character(rest)
        rest = rest.dropFirst(width)
        return value
    }

    /// The first character and its width in bytes; a byte that is not UTF-8 is one of its own.
    private static func character(_ text: Text) -> (value: UInt32, width: Int) {
        let first = text[0]
        let width = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 0
        if width == 1 { return (UInt32(first), 1) }
        guard width > 0, width <= text.count else { return (0x11_0000 + UInt32(first), 1) }
        var value = UInt32(first) & (0x7f >> UInt32(width))
        for index in 1..<width {
            guard text[index] & 0xc0 == 0x80 else { return (0x11_0000 + UInt32(first), 1) }
            value = value << 6 | UInt32(text[index] & 0x3f)
        }
        return (value, width)
    }
}
