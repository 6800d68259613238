// What happened, in numbers. Counters only grow, are only added to, and are read when the process ends.

import CKernel
import Synchronization

enum Statistics {
    static let reads = Atomic<Int>(0)
    static let writes = Atomic<Int>(0)
    static let synchronizations = Atomic<Int>(0)
    static let bytesRead = Atomic<Int>(0)
    static let bytesWritten = Atomic<Int>(0)
    static let errors = Atomic<Int>(0)
    static let cancelled = Atomic<Int>(0)
    /// Requests of modules' own: in no other number here but those of the harvests.
    static let ownMade = Atomic<Int>(0)
    static let ownFailed = Atomic<Int>(0)
    static let ranInKernel = Atomic<Int>(0)
    static let ranByPoll = Atomic<Int>(0)
    static let ranOnWorker = Atomic<Int>(0)
    static let harvestedByCaller = Atomic<Int>(0)
    static let harvestedByLeader = Atomic<Int>(0)
    static let harvestedByReactor = Atomic<Int>(0)
    static let mostInFlight = Atomic<Int>(0)
    static let healed = Atomic<Int>(0)

    @inline(__always)
    static func count(_ counter: borrowing Atomic<Int>, _ amount: Int = 1) {
        counter.wrappingAdd(amount, ordering: .relaxed)
    }

    /// Where a request of the caller's ran.
    @inline(__always)
    static func count(_ counter: borrowing Atomic<Int>, by request: Request) { if !request.isOwn { count(counter) } }

    static func countSubmitted(_ operation: Operation) {
        switch operation {
        case .read: count(reads)
        case .write: count(writes)
        case .synchronize, .synchronizeData: count(synchronizations)
        case .list, .work: break
        }
    }

    static func countInFlight(_ now: Int) {
        if now > mostInFlight.load(ordering: .relaxed) { mostInFlight.max(now, ordering: .relaxed) }
    }

    static func countCompleted(_ operation: Operation, _ result: Int) {
        if result == -Int(ECANCELED) {
            count(cancelled)
        } else if result < 0 {
            count(errors)
        } else if operation == .read {
            count(bytesRead, result)
        } else if operation == .write {
            count(bytesWritten, result)
        }
    }

    static func countHarvested(_ events: Int, by role: Turn.Role) {
        switch role {
        case .leader: count(harvestedByLeader, events)
        case .reactor: count(harvestedByReactor, events)
        case .submitter, .caller, .worker: count(harvestedByCaller, events)
        }
    }

    /// A thread that slept until a time found what it should have been woken for: a wake-up was lost, and a time net has healed it.
    /// Where tests run that is the end.
    @inline(never)
    static func countHealed(_ what: StaticString) {
        count(healed)
        guard Options.abortsWhereHealed else { return }
        var message = Message()
        message.add("kaio: a wake-up was lost: ")
        message.add(what)
        message.show()
        abort()
    }

    static func reset() {
        reads.store(0, ordering: .relaxed)
        writes.store(0, ordering: .relaxed)
        synchronizations.store(0, ordering: .relaxed)
        bytesRead.store(0, ordering: .relaxed)
        bytesWritten.store(0, ordering: .relaxed)
        errors.store(0, ordering: .relaxed)
        cancelled.store(0, ordering: .relaxed)
        ownMade.store(0, ordering: .relaxed)
        ownFailed.store(0, ordering: .relaxed)
        ranInKernel.store(0, ordering: .relaxed)
        ranByPoll.store(0, ordering: .relaxed)
        ranOnWorker.store(0, ordering: .relaxed)
        harvestedByCaller.store(0, ordering: .relaxed)
        harvestedByLeader.store(0, ordering: .relaxed)
        harvestedByReactor.store(0, ordering: .relaxed)
        mostInFlight.store(0, ordering: .relaxed)
        healed.store(0, ordering: .relaxed)
    }

    /// Where KAIO_STATS_FILE says, from the directory that the program was in at its first request.
    nonisolated(unsafe) private static var file: PathTemplate?

    /// At the first request of the process, or of the child of a fork: makes the file, empty. One that stays so belongs to a
    /// process that did not come to its exit.
    static func announce(makesFile: Bool) {
        if file == nil { file = Options.statisticsFile.flatMap { PathTemplate($0) } }
        saidProblem = false
        if makesFile { openFile()?.close() }
    }

    /// At exit: the file of KAIO_STATS_FILE, and the text of KAIO_SHOW_STATS.
    static func report() {
        // A child of a fork that used nothing has nothing to tell: the numbers are its parent's.
        guard Engine.isPrepared else { return }
        writeFile()
        if Options.showStatistics { show() }
    }

    private static var process: Int { systemCall(SYS_getpid) }

    private static func value(_ counter: borrowing Atomic<Int>) -> Int { counter.load(ordering: .relaxed) }

    nonisolated(unsafe) private static var saidProblem = false

    private static func openFile() -> Descriptor? {
        guard let file else { return nil }
        var reason: StaticString?
        let number = file.openForWriting(mode: 0o644, truncates: true, reason: &reason)
        if number >= 0 { return Descriptor(number: CInt(number)) }
        say(file, -number, reason)
        return nil
    }

    /// Once in the life of a process.
    private static func say(_ file: PathTemplate, _ error: Int, _ reason: StaticString?) {
        if saidProblem { return }
        saidProblem = true
        var message = Message()
        message.add("kaio: KAIO_STATS_FILE=")
        message.add(file.text)
        message.add(": can't be written: ")
        message.addProblem(error, reason)
        message.show()
    }

    /// One JSON object.
    private static func writeFile() {
        guard let template = file, let file = openFile() else { return }
        var json = Message()
        json.add("{\"version\":\"")
        json.add(Version.text)
        json.add("\",\"pid\":")
        json.add(process)
        json.add(",\"requests\":{\"read\":")
        json.add(value(reads))
        json.add(",\"write\":")
        json.add(value(writes))
        json.add(",\"fsync\":")
        json.add(value(synchronizations))
        json.add("},\"modules\":{\"aio_linux\":")
        json.add(value(ranInKernel))
        json.add(",\"aio_poll\":")
        json.add(value(ranByPoll))
        json.add(",\"aio_pthread\":")
        json.add(value(ranOnWorker))
        json.add("},\"own\":{\"made\":")
        json.add(value(ownMade))
        json.add(",\"failed\":")
        json.add(value(ownFailed))
        json.add("},\"bytes\":{\"read\":")
        json.add(value(bytesRead))
        json.add(",\"written\":")
        json.add(value(bytesWritten))
        json.add("},\"errors\":")
        json.add(value(errors))
        json.add(",\"cancelled\":")
        json.add(value(cancelled))
        json.add(",\"harvested\":{\"caller\":")
        json.add(value(harvestedByCaller))
        json.add(",\"leader\":")
        json.add(value(harvestedByLeader))
        json.add(",\"reactor\":")
        json.add(value(harvestedByReactor))
        json.add("},\"most_in_flight\":")
        json.add(value(mostInFlight))
        json.add(",\"healed\":")
        json.add(value(healed))
        var written = json.write(to: file)
        Statistics.withModules(asJSON: true) { text in
            if written >= 0 { written = file.writeAll(text.start, text.count) }
        }
        let closed = file.close()
        if written < 0 || closed < 0 { say(template, -min(written, closed), nil) }
    }

    /// What the modules' instances count, by service, and the end of the object.
    private static func withModules(asJSON: Bool, _ body: (Text) -> Void) {
        var count = 1
        ModuleNumbers.visit { _ in count += 1 }
        let size = count * ModuleNumbers.bytesOfReport
        guard let memory = Pages.map(size) else { return body(Text(asJSON ? "}\n" : "" as StaticString)) }
        defer { Pages.unmap(memory, size) }
        var line = Line(memory.assumingMemoryBound(to: UInt8.self), capacity: size)
        var isFirst = true
        ModuleNumbers.visit { numbers in
            if !asJSON { return numbers.addText(to: &line) }
            line.add(isFirst ? ",\"stack\":{" : ",")
            isFirst = false
            numbers.addJSON(to: &line, withService: true)
        }
        if asJSON { line.add(isFirst ? "}\n" : "}}\n") }
        body(line.text)
    }

    private static func show() {
        var text = Message()
        text.add("kaio ")
        text.add(Version.text)
        text.add(", process ")
        text.add(process)
        text.add("\n  requests     ")
        text.add(value(reads))
        text.add(" read, ")
        text.add(value(writes))
        text.add(" write, ")
        text.add(value(synchronizations))
        text.add(" fsync; at most ")
        text.add(value(mostInFlight))
        text.add(" in flight\n  ran in       aio_linux ")
        text.add(value(ranInKernel))
        text.add(", aio_poll ")
        text.add(value(ranByPoll))
        text.add(", aio_pthread ")
        text.add(value(ranOnWorker))
        if value(ownMade) > 0 {
            text.add("\n  modules' own ")
            text.add(value(ownMade))
            text.add(", failed ")
            text.add(value(ownFailed))
        }
        text.add("\n  bytes        ")
        text.add(value(bytesRead))
        text.add(" read, ")
        text.add(value(bytesWritten))
        text.add(" written\n  failed       ")
        text.add(value(errors))
        text.add(", cancelled ")
        text.add(value(cancelled))
        text.add("\n  harvested by caller ")
        text.add(value(harvestedByCaller))
        text.add(", leader ")
        text.add(value(harvestedByLeader))
        text.add(", reactor ")
        text.add(value(harvestedByReactor))
        if value(healed) > 0 {
            text.add("\n  healed       ")
            text.add(value(healed))
        }
        text.show(hasLines: true)
        withModules(asJSON: false) { text in
            if !text.isEmpty, let descriptor = StandardError.descriptor {
                _ = descriptor.writeAll(text.start, text.count)
            }
        }
    }
}
