// What `kaio top` shows of two looks at a process, one after the other: lines for a person, JSON for a script.

import CKernel

struct TopView {
    let process: Int32
    let program: String
    /// Of the process's library; nil before its first request.
    var version: String?
    /// What else there is to look at while it has made no request.
    var hint = ""
    /// Whether there are keys to press.
    let isOnScreen: Bool

    var whyNothing: String { "process \(process) (\(program)) has made no asynchronous request yet\(hint)" }

    private struct Row {
        let path: String
        let operation: String
        /// In the time between the two looks.
        let counts: LiveCounts
        let inFlight: Int
    }

    private var rows: [Row] = []
    private var total = Row(path: "", operation: "", counts: .none, inFlight: 0)
    private var modules: [(module: LiveModule, earlier: LiveModule?)] = []
    private var seconds = 0.0

    private static let operations = ["read", "write", "fsync"]

    init(process: Int32, program: String, isOnScreen: Bool) {
        self.isOnScreen = isOnScreen
        self.process = process
        self.program = program
    }

    /// - Parameter interval: what was waited, in milliseconds, where there was no earlier look.
    mutating func update(_ now: LiveSample, since before: LiveSample?, interval: Int) {
        // Who came while nobody looked began anew.
        let earlier = before?.watch == now.watch ? before : nil
        seconds = earlier.map { Double(now.time - $0.time) / 1e9 } ?? Double(interval) / 1000
        modules = now.modules.map { module in (module, before?.modules.first { $0.title == module.title }) }
        rows = now.rows.map { key, row in
            Row(
                path: row.path, operation: TopView.operations[Int(key.operation)],
                counts: row.counts.since(earlier?.rows[key]?.counts ?? .none), inFlight: row.counts.inFlight)
        }
        rows.sort { a, b in
            let (left, right) = (a.counts[LIVE_OVER], b.counts[LIVE_OVER])
            return left != right ? left > right : (a.path, a.operation) < (b.path, b.operation)
        }
        var counts = LiveCounts.none
        for row in rows { counts.add(row.counts) }
        total = Row(
            path: "", operation: "", counts: counts,
            inFlight: .saturatingSum(rows.map(\.inFlight)))
    }

    // MARK: for a person

    private static let columns: [(name: String, width: Int)] = [
        ("req/s", 9), ("bytes/s", 11), ("in flight", 10), ("failed", 7), ("50 %", 9), ("99 %", 9), ("99.9 %", 9),
        ("max", 9),
    ]
    /// What a narrow terminal has no room for, so that the file can be seen: these columns, one after the other.
    private static let dispensable = ["99.9 %", "bytes/s", "max", "50 %", "failed", "99 %", "in flight", "req/s"]
    /// Blanks, the operation, and the end of a path.
    private static let back = 9
    private static let leastPath = 16

    /// With room for the longest name of a file, without its directories, or what half of the screen has.
    private func shown(_ width: Int) -> [Bool] {
        let longest = rows.reduce(0) { max($0, TopView.width(of: Path.name(of: $1.path)) + 1) }
        let path = max(TopView.leastPath, min(longest, width / 2))
        var hidden: [String] = []
        for name in TopView.dispensable {
            let front = TopView.columns.reduce(0) { $0 + (hidden.contains($1.name) ? 0 : $1.width) }
            if front + TopView.back + path <= width { break }
            hidden.append(name)
        }
        return TopView.columns.map { !hidden.contains($0.name) }
    }

    /// In columns of a terminal.
    private static func width(of text: some StringProtocol) -> Int { text.reduce(0) { $0 + width(of: $1) } }

    private static func width(of character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first?.value, scalar >= 0x1100 else { return 1 }
        let wide: [ClosedRange<UInt32>] = [
            0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xa960...0xa97c, 0xac00...0xd7a3, 0xf900...0xfaff,
            0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f680...0x1f6ff, 0x1f900...0x1f9ff,
            0x20000...0x3fffd,
        ]
        return wide.contains { $0.contains(scalar) } ? 2 : 1
    }

    /// As much of the end as there is room for, with "<" for what is left out.
    private static func end(of text: String, _ room: Int) -> String {
        if width(of: text) <= room { return text }
        var (end, left) = (text.endIndex, room - 1)
        while end > text.startIndex {
            let before = text.index(before: end)
            left -= width(of: text[before])
            if left < 0 { break }
            end = before
        }
        return "<" + text[end...]
    }

    func lines(_ width: Int, _ height: Int) -> [String] {
        let terminal = Terminal.output
        let name = "\(program) (\(process))" + (version.map { ", kaio \($0)" } ?? "")
        let keys = isOnScreen ? "; q quits" : ""
        var lines = TopView.wrapped("kaio top: \(name)\(keys)", width).map { terminal.styled($0, .bold) }
        guard version != nil else { return lines + [""] + TopView.wrapped(whyNothing, width) }
        lines.append("")
        let head = front(TopView.columns.map(\.name), width) + "  op     file"
        lines.append(terminal.styled(String(head.prefix(width)), .dim))
        lines.append(line(total, "all", "", width))
        let below = modules.flatMap { TopView.wrapped(line($0.module, $0.earlier), width) }
        let room = height - lines.count - below.count
        let shown = rows.count > room ? room - 1 : rows.count
        lines += rows.prefix(max(0, shown)).map { line($0, $0.operation, $0.path, width) }
        if shown < rows.count { lines.append("... and \(rows.count - shown) more") }
        return lines + below
    }

    /// Into lines of so many columns, at blanks.
    private static func wrapped(_ text: String, _ width: Int) -> [String] {
        let indentation = String(text.prefix { $0 == " " })
        return Table.broken(text, max(width - indentation.count - 2, 10)).enumerated()
            .map { indentation + ($0 == 0 ? "" : "  ") + $1 }
    }

    /// What it counted in a second, or at the first look in all; and what may fall, as it is.
    private func line(_ module: LiveModule, _ earlier: LiveModule?) -> String {
        let numbers = module.numbers.map { number in
            guard !number.mayFall, let before = earlier?.value(number.name) else {
                return "\(number.name) \(Format.count(number.value))"
            }
            return "\(number.name) \(Format.count(Int(perSecond(max(0, number.value - before)).rounded())))/s"
        }
        return "  \(module.title): \(numbers.joined(separator: ", "))"
    }

    private func line(_ row: Row, _ operation: String, _ path: String, _ width: Int) -> String {
        let counts = row.counts
        var cells = [
            Format.count(Int(perSecond(counts[LIVE_OVER]).rounded())), Format.bytes(Int(perSecond(counts[LIVE_BYTES]))),
            Format.count(row.inFlight), Format.count(counts[LIVE_FAILED]),
        ]
        cells += [0.5, 0.99, 0.999, 1].map { counts.latency($0).map(TopView.duration) ?? "-" }
        let line = "\(front(cells, width))  \(operation)\(String(repeating: " ", count: max(0, 7 - operation.count)))"
        // The end of a path says more than its beginning.
        return line + TopView.end(of: path, max(width - line.count, 2))
    }

    private func front(_ cells: [String], _ width: Int) -> String {
        zip(zip(cells, TopView.columns), shown(width)).map { $1 ? right($0.0, $0.1.width) : "" }.joined()
    }

    private func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(1, width - text.count)) + text
    }

    private func perSecond(_ count: Int) -> Double { min(Double(count) / max(seconds, 1e-3), 1e15) }

    private static func duration(_ nanoseconds: Int) -> String {
        let value = Double(nanoseconds)
        switch nanoseconds {
        case ..<1000: return "\(nanoseconds) ns"
        case ..<100_000: return Format.fixed(value / 1e3, 1) + " us"
        case ..<1_000_000: return Format.fixed(value / 1e3, 0) + " us"
        case ..<100_000_000: return Format.fixed(value / 1e6, 1) + " ms"
        case ..<1_000_000_000: return Format.fixed(value / 1e6, 0) + " ms"
        default: return Format.fixed(value / 1e9, 1) + " s"
        }
    }

    // MARK: for a script

    var json: JSON {
        .object([
            ("pid", .integer(Int(process))), ("program", .string(program)), ("version", .string(version ?? "")),
            ("seconds", .number(seconds)), ("total", .object(members(total))),
            (
                "files",
                .array(
                    rows.map {
                        .object([("path", .string($0.path)), ("operation", .string($0.operation))] + members($0))
                    })
            ),
            (
                "modules",
                .object(
                    modules.map { module, _ in
                        (module.title, .object(module.numbers.map { ($0.name, .integer($0.value)) }))
                    })
            ),
        ])
    }

    private func members(_ row: Row) -> [(name: String, value: JSON)] {
        let counts = row.counts
        var latency: JSON = .null
        if let mean = counts.meanLatency {
            let parts: [(String, Double)] = [("50", 0.5), ("90", 0.9), ("99", 0.99), ("99.9", 0.999), ("max", 1)]
            latency = .object(
                [("mean", .number(Double(mean) / 1000))]
                    + parts.map { ($0.0, .number(Double(counts.latency($0.1) ?? 0) / 1000)) })
        }
        return [
            ("requests", .integer(counts[LIVE_OVER])),
            ("requests_per_second", .number(perSecond(counts[LIVE_OVER]))),
            ("bytes", .integer(counts[LIVE_BYTES])), ("bytes_per_second", .number(perSecond(counts[LIVE_BYTES]))),
            ("failed", .integer(counts[LIVE_FAILED])), ("cancelled", .integer(counts[LIVE_CANCELLED])),
            ("in_flight", .integer(row.inFlight)), ("latency_us", latency),
        ]
    }
}
