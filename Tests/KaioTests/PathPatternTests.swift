import CKernel
import Glibc
import Testing

@testable import Kaio

private func pattern(_ text: String) -> PathPattern { PathPattern(text: Text(strdup(text))) }

private func problem(_ text: String) -> String? {
    PathPattern.problem(Text(strdup(text))).map { "\($0)" }
}

private func patterns(_ list: String) -> [String] {
    var rest = Text(strdup(list))
    var all: [String] = []
    while let (pattern, isClosed) = PathPattern.take(&rest) { all.append(String(pattern) + (isClosed ? "" : " open")) }
    return all
}

@Suite struct `A pattern` {
    @Test(arguments: [
        ("/data/x", "/data/x"), ("/data/*", "/data/x"), ("/data/*", "/data/"), ("/data/*", "/data/a/b/c.db"),
        ("*", "/x"), ("*.db", "/a/b.db"), ("/a/*/c", "/a/b/b/c"), ("/a*b*c", "/abcbabc"), ("/*a*a*a", "/aaaa"),
        ("/a?c", "/abc"), ("/a?c", "/a/c"), ("/a?c", "/aäc"), ("/a??c", "/a\u{1f600}äc"), ("/a[bx]c", "/abc"),
        ("/a[a-c]", "/ab"), ("/a[!a-c]", "/ad"), ("/a[^a-c]", "/ad"), ("/a[]]", "/a]"), ("/a[!]]", "/ab"),
        ("/a[a-]", "/a-"), ("/a[ä-ö]", "/aö"), ("/a[!ä]", "/ab"), (#"/a\*"#, "/a*"), (#"/a\["#, "/a["),
        (#"/a\\"#, #"/a\"#), (#"/a[\]x]"#, "/a]"), ("/a**", "/a"), ("/with blank", "/with blank"),
        ("pipe:*", "pipe:[123]"), ("socket:*", "socket:[1]"), ("*/*/*/*/*/*/*/*/*/z", "/a/b/c/d/e/f/g/h/i/j/k/z"),
    ])
    func `matches`(_ text: String, _ path: String) {
        #expect(problem(text) == nil)
        #expect(pattern(text).matches(Text(strdup(path))))
    }

    @Test(arguments: [
        ("/data/x", "/data/xy"), ("/data/x", "/data/"), ("/data/x", "/Data/x"), ("/data/*", "/data"),
        ("/data/*", "/dat/x"), ("*.db", "/a/b.dbx"), ("/a*b*c", "/abcb"), ("/a?c", "/ac"), ("/a?", "/a"),
        ("/a[bx]c", "/ac"), ("/a[a-c]", "/ad"), ("/a[!a-c]", "/ab"), ("/a[!a-c]", "/a"), ("/a[^]]", "/a]"),
        (#"/a\*"#, "/ab"), ("/a[ä-ö]", "/a\u{e3}\u{f7}x"), ("/a[!ä]", "/aä"), ("/", "/x"), ("/x", "/"),
    ])
    func `does not match`(_ text: String, _ path: String) {
        #expect(!pattern(text).matches(Text(strdup(path))))
    }

    @Test func `takes a path that is no UTF-8`() {
        let bytes: [UInt8] = [0x2f, 0xff, 0xc3, 0x2f, 0x78]
        bytes.withUnsafeBufferPointer {
            let path = Text($0.baseAddress!, count: 5)
            #expect(pattern("/??/x").matches(path))
            #expect(!pattern("/?/x").matches(path))
            #expect(pattern("/[!a]?/[x]").matches(path))
        }
    }

    @Test func `of many stars does not take for ever`() {
        let path = Text(strdup("/" + String(repeating: "a", count: 4000)))
        #expect(!pattern("/" + String(repeating: "*a", count: 200) + "*b").matches(path))
    }

    @Test(arguments: [
        ("data/*", "a path begins with"), ("#", "a path begins with"), ("", "a path begins with"),
        ("/data/", "no file's path ends with /"), ("/", "no file's path ends with /"), (#"/a\"#, "the backslash"),
        ("/[a", "a set is"), ("/[]", "a set is"), ("/[b-a]", "a set is"), ("/[[:alpha:]]", "a set is"),
        (#"/[a\"#, "a set is"),
    ])
    func `that makes no sense has a problem`(_ text: String, _ beginning: String) {
        #expect(problem(text)?.hasPrefix(beginning) == true)
    }

    @Test(arguments: [
        ("/a /b\t/c", ["/a", "/b", "/c"]), (#""/a b" /c"#, ["/a b", "/c"]), (#"/a\ b /c"#, [#"/a\ b"#, "/c"]),
        (#""/a b"#, ["/a b open"]), ("", []), (#""" /a"#, ["", "/a"]), (#""/a \" b""#, [#"/a \" b"#]),
        ("/a,b", ["/a,b"]),
    ])
    func `is taken from a list`(_ list: String, _ all: [String]) {
        #expect(patterns(list) == all)
    }
}
