// bench [DIRECTORY] [--rounds N] [--seconds S] [--rows WORD] [--only tasks|connection|nio|pool]: compares AsyncFiles with NIOFileSystem,
// FoundationEssentials and a pool of threads. In each round every way has its turn, so a busy moment hits all; what is printed are
// medians, and of the ratios to NIOFileSystem the median of the rounds'. `--only` is for a profiler.

import AsyncFiles
import Dispatch
import Glibc
import Synchronization

enum Work: String, CaseIterable {
    case cached = "cached random read 4k"
    case direct = "O_DIRECT random read 4k"
    case cold = "cold buffered random read 4k"
    case write = "random write 4k, then sync"
    case sequential = "sequential read, 1 MiB pieces, cached"
    case one = "1 task, cached read 4k"

    var tasks: Int { self == .one || self == .sequential ? 1 : 32 }
    var target: Double {
        switch self {
        case .cached: 6
        case .direct: 2
        case .cold: 2.5
        case .write: 1.5
        case .sequential: 1.2
        case .one: 20
        }
    }
}

struct Figure {
    var rate = 0.0
    var cpuMicroseconds = 0.0
}

func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func cpuTime() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
}

func residentKiB() -> Int {
    let number = open("/proc/self/statm", O_RDONLY)
    defer { close(number) }
    var text = [UInt8](repeating: 0, count: 100)
    let count = read(number, &text, 100)
    let words = String(decoding: text[..<max(0, count)], as: UTF8.self).split(separator: " ")
    return (words.count > 1 ? Int(words[1]) ?? 0 : 0) * 4
}

struct Offsets {
    private var state: UInt64
    let blocks: UInt64
    init(seed: Int, size: Int) {
        state = UInt64(seed &+ 1) &* 0x9e37_79b9_7f4a_7c15
        blocks = UInt64(size / Block.size)
    }

    mutating func next() -> Int64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int64(state % blocks) * Int64(Block.size)
    }
}

final class Total: Sendable {
    let done = Atomic<Int>(0)
}

struct Bench {
    let path: String
    let size: Int
    let seconds: Double
    let block = Block()

    func dropCache() {
        let number = open(path, O_RDWR)
        fsync(number)
        posix_fadvise(number, 0, 0, CInt(POSIX_FADV_DONTNEED))
        close(number)
    }

    func fillCache() {
        let number = open(path, O_RDONLY)
        var memory = [UInt8](repeating: 0, count: 1 << 20)
        while read(number, &memory, memory.count) > 0 {}
        close(number)
    }

    /// The same with the tasks on the thread of the file's connection.
    func measureOnConnection(_ work: Work, seed: Int) async throws -> Figure {
        try await withTaskExecutorPreference(try Connection.standard()) {
            try await measure(Kaio.self, work, seed: seed)
        }
    }

    func measure<E: Engine>(_: E.Type, _ work: Work, seed: Int) async throws -> Figure {
        work == .cold ? dropCache() : fillCache()
        let engine = try await E.open(path, isDirect: work == .direct)
        if work == .cold, let kaio = engine as? Kaio { try await kaio.file.advise(.random) }
        let (began, cpu) = (now(), cpuTime())
        let end = began + seconds
        let total = Total()
        let (size, block) = (size, block)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<work.tasks {
                group.addTask {
                    var offsets = Offsets(seed: seed * 100 + number, size: size)
                    var count = 0
                    // The cold file is read at most once.
                    let most = work == .cold ? size / Block.size / 4 / work.tasks : Int.max
                    while count < most {
                        if count & 15 == 0 || work == .sequential, now() >= end { break }
                        switch work {
                        case .cached, .direct, .cold, .one: try await engine.read(Block.size, at: offsets.next())
                        case .write: try await engine.write(block, at: offsets.next())
                        case .sequential: count += try await engine.stream() / (1 << 20) - 1
                        }
                        count += 1
                    }
                    total.done.wrappingAdd(count, ordering: .relaxed)
                }
            }
            try await group.waitForAll()
        }
        if work == .write { try await engine.sync() }
        let took = now() - began
        let done = Double(total.done.load(ordering: .relaxed))
        let figure = Figure(rate: done / took, cpuMicroseconds: (cpuTime() - cpu) / done * 1e6)
        try await engine.close()
        return figure
    }

    /// What no library can be faster than: as many threads as there are processors, or one, call pread and do nothing else.
    func measureBare(_ work: Work, seed: Int) -> Figure {
        fillCache()
        let number = open(path, O_RDONLY)
        defer { close(number) }
        let total = Total()
        let (size, began, cpu) = (size, now(), cpuTime())
        let end = began + seconds
        DispatchQueue.concurrentPerform(iterations: work.tasks == 1 ? 1 : sysconf(CInt(_SC_NPROCESSORS_ONLN))) {
            thread in
            var offsets = Offsets(seed: seed * 100 + thread, size: size)
            let memory = UnsafeMutableRawPointer.allocate(byteCount: Block.size, alignment: Block.size)
            defer { memory.deallocate() }
            var count = 0
            while count & 15 != 0 || now() < end {
                precondition(pread(number, memory, Block.size, off_t(offsets.next())) == Block.size, "no block")
                count += 1
            }
            total.done.wrappingAdd(count, ordering: .relaxed)
        }
        let done = Double(total.done.load(ordering: .relaxed))
        return Figure(rate: done / (now() - began), cpuMicroseconds: (cpuTime() - cpu) / done * 1e6)
    }

    /// Operations are begun at a fixed rate, whether or not the earlier ones are over: 70 reads and 30 writes of a hundred.
    func offered<E: Engine>(_: E.Type, rate: Int) async throws -> String {
        fillCache()
        let engine = try await E.open(path, isDirect: false)
        let (size, block) = (size, block)
        // Seconds enough for the first moments not to count.
        let seconds = max(seconds, 2)
        let tasks = 64
        let pacer = Pacer(tasks: tasks)
        let before = residentKiB()
        let began = now()
        Thread.start { pacer.run(rate: rate, seconds: seconds) }
        let latencies = try await withThrowingTaskGroup(of: [Float].self) { group in
            for number in 0..<tasks {
                group.addTask {
                    var offsets = Offsets(seed: number, size: size)
                    var latencies: [Float] = []
                    latencies.reserveCapacity(Int(Double(rate) * seconds) / tasks + 1)
                    while let due = await pacer.next(of: number) {
                        if latencies.count % 10 < 7 {
                            try await engine.read(Block.size, at: offsets.next())
                        } else {
                            try await engine.write(block, at: offsets.next())
                        }
                        latencies.append(Float(now() - due))
                    }
                    return latencies
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        let took = now() - began
        try await engine.close()
        let sorted = latencies.sorted()
        let p99 = sorted[sorted.count * 99 / 100] * 1e3
        return
            "\(Int(Double(sorted.count) / took)) done a second of \(rate), median \(milliseconds(sorted[sorted.count / 2] * 1e3)), "
            + "p99 \(milliseconds(p99)), resident \(before) to \(residentKiB()) KiB"
    }
}

func milliseconds(_ value: Float) -> String { "\((value * 100).rounded() / 100) ms" }

func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? .nan : sorted[sorted.count / 2]
}

func short(_ value: Double) -> String {
    value.isNaN ? "-" : value >= 100 ? "\(Int(value.rounded()))" : "\((value * 100).rounded() / 100)"
}

@main
enum Main {
    static func main() async throws {
        var (directory, rounds, seconds, words, only) = (".", 5, 1.0, [String](), "")
        var arguments = CommandLine.arguments.dropFirst()
        while let word = arguments.popFirst() {
            switch word {
            case "--rounds": rounds = arguments.popFirst().flatMap { Int($0) } ?? rounds
            case "--seconds": seconds = arguments.popFirst().flatMap { Double($0) } ?? seconds
            case "--only": only = arguments.popFirst() ?? ""
            case "--rows": words.append(arguments.popFirst() ?? "")
            case let word where word.hasPrefix("-"):
                print("bench [DIRECTORY] [--rounds N] [--seconds S] [--rows WORD] [--only tasks|connection|nio|pool]")
                return
            default: directory = word
            }
        }
        let size = 256 << 20
        let path = "\(directory)/async-files-bench.\(getpid())"
        let number = open(path, O_RDWR | O_CREAT | O_EXCL, 0o600)
        guard number >= 0 else { fatalError("\(path): \(String(cString: strerror(errno)))") }
        defer { unlink(path) }
        let piece = [UInt8](repeating: 5, count: 1 << 20)
        for _ in 0..<size >> 20 { precondition(write(number, piece, piece.count) == piece.count, "no room") }
        fsync(number)
        close(number)
        let bench = Bench(path: path, size: size, seconds: seconds)
        print(
            "| work | AsyncFiles, a second | tasks on its connection | NIOFileSystem | pread pool | FoundationEssentials | pread alone "
                + "| ratio of the first, the second and the last to NIOFileSystem | target | CPU of one in the first four, us |"
        )
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
        for work in Work.allCases where words.isEmpty || words.contains(where: { work.rawValue.contains($0) }) {
            var figures: [[Figure]] = [[], [], [], [], [], []]
            for round in 0..<rounds {
                func isWanted(_ way: String) -> Bool { only.isEmpty || only == way }
                if isWanted("tasks") { figures[0].append(try await bench.measure(Kaio.self, work, seed: round)) }
                if isWanted("connection") { figures[1].append(try await bench.measureOnConnection(work, seed: round)) }
                if isWanted("nio") { figures[2].append(try await bench.measure(NIO.self, work, seed: round)) }
                if isWanted("pool") { figures[3].append(try await bench.measure(Pool.self, work, seed: round)) }
                if only.isEmpty, work == .cached || work == .one {
                    figures[5].append(bench.measureBare(work, seed: round))
                }
                if only.isEmpty, work == .sequential {
                    figures[4].append(try await bench.measure(Essentials.self, work, seed: round))
                }
            }
            let ratios = [figures[0], figures[1], figures[5]].filter { !$0.isEmpty }.map { way in
                short(median(zip(way, figures[2]).map { $0.rate / $1.rate }))
            }
            let rates = figures.map { short(median($0.map(\.rate))) }.joined(separator: " | ")
            let cpu = figures[...3].map { short(median($0.map(\.cpuMicroseconds))) }
            print(
                "| \(work.rawValue) | \(rates) | \(ratios.joined(separator: ", ")) | \(work.target) | \(cpu.joined(separator: ", ")) |"
            )
        }
        if words.isEmpty || words.contains("offered") {
            print("\n100,000 reads and writes of 4k a second offered:")
            print("- AsyncFiles: \(try await bench.offered(Kaio.self, rate: 100_000))")
            if !only.isEmpty { return }
            print("- NIOFileSystem: \(try await bench.offered(NIO.self, rate: 100_000))")
        }
    }
}
