import CKernel
import Testing

@testable import Kaio

@Suite struct `A value of a parameter` {
    @Test(arguments: [
        ("0", 0), ("4096", 4096), ("64k", 65536), ("64K", 65536), ("1M", 1 << 20), ("2g", 2 << 30), ("1T", 1 << 40),
    ])
    func `is a number of bytes`(_ text: String, _ bytes: Int) {
        #expect(text.withCString { Text($0).bytes } == bytes)
    }

    @Test(arguments: ["", "k", "1kk", "1 k", "-1", "1.5M", "0x10", "9999999T", "1P"])
    func `is no number of bytes`(_ text: String) { #expect(text.withCString { Text($0).bytes } == nil) }

    @Test(arguments: [
        ("0", 0), ("100ns", 100), ("250us", 250_000), ("10ms", 10_000_000), ("2s", 2_000_000_000),
        ("1m", 60_000_000_000), ("1h", 3_600_000_000_000),
    ])
    func `is a time`(_ text: String, _ nanoseconds: Int64) {
        #expect(text.withCString { Text($0).interval } == nanoseconds)
    }

    @Test(arguments: ["", "5", "ms", "1 ms", "-1ms", "1.5s", "1d", "99999999999999999h"])
    func `is no time`(_ text: String) { #expect(text.withCString { Text($0).interval } == nil) }

    @Test(arguments: [
        ("100%", 1_000_000), ("10%", 100_000), ("0.5%", 5000), ("0.0001%", 1), ("12.34%", 123_400), ("0%", 0),
    ])
    func `is a part of a whole`(_ text: String, _ millionths: Int) {
        #expect(text.withCString { Text($0).millionths } == millionths)
    }

    @Test(arguments: ["", "%", "10", "101%", "100.1%", "1.00001%", ".5%", "5.%", "1.2.3%", "x%"])
    func `is no part of a whole`(_ text: String) { #expect(text.withCString { Text($0).millionths } == nil) }
}

@Suite struct `The dice` {
    @Test func `depend on seed, stream and number, and on nothing else`() {
        let dice = Dice(seed: 5)
        var seen = Set<UInt64>()
        for stream in 0..<10 {
            for number in 0..<1000 as Range<UInt64> {
                let roll = dice.roll(stream, number)
                #expect(roll == Dice(seed: 5).roll(stream, number))
                seen.insert(roll)
            }
        }
        #expect(seen.count == 10_000)
        #expect(!seen.contains(Dice(seed: 6).roll(0, 1)))
    }

    @Test(arguments: [0, 1, 2, 77] as [UInt64])
    func `are even`(_ seed: UInt64) {
        let dice = Dice(seed: seed)
        var sum = 0.0
        var tenths = [Int](repeating: 0, count: 10)
        for number in 1...100_000 as ClosedRange<UInt64> {
            let fraction = dice.fraction(1, number)
            sum += fraction
            tenths[Int(fraction * 10)] += 1
        }
        #expect(abs(sum / 100_000 - 0.5) < 0.005)
        #expect(tenths.allSatisfy { (9500...10_500).contains($0) })
    }
}

@Suite struct `Kinds of requests` {
    @Test func `are named one by one or together`() {
        var operations = Operations.none
        func add(_ name: StaticString) -> Bool { operations.add(Text(name)) }
        #expect(operations.isEmpty)
        #expect(add("read"))
        #expect(!operations.isEmpty)
        #expect(operations.contains(.read) && !operations.contains(.write) && !operations.contains(.synchronize))
        #expect(add("fsync"))
        #expect(operations.contains(.synchronize) && operations.contains(.synchronizeData))
        #expect(!operations.contains(.write))
        #expect(!add("sync") && !add("") && !add("READ"))
        var any = Operations.none
        let isKnown = any.add(Text("any"))
        #expect(isKnown)
        for operation in [.read, .write, .synchronize, .synchronizeData] as [Operation] {
            #expect(any.contains(operation) && Operations.any.contains(operation))
        }
    }
}
