// What modules count of their own: in KAIO_STATS_FILE, in the report of `stats`, and in `kaio top`.
//
// Invariant: the entries of the table only grow in number, under `lock`; each is complete before `count` has it, and stays.
// All instances of a module in one service have one. Numbers are only added to, by any thread, or raised; those that may fall
// have a = before their name.

import CKernel
import Synchronization

struct ModuleNumbers {
    fileprivate struct Entry: ~Copyable {
        let module: Text
        let names: Text
        /// As far as there is room.
        var service = InlineArray<64, UInt8>(repeating: 0)
        var serviceLength = 0
        /// In the page that `kaio top` reads, or behind the table.
        var home: UnsafeMutablePointer<Atomic<Int>>
        let times: Histogram?
        let timesName: Text
    }

    fileprivate let entry: UnsafeMutablePointer<Entry>

    private static let lock = Lock()
    private static let filled = Atomic<Int>(0)
    nonisolated(unsafe) private static var entries: UnsafeMutablePointer<Entry>?
    /// One more than there are: those that are in no report.
    private static let most = 64
    private static let numbersEach = Int(LIVE_NUMBERS)
    /// One hour, in nanoseconds.
    private static let greatestTime = 3_600_000_000_000

    /// Under the lock; at the first ones, which may be those of a configuration that is only checked.
    private static func prepare() -> Bool {
        if entries != nil { return true }
        let memory = Pages.map((most + 1) * (MemoryLayout<Entry>.stride + numbersEach * 8))
        entries = memory?.bindMemory(to: Entry.self, capacity: most + 1)
        return entries != nil
    }

    private static func ownHome(_ index: Int) -> UnsafeMutablePointer<Atomic<Int>> {
        (UnsafeMutableRawPointer(entries! + most + 1) + index * numbersEach * 8).assumingMemoryBound(
            to: Atomic<Int>.self)
    }

    /// Those of a module in a service: `names` with blanks between; `times`, if not empty, that of a distribution. Nil without
    /// memory.
    init?(_ module: StaticString, _ service: Text?, _ names: StaticString, times: StaticString = "") {
        self.init(module: Text(module), service, names: Text(names), times: Text(times))
    }

    /// The texts must stay, but for the service.
    init?(module: Text, _ service: Text?, names: Text, times: Text = Text("" as StaticString)) {
        let service = (service ?? Text("global" as StaticString)).prefix(ModuleNumbers.longestService)
        let mask = SignalMask.blockAll()
        ModuleNumbers.lock.lock()
        defer {
            ModuleNumbers.lock.unlock()
            mask.restore()
        }
        guard ModuleNumbers.prepare(), let entries = ModuleNumbers.entries else { return nil }
        let filled = ModuleNumbers.filled.load(ordering: .relaxed)
        for index in 0..<filled {
            let known = ModuleNumbers(entry: entries + index)
            if known.module == module, known.hasService(service) {
                self = known
                return
            }
        }
        var histogram: Histogram?
        if !times.isEmpty {
            histogram = Histogram(greatest: ModuleNumbers.greatestTime)
            if histogram == nil { return nil }
        }
        entry = entries + filled
        entry.initialize(
            to: Entry(
                module: module, names: names, home: ModuleNumbers.ownHome(filled), times: histogram, timesName: times))
        for index in 0..<service.count { entry.pointee.service[index] = service[index] }
        entry.pointee.serviceLength = service.count
        moveHome(filled)
        if filled < ModuleNumbers.most { ModuleNumbers.filled.store(filled + 1, ordering: .releasing) }
    }

    private init(entry: UnsafeMutablePointer<Entry>) { self.entry = entry }

    private static let longestService = 48

    /// To where others see them, if there is such a place.
    private func moveHome(_ index: Int) {
        var title = Message()
        addTitle(to: &title)
        guard let text = title.terminated(),
            let home = Live.page?.numbers(at: index, title: Text(text), names: entry.pointee.names)
        else { return }
        entry.pointee.home = home
    }

    /// In the child of a fork: the numbers are its own.
    static func resetAll() {
        lock.reset()
        for index in 0..<filled.load(ordering: .relaxed) {
            let numbers = ModuleNumbers(entry: entries! + index)
            numbers.entry.pointee.home = ownHome(index)
            for number in 0..<numbersEach { numbers.entry.pointee.home[number].store(0, ordering: .relaxed) }
            numbers.entry.pointee.times?.reset()
            numbers.moveHome(index)
        }
    }

    // MARK: counting

    @inline(__always)
    func add(_ number: Int, _ amount: Int = 1) {
        entry.pointee.home[number].wrappingAdd(amount, ordering: .relaxed)
    }

    func raise(_ number: Int, to value: Int) {
        if value > self[number] { entry.pointee.home[number].max(value, ordering: .relaxed) }
    }

    subscript(number: Int) -> Int { entry.pointee.home[number].load(ordering: .relaxed) }

    func record(time nanoseconds: Int) { entry.pointee.times?.record(nanoseconds) }

    // MARK: reports

    static func visit(_ body: (ModuleNumbers) -> Void) {
        for index in 0..<filled.load(ordering: .acquiring) { body(ModuleNumbers(entry: entries! + index)) }
    }

    private var module: Text { entry.pointee.module }

    func hasService(_ service: Text) -> Bool { withService { $0 == service.prefix(ModuleNumbers.longestService) } }

    private func withService<Result>(_ body: (Text) -> Result) -> Result {
        withUnsafePointer(to: &entry.pointee.service) {
            body(
                Text(
                    UnsafeRawPointer($0).assumingMemoryBound(to: UInt8.self), count: entry.pointee.serviceLength))
        }
    }

    private func addTitle(to message: inout Message) {
        message.add(module)
        withService { service in
            if service == "global" { return }
            message.add("@")
            message.add(service)
        }
    }

    private func forEachNumber(_ body: (Text, Int) -> Void) {
        var rest = entry.pointee.names
        var number = 0
        while let name = rest.takeWord() {
            body(name[0] == UInt8(ascii: "=") ? name.dropFirst(1) : name, self[number])
            number += 1
        }
    }

    /// How many bytes of text the report of one module is at most, about.
    static let bytesOfReport = 8192

    /// `"name":{...}`, with the service in the name unless that is `global`.
    func addJSON(to line: inout Line, withService: Bool) {
        var title = Message()
        if withService { addTitle(to: &title) } else { title.add(module) }
        line.add(json: title.terminated().map { Text($0) } ?? module)
        line.add(":{")
        var isFirst = true
        forEachNumber { name, value in
            line.add(isFirst ? "\"" : ",\"")
            line.add(name)
            line.add("\":")
            line.add(value)
            isFirst = false
        }
        if let times = entry.pointee.times {
            line.add(",\"")
            line.add(entry.pointee.timesName)
            line.add("\":{\"count\":")
            line.add(times.count)
            ModuleNumbers.forEachPart { part, name in
                line.add(",\"")
                line.add(name)
                line.add("\":")
                line.add(microseconds: times.percentile(part))
            }
            // By powers of two, in microseconds.
            line.add(",\"below\":{")
            isFirst = true
            times.forEachPower { limit, count in
                line.add(isFirst ? "\"" : ",\"")
                line.add(limit)
                line.add("\":")
                line.add(count)
                isFirst = false
            }
            line.add("}}")
        }
        line.add("}")
    }

    /// A line, two with times.
    func addText(to line: inout Line) {
        line.add("  ")
        let begin = line.count
        line.add(module)
        line.pad(from: begin, to: 13)
        var isFirst = true
        forEachNumber { name, value in
            if !isFirst { line.add(", ") }
            line.add(name)
            line.add(" ")
            line.add(value)
            isFirst = false
        }
        line.add("\n")
        guard let times = entry.pointee.times, times.count > 0 else { return }
        line.pad(from: line.count, to: 15)
        line.add(entry.pointee.timesName)
        ModuleNumbers.forEachPart { part, name in
            line.add("  ")
            line.add(name)
            line.add(part == 100_000 ? " " : " %: ")
            line.add(microseconds: times.percentile(part))
        }
        line.add("\n")
    }

    private static func forEachPart(_ body: (Int, StaticString) -> Void) {
        body(50_000, "50")
        body(90_000, "90")
        body(99_000, "99")
        body(99_900, "99.9")
        body(100_000, "max")
    }
}
