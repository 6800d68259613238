import CKernel
import Glibc
import Testing

@testable import Kaio

/// What a line of this capacity holds in the end.
private func made(_ capacity: Int = 1000, _ fill: (inout Line) -> Void) -> String {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity + 8) { buffer in
        buffer.initialize(repeating: 0x7e)
        var line = Line(buffer.baseAddress!, capacity: capacity)
        fill(&line)
        #expect(buffer[capacity...].allSatisfy { $0 == 0x7e }, "a line wrote beyond its memory")
        return String(line.text)
    }
}

private func withBytes<T>(_ bytes: [UInt8], _ body: (Text) -> T) -> T {
    (bytes + [0]).withUnsafeBufferPointer { body(Text($0.baseAddress!, count: bytes.count)) }
}

@Suite struct `A line` {
    @Test(arguments: [0, 1, 9, 10, 99, 100, -1, -10, Int.max, Int.min])
    func `says numbers`(_ number: Int) { #expect(made { $0.add(number) } == String(number)) }

    @Test func `says numbers with zeroes in front`() {
        #expect(made { $0.add(7, digits: 2) } == "07")
        #expect(made { $0.add(0, digits: 6) } == "000000")
        #expect(made { $0.add(123, digits: 2) } == "123")
        #expect(made { $0.add(microseconds: 1) } == "0.001")
        #expect(made { $0.add(microseconds: 60_000_000_000) } == "60000000.000")
    }

    @Test func `is cut off where its memory ends`() {
        for capacity in 0...12 {
            let line = made(capacity) { line in
                line.add("abc")
                line.add(-123)
                line.add("defgh")
                line.add(rightAligned: 4) { $0.add("i") }
            }
            #expect(line == String("abc-123defgh   i".prefix(capacity)))
        }
    }

    @Test func `has columns`() {
        #expect(made { $0.add(rightAligned: 5) { $0.add(42) } } == "   42")
        #expect(made { $0.add(rightAligned: 1) { $0.add(42) } } == "42")
        let line = made { line in
            line.add("ab")
            line.pad(from: 0, to: 4)
            line.add("c")
        }
        #expect(line == "ab  c")
    }

    @Test func `says times as the C library does`() {
        let day = 86400
        // The days around the ends of the months of a leap year, of common years, and of a full century.
        var moments = [0, day - 1, 951_782_399, 951_782_400, 951_868_800, 1_709_164_799, 4_107_542_399, 4_107_542_400]
        for number in 0..<6000 { moments.append(number * 9 * day + number) }
        for seconds in moments {
            var when = time_t(seconds)
            var parts = tm()
            gmtime_r(&when, &parts)
            var text = [CChar](repeating: 0, count: 64)
            strftime(&text, text.count, "%Y-%m-%dT%H:%M:%S.000042Z", &parts)
            let expected = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            #expect(made { $0.add(WallTime(seconds: seconds, nanoseconds: 42_999)) } == expected)
        }
    }

    @Test func `quotes text so that it can be told apart`() {
        func quoted(_ bytes: [UInt8]) -> String { withBytes(bytes) { text in made { $0.add(quoted: text) } } }
        #expect(quoted(Array("/a b/ä€😀".utf8)) == "\"/a b/ä€😀\"")
        #expect(quoted(Array("\"\\".utf8)) == "\"\\\"\\\\\"")
        #expect(quoted([0x0a, 0x1b, 0x7f, 0xff]) == "\"\\x0a\\x1b\\x7f\\xff\"")
        #expect(quoted(Array("\u{9b}".utf8)) == "\"\\xc2\\x9b\"")
    }

    @Test func `quotes text as JSON has it`() {
        func json(_ bytes: [UInt8]) -> String { withBytes(bytes) { text in made { $0.add(json: text) } } }
        #expect(json(Array("/a b/ä€😀".utf8)) == "\"/a b/ä€😀\"")
        #expect(json(Array("\"\\/".utf8)) == "\"\\\"\\\\/\"")
        #expect(json([0x0a, 0x1b, 0x7f]) == "\"\\u000a\\u001b\\u007f\"")
    }

    @Test(
        arguments: [
            [0xff], [0x80], [0xc0, 0xaf], [0xc1, 0xbf], [0xe0, 0x80, 0xaf], [0xed, 0xa0, 0x80],
            [0xf0, 0x80, 0x80, 0xaf],
            [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82], [0xf0, 0x9f, 0x98],
        ] as [[UInt8]])
    func `knows what is no UTF-8`(_ bytes: [UInt8]) {
        let marks = String(repeating: "\\ufffd", count: bytes.count)
        #expect(withBytes(bytes) { text in made { $0.add(json: text) } } == "\"\(marks)\"")
        #expect(withBytes(bytes + [0x61]) { text in made { $0.add(json: text) } } == "\"\(marks)a\"")
    }

    @Test func `passes every character there is`() {
        for first in stride(from: UInt32(0xa0), to: 0x110000, by: 7) {
            guard let scalar = Unicode.Scalar(first) else { continue }
            let string = String(Character(scalar))
            withBytes(Array(string.utf8)) { text in
                let line = made { $0.add(quoted: text) }
                if line != "\"\(string)\"" { Issue.record("U+\(String(first, radix: 16)) is \(line)") }
            }
        }
    }
}

@Suite struct `The name of an error` {
    @Test func `is that of the C library`() throws {
        typealias Name = @convention(c) (CInt) -> UnsafePointer<CChar>?
        let symbol = try #require(dlsym(nil, "strerrorname_np"))
        let theirs = unsafeBitCast(symbol, to: Name.self)
        for error in 1...140 {
            let expected = theirs(CInt(error)).map { String(cString: $0) }
            #expect(ErrorName.of(error).map { String($0) } == expected)
        }
        #expect(ErrorName.of(0) == nil && ErrorName.of(-5) == nil && ErrorName.of(5000) == nil)
    }
}
