// full_audit, time_audit and stats in a stack of the test's own, above a module that ends requests as it is told.

import CKernel
import Glibc
import Testing

@testable import Kaio

/// Completes each request with the next of its results, after a pause.
private final class Ending: Module {
    let name: StaticString = "ending"
    var results: [Int] = []
    var milliseconds = 0

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        while let request = requests.popFirst() {
            if milliseconds > 0 { pause(milliseconds: milliseconds) }
            turn.complete(request, results.isEmpty ? 0 : results.removeFirst())
        }
    }
}

/// Parameters that live as long as the process.
private func parameters(_ text: String) -> Parameters {
    let copy = UnsafeMutablePointer<CChar>(mutating: strdup(text)!)
    return Parameters(Text(UnsafePointer(copy)))
}

private func make(
    _ operation: Kaio.Operation, _ descriptor: CInt = -1, length: Int = 0, offset: Int = 0
) -> Request {
    let request = makeRequest()
    request.operation = operation
    request.descriptor = Descriptor(number: descriptor)
    request.length = length
    request.offset = offset
    return request
}

private func contents(_ path: String) -> String {
    let descriptor = openFile(path, O_RDONLY)
    defer { close(descriptor) }
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = read(descriptor, &buffer, buffer.count), count > 0 { all += buffer[..<count] }
    return String(decoding: all, as: UTF8.self)
}

/// A path that no file has yet; whoever makes one removes it.
private func newPath() -> String { "/var/tmp/kaio-test-audit-\(getpid())" }

@Suite struct `full_audit` {
    @Test func `has a line for what was asked for, and no path where there is none`() async {
        await #expect(processExitsWith: .success) {
            let path = newPath()
            defer { unlink(path) }
            let ending = Ending()
            ending.results = [100, -Int(EIO), 0, -Int(ECANCELED), 7]
            check(Engine.enter(1))
            let audit = FullAudit(
                position: 0, parameters: parameters("full_audit:to=\(path);full_audit:operations=read write fdatasync"))
            useStack([audit!, ending])
            submit([
                make(.read, length: 200, offset: 5), make(.write, 1, length: 1), make(.synchronize),
                make(.synchronizeData), make(.read),
            ])
            check(eventually { contents(path).contains("result=7") })
            let lines = contents(path).split(separator: "\n").map { $0.split(separator: " ").dropFirst() }
            check(lines.count, is: 4)
            check(lines[0].dropLast().joined(separator: " "), is: "read - offset=5 length=200 result=100")
            check(lines[1].first == "write" && lines[1].contains("result=EIO") && !lines[1].contains("-"))
            check(lines[2].dropLast().joined(separator: " "), is: "fdatasync - offset=0 length=0 result=ECANCELED")
            check(lines[3].first == "read" && lines[3].contains("result=7"))
        }
    }

    @Test func `measures from the submission on`() async {
        await #expect(processExitsWith: .success) {
            let path = newPath()
            defer { unlink(path) }
            let ending = Ending()
            ending.milliseconds = 50
            check(Engine.enter(1))
            useStack([FullAudit(position: 0, parameters: parameters("full_audit:to=\(path)"))!, ending])
            submit([make(.read)])
            check(eventually { contents(path).contains("us=") })
            let took = contents(path).split(separator: "=").last.flatMap { Int($0.dropLast()) } ?? -1
            check((50_000..<5_000_000).contains(took))
        }
    }
}

@Suite struct `time_audit` {
    @Test func `has a line for what is slower than its limit only`() async {
        await #expect(processExitsWith: .success) {
            let path = newPath()
            defer { unlink(path) }
            let ending = Ending()
            check(Engine.enter(1))
            let audit = TimeAudit(
                position: 0, parameters: parameters("time_audit:to=\(path);time_audit:limit=400ms"))
            useStack([audit!, ending])
            for (milliseconds, length) in [(0, 1), (450, 2), (1, 3), (450, 4)] {
                ending.milliseconds = milliseconds
                submit([make(.read, length: length)])
            }
            check(eventually { contents(path).contains("length=4") })
            let lines = contents(path).split(separator: "\n")
            check(lines.count, is: 2)
            check(lines.allSatisfy { $0.contains(" slow read - offset=0 length=") })
            check(lines[0].contains("length=2 ") && lines[1].contains("length=4 "))
        }
    }
}

@Suite struct `stats` {
    @Test func `counts by operation, and services with one file are in one report`() async {
        await #expect(processExitsWith: .success) {
            let path = newPath()
            defer { unlink(path) }
            let ending = Ending()
            ending.results = [100, 50, -Int(EIO), -Int(ECANCELED), 7, 0]
            check(Engine.enter(1))
            let all = "stats:file=\(path);stats:format=json"
            let first = Stats(position: 0, parameters: parameters(all))
            let second = Stats(position: 1, parameters: parameters(all + ";stats:service=second"))
            useStack([first!, second!, ending])
            check(Place(Stack.standard!).connect(Text("global")), is: 0)
            submit([
                make(.read), make(.read), make(.read), make(.read), make(.write), make(.synchronizeData),
            ])
            Stats.writeAll()
            let report = contents(path)
            check(report.hasPrefix("{\"version\":\"") && report.hasSuffix("]}\n"))
            check(
                report.contains("\"services\":[{\"service\":\"global\",")
                    && report.contains("{\"service\":\"second\","))
            for operation in [
                "\"read\":{\"requests\":4,\"bytes\":150,\"errors\":1,\"cancelled\":1,\"latency_us\":{\"mean\":",
                "\"write\":{\"requests\":1,\"bytes\":7,\"errors\":0,\"cancelled\":0,\"latency_us\":{\"mean\":",
                "\"fsync\":{\"requests\":0,\"bytes\":0,\"errors\":0,\"cancelled\":0,\"latency_us\":null}",
                "\"fdatasync\":{\"requests\":1,\"bytes\":0,\"errors\":0,\"cancelled\":0,\"latency_us\":{\"mean\":",
            ] {
                check(report.ranges(of: operation).count, is: 2)
            }
            check(report.split(separator: "\n").count, is: 1)
        }
    }

    @Test func `forgets its parent's numbers in a child`() async {
        await #expect(processExitsWith: .success) {
            let path = newPath()
            defer { unlink(path) }
            check(Engine.enter(1))
            let stats = Stats(position: 0, parameters: parameters("stats:file=\(path)"))!
            useStack([stats, Ending()])
            check(Place(Stack.standard!).connect(Text("global")), is: 0)
            submit([make(.read), make(.write)])
            stats.reset()
            submit([make(.read)])
            Stats.writeAll()
            let words = contents(path).split(separator: "\n").map { $0.split(separator: " ") }
            check(words.first { $0.first == "read" }?[1], is: "1")
            // Nor are there latencies.
            check(words.first { $0.first == "write" }, is: ["write", "0", "0", "0", "0"])
        }
    }
}
