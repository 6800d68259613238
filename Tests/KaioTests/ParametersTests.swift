import CKernel
import Glibc
import Synchronization
import Testing

@testable import Kaio

/// Parameters as KAIO_VFS_PARAMETERS has them. What they point to stays for ever, as in the library.
private func parameters(
    _ list: String, before base: Parameters = .none, fault: Parameters.Fault? = nil
) -> Parameters {
    var memory = Arena()
    return Parameters(Text(strdup(list)), from: "here", before: base, fault: fault, &memory)
}

extension Parameters {
    fileprivate func string(_ module: StaticString, _ name: StaticString) -> String? {
        text(module, name).map { String($0) }
    }
}

@Suite struct `The parameters of modules` {
    @Test func `are found by module and name`() {
        let some = parameters("a:x=1; b : x = two words ;b:y=3;;")
        #expect(some.string("a", "x") == "1")
        #expect(some.string("b", "x") == "two words")
        #expect(some.string("b", "y") == "3")
        #expect(some.string("a", "y") == nil)
        #expect(some.string("ab", "x") == nil)
        #expect(Parameters.none.string("a", "x") == nil)
    }

    @Test func `have names without case and blanks`() {
        let some = parameters("AIO_Linux:AIO num\tEvents = Value X")
        #expect(some.string("aio_linux", "aio num events") == "Value X")
        #expect(some.string("aio_linux", "aionumevents") == "Value X")
        #expect(some.string("aiolinux", "aionumevents") == nil)
        #expect(some.string("aio_linux", "aionumevent") == nil)
    }

    @Test func `count as they were set last`() {
        let some = parameters("a:x y=1; a:z=2; A:XY=3")
        #expect(some.string("a", "xy") == "3")
        #expect(some.string("a", "z") == "2")
    }

    @Test func `set to nothing are not set`() {
        #expect(parameters("a:x=").string("a", "x") == nil)
        #expect(parameters("a:x=  ; b:x=1").string("a", "x") == nil)
        #expect(parameters("a:x=1; a:x=").string("a", "x") == nil)
    }

    @Test func `come before those behind them, even if set to nothing`() {
        let all = parameters("a:x=1; a:y=2; a:z=3")
        let some = parameters("a:x=4; a:z=", before: all)
        #expect(some.string("a", "x") == "4")
        #expect(some.string("a", "y") == "2")
        #expect(some.string("a", "z") == nil)
    }

    @Test func `keep semicolons that stand in quotes`() {
        let some = parameters(#"a:x="1;2"; a:y="; a:z=5"#)
        #expect(some.string("a", "x") == "1;2")
        #expect(some.string("a", "y") == #""; a:z=5"#)
        #expect(parameters(#"a:x = " b ""#).string("a", "x") == " b ")
        #expect(parameters(#"a:x = ""#).string("a", "x") == #"""#)
        #expect(parameters(#"a:x = "b" c"#).string("a", "x") == #""b" c"#)
    }

    @Test func `keep what follows the first equals sign`() {
        #expect(parameters("a:x=b=c:d").string("a", "x") == "b=c:d")
    }

    @Test(arguments: [
        ("yes", true), ("True", true), ("1", true), ("ON", true), ("no", false), ("false", false), ("0", false),
        ("Off", false),
    ])
    func `are flags`(_ value: String, _ flag: Bool) {
        let some = parameters("a:x=\(value)")
        #expect(some.flag("a", "x", default: !flag) == flag)
        #expect(some.flag("a", "y", default: !flag) == !flag)
    }

    @Test(arguments: [("0", 0), ("17", 17), ("-5", -5), ("1000", 1000), ("-10", -10)])
    func `are numbers`(_ value: String, _ number: Int) {
        let some = parameters("a:x=\(value)")
        #expect(some.number("a", "x", default: 3, in: -10...1000) == number)
        #expect(some.number("a", "y", default: 3, in: -10...1000) == 3)
    }

    @Test(arguments: [
        ("512", 512), ("64k", 65536), ("64K", 65536), ("1M", 1 << 20), ("2g", 2 << 30), ("4T", 4 << 40), ("0", 0),
    ])
    func `are sizes`(_ value: String, _ size: Int) {
        #expect(parameters("a:x=\(value)").size("a", "x", default: 7, in: 0...1 << 50) == size)
        #expect(parameters("a:y=\(value)").size("a", "x", default: 7, in: 0...1 << 50) == 7)
    }

    @Test(
        arguments: [
            ("17ns", 17), ("250us", 250_000), ("10ms", 10_000_000), ("2s", 2_000_000_000), ("1m", 60_000_000_000),
            ("1h", 3_600_000_000_000), ("0", 0), ("0s", 0),
        ] as [(String, Int64)])
    func `are intervals`(_ value: String, _ interval: Int64) {
        #expect(parameters("a:x=\(value)").interval("a", "x", default: 7, in: 0...1 << 60) == interval)
        #expect(parameters("a:y=\(value)").interval("a", "x", default: 7, in: 0...1 << 60) == 7)
    }

    @Test func `with bad values are named, with what would be accepted`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            let some = parameters(
                "a:f=maybe; a:n=x; a:m=11; a:o=-; a:s=64kb; a:t=k; a:u=5k; a:w=9999999999T; a:i=10; a:j=5s; a:k=ms")
            check(some.flag("a", "f", default: true), is: true)
            check(some.number("a", "n", default: 3, in: -1...10), is: 3)
            check(some.number("a", "m", default: 4, in: -1...10), is: 4)
            check(some.number("a", "o", default: 4, in: -1...10), is: 4)
            check(some.size("a", "s", default: 4096, in: 512...1 << 20), is: 4096)
            check(some.size("a", "t", default: 1000, in: 0...1 << 30), is: 1000)
            check(some.size("a", "u", default: 0, in: 0...4096), is: 0)
            check(some.size("a", "w", default: 5 << 40, in: 0...1 << 40), is: 5 << 40)
            check(some.interval("a", "i", default: 1_000_000, in: 0...60_000_000_000), is: 1_000_000)
            check(some.interval("a", "j", default: 1500, in: 1...3_600_000_000_000 / 900), is: 1500)
            check(some.interval("a", "k", default: 7_200_000_000_000, in: 0...7_200_000_000_000), is: 7_200_000_000_000)
        }
        let lines = result.said.split(separator: "\n")
        let size = "a size such as 512, 64k, 1M or 2G"
        let time = "a time such as 250us, 10ms, 2s or 1m"
        let expected: [Substring] = [
            "kaio: here: a:f = maybe: not yes, true, 1, on, no, false, 0 or off",
            "kaio: here: a:n = x: not a number from -1 to 10",
            "kaio: here: a:m = 11: not a number from -1 to 10",
            "kaio: here: a:o = -: not a number from -1 to 10",
            "kaio: here: a:s = 64kb: not \(size), from 512 to 1M",
            "kaio: here: a:t = k: not \(size), from 0 to 1G",
            "kaio: here: a:u = 5k: not \(size), from 0 to 4k",
            "kaio: here: a:w = 9999999999T: not \(size), from 0 to 1T",
            "kaio: here: a:i = 10: not \(time), from 0 to 1m",
            "kaio: here: a:j = 5s: not \(time), from 1ns to 4s",
            "kaio: here: a:k = ms: not \(time), from 0 to 2h",
        ]
        #expect(lines == expected)
        let other = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            let fault = Parameters.Fault.allocate(capacity: 1)
            fault.initialize(to: Atomic(false))
            let some = parameters("a:f=maybe; a:n=x", fault: fault)
            check(!fault.pointee.load(ordering: .relaxed))
            check(some.flag("a", "f", default: true), is: true)
            check(some.number("a", "n", default: 3, in: -1...10), is: 3)
            check(fault.pointee.load(ordering: .relaxed))
        }
        #expect(
            other.said == """
                kaio: here: a:f = maybe: not yes, true, 1, on, no, false, 0 or off
                kaio: here: a:n = x: not a number from -1 to 10

                """)
    }

    @Test func `that a module names are those that it asks for`() {
        var count = 0
        Registry.forEachName { name in
            let module = Text(name)
            let known = Registry.entry(module)!.parameters
            // Nothing is in nobody's range or list of words, so all of them are asked for.
            let names = known.description.split(separator: ",").map { $0.trimmingPrefix { $0 == " " } }
            let some = parameters(names.map { "\(String(module)):\($0) =" }.joined(separator: ";"))
            #expect(Registry.make(module, position: 0, parameters: some) != nil)
            Parameters.forEach(some.own) {
                count += 1
                #expect($0.wasAsked && !$0.isUnknown, "\(String($0.module)):\(String($0.name))")
            }
        }
        #expect(count >= 31)
        #expect(Registry.parameters(of: Text("Time_Audit"))?.description == "limit, to, format, buffer")
        #expect(Registry.parameters(of: Text("nonsense")) == nil)
    }

    @Test func `that a module does not have are unknown`() {
        let some = parameters("delay_inject:Mini mum=; delay_inject:min=; delay_inject:mum, maxi=; mine:a=; mine:b=")
        _ = some.text("mine", "a")
        var unknown: [String] = []
        Parameters.forEach(some.own) { if $0.isUnknown { unknown.append(String($0.name)) } }
        #expect(unknown == ["min", "mum, maxi", "b"])
        some.excuse()
        Parameters.forEach(some.own) { if $0.isUnknown { unknown.append(String($0.name)) } }
        #expect(unknown == ["min", "mum, maxi", "b", "min", "mum, maxi"])
    }

    @Test func `that are none are named and left out`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            let some = parameters("x=1; a:x; :x=1; a:=1; =; a:y=2")
            check(some.string("a", "y"), is: "2")
            check(some.string("a", "x"), is: nil)
        }
        let lines = result.said.split(separator: "\n")
        #expect(
            lines
                == ["x=1", "a:x", ":x=1", "a:=1", "="].map {
                    "kaio: here: \($0): not \"module:name = value\"; semicolons stand between several"
                })
    }
}

extension ExitTest.Result? {
    /// What the process wrote on stderr.
    fileprivate var said: String { self.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } ?? "failed" }
}
