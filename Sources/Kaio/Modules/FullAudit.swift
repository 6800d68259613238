// full_audit: a line in a log for each request that is over: when, what, which file, where, how much, how it ended, and
// how many microseconds it took from here and back.
//
//     vfs objects = full_audit ordered aio_linux aio_poll aio_pthread
//     full_audit:to = /var/log/kaio/audit.%p
//     full_audit:format = json
//     full_audit:operations = write fsync fdatasync
//     full_audit:results = success failure
//
// The path is asked for when the request comes by: later its descriptor may be closed, or another file's. It is not
// remembered from one request to the next, since nothing tells when a file was renamed, or a number closed by the C
// library's own calls.
//
// Invariant: there is a trail for each control block, by the block's number. It belongs to who has the request.

import CKernel

final class FullAudit: Module {
    /// What is known of a request on its way. Its path stands behind it, or in `longPaths` if it has no room there.
    private struct Trail {
        var begin: Int64
        /// Below zero: unknown.
        var pathLength: Int
    }

    static let parameters: StaticString = "to, format, operations, results, buffer"

    let name: StaticString = "full_audit"
    private let position: Int
    private var log: AuditLog
    private let operations: UInt8
    private let results: UInt8
    private let trails: UnsafeMutableRawPointer
    private let longPaths: UnsafeMutableRawPointer

    private static let stride = 256
    /// Of the trails, and behind them the long paths.
    private static var length: Int { Options.maxRequests * (stride + Descriptor.longestPath) }
    private static let shortPath = stride - MemoryLayout<Trail>.size

    init?(position: Int, parameters: Parameters) {
        self.position = position
        operations = parameters.choices("full_audit", "operations", among: Operation.names)
        results = parameters.choices("full_audit", "results", among: "success failure")
        log = AuditLog(of: "full_audit", parameters)
        guard let memory = Pages.map(FullAudit.length) else {
            sayNoMemory(for: "full_audit")
            return nil
        }
        trails = memory
        longPaths = memory + Options.maxRequests * FullAudit.stride
    }

    deinit { Pages.unmap(trails, FullAudit.length) }

    func connect(_ service: Text, below: Place) -> CInt { log.connect(service, below: below) }

    func passage(of operation: Operation) -> Passage { isAsked(operation) ? .observes : .passesThrough }

    func begins(_ request: Request) { if isAsked(request.operation) { begin(request) } }

    func isOver(_ outcome: Outcome, since begin: Instant) {
        guard isAsked(outcome.operation), isWanted(outcome) else { return }
        let took = Instant.now.nanoseconds - begin.nanoseconds
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: FullAudit.stride) { short in
            var path = short.baseAddress.unsafelyUnwrapped
            var length = outcome.descriptor.path(into: path, FullAudit.stride)
            var long: UnsafeMutableRawPointer?
            if length == FullAudit.stride {
                long = Pages.map(Descriptor.longestPath)
                if let long {
                    path = long.assumingMemoryBound(to: UInt8.self)
                    length = outcome.descriptor.path(into: path, Descriptor.longestPath)
                }
            }
            let mask = SignalMask.blockAll()
            write(outcome, length.map { Text(UnsafePointer(path), count: $0) }, took, mayCreateThreads: true)
            mask.restore()
            if let long { Pages.unmap(long, Descriptor.longestPath) }
        }
    }

    private func isAsked(_ operation: Operation) -> Bool { operations & 1 << operation.rawValue != 0 }
    private func isWanted(_ outcome: Outcome) -> Bool { results & (outcome.isFailure ? 2 : 1) != 0 }

    private func write(_ outcome: Outcome, _ path: Text?, _ nanoseconds: Int64, mayCreateThreads: Bool) {
        let record = Record(outcome: outcome, path: path, nanoseconds: nanoseconds)
        log.add(record, isSlow: false, mayCreateThreads: mayCreateThreads)
    }

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        for request in requests where isAsked(request.operation) {
            begin(request)
            turn.observe(request, at: position)
        }
        turn.handOn(&requests, below: position)
    }

    func completed(_ request: Request, _ turn: inout Turn) -> Bool {
        let outcome = Outcome(request)
        guard isAsked(outcome.operation), isWanted(outcome) else { return true }
        let took = Instant.now.nanoseconds - trail(of: request).pointee.begin
        write(outcome, path(of: request), took, mayCreateThreads: turn.mayCreateThreads)
        return true
    }

    // MARK: trails

    private func trail(of request: Request) -> UnsafeMutablePointer<Trail> {
        (trails + Int(Slab.number(of: request)) * FullAudit.stride).assumingMemoryBound(to: Trail.self)
    }

    private func shortPath(of request: Request) -> UnsafeMutablePointer<UInt8> {
        UnsafeMutableRawPointer(trail(of: request) + 1).assumingMemoryBound(to: UInt8.self)
    }

    private func longPath(of request: Request) -> UnsafeMutablePointer<UInt8> {
        (longPaths + Int(Slab.number(of: request)) * Descriptor.longestPath).assumingMemoryBound(to: UInt8.self)
    }

    private func begin(_ request: Request) {
        let descriptor = request.descriptor
        var length = descriptor.path(into: shortPath(of: request), FullAudit.shortPath)
        // As many bytes as fit: there may be more.
        if length == FullAudit.shortPath {
            length = descriptor.path(into: longPath(of: request), Descriptor.longestPath)
            // Renamed in between.
            if let shorter = length, shorter < FullAudit.shortPath {
                memcpy(shortPath(of: request), longPath(of: request), shorter)
            }
        }
        trail(of: request).pointee = Trail(begin: Instant.now.nanoseconds, pathLength: length ?? -1)
    }

    private func path(of request: Request) -> Text? {
        let length = trail(of: request).pointee.pathLength
        if length < 0 { return nil }
        let start = length < FullAudit.shortPath ? shortPath(of: request) : longPath(of: request)
        return Text(UnsafePointer(start), count: length)
    }
}

extension FullAudit {
    static var entry: ModuleEntry {
        ModuleEntry(
            name: "full_audit", parameters: parameters, make: { FullAudit(position: $0, parameters: $1) })
    }
}
