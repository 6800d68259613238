// time_audit: a line in a log for each request that took longer than a limit, from here and back.
//
//     vfs objects = time_audit ordered aio_linux aio_poll aio_pthread
//     time_audit:limit = 250ms
//     time_audit:to = syslog
//
// A request in time costs two looks at the clock. The path is asked for at the end, and only of a slow one; if its
// descriptor is no longer that of its file, there is none.
//
// Invariant: the time at which a request came by is at its control block's number in `begins`, and belongs to who has
// the request.

import CKernel

final class TimeAudit: Module {
    static let parameters: StaticString = "limit, to, format, buffer"

    let name: StaticString = "time_audit"
    private let position: Int
    private var log: AuditLog
    private let limit: Int64
    private let begins: PerRequest<Int64>

    private static let standardLimit: Int64 = 1_000_000_000
    private static let limits: ClosedRange<Int64> = 0...86_400_000_000_000

    init?(position: Int, parameters: Parameters) {
        self.position = position
        limit = parameters.interval(
            "time_audit", "limit", default: TimeAudit.standardLimit, in: TimeAudit.limits)
        log = AuditLog(of: "time_audit", parameters)
        guard let begins = PerRequest<Int64>() else {
            sayNoMemory(for: "time_audit")
            return nil
        }
        self.begins = begins
    }

    deinit { begins.free() }

    func connect(_ service: Text, below: Place) -> CInt { log.connect(service, below: below) }

    func passage(of operation: Operation) -> Passage { .observes }

    func begins(_ request: Request) { begins[request] = Instant.now.nanoseconds }

    func isOver(_ outcome: Outcome, since begin: Instant) {
        let took = Instant.now.nanoseconds - begin.nanoseconds
        guard took > limit else { return }
        let mask = SignalMask.blockAll()
        tell(outcome, took, mayCreateThreads: true)
        mask.restore()
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
        let took = Instant.now.nanoseconds - begins[request]
        if took > limit { tell(Outcome(request), took, mayCreateThreads: turn.mayCreateThreads) }
        return true
    }

    private func tell(_ outcome: Outcome, _ took: Int64, mayCreateThreads: Bool) {
        // Not on the stack, which may be a signal handler's.
        let memory = Pages.map(Descriptor.longestPath)
        defer { if let memory { Pages.unmap(memory, Descriptor.longestPath) } }
        let path = memory.flatMap { self.path(of: outcome, $0.assumingMemoryBound(to: UInt8.self)) }
        let record = Record(outcome: outcome, path: path, nanoseconds: took)
        log.add(record, isSlow: true, mayCreateThreads: mayCreateThreads)
    }

    /// Nil where the descriptor's number may be another file's by now: it is looked at before and after.
    private func path(of outcome: Outcome, _ buffer: UnsafeMutablePointer<UInt8>) -> Text? {
        let descriptor = outcome.descriptor
        guard isStill(outcome), let length = descriptor.path(into: buffer, Descriptor.longestPath),
            isStill(outcome)
        else { return nil }
        return Text(UnsafePointer(buffer), count: length)
    }

    private func isStill(_ outcome: Outcome) -> Bool {
        FileFacts(outcome.descriptor)?.isSameFile(as: outcome.file) ?? false
    }
}

extension TimeAudit {
    static var entry: ModuleEntry {
        ModuleEntry(
            name: "time_audit", parameters: parameters, make: { TimeAudit(position: $0, parameters: $1) })
    }
}
