// What `kaio bench` measured: figures with their doubt, as a table, as JSON, and as a drawing.

import CKernel
import Glibc

/// The median of one value for each round, and how much the rounds differ.
struct Figure {
    let values: [Double]
    let median: Double
    let low: Double
    let high: Double

    /// Nil without values.
    init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        self.values = values
        let sorted = values.sorted()
        func quantile(_ part: Double) -> Double {
            let place = part * Double(sorted.count - 1)
            let (below, above) = (Int(place), min(Int(place) + 1, sorted.count - 1))
            return sorted[below] + (sorted[above] - sorted[below]) * (place - Double(below))
        }
        (low, median, high) = (quantile(0.25), quantile(0.5), quantile(0.75))
    }

    /// The doubt about the median (the notch of a box plot: 95 of 100 cases) is more than a tenth of it.
    var isNoisy: Bool {
        values.count < 3 || 1.57 * (high - low) / Double(values.count).squareRoot() > abs(median) / 10
    }

    var json: JSON {
        .object([
            ("median", .number(median)), ("low", .number(low)), ("high", .number(high)), ("noisy", .boolean(isNoisy)),
            ("rounds", .array(values.map { .number($0) })),
        ])
    }

    /// With three digits that count, and ~ if it is noisy.
    func shown(_ digits: Int) -> String {
        let text = digits == 0 ? Format.count(Int(median.rounded())) : Format.fixed(median, digits)
        return text + (isNoisy ? "~" : "")
    }
}

struct BenchResults {
    let version: String
    let path: String
    let size: Int
    let rounds: Int
    let fileSystem: String
    let isDirect: Bool
    /// Of each run.
    let seconds: Double
    /// How much of the processors others used before the first run, from 0 to 1.
    let othersShare: Double
    var notes: [String] = []
    private(set) var hasFailures = false

    private struct Samples {
        /// Transfers a second, and microseconds of CPU time for each.
        var rates: [Double] = []
        var processor: [Double] = []
    }

    private struct Row {
        let workload: Workload
        var samples: [Engine: Samples] = [:]
    }

    private var rows: [Row] = []
    /// Of all workloads where there is nil.
    private var leftOut: [(engine: Engine, workload: Workload?)] = []

    init(
        version: String, path: String, size: Int, rounds: Int, fileSystem: String, isDirect: Bool, seconds: Double,
        othersShare: Double
    ) {
        self.version = version
        self.path = path
        self.size = size
        self.rounds = rounds
        self.fileSystem = fileSystem
        self.isDirect = isDirect
        self.seconds = seconds
        self.othersShare = othersShare
    }

    // MARK: collecting

    private mutating func row(_ workload: Workload) -> Int {
        if let known = rows.firstIndex(where: { $0.workload == workload }) { return known }
        rows.append(Row(workload: workload))
        return rows.count - 1
    }

    mutating func add(
        _ engine: Engine, _ workload: Workload, transfers: Double, nanoseconds: Double, processor: Double
    ) {
        let row = row(workload)
        rows[row].samples[engine, default: Samples()].rates.append(transfers / nanoseconds * 1e9)
        rows[row].samples[engine, default: Samples()].processor.append(processor / transfers / 1000)
    }

    /// No more runs of it, be it of one workload or of all.
    mutating func leaveOut(_ engine: Engine, _ workload: Workload?, _ reason: String, isFailure: Bool) {
        leftOut.append((engine, workload))
        hasFailures = hasFailures || isFailure
        if let workload {
            let row = row(workload)
            rows[row].samples[engine] = nil
            notes.append("\(engine), \(workload.title): \(reason)")
        } else {
            notes.append("\(engine): \(reason)")
        }
    }

    func isLeftOut(_ engine: Engine, _ workload: Workload) -> Bool {
        leftOut.contains { $0.engine == engine && ($0.workload == nil || $0.workload == workload) }
    }

    // MARK: figures

    private func rate(_ row: Row, _ engine: Engine) -> Figure? { Figure(row.samples[engine]?.rates ?? []) }
    private func processor(_ row: Row, _ engine: Engine) -> Figure? { Figure(row.samples[engine]?.processor ?? []) }

    /// Round by round, so that what slows a whole round down does not count.
    private func ratio(_ row: Row, to other: Engine) -> Figure? {
        let (above, below) = (row.samples[.kaio]?.rates ?? [], row.samples[other]?.rates ?? [])
        return Figure(zip(above, below).map { $0 / $1 })
    }

    private var machine: String {
        var name = utsname()
        uname(&name)
        let release = withUnsafeBytes(of: &name.release) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        let processors = sysconf(CInt(_SC_NPROCESSORS_ONLN))
        var library = [UInt8](repeating: 0, count: 64)
        let length = library.withUnsafeMutableBytes {
            confstr(CInt(_CS_GNU_LIBC_VERSION), $0.bindMemory(to: CChar.self).baseAddress, $0.count)
        }
        let glibc = length > 0 ? String(decoding: library.prefix { $0 != 0 }, as: UTF8.self) : "glibc ?"
        return "Linux \(release), \(glibc), \(processors) CPUs"
    }

    // MARK: table

    var table: String {
        let terminal = Terminal.output
        var table = Table([.left] + Array(repeating: .right, count: 8))
        let units = ["", "ops/s", "ops/s", "ops/s", "ratio of", "", "us CPU", "us CPU", "us CPU"]
        let columns = ["", "glibc", "kaio", "raw", "kaio/glibc", "", "glibc", "kaio", "raw"]
        for titles in [units, columns] { table.add(titles.map { .init($0, .bold) }) }
        for row in rows {
            var cells: [Table.Cell] = [.init(row.workload.title)]
            cells += Engine.allCases.map { .init(rate(row, $0)?.shown(0) ?? "-") }
            cells.append(BenchResults.cell(ratio(row, to: .glibc)))
            cells.append("")
            cells += Engine.allCases.map { .init(processor(row, $0)?.shown(1) ?? "-") }
            table.add(cells)
        }
        var lines = [
            "Random transfers of 4 KiB in \(path) (\(fileSystem)), file of \(Format.bytes(size))",
            "kaio \(version), \(machine)", "",
        ]
        lines += table.lines(for: terminal)
        lines += [
            "",
            "Medians of \(rounds) rounds, \(Format.fixed(seconds, 2)) s each; ~: too noisy to mean much. kaio/glibc is the median of "
                + "the ratios",
            "of the rounds, so it may differ from the ratio of the medians beside it. us CPU: CPU time per operation, in",
            "microseconds. raw: io_submit and io_getevents, called directly.",
        ]
        return (lines + notes).joined(separator: "\n")
    }

    private static func cell(_ ratio: Figure?) -> Table.Cell {
        guard let ratio else { return "-" }
        let style: Terminal.Style? =
            ratio.isNoisy ? nil : ratio.median >= 1.05 ? .green : ratio.median <= 0.95 ? .red : nil
        return .init(ratio.shown(2), style)
    }

    // MARK: JSON

    var json: JSON {
        .object([
            ("version", .string(version)), ("machine", .string(machine)), ("path", .string(path)),
            ("file_system", .string(fileSystem)), ("size", .integer(size)), ("direct", .boolean(isDirect)),
            ("rounds", .integer(rounds)), ("seconds", .number(seconds)), ("others_share", .number(othersShare)),
            ("workloads", .array(rows.map(json(of:)))),
            ("notes", .array(notes.map { .string($0) })),
        ])
    }

    private func json(of row: Row) -> JSON {
        let engines: [(name: String, value: JSON)] = Engine.allCases.map { engine in
            guard let rate = rate(row, engine), let processor = processor(row, engine) else {
                return (engine.rawValue, .null)
            }
            return (
                engine.rawValue,
                .object([("operations_per_second", rate.json), ("cpu_us_per_operation", processor.json)])
            )
        }
        return .object([
            ("name", .string(row.workload.name)), ("title", .string(row.workload.title)),
            ("depth", .integer(row.workload.depth)), ("engines", .object(engines)),
            ("kaio_to_glibc", ratio(row, to: .glibc)?.json ?? .null),
            ("kaio_to_raw", ratio(row, to: .raw)?.json ?? .null),
        ])
    }

    // MARK: drawing

    private static func colour(_ engine: Engine) -> String {
        switch engine {
        case .kaio: "#d1495b"
        case .glibc: "#6c757d"
        case .raw: "#2e6f95"
        }
    }

    var drawing: SVG {
        var bars = BarChart(unit: "operations per second (logarithmic)", series: series)
        var curves = CurveChart(
            unit: "operations per second", axis: "requests in flight", series: series,
            title: rows.first.map { $0.workload.kind.title } ?? "")
        for row in rows {
            bars.add(row.workload.title, Engine.allCases.map { rate(row, $0) })
            if row.workload.kind == rows.first?.workload.kind {
                curves.add(row.workload.depth, Engine.allCases.map { rate(row, $0) })
            }
        }
        return SVG(
            title: "Random transfers of 4 KiB in \(path) (\(fileSystem)): glibc's AIO, kaio, raw kernel AIO",
            note: "kaio \(version), \(machine); medians of \(rounds) rounds, whiskers: quartiles",
            charts: [bars, curves])
    }

    private var series: [(name: String, colour: String)] {
        Engine.allCases.map { ($0.rawValue, BenchResults.colour($0)) }
    }
}
