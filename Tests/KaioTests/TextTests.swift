import CKernel
import Testing

@testable import Kaio

extension String {
    init(_ text: Text) { self.init(decoding: UnsafeBufferPointer(start: text.start, count: text.count), as: UTF8.self) }
}

/// Calls `body` with a text of these bytes, which end where the text ends.
private func withText<T>(_ string: String, _ body: (Text) -> T) -> T {
    let bytes = Array(string.utf8)
    return bytes.withUnsafeBufferPointer { buffer in
        let nowhere = UnsafePointer<UInt8>(bitPattern: 1)!
        return body(Text(buffer.baseAddress ?? nowhere, count: buffer.count))
    }
}

/// What a message says when it is written.
private func written(_ fill: (inout Message) -> Void) -> String {
    let pipe = TestPipe()
    var message = Message()
    fill(&message)
    message.write(to: Descriptor(number: pipe.writer))
    return pipe.readAll()
}

@Suite struct `A text` {
    @Test(arguments: [
        ("", []), ("one", ["one"]), (" one ", ["one"]), ("one two", ["one", "two"]),
        ("one,two,\tthree\n", ["one", "two", "three"]), (" , \t\n", []),
    ])
    func `is taken apart into words`(_ string: String, _ words: [String]) {
        withText(string) { text in
            var rest = text
            var found: [String] = []
            while let word = rest.takeWord() { found.append(String(word)) }
            #expect(found == words)
            #expect(rest.isEmpty)
        }
    }

    @Test(arguments: [
        ("0", 0), ("7", 7), ("007", 7), ("65536", 65536), ("999999999999999999", 999_999_999_999_999_999),
    ])
    func `of digits is a number`(_ string: String, _ number: Int) {
        #expect(withText(string) { $0.number } == number)
    }

    @Test(arguments: [
        "", " ", "-1", "+1", " 1", "1 ", "1a", "0x10", "1.5", "1000000000000000000", "99999999999999999999999",
    ])
    func `of anything else is none`(_ string: String) {
        #expect(withText(string) { $0.number } == nil)
    }

    @Test func `equals another of the same bytes`() {
        withText("ordered") { text in
            #expect(text == "ordered")
            #expect(!(text == "order"))
            #expect(!(text == "ordereD"))
            #expect(!(text == "ordered_"))
            #expect(text == Text("ordered"))
        }
        #expect(Text("") == "")
    }

    @Test func `has the prefixes that it begins with`() {
        withText("KAIO_") { text in
            #expect(text.hasPrefix("KAIO_"))
            #expect(text.hasPrefix(""))
            #expect(!text.hasPrefix("KAIO_R"))
            #expect(!text.hasPrefix("kaio_"))
        }
    }

    @Test func `finds the first of a byte`() {
        withText("a=b=c") { #expect($0.firstIndex(of: 0x3d) == 1) }
        withText("abc") { #expect($0.firstIndex(of: 0x3d) == nil) }
    }

    @Test func `cut off beyond its end is what there is`() {
        withText("abc") { text in
            #expect(String(text.prefix(2)) == "ab")
            #expect(String(text.prefix(9)) == "abc")
            #expect(String(text.dropFirst(2)) == "c")
            #expect(text.dropFirst(9).isEmpty)
        }
    }

    @Test func `of a C string ends before its zero`() {
        #expect("KAIO_RING=8".withCString { String(Text($0)) } == "KAIO_RING=8")
    }
}

@Suite struct `A message` {
    @Test(arguments: [0, 7, -7, 10, 1_234_567_890, Int.max, Int.min, Int.min + 1])
    func `shows a number as everyone writes it`(_ number: Int) {
        #expect(written { $0.add(number) } == "\(number)")
    }

    @Test func `is its parts in order`() {
        #expect(
            written { message in
                message.add("ring ")
                message.add(256)
                message.add(Text(": full"))
            } == "ring 256: full")
        #expect(written { _ in } == "")
    }

    @Test func `too long is cut off`() {
        let long = written { message in for _ in 0..<1000 { message.add("0123456789") } }
        #expect(long.utf8.count == 4096)
        #expect(long.hasPrefix("0123456789012"))
        let exact = written { message in
            for _ in 0..<4096 { message.add("x") }
            message.add("yz")
            message.add(-123)
        }
        #expect(exact == String(repeating: "x", count: 4096))
    }

    @Test func `terminated has a zero behind it, however long it is`() {
        var short = Message()
        short.add("/tmp/stats")
        #expect(String(cString: short.terminated()!) == "/tmp/stats")
        short.add(".7")
        #expect(String(cString: short.terminated()!) == "/tmp/stats.7")
        var long = Message()
        for _ in 0..<5000 { long.add("x") }
        #expect(String(cString: long.terminated()!).utf8.count == 4095)
    }

    @Test func `that can't be written is given up`() {
        var message = Message()
        message.add("nobody reads this")
        message.write(to: .none)
    }
}
