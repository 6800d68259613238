// A line of a log or a report, put together in memory that somebody else has: no allocation, no lock, no call into the
// C library but for the clock, so that it can be done in a signal handler and under a lock. What does not fit is
// cut off.

import CKernel

struct Line {
    private let start: UnsafeMutablePointer<UInt8>
    private let capacity: Int
    private(set) var count = 0

    init(_ start: UnsafeMutablePointer<UInt8>, capacity: Int) {
        self.start = start
        self.capacity = capacity
    }

    var text: Text { Text(UnsafePointer(start), count: count) }

    @inline(__always)
    mutating func add(byte: UInt8) {
        if count < capacity {
            start[count] = byte
            count += 1
        }
    }

    @inline(never)
    mutating func add(_ text: Text) {
        let length = min(text.count, capacity - count)
        memcpy(start + count, text.start, length)
        count += length
    }

    @inline(never)
    mutating func add(_ literal: StaticString) { add(Text(literal)) }

    @inline(never)
    mutating func add(_ number: Int) {
        if number < 0 { add(byte: 0x2d) }
        add(digitsOf: number.magnitude, atLeast: 1)
    }

    /// With zeroes in front, up to `width` digits.
    mutating func add(_ number: Int, digits width: Int) { add(digitsOf: number.magnitude, atLeast: width) }

    @inline(never)
    private mutating func add(digitsOf magnitude: UInt, atLeast width: Int) {
        var width = width
        var power: UInt = 1
        while magnitude / power >= 10 || width > 1 {
            power *= 10
            width -= 1
        }
        while power > 0 {
            add(byte: UInt8(truncatingIfNeeded: magnitude / power % 10) + 0x30)
            power /= 10
        }
    }

    /// Nanoseconds as microseconds with three decimals.
    mutating func add(microseconds nanoseconds: Int) {
        add(nanoseconds / 1000)
        add(byte: 0x2e)
        add(nanoseconds % 1000, digits: 3)
    }

    /// Blanks, until so many bytes stand behind `position`.
    mutating func pad(from position: Int, to width: Int) { while count < min(capacity, position + width) { add(" ") } }

    /// What `body` adds, with blanks before it, so that it ends `width` bytes from here.
    mutating func add(rightAligned width: Int, _ body: (inout Line) -> Void) {
        let before = count
        body(&self)
        let missing = min(width - (count - before), capacity - count)
        guard missing > 0 else { return }
        memmove(start + before + missing, start + before, count - before)
        memset(start + before, 0x20, missing)
        count += missing
    }
}

// MARK: times

/// A point in time on the wall's clock, taken apart.
struct WallTime {
    private let time: timespec

    init() { time = timespec(of: CLOCK_REALTIME) }

    /// - Parameter seconds: since 1970, UTC; not before that.
    init(seconds: Int, nanoseconds: Int = 0) { time = timespec(tv_sec: seconds, tv_nsec: nanoseconds) }

    var seconds: Int { Int(time.tv_sec) }
    var microsecond: Int { Int(time.tv_nsec) / 1000 }

    private static let secondsOfDay = 86400

    var hour: Int { seconds % WallTime.secondsOfDay / 3600 }
    var minute: Int { seconds % 3600 / 60 }
    var second: Int { seconds % 60 }

    /// The year, the month and the day, each from 1.
    var date: (year: Int, month: Int, day: Int) {
        var day = seconds / WallTime.secondsOfDay
        // 400 years have as many days as any other 400 years; the guess is a year off at most.
        var year = 1970 + day * 400 / 146_097
        while WallTime.firstDay(of: year) > day { year -= 1 }
        while WallTime.firstDay(of: year + 1) <= day { year += 1 }
        day -= WallTime.firstDay(of: year)
        var month = 1
        while day >= WallTime.days(in: month, of: year) {
            day -= WallTime.days(in: month, of: year)
            month += 1
        }
        return (year, month, day + 1)
    }

    /// In days since 1970.
    private static func firstDay(of year: Int) -> Int {
        (year - 1970) * 365 + leapYears(until: year - 1) - leapYears(until: 1969)
    }

    private static func leapYears(until year: Int) -> Int { year / 4 - year / 100 + year / 400 }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: return leapYears(until: year) > leapYears(until: year - 1) ? 29 : 28
        case 4, 6, 9, 11: return 30
        default: return 31
        }
    }
}

extension Line {
    /// As in 2026-11-21T09:17:15.123456Z.
    @inline(never)
    mutating func add(_ time: WallTime) {
        let (year, month, day) = time.date
        add(year, digits: 4)
        add("-")
        add(month, digits: 2)
        add("-")
        add(day, digits: 2)
        add("T")
        add(time.hour, digits: 2)
        add(":")
        add(time.minute, digits: 2)
        add(":")
        add(time.second, digits: 2)
        add(".")
        add(time.microsecond, digits: 6)
        add("Z")
    }
}

// MARK: text that may be anything

extension Line {
    /// The most bytes that one byte of a text takes in quotes.
    static let quotedByte = 6

    /// In quotes, as JSON has it. What is no UTF-8 can't be in JSON: U+FFFD stands for each such byte.
    mutating func add(json text: Text) {
        quote(text, forTerminal: false) { line, byte in
            switch byte {
            case 0x22, 0x5c:
                line.add(byte: 0x5c)
                line.add(byte: byte)
            case 0x80...: line.add("\\ufffd")
            default:
                line.add("\\u00")
                line.add(hexadecimal: byte)
            }
        }
    }

    /// In quotes; a quote and a backslash get a backslash, and what is no UTF-8, or controls a terminal, is \x and two
    /// digits.
    mutating func add(quoted text: Text) {
        quote(text, forTerminal: true) { line, byte in
            line.add(byte: 0x5c)
            if byte == 0x22 || byte == 0x5c {
                line.add(byte: byte)
            } else {
                line.add("x")
                line.add(hexadecimal: byte)
            }
        }
    }

    @inline(never)
    private mutating func quote(_ text: Text, forTerminal: Bool, _ escape: (inout Line, UInt8) -> Void) {
        add("\"")
        var index = 0
        while index < text.count {
            let byte = text[index]
            var length = text.lengthOfCharacter(at: index)
            // U+0080 to U+009F: some terminals obey them.
            if forTerminal, byte == 0xc2, length == 2, text[index + 1] < 0xa0 { length = 0 }
            if length == 0 || byte < 0x20 || byte == 0x22 || byte == 0x5c || byte == 0x7f {
                escape(&self, byte)
                index += 1
            } else {
                add(text.dropFirst(index).prefix(length))
                index += length
            }
        }
        add("\"")
    }

    private mutating func add(hexadecimal byte: UInt8) {
        add(digit: byte >> 4)
        add(digit: byte & 15)
    }

    private mutating func add(digit: UInt8) { add(byte: digit < 10 ? digit + 0x30 : digit - 10 + 0x61) }
}

extension Text {
    /// How many bytes the UTF-8 character has that begins here; 0 if none does.
    fileprivate func lengthOfCharacter(at index: Int) -> Int {
        let first = self[index]
        let length: Int
        // The shortest form only, no surrogates, nothing beyond U+10FFFF: the second byte says that.
        var second: ClosedRange<UInt8> = 0x80...0xbf
        switch first {
        case 0...0x7f: return 1
        case 0xc2...0xdf: length = 2
        case 0xe0:
            length = 3
            second = 0xa0...0xbf
        case 0xed:
            length = 3
            second = 0x80...0x9f
        case 0xe1...0xef: length = 3
        case 0xf0:
            length = 4
            second = 0x90...0xbf
        case 0xf4:
            length = 4
            second = 0x80...0x8f
        case 0xf1...0xf3: length = 4
        default: return 0
        }
        guard index + length <= count, second.contains(self[index + 1]) else { return 0 }
        for next in index + 1..<index + length where self[next] & 0xc0 != 0x80 { return 0 }
        return length
    }
}
