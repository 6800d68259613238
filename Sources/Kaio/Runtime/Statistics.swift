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
    static let ranInKernel = Atomic<Int>(0)
    static let ranByPoll = Atomic<Int>(0)
    static let ranOnWorker = Atomic<Int>(0)
    static let harvestedByCaller = Atomic<Int>(0)
    static let harvestedByLeader = Atomic<Int>(0)
    static let harvestedByReactor = Atomic<Int>(0)
    static let mostInFlight = Atomic<Int>(0)

    @inline(__always)
    static func count(_ counter: borrowing Atomic<Int>, _ amount: Int = 1) {
        counter.wrappingAdd(amount, ordering: .relaxed)
    }

    static func countSubmitted(_ operation: Operation) {
        switch operation {
        case .read: count(reads)
        case .write: count(writes)
        case .synchronize, .synchronizeData: count(synchronizations)
        case .list: break
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

    static func reset() {
        reads.store(0, ordering: .relaxed)
        writes.store(0, ordering: .relaxed)
        synchronizations.store(0, ordering: .relaxed)
        bytesRead.store(0, ordering: .relaxed)
        bytesWritten.store(0, ordering: .relaxed)
        errors.store(0, ordering: .relaxed)
        cancelled.store(0, ordering: .relaxed)
        ranInKernel.store(0, ordering: .relaxed)
        ranByPoll.store(0, ordering: .relaxed)
        ranOnWorker.store(0, ordering: .relaxed)
        harvestedByCaller.store(0, ordering: .relaxed)
        harvestedByLeader.store(0, ordering: .relaxed)
        harvestedByReactor.store(0, ordering: .relaxed)
        mostInFlight.store(0, ordering: .relaxed)
    }

    /// Where KAIO_STATS_FILE says, from the directory that the program was in at its first request.
    nonisolated(unsafe) private static var file: PathTemplate?

    /// At the first request of the process, or of the child of a fork: makes the file, empty. One that stays so belongs to a
    /// process that did not come to its exit.
    static func announce() {
        if file == nil { file = Options.statisticsFile.flatMap { PathTemplate($0) } }
        openFile(tellingErrors: false)?.close()
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

    private static func openFile(tellingErrors: Bool) -> Descriptor? {
        guard let file else { return nil }
        let number = file.with { path in
            systemCall(SYS_openat, Int(AT_FDCWD), address(path), Int(O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC), 0o666)
        }
        if number >= 0 { return Descriptor(number: CInt(number)) }
        if tellingErrors {
            var message = Message()
            message.add("kaio: KAIO_STATS_FILE=")
            message.add(file.text)
            message.add(": can't be written: ")
            message.add(Text(strerror(CInt(-number))))
            message.show()
        }
        return nil
    }

    /// One JSON object.
    private static func writeFile() {
        guard let file = openFile(tellingErrors: true) else { return }
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
        json.add("}\n")
        json.write(to: file)
        file.close()
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
        text.show()
    }
}
