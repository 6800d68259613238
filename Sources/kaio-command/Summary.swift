// What a program's asynchronous requests came to, from what the library and the module `stats` left in a directory: the
// sum over all processes, and the latencies of each.
//
// Invariant: the program may have written anything there, or made a FIFO of it. Whatever it is, it is shown or left out.

import Glibc

struct Summary {
    /// In the directory of the run; `%p` is the process id.
    static let countsName = "counts.%p"
    static let latenciesName = "latencies.%p"

    /// The library's counts are a few hundred bytes. What is larger is the program's own, and not kept.
    private static let greatestCounts = 64 << 10

    private struct Process {
        let number: Int
        let counts: JSON

        var requests: Int { .saturatingSum(counts["requests"].members.map(\.value.count)) }
    }

    private var processes: [Process] = []
    /// Began to use the library and did not come to its end.
    private var silent: [Int] = []

    private let directory: TemporaryDirectory

    init(of directory: TemporaryDirectory) {
        self.directory = directory
        let prefix = String(Summary.countsName.dropLast(2))
        for name in directory.names where name.hasPrefix(prefix) {
            guard let number = Int(name.dropFirst(prefix.count)) else { continue }
            if let counts = directory.contents(of: name, most: Summary.greatestCounts).flatMap({ JSON($0) }) {
                processes.append(Process(number: number, counts: counts))
            } else {
                silent.append(number)
            }
        }
        processes.sort { $0.requests > $1.requests }
        silent.sort()
    }

    private func sum(_ group: String, _ member: String) -> Int {
        .saturatingSum(processes.map { $0.counts[group][member].count })
    }

    private func sum(_ member: String) -> Int {
        .saturatingSum(processes.map { $0.counts[member].count })
    }

    private var requests: Int { .saturatingSum(processes.map(\.requests)) }

    /// `end` says how the program ended, and `program` is its process id.
    func show(name: String, program: pid_t, ended end: String, withLatencies: Bool) {
        let terminal = Terminal.error
        var lines = [terminal.styled("kaio: ", .bold) + "\(name) \(end); " + headline(program)]
        if requests > 0 {
            var table = counts
            if withLatencies { addModules(to: &table) }
            lines += table.lines(for: terminal, indentation: "  ")
        }
        if !silent.isEmpty {
            let numbers = silent.prefix(8).map(String.init).joined(separator: ", ") + (silent.count > 8 ? ", ..." : "")
            let who = silent.count == 1 ? "process \(numbers)" : "\(silent.count) processes (\(numbers))"
            lines.append(
                "  \(who) made requests that are not counted: statistics are written by exit, not by _exit, exec or a signal"
            )
        }
        if outside > 0 {
            lines.append(
                "  " + terminal.styled("warning:", .yellow) + " a mirrored file was changed without the mirror "
                    + "(\(Format.count(outside)) times): data written other than by asynchronous requests is in only one copy until "
                    + "that is noticed")
        }
        if withLatencies { lines += latencies(terminal) }
        for line in lines { terminal.say(line) }
    }

    /// How often the module mirror saw that.
    private var outside: Int {
        .saturatingSum(
            processes.flatMap { process in
                process.counts["stack"].members.filter { $0.name == "mirror" || $0.name.hasPrefix("mirror@") }
                    .map { $0.value["changed_outside"].count }
            })
    }

    private func headline(_ program: pid_t) -> String {
        if requests == 0 { return silent.isEmpty ? "no asynchronous request was counted" : "nothing was counted" }
        let number = requests == 1 ? "1 asynchronous request" : "\(Format.count(requests)) asynchronous requests"
        if processes.count > 1 { return "\(number) in \(processes.count) processes" }
        return processes[0].number == Int(program) ? number : "\(number) in process \(processes[0].number)"
    }

    private var counts: Table {
        func number(_ group: String, _ member: String) -> String { Format.count(sum(group, member)) }
        var table = Table([.left, .left])
        let operations = ["read", "write", "fsync"].map { "\(number("requests", $0)) \($0)" }
        table.add(["requests", Table.Cell(operations.joined(separator: ", "))])
        table.add([
            "bytes",
            Table.Cell("\(Format.bytes(sum("bytes", "read"))) read, \(Format.bytes(sum("bytes", "written"))) written"),
        ])
        let places = [("aio_linux", "in the kernel"), ("aio_poll", "by poll"), ("aio_pthread", "on worker threads")]
        let steps = Int.saturatingSum(places.map { sum("modules", $0.0) })
        // What a module above answered, such as a cache, or cancelled, came to none of these places.
        let above = max(requests - steps, 0)
        var counted = places.map { (sum("modules", $0.0), $0.1) }
        if above > 0 { counted.append((above, "completed by other modules")) }
        let total = max(requests, steps, 1)
        var parts = counted.map { count, words in
            let share = Format.fixed(Double(count) * 100 / Double(total), 1)
            return "\(Format.count(count)) \(words)" + (count > 0 ? " (\(share) %)" : "")
        }
        if steps > requests {
            parts[parts.count - 1] += " (\(Format.count(steps - requests)) more than requests: some take two steps)"
        }
        table.add(["ran", Table.Cell(parts.joined(separator: ", "))])
        let (failed, cancelled) = (sum("errors"), sum("cancelled"))
        table.add([
            "failed",
            Table.Cell("\(Format.count(failed)), cancelled \(Format.count(cancelled))", failed > 0 ? .yellow : nil),
        ])
        let most = processes.reduce(0) { max($0, $1.counts["most_in_flight"].count) }
        table.add([
            "in flight", Table.Cell("at most \(Format.count(most))" + (processes.count > 1 ? " in one process" : "")),
        ])
        return table
    }

    /// What modules count themselves, by the names that they have in `kaio top`.
    private func addModules(to table: inout Table) {
        var titles: [String] = []
        for process in processes {
            for (title, _) in process.counts["stack"].members where !titles.contains(title) { titles.append(title) }
        }
        for title in titles.prefix(Summary.mostModules) {
            let all = processes.map { $0.counts["stack"][title] }
            let names = all.first { !$0.members.isEmpty }?.members.map(\.name) ?? []
            let numbers = names.map { name in
                "\(printable(name)) \(Format.count(.saturatingSum(all.map { $0[name].count })))"
            }
            if numbers.isEmpty { continue }
            table.add([Table.Cell(printable(title)), Table.Cell(numbers.joined(separator: ", "))])
        }
    }
    private static let mostModules = 16

    // MARK: - Latencies

    /// So many processes have a table of their own.
    private static let mostTables = 8
    private static let columns = ["mean", "50", "90", "99", "99.9", "max"]

    private func latencies(_ terminal: Terminal) -> [String] {
        var lines: [String] = []
        var tables = 0
        for (index, process) in processes.enumerated() {
            if tables == Summary.mostTables {
                lines.append("  (\(processes.count - index) more processes, which made fewer requests)")
                break
            }
            // One at a time is in memory.
            let name = "\(Summary.latenciesName.dropLast(2))\(process.number)"
            let services = (directory.contents(of: name).flatMap { JSON($0) } ?? .null)["services"].elements
            if !services.isEmpty { tables += 1 }
            for service in services {
                let rows = service["operations"].members.filter { $0.value["requests"].count > 0 }
                if rows.isEmpty { continue }
                var title = "latency in us"
                if processes.count > 1 { title += ", process \(process.number)" }
                if let name = service["service"].string, name != "global" { title += ", service \(printable(name))" }
                lines.append("  " + title)
                lines += Summary.table(rows).lines(for: terminal, indentation: "  ")
            }
        }
        return lines
    }

    private static func table(_ rows: [(name: String, value: JSON)]) -> Table {
        var table = Table([.left] + [Table.Alignment](repeating: .right, count: 3 + columns.count))
        let titles = columns.map { $0.first?.isNumber == true ? "\($0) %" : $0 }
        table.add((["", "requests", "failed", "bytes"] + titles).map { Table.Cell($0, .dim) })
        for (name, operation) in rows {
            let failed = Int.saturatingSum([operation["errors"].count, operation["cancelled"].count])
            let counts = [operation["requests"].count, failed].map(Format.count)
            let latencies = columns.map { column in
                operation["latency_us"][column].number
                    .map { (0...1e15).contains($0) ? Format.fixed($0, 1) : "?" } ?? "-"
            }
            let bytes = Format.bytes(operation["bytes"].count)
            table.add(([printable(name)] + counts + [bytes] + latencies).map { Table.Cell($0) })
        }
        return table
    }
}

extension JSON {
    /// A number of things; 0 where it is none.
    fileprivate var count: Int { max(0, integer ?? 0) }
}
