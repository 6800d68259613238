// The kinds of values that parameters have, besides numbers.

import CKernel
import Synchronization

extension Text {
    /// A decimal number, which may have a minus sign. Nil for anything else.
    var signedNumber: Int? {
        let isNegative = !isEmpty && self[0] == UInt8(ascii: "-")
        return dropFirst(isNegative ? 1 : 0).number.map { isNegative ? -$0 : $0 }
    }

    /// A number of bytes: 4096, 64k, 1M, 2G, 1T. Nil for anything else.
    var bytes: Int? {
        guard let (number, unit) = numberAndRest else { return nil }
        if unit.isEmpty { return number }
        guard unit.count == 1 else { return nil }
        switch unit[0] {
        case 0x6b, 0x4b: return Text.product(number, 1 << 10)
        case 0x6d, 0x4d: return Text.product(number, 1 << 20)
        case 0x67, 0x47: return Text.product(number, 1 << 30)
        case 0x74, 0x54: return Text.product(number, 1 << 40)
        default: return nil
        }
    }

    /// A time in nanoseconds: 100ns, 250us, 10ms, 2s, 1m, 1h. Nil for anything else.
    var interval: Int64? {
        guard let (number, unit) = numberAndRest else { return nil }
        if unit == "ns" { return Int64(number) }
        if unit == "us" { return Text.product(number, 1000).map { Int64($0) } }
        if unit == "ms" { return Text.product(number, 1_000_000).map { Int64($0) } }
        if unit == "s" { return Text.product(number, 1_000_000_000).map { Int64($0) } }
        if unit == "m" { return Text.product(number, 60_000_000_000).map { Int64($0) } }
        if unit == "h" { return Text.product(number, 3_600_000_000_000).map { Int64($0) } }
        return number == 0 && unit.isEmpty ? 0 : nil
    }

    /// A part of a whole in millionths: 10%, 0.5%, 0.0001%. Nil for anything else, and beyond 100%.
    var millionths: Int? {
        guard count > 1, self[count - 1] == 0x25 else { return nil }
        let text = prefix(count - 1)
        let point = text.firstIndex(of: 0x2e) ?? text.count
        guard let whole = text.prefix(point).number, whole <= 100 else { return nil }
        var value = whole * 10_000
        if point < text.count {
            let digits = text.dropFirst(point + 1)
            guard digits.count <= 4, let part = digits.number else { return nil }
            var scaled = part
            for _ in digits.count..<4 { scaled *= 10 }
            value += scaled
        }
        return value <= 1_000_000 ? value : nil
    }

    private var numberAndRest: (Int, Text)? {
        var length = 0
        while length < count, (0x30...0x39).contains(self[length]) { length += 1 }
        return prefix(length).number.map { ($0, dropFirst(length)) }
    }

    private static func product(_ a: Int, _ b: Int) -> Int? {
        let (product, overflow) = a.multipliedReportingOverflow(by: b)
        return overflow ? nil : product
    }
}

extension Parameters {
    /// One line on stderr about a parameter: what it is, and what is wrong or would be accepted.
    @inline(never)
    func complain(_ module: StaticString, _ name: StaticString, _ part: Text, _ problem: StaticString) {
        guard var message = complaint(Text(module), Text(name)) else { return }
        message.add(part)
        message.add(": ")
        message.add(problem)
        message.show()
    }
}

/// Kinds of requests, as a module's configuration names them: read, write, fsync, any.
struct Operations {
    private var bits: UInt8 = 0

    static let none = Operations()
    static let any = Operations(bits: 7)

    private init(bits: UInt8 = 0) { self.bits = bits }

    var isEmpty: Bool { bits == 0 }

    @inline(__always)
    func contains(_ operation: Operation) -> Bool { bits >> UInt8(Operations.index(operation)) & 1 != 0 }

    /// Adds what the word names; false if it names no operation.
    mutating func add(_ word: Text) -> Bool {
        if word == "read" {
            bits |= 1
        } else if word == "write" {
            bits |= 2
        } else if word == "fsync" {
            bits |= 4
        } else if word == "any" {
            bits |= 7
        } else {
            return false
        }
        return true
    }

    /// 0 for reads, 1 for writes, 2 for aio_fsync of both kinds.
    @inline(__always)
    static func index(_ operation: Operation) -> Int {
        switch operation {
        case .read: 0
        case .write: 1
        case .synchronize, .synchronizeData, .list, .work: 2
        }
    }
}

/// Numbers as good as random that depend on nothing but a seed, a stream, and a number in the stream: the decision
/// on the n-th request is the same in each run, whatever the threads do.
struct Dice {
    let seed: UInt64

    func roll(_ stream: Int, _ number: UInt64) -> UInt64 {
        let base = Dice.mix(seed &+ UInt64(truncatingIfNeeded: stream) &* 0xd1b5_4a32_d192_ed03)
        return Dice.mix(base &+ number &* 0x9e37_79b9_7f4a_7c15)
    }

    /// From 0 up to, not including, 1.
    func fraction(_ stream: Int, _ number: UInt64) -> Double { Double(roll(stream, number) >> 11) * 0x1p-53 }

    private static func mix(_ value: UInt64) -> UInt64 {
        var bits = value &+ 0x9e37_79b9_7f4a_7c15
        bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
        return bits ^ bits >> 31
    }
}
