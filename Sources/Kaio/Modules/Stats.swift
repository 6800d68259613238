// stats: counts, bytes, errors and the distribution of latencies, by operation and service, in a file at exit and
// whenever a signal asks for it.
//
//     vfs objects = stats ordered aio_linux aio_poll aio_pthread
//     stats:file = /run/kaio/stats.%p
//     stats:format = json
//     stats:signal = USR1
//
// A latency is the time from here and back, in nanoseconds, of every request that was not cancelled.
//
// Invariant: the counters are added to without a lock, by any thread, and only read for a report; a report that is made
// while requests run is right about each number, but they may be of slightly different moments. `begins` is as in
// time_audit. The list of all instances only grows. A report is written by one thread at a time: `isWriting`.

import CKernel
import Synchronization

final class Stats: Module {
    private struct Counts: ~Copyable {
        let requests = Atomic<Int>(0)
        let bytes = Atomic<Int>(0)
        let errors = Atomic<Int>(0)
        let cancelled = Atomic<Int>(0)
        /// Of all latencies: their sum, and the longest.
        let time = Atomic<Int>(0)
        let longest = Atomic<Int>(0)
        let latencies: Histogram

        init(_ latencies: Histogram) { self.latencies = latencies }
    }

    static let parameters: StaticString = "file, format, signal, service"

    let name: StaticString = "stats"
    private let position: Int
    private let service: Text
    /// That of the stack, whatever the reports call it.
    private let home: Text
    /// Nil: stderr.
    private let file: PathTemplate?
    /// 0: none.
    private let signal: CInt
    private let isJSON: Bool
    private let counts: UnsafeMutablePointer<Counts>
    private let begins: PerRequest<Int64>
    private var next: Stats?
    private var isListed = false

    /// Those of `Operation` that a request of the stack has, by raw value.
    private static let operations = 0..<4
    /// One minute, in nanoseconds.
    private static let greatestLatency = 60_000_000_000

    private static let allLock = Lock()
    nonisolated(unsafe) private static var all: Stats?

    init?(position: Int, parameters: Parameters) {
        self.position = position
        service = parameters.text("stats", "service") ?? parameters.service ?? Text("global" as StaticString)
        home = parameters.service ?? Text("global" as StaticString)
        isJSON = parameters.choice("stats", "format", among: "text json") == 1
        guard let begins = PerRequest<Int64>() else {
            sayNoMemory(for: "stats")
            return nil
        }
        self.begins = begins
        counts = .allocate(capacity: Stats.operations.count)
        let path = parameters.text("stats", "file")
        file = path.flatMap { PathTemplate($0) }
        var made = 0
        while made < Stats.operations.count, let latencies = Histogram(greatest: Stats.greatestLatency) {
            (counts + made).initialize(to: Counts(latencies))
            made += 1
        }
        if made < Stats.operations.count || path != nil && file == nil {
            sayNoMemory(for: "stats")
            Stats.free(begins, counts, made, file)
            return nil
        }
        switch parameters.choice("stats", "signal", among: "none USR1 SIGUSR1 USR2 SIGUSR2") {
        case 1, 2: signal = SIGUSR1
        case 3, 4: signal = SIGUSR2
        default: signal = 0
        }
    }

    /// Only what is never put to use.
    deinit { Stats.free(begins, counts, Stats.operations.count, file) }

    private static func free(
        _ begins: PerRequest<Int64>, _ counts: UnsafeMutablePointer<Counts>, _ made: Int, _ file: PathTemplate?
    ) {
        begins.free()
        for index in 0..<made { counts[index].latencies.free() }
        counts.deallocate()
        file?.free()
    }

    /// It is put to use: from here on it has its place in the reports.
    func connect(_ service: Text, below: Place) -> CInt {
        let error = below.connect(service)
        if error == 0, !isListed { enlist() }
        return error
    }

    var isLasting: Bool { isListed }

    private func enlist() {
        isListed = true
        let mask = SignalMask.blockAll()
        Stats.allLock.lock()
        next = Stats.all
        Stats.all = self
        Stats.allLock.unlock()
        if next == nil { atexit { Stats.atEnd() } }
        if signal != 0 { Stats.listen(to: signal) }
        mask.restore()
    }

    /// In the child of a fork: its numbers are its own.
    func reset() {
        for index in Stats.operations {
            counts[index].requests.store(0, ordering: .relaxed)
            counts[index].bytes.store(0, ordering: .relaxed)
            counts[index].errors.store(0, ordering: .relaxed)
            counts[index].cancelled.store(0, ordering: .relaxed)
            counts[index].time.store(0, ordering: .relaxed)
            counts[index].longest.store(0, ordering: .relaxed)
            counts[index].latencies.reset()
        }
    }

    /// The same, of what all instances share.
    static func resetAll() {
        allLock.reset()
        isWriting.store(0, ordering: .relaxed)
        if listensFor != 0 { startListener() }
    }

    func passage(of operation: Operation) -> Passage { .observes }

    func begins(_ request: Request) { begins[request] = Instant.now.nanoseconds }

    func isOver(_ outcome: Outcome, since begin: Instant) {
        count(outcome.operation, outcome.result, Int(Instant.now.nanoseconds - begin.nanoseconds))
    }

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        let now = Instant.now.nanoseconds
        for request in requests {
            begins[request] = now
            turn.observe(request, at: position)
        }
        turn.handOn(&requests, below: position)
    }

    func completed(_ request: Request, _ turn: inout Turn) -> Bool {
        let took = Int(Instant.now.nanoseconds - begins[request])
        count(request.operation, request.result, took)
        return true
    }

    private func count(_ operation: Operation, _ result: Int, _ took: Int) {
        let counts = counts + Int(operation.rawValue)
        counts.pointee.requests.wrappingAdd(1, ordering: .relaxed)
        if result == -Int(ECANCELED) {
            counts.pointee.cancelled.wrappingAdd(1, ordering: .relaxed)
            return
        }
        if result > 0 {
            counts.pointee.bytes.wrappingAdd(result, ordering: .relaxed)
        } else if result < 0 {
            counts.pointee.errors.wrappingAdd(1, ordering: .relaxed)
        }
        counts.pointee.latencies.record(took)
        counts.pointee.time.wrappingAdd(took, ordering: .relaxed)
        if took > counts.pointee.longest.load(ordering: .relaxed) {
            counts.pointee.longest.max(took, ordering: .relaxed)
        }
    }

    // MARK: when to write

    /// How often a signal asked for a report. The handler does nothing else: the report is a thread's work.
    private static let asked = Atomic<UInt32>(0)
    /// The process in which a thread listens.
    nonisolated(unsafe) private static var listensFor = 0
    private static let isWriting = Atomic<UInt32>(0)

    private static let handler: @convention(c) (CInt) -> Void = { _ in
        Stats.asked.wrappingAdd(1, ordering: .sequentiallyConsistent)
        Futex.wake(Stats.asked)
    }

    private static func listen(to signal: CInt) {
        var before = sigaction()
        guard sigaction(signal, nil, &before) == 0 else { return }
        let old = unsafeBitCast(before.__sigaction_handler.sa_handler, to: UInt.self)
        // Another stack's request for the same signal.
        if old == unsafeBitCast(handler, to: UInt.self) { return }
        if old != 0 {
            var message = Message()
            message.add("kaio: stats:signal = ")
            message.add(signal == SIGUSR1 ? "USR1" : "USR2")
            message.add(": the program handles or ignores this signal itself, so it is left to the program")
            message.show()
            return
        }
        guard startListener() else {
            var message = Message()
            message.add("kaio: stats:signal: no thread can be created to write the report; the signal has no effect")
            message.show()
            return
        }
        var mine = sigaction()
        mine.__sigaction_handler.sa_handler = handler
        mine.sa_flags = CInt(bitPattern: UInt32(SA_RESTART))
        sigaction(signal, &mine, nil)
    }

    /// One in each process. All signals are blocked.
    @discardableResult
    private static func startListener() -> Bool {
        let process = systemCall(SYS_getpid)
        if listensFor == process { return true }
        // Not what the thread finds when it runs: a signal may have come by then.
        let answered = UnsafeMutableRawPointer(bitPattern: UInt(asked.load(ordering: .sequentiallyConsistent)))
        let isStarted = Thread.start(answered) { answered in
            Thread.begin("kaio-stats")
            Stats.listen(after: UInt32(UInt(bitPattern: answered)))
            return nil
        }
        if isStarted { listensFor = process }
        return isStarted
    }

    private static func listen(after answered: UInt32) {
        var done = answered
        while true {
            let seen = asked.load(ordering: .sequentiallyConsistent)
            if seen != done {
                done = seen
                writeAll()
            } else {
                _ = Futex.wait(asked, seen)
            }
        }
    }

    private static func atEnd() {
        // In the child of a fork or a vfork that has nothing to tell, the numbers are the parent's.
        guard Engine.isPrepared, ProcessPage.current?.isOfThisProcess == true else { return }
        writeAll()
    }

    // MARK: the report

    /// How long a report waits for one that another thread writes.
    private static let patience: Int64 = 1_000_000_000

    static func writeAll() {
        let deadline = Instant.now.advanced(by: patience)
        while !isWriting.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged {
            if Futex.wait(isWriting, 1, until: deadline) == -Int(ETIMEDOUT) { return }
        }
        let mask = SignalMask.blockAll()
        allLock.lock()
        let newest = all
        allLock.unlock()
        mask.restore()
        var current = newest
        while let stats = current {
            current = stats.next
            // The last one in the list that shares a file writes for all.
            if !anyShares(stats, current) { writeReport(newest, like: stats) }
        }
        isWriting.store(0, ordering: .releasing)
        Futex.wake(isWriting)
    }

    private static func anyShares(_ stats: Stats, _ list: Stats?) -> Bool {
        var current = list
        while let other = current {
            if other.shares(stats) { return true }
            current = other.next
        }
        return false
    }

    private func shares(_ other: Stats) -> Bool {
        guard isJSON == other.isJSON else { return false }
        if let file, let otherFile = other.file { return file.text == otherFile.text }
        return file == nil && other.file == nil
    }

    private static let bytesOfService = 4096

    /// One document with all in the list that share its place.
    private static func writeReport(_ list: Stats?, like first: Stats) {
        var count = 1
        var current = list
        while let stats = current {
            count += 1
            current = stats.next
        }
        ModuleNumbers.visit { _ in count += 2 }
        let size = count * bytesOfService
        guard let memory = Pages.map(size) else { return }
        defer { Pages.unmap(memory, size) }
        var line = Line(memory.assumingMemoryBound(to: UInt8.self), capacity: size)
        line.add(first.isJSON ? "{\"version\":\"" : "kaio ")
        line.add(Version.text)
        line.add(first.isJSON ? "\",\"pid\":" : ", process ")
        line.add(systemCall(SYS_getpid))
        line.add(first.isJSON ? ",\"time\":\"" : ", ")
        line.add(WallTime())
        line.add(first.isJSON ? "\",\"services\":[" : "\n")
        var isFirst = true
        current = list
        while let stats = current {
            current = stats.next
            guard stats.shares(first) else { continue }
            if first.isJSON {
                if !isFirst { line.add(",") }
                stats.addJSON(to: &line)
            } else {
                stats.addText(to: &line)
            }
            isFirst = false
        }
        line.add(first.isJSON ? "]}\n" : "")
        write(line.text, first.file)
    }

    private static func write(_ text: Text, _ file: PathTemplate?) {
        guard let file else {
            StandardError.descriptor?.writeAll(text.start, text.count)
            return
        }
        var reason: StaticString?
        let number = file.openForWriting(mode: 0o644, truncates: true, reason: &reason)
        guard number >= 0 else { return complain(of: file, -number, reason) }
        let descriptor = Descriptor(number: CInt(number))
        var result = descriptor.writeAll(text.start, text.count)
        let closed = descriptor.close()
        if result == text.count, closed < 0 { result = closed }
        if result < text.count { complain(of: file, result < 0 ? -result : Int(EIO), nil) }
    }

    private static func complain(of file: PathTemplate, _ error: Int, _ reason: StaticString?) {
        var message = Message()
        message.add("kaio: stats:file = ")
        message.add(file.text)
        message.add(": can't be written (")
        message.add(ErrorName.of(error) ?? Text("?" as StaticString))
        if reason != nil {
            message.add(": ")
            message.addProblem(error, reason)
        }
        message.add(")")
        message.show()
    }

    // MARK: one service's part

    private static func name(ofOperation index: Int) -> StaticString {
        Operation(rawValue: UInt8(index)).unsafelyUnwrapped.name
    }

    /// The percentiles of a report, in 100,000ths.
    private static func forEachPart(_ body: (Int) -> Void) {
        body(50_000)
        body(90_000)
        body(99_000)
        body(99_900)
        body(99_990)
    }

    private func addJSON(to line: inout Line) {
        line.add("{\"service\":")
        line.add(json: service.prefix(Stats.longestName))
        line.add(",\"operations\":{")
        for index in Stats.operations {
            line.add(index == 0 ? "\"" : ",\"")
            line.add(Stats.name(ofOperation: index))
            line.add("\":{\"requests\":")
            line.add(counts[index].requests.load(ordering: .relaxed))
            line.add(",\"bytes\":")
            line.add(counts[index].bytes.load(ordering: .relaxed))
            line.add(",\"errors\":")
            line.add(counts[index].errors.load(ordering: .relaxed))
            line.add(",\"cancelled\":")
            line.add(counts[index].cancelled.load(ordering: .relaxed))
            line.add(",\"latency_us\":")
            addLatencies(to: &line, counts + index)
            line.add("}")
        }
        line.add("},\"modules\":{")
        var isFirst = true
        ModuleNumbers.visit { numbers in
            guard numbers.hasService(home) else { return }
            if !isFirst { line.add(",") }
            isFirst = false
            numbers.addJSON(to: &line, withService: false)
        }
        line.add("}}")
    }

    private func addLatencies(to line: inout Line, _ counts: UnsafeMutablePointer<Counts>) {
        let count = counts.pointee.latencies.count
        guard count > 0 else {
            line.add("null")
            return
        }
        line.add("{\"mean\":")
        line.add(microseconds: counts.pointee.time.load(ordering: .relaxed) / count)
        let longest = counts.pointee.longest.load(ordering: .relaxed)
        Stats.forEachPart { part in
            line.add(",\"")
            line.add(percentage: part)
            line.add("\":")
            line.add(microseconds: min(counts.pointee.latencies.percentile(part), longest))
        }
        line.add(",\"max\":")
        line.add(microseconds: longest)
        line.add("}")
    }

    /// More of a service's name is not written.
    private static let longestName = 256
    private static let widths = (operation: 11, count: 11, bytes: 16, latency: 14)

    private func addText(to line: inout Line) {
        line.add("service ")
        line.add(quoted: service.prefix(Stats.longestName))
        line.add("\n  operation     requests     errors  cancelled           bytes")
        line.add(rightAligned: Stats.widths.latency) { $0.add("mean, us") }
        Stats.forEachPart { part in
            line.add(rightAligned: Stats.widths.latency) { line in
                line.add(percentage: part)
                line.add(" %")
            }
        }
        line.add(rightAligned: Stats.widths.latency) { $0.add("max") }
        line.add("\n")
        for index in Stats.operations { addText(to: &line, index) }
        ModuleNumbers.visit { if $0.hasService(home) { $0.addText(to: &line) } }
    }

    private func addText(to line: inout Line, _ index: Int) {
        let counts = counts + index
        line.add("  ")
        let begin = line.count
        line.add(Stats.name(ofOperation: index))
        line.pad(from: begin, to: Stats.widths.operation)
        line.add(rightAligned: Stats.widths.count) { $0.add(counts.pointee.requests.load(ordering: .relaxed)) }
        line.add(rightAligned: Stats.widths.count) { $0.add(counts.pointee.errors.load(ordering: .relaxed)) }
        line.add(rightAligned: Stats.widths.count) { $0.add(counts.pointee.cancelled.load(ordering: .relaxed)) }
        line.add(rightAligned: Stats.widths.bytes) { $0.add(counts.pointee.bytes.load(ordering: .relaxed)) }
        let count = counts.pointee.latencies.count
        if count > 0 {
            let longest = counts.pointee.longest.load(ordering: .relaxed)
            line.add(rightAligned: Stats.widths.latency) {
                $0.add(microseconds: counts.pointee.time.load(ordering: .relaxed) / count)
            }
            Stats.forEachPart { part in
                line.add(rightAligned: Stats.widths.latency) {
                    $0.add(microseconds: min(counts.pointee.latencies.percentile(part), longest))
                }
            }
            line.add(rightAligned: Stats.widths.latency) { $0.add(microseconds: longest) }
        }
        line.add("\n")
    }
}

extension Line {
    /// 99,900 as 99.9.
    fileprivate mutating func add(percentage part: Int) {
        add(part / 1000)
        var rest = part % 1000
        if rest == 0 { return }
        add(".")
        while rest > 0 {
            add(rest / 100)
            rest = rest % 100 * 10
        }
    }
}

extension Stats {
    static var entry: ModuleEntry {
        ModuleEntry(
            name: "stats", parameters: parameters, make: { Stats(position: $0, parameters: $1) }, reset: resetAll)
    }
}
