// kaio bufio: what the block cache of a running program has, and how much memory it may take.
//
// The size that is wanted is written into the page that `kaio top` reads (LiveReader.swift); the process takes it at its next request,
// or within half a minute, and what it says of itself there then tells.

import ArgumentParser
import CKernel
import Glibc

struct Bufio: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the block cache of a running program and changes its size.",
        discussion: """
            The program must use the module bufio, and have been started with `kaio run`, or with KAIO_LIVE_DIR set to a \
            directory. The size is for all files together, like bufio:size; a smaller size is reached when clean blocks have \
            been dropped and dirty ones written.

              kaio bufio --size 512M $(pgrep -n server)

            Exit codes: 0: the size was shown or changed; 1: the process can't be inspected, does not use the module, or did \
            not adopt the size within 40 seconds.
            """)

    @Argument(help: "The process ID.")
    var process: Int32

    @Option(help: ArgumentHelp("The memory that the cache may use from now on, such as 64M or 2G.", valueName: "size"))
    var size: String?

    @Flag(help: "Print a line of JSON.")
    var json = false

    func validate() throws {
        guard process > 0 else { throw ValidationError("a process ID is greater than 0") }
        if let size, Bufio.bytes(size) == nil {
            throw ValidationError("--size takes bytes from 64k to 1024T, such as 64M, not \(printable(size))")
        }
    }

    private static func bytes(_ text: String) -> Int? {
        let units: [Character: Int] = ["k": 10, "m": 20, "g": 30, "t": 40]
        let unit = text.last.flatMap { units[Character($0.lowercased())] }
        guard let number = Int(unit == nil ? text : String(text.dropLast())), number > 0,
            case (let value, let overflow) = number.multipliedReportingOverflow(by: 1 << (unit ?? 0)), !overflow,
            (64 << 10...1 << 50).contains(value)
        else { return nil }
        return value
    }

    func run() throws {
        let signals = try SignalQueue(SignalQueue.ending)
        do {
            try signals.interruptibly { try change(signals) }
        } catch let interruption as Interruption {
            SignalQueue.end(by: interruption.signal)
        }
    }

    private func change(_ signals: SignalQueue) throws {
        let reader: LiveReader
        do {
            reader = try LiveReader(process: process)
        } catch LiveProblem.noRequestYet(let hint) {
            throw Failure(message: "process \(process) has made no asynchronous request yet\(hint)", code: 1)
        } catch LiveProblem.other(let reason) {
            throw Failure(message: printable(reason), code: 1)
        }
        guard var module = Bufio.module(of: reader) else {
            throw Failure(message: "process \(process) has no module bufio", code: 1)
        }
        if let wanted = size.flatMap(Bufio.bytes) {
            reader.wish(wanted)
            let end = Clock.now + 40_000_000_000
            while module.value("budget") != wanted {
                guard Clock.now < end, !reader.isReplaced else {
                    throw Failure(message: "process \(process) did not adopt the size", code: 1)
                }
                try reader.look()
                _ = signals.wait(for: [], milliseconds: 20)
                if let signal = signals.next() { throw Interruption(signal: signal) }
                module = Bufio.module(of: reader) ?? module
            }
        }
        show(module)
    }

    private static func module(of reader: LiveReader) -> LiveModule? {
        reader.sample().modules.first { $0.title == "bufio" }
    }

    private func show(_ module: LiveModule) {
        if json {
            Terminal.output.say(JSON.object(module.numbers.map { ($0.name, .integer($0.value)) }).description)
            return
        }
        let values = module.numbers.map { "\($0.name) \($0.value)" }
        Terminal.output.say(
            "bufio of process \(process) (\(programName(of: process))): \(values.joined(separator: ", "))")
    }
}
