// kaio bench: the C library's AIO, kaio, and the kernel's own interface side by side on a directory of the person's.
//
// Invariant: the file that is measured has no name, so nothing of it is left however this ends. Each figure comes from
// a process of its own (BenchWorker.swift); in each round every engine runs every workload once, the engines in another
// order each time, so that what changes on the machine meanwhile meets all of them.

import ArgumentParser
import CKernel
import Glibc

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures glibc's AIO, kaio, and the raw kernel interface side by side.",
        discussion: """
            Uses an unnamed file in PATH, which disappears when the measurement ends, however it ends. The rows are workloads: \
            random transfers of 4 KiB with different numbers in flight. Each figure is the median of the rounds; ~ marks one \
            that is too noisy to mean much. A longer measurement on an otherwise idle machine gives better figures.

            Examples:
              kaio bench /var/lib/data
              kaio bench --quick --svg bench.svg
              kaio bench --json . | jq '.workloads[] | {title, ratio: .kaio_to_glibc.median}'

            Exit codes: 0: everything was measured; 1: something could not be measured, and the output says what; \
            2: nothing could be measured.
            """)

    @Argument(help: "A directory on the file system to measure.", completion: .directory)
    var path = "."

    @Option(help: ArgumentHelp("Approximate duration; default 60.", valueName: "n"))
    var seconds: Int?

    @Flag(help: "Measure for 15 seconds, with fewer rounds.")
    var quick = false

    @Option(
        help: ArgumentHelp(
            "The size of the file, such as 64m or 1g, rounded down to a power of two; default 256m, or less if there is "
                + "less room.", valueName: "size"))
    var size: String?

    @Flag(help: "Write JSON instead of a table.")
    var json = false

    @Option(help: ArgumentHelp("Also draw the figures into this file.", valueName: "file"), completion: .file())
    var svg: String?

    @Option(help: ArgumentHelp("The library to measure.", valueName: "file"), completion: .file())
    var library: String?

    private static let bounds = 2...86400
    private static let mostOfOthers = 0.2

    func validate() throws {
        if let seconds, !Bench.bounds.contains(seconds) {
            throw ValidationError("--seconds takes a number from 2 to 86400, not \(seconds)")
        }
        if let size, TestFile.bytes(size) == nil {
            throw ValidationError("--size takes a size of at least 1m, as in 64m or 1g, not \(size)")
        }
    }

    func run() throws {
        let library = try Library.find(library)
        let preload = try library.preload
        let version = try library.version
        if let svg { try Bench.check(svg) }
        Bench.forgetEnvironment()
        let signals = try SignalQueue(SignalQueue.ending)
        let file = try TestFile(in: path, size: size.map { TestFile.bytes($0)! })
        let progress = Progress()
        let othersShare = Processors.usedShare(during: 300_000)
        if othersShare > Bench.mostOfOthers {
            warn(
                "other programs use \(Int((othersShare * 100).rounded())) % of the processors, so the figures are too low, "
                    + "and kaio's may not be comparable with glibc's; run it again when the machine is idle")
        }
        let time = seconds ?? (quick ? 15 : 60)
        let workloads = Bench.workloads(isDirect: file.isDirect)
        let rounds = quick ? 3 : 5
        let count = workloads.count * rounds * Engine.allCases.count
        let runner = BenchRunner(
            file: file, preload: preload, milliseconds: max(20, time * 1000 / count), signals: signals)
        do {
            try file.fill(signals, progress)
            var results = BenchResults(
                version: version, path: Path.real(path) ?? path, size: file.size, rounds: rounds,
                fileSystem: file.fileSystem, isDirect: file.isDirect,
                seconds: Double(runner.milliseconds) / 1000, othersShare: othersShare)
            if !file.isDirect {
                results.notes.append("O_DIRECT is refused here (\(file.whyNotDirect)): buffered transfers instead.")
            }
            var run = 0
            for round in 0..<rounds {
                for (row, workload) in workloads.enumerated() {
                    for turn in 0..<Engine.allCases.count {
                        progress.show(run, of: count, workload.title)
                        let engine = Engine.allCases[(turn + round + row) % Engine.allCases.count]
                        try runner.measure(engine, workload, round: round, &results)
                        run += 1
                    }
                }
            }
            progress.clear()
            // The drawing is made all the same: it took a minute to measure.
            let unseen = write((json ? results.json.description : results.table) + "\n", to: STDOUT_FILENO) ? 0 : errno
            if let svg, let error = results.drawing.write(to: svg) { throw Failure(message: "--svg \(svg): \(error)") }
            if unseen != 0 { throw Failure(message: "stdout: \(errorText(unseen))") }
            if results.hasFailures { throw ExitCode(1) }
        } catch let interruption as Interruption {
            progress.clear()
            SignalQueue.end(by: interruption.signal)
        } catch {
            progress.clear()
            throw error
        }
    }

    private static func workloads(isDirect: Bool) -> [Workload] {
        let kinds: [(Workload.Kind, [Int])] =
            isDirect
            ? [(.directRead, [1, 8, 32, 128]), (.directWrite, [32]), (.cachedRead, [1, 32]), (.coldRead, [32])]
            : [(.cachedRead, [1, 8, 32, 128]), (.coldRead, [32]), (.bufferedWrite, [32])]
        return kinds.flatMap { kind, depths in depths.map { Workload(kind: kind, depth: $0) } }
    }

    /// What a person has set for other programs must not change a figure.
    private static func forgetEnvironment() {
        let names = environmentEntries.map { String($0.prefix { $0 != "=" }) }
        for name in names where name == "LD_PRELOAD" || name.hasPrefix("KAIO_") { unsetenv(name) }
    }

    /// Before the time is spent, not after.
    private static func check(_ svg: String) throws {
        let place = Path.exists(svg) ? svg : Path.directory(of: svg)
        if access(place, W_OK) != 0 { throw Failure(message: "--svg \(svg): \(errorText(errno))") }
    }
}

enum Processors {
    /// How much of them all processes use while this one sleeps for so many microseconds: from 0 to 1.
    static func usedShare(during time: UInt32) -> Double {
        let before = times()
        usleep(time)
        let after = times()
        guard let before, let after, after.total > before.total else { return 0 }
        return 1 - Double(after.idle - before.idle) / Double(after.total - before.total)
    }

    /// In ticks; waiting for a disk is idle.
    private static func times() -> (idle: Int, total: Int)? {
        let lines = text(of: "/proc/stat")?.split(separator: "\n") ?? []
        guard let line = lines.first, line.hasPrefix("cpu ") else { return nil }
        // user nice system idle iowait irq softirq steal; a guest's time is in user's already.
        let ticks = line.split(separator: " ").dropFirst().prefix(8).compactMap { Int($0) }
        guard ticks.count >= 5 else { return nil }
        return (ticks[3] + ticks[4], .saturatingSum(ticks))
    }
}

/// A signal that ends the command.
struct Interruption: Error {
    let signal: CInt
}

// MARK: - The file

struct TestFile {
    let descriptor: CInt
    /// A power of two.
    let size: Int
    /// Empty if it takes O_DIRECT.
    let whyNotDirect: String

    var isDirect: Bool { whyNotDirect.isEmpty }

    var fileSystem: String { UnnamedFile.fileSystem(of: descriptor) }

    private static let least = 1 << 20
    private static let standard = 256 << 20

    /// A size as in 64m; nil if it is none, or too small.
    static func bytes(_ text: String) -> Int? {
        let units: [Character: Int] = ["k": 10, "m": 20, "g": 30, "t": 40]
        let shift = text.last.flatMap { units[Character($0.lowercased())] }
        guard let number = Int(shift == nil ? text[...] : text.dropLast()), number > 0 else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << (shift ?? 0))
        return overflow || bytes < least ? nil : bytes
    }

    init(in path: String, size wanted: Int?) throws(Failure) {
        var room = statvfs()
        guard statvfs(path, &room) == 0 else { throw Failure(message: "\(path): \(errorText(errno))") }
        let free = Int(clamping: room.f_bavail).multipliedReportingOverflow(by: Int(room.f_frsize)).partialValue
        // Half of what is there, so that nobody else runs out of it.
        let limit = wanted ?? min(TestFile.standard, free / 2)
        guard limit >= TestFile.least, limit <= free else {
            throw Failure(
                message: "\(path): \(Format.bytes(free)) are free; the file needs \(Format.bytes(max(limit, 2 << 20)))")
        }
        size = 1 << (Int.bitWidth - 1 - limit.leadingZeroBitCount)
        descriptor = try UnnamedFile.make(in: path)
        whyNotDirect = TestFile.tryDirect(descriptor)
    }

    private static func tryDirect(_ descriptor: CInt) -> String {
        let direct = Glibc.open("/proc/self/fd/\(descriptor)", O_RDWR | O_CLOEXEC | __O_DIRECT)
        guard direct >= 0 else { return errorText(errno) }
        defer { close(direct) }
        var memory: UnsafeMutableRawPointer?
        guard posix_memalign(&memory, Workload.block, Workload.block) == 0, let memory else { return "no memory" }
        defer { free(memory) }
        memset(memory, 0, Workload.block)
        return pwrite(direct, memory, Workload.block, 0) == Workload.block ? "" : errorText(errno)
    }

    /// With bytes that no file system can leave out.
    func fill(_ signals: SignalQueue, _ progress: Progress) throws {
        var random = SystemRandomNumberGenerator()
        let part = (0..<(1 << 20) / 8).map { _ in random.next() as UInt64 }
        try part.withUnsafeBytes { bytes in
            for offset in stride(from: 0, to: size, by: bytes.count) {
                progress.showPreparation(offset, of: size)
                if let signal = signals.next() { throw Interruption(signal: signal) }
                guard pwrite(descriptor, bytes.baseAddress, bytes.count, offset) == bytes.count else {
                    throw Failure(message: "the file can't be written: \(errorText(errno))")
                }
            }
        }
        guard fsync(descriptor) == 0 else { throw Failure(message: "the file can't be written: \(errorText(errno))") }
    }
}

// MARK: - One run

struct BenchRunner {
    let file: TestFile
    let preload: String
    let milliseconds: Int
    let signals: SignalQueue

    /// What a run may take beyond its time: the start, the page cache, requests on a slow device.
    private static let patience = 30_000

    /// Adds the figure to the results, or says in them why there is none.
    func measure(_ engine: Engine, _ workload: Workload, round: Int, _ results: inout BenchResults) throws {
        if results.isLeftOut(engine, workload) { return }
        let (output, status) = try run(
            [
                BenchWorker.name, engine.rawValue, workload.kind.rawValue, "\(workload.depth)", "\(file.size)",
                "\(milliseconds)", "\(UInt64.random(in: 0...UInt64.max >> 1))",
            ], isPreloaded: engine == .kaio)
        let fields = output.split(separator: "\n").last { $0.hasPrefix("result ") }?.split(separator: " ")
        let numbers = (fields ?? []).compactMap { Double($0) }
        if status == 0, numbers.count == 3, numbers[1] > 0 {
            results.add(engine, workload, transfers: numbers[0], nanoseconds: numbers[1], processor: numbers[2])
            return
        }
        let reason = output.split(separator: "\n").last.map(String.init) ?? "it ended with status \(status)"
        let isMissing = status == BenchWorker.noRawInterface << 8
        results.leaveOut(engine, isMissing ? nil : workload, reason, isFailure: !isMissing)
    }

    /// What the command itself writes with these arguments, and how it ends.
    private func run(_ arguments: [String], isPreloaded: Bool) throws -> (output: String, status: CInt) {
        var ends: [CInt] = [0, 0]
        let error = ends.withUnsafeMutableBytes {
            systemCall(SYS_pipe2, address($0.baseAddress!), Int(O_CLOEXEC))
        }
        guard error == 0 else { throw Failure(message: "no pipe: \(errorText(CInt(-error)))") }
        defer { close(ends[0]) }
        let child = spawn(arguments, isPreloaded, ends[1]).process
        close(ends[1])
        guard child > 0 else { throw Failure(message: "\(Path.executable): \(errorText(-child))") }
        var status: CInt = 0
        do {
            let output = try read(ends[0])
            waitpid(child, &status, 0)
            return (output, status)
        } catch {
            kill(child, SIGKILL)
            waitpid(child, &status, 0)
            throw error
        }
    }

    /// All that comes, until the other end is closed.
    private func read(_ file: CInt) throws -> String {
        var text: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4096)
        while true {
            let isReady = signals.wait(for: [file], milliseconds: milliseconds + BenchRunner.patience)[0]
            if let signal = signals.next() { throw Interruption(signal: signal) }
            guard isReady else { throw Failure(message: "a run did not end") }
            let count = Glibc.read(file, &part, part.count)
            if count <= 0 { return String(decoding: text, as: UTF8.self) }
            text += part[..<count]
        }
    }

    /// It has the file as number 3, and `output` for all that it writes.
    private func spawn(_ arguments: [String], _ isPreloaded: Bool, _ output: CInt) -> Child {
        if isPreloaded { setenv("LD_PRELOAD", preload, 1) }
        defer { unsetenv("LD_PRELOAD") }
        var none = sigset_t()
        sigemptyset(&none)
        return withCStrings(["kaio"] + arguments) { words in
            kaio_command.spawn(
                "/proc/self/exe", words,
                redirections: [(output, STDOUT_FILENO), (output, STDERR_FILENO), (file.descriptor, BenchWorker.file)],
                mask: none)
        }
    }
}

// MARK: - What a person sees meanwhile

/// A line on stderr, only where somebody is looking.
final class Progress {
    private let terminal = Terminal.error
    private var start = 0
    private var shown = ""

    private static let width = 20

    /// The runs take the same time each.
    func show(_ done: Int, of count: Int, _ what: String) {
        if done == 0 { start = Clock.now }
        let left = done == 0 ? nil : (Clock.now - start) / 1_000_000 * (count - done) / done / 1000
        show(done, count, what + (left.map { ", \($0 / 60):\($0 % 60 < 10 ? "0" : "")\($0 % 60) left" } ?? ""))
    }

    func showPreparation(_ done: Int, of count: Int) { show(done, count, "preparing the file") }

    private func show(_ done: Int, _ count: Int, _ what: String) {
        guard terminal.isInteractive else { return }
        let full = Progress.width * done / count
        let bar = String(repeating: "#", count: full) + String(repeating: ".", count: Progress.width - full)
        let line = String("[\(bar)] \(100 * done / count) %  \(what)".prefix(max(10, terminal.width - 1)))
        if line == shown { return }
        shown = line
        write("\r\(line)\u{1b}[K", to: terminal.file)
    }

    func clear() {
        if shown.isEmpty { return }
        shown = ""
        write("\r\u{1b}[K", to: terminal.file)
    }
}
