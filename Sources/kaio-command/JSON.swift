// JSON as a value: read from what the library and its modules write, written for scripts. Without Foundation, which
// would be ten times the size of the command.

enum JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    case null
    case boolean(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSON])
    /// In the order in which the members stand.
    case object([(name: String, value: JSON)])

    init(stringLiteral text: String) { self = .string(text) }
    init(integerLiteral number: Int) { self = .integer(number) }
    init(booleanLiteral flag: Bool) { self = .boolean(flag) }

    /// A member of an object; null if there is none.
    subscript(name: String) -> JSON {
        guard case .object(let members) = self else { return .null }
        return members.first { $0.name == name }?.value ?? .null
    }

    /// The members of an object, in their order.
    var members: [(name: String, value: JSON)] {
        guard case .object(let members) = self else { return [] }
        return members
    }

    var elements: [JSON] {
        guard case .array(let elements) = self else { return [] }
        return elements
    }

    var integer: Int? {
        guard case .integer(let number) = self else { return nil }
        return number
    }

    var number: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }

    var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }
}

// MARK: - Writing

extension JSON: CustomStringConvertible {
    /// In one line.
    var description: String {
        switch self {
        case .null: "null"
        case .boolean(let flag): flag ? "true" : "false"
        case .integer(let number): String(number)
        // JSON knows no other numbers.
        case .number(let number): number.isFinite ? String(number) : "null"
        case .string(let text): JSON.quoted(text)
        case .array(let elements): "[" + elements.map(\.description).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { JSON.quoted($0.name) + ":" + $0.value.description }.joined(separator: ",") + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

// MARK: - Reading

extension JSON {
    /// Nil if it is no JSON, or not whole: who reads while another writes may find a part.
    init?(_ bytes: [UInt8]) {
        var reader = JSONReader(bytes)
        guard let value = reader.value(depth: 0), reader.isAtEnd else { return nil }
        self = value
    }
}

private struct JSONReader {
    private let bytes: [UInt8]
    private var position = 0
    private static let deepest = 64

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool {
        mutating get {
            skipBlanks()
            return position == bytes.count
        }
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipBlanks() {
        while let byte = next, byte == 0x20 || (0x09...0x0d).contains(byte) { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func take(word: StaticString, _ value: JSON) -> JSON? {
        let end = position + word.utf8CodeUnitCount
        guard end <= bytes.count, word.withUTF8Buffer({ $0.elementsEqual(bytes[position..<end]) }) else { return nil }
        position = end
        return value
    }

    mutating func value(depth: Int) -> JSON? {
        skipBlanks()
        guard depth < JSONReader.deepest, let byte = next else { return nil }
        switch byte {
        case UInt8(ascii: "{"): return object(depth)
        case UInt8(ascii: "["): return array(depth)
        case UInt8(ascii: "\""): return text().map { .string($0) }
        case UInt8(ascii: "t"): return take(word: "true", true)
        case UInt8(ascii: "f"): return take(word: "false", false)
        case UInt8(ascii: "n"): return take(word: "null", .null)
        default: return number()
        }
    }

    private mutating func object(_ depth: Int) -> JSON? {
        position += 1
        var members: [(name: String, value: JSON)] = []
        if take(UInt8(ascii: "}")) { return .object(members) }
        repeat {
            skipBlanks()
            guard next == UInt8(ascii: "\""), let name = text(), take(UInt8(ascii: ":")),
                let value = value(depth: depth + 1)
            else { return nil }
            members.append((name, value))
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "}")) ? .object(members) : nil
    }

    private mutating func array(_ depth: Int) -> JSON? {
        position += 1
        var elements: [JSON] = []
        if take(UInt8(ascii: "]")) { return .array(elements) }
        repeat {
            guard let value = value(depth: depth + 1) else { return nil }
            elements.append(value)
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "]")) ? .array(elements) : nil
    }

    private mutating func number() -> JSON? {
        let begin = position
        while let byte = next, (0x30...0x39).contains(byte) || "+-.eE".utf8.contains(byte) { position += 1 }
        let text = String(decoding: bytes[begin..<position], as: UTF8.self)
        return Int(text).map { .integer($0) } ?? Double(text).map { .number($0) }
    }

    private mutating func text() -> String? {
        position += 1
        var text: [UInt16] = []
        var plain: [UInt8] = []
        func flush() {
            text += Array(String(decoding: plain, as: UTF8.self).utf16)
            plain = []
        }
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                flush()
                return String(decoding: text, as: UTF16.self)
            case UInt8(ascii: "\\"):
                guard let escape = next else { return nil }
                position += 1
                switch escape {
                case UInt8(ascii: "b"): plain.append(0x08)
                case UInt8(ascii: "f"): plain.append(0x0c)
                case UInt8(ascii: "n"): plain.append(0x0a)
                case UInt8(ascii: "r"): plain.append(0x0d)
                case UInt8(ascii: "t"): plain.append(0x09)
                case UInt8(ascii: "u"):
                    guard position + 4 <= bytes.count,
                        let unit = UInt16(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
                    else { return nil }
                    position += 4
                    flush()
                    text.append(unit)
                default: plain.append(escape)
                }
            default: plain.append(byte)
            }
        }
        return nil
    }
}
