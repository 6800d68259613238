// An open file, its life, and the bound of its requests in flight.
//
// Invariants: the lower half of `uses` counts who is in a function of the file, twice over, and its lowest bit says that the file is
// closed. Who enters looks at that bit after counting, so who closes and then waits for the count to be 0 has the file for itself.
// The upper half counts reads that were done in the call, as one atomic operation less is one cache line less to wait for; before it
// is full it is moved away. Under `queue`: no more than `bound` requests are in the library, and as long as others wait, that many are.

import CKaio
import CKernel
import Dispatch
import Glibc
import Kaio
import Synchronization
public import SystemPackage

/// A file, pipe, socket or terminal whose reads and writes suspend the task that awaits them, and no thread.
///
///     let file = try await AsyncFile.open("data")
///     let head = try await file.read(4096, at: 0)
///     try await file.close()
///
/// What is in the page cache is read in the call, and the task is not suspended. When the task is cancelled so is its request
/// (`Errno.canceled`); one that the kernel has the buffer of is waited for, so memory is never in use after the call.
public final class AsyncFile: Sendable {
    /// How many requests of the file are in the library at a time. More wait, in their order.
    public let bound: Int
    public let connection: Connection

    let handle: Connection.Handle
    let number: CInt
    /// A regular file or block device, which has offsets.
    let isSeekable: Bool
    let isDirect: Bool
    /// Reads look into the page cache first, in the call.
    let readsInCall: Atomic<Bool>

    private let uses = Atomic<UInt64>(0)
    private let queue = Guarded(Queue())

    fileprivate struct Queue: ~Copyable {
        var inFlight = 0
        var first: Request?
        var last: Request?
        var suspended = 0
        var most = 0
        /// What was in the upper half of `uses`.
        var inCall = 0
        /// Of who closes; resumed by the last one to leave.
        var closer: UnsafeContinuation<Void, Never>?
    }

    /// What the file's functions did so far.
    public struct Statistics: Sendable, Equatable {
        /// Reads that were done in the call.
        public var inCall = 0
        /// Requests for which a task was suspended.
        public var suspended = 0
        /// The most of these that were in the library at a time.
        public var most = 0
    }

    private init(_ handle: OpaquePointer, _ connection: Connection, bound: Int) {
        self.handle = Connection.Handle(pointer: handle)
        self.connection = connection
        self.bound = max(1, bound)
        number = kaio_file_fd(handle)
        var status = stat()
        let kind = fstat(number, &status) == 0 ? status.st_mode & S_IFMT : 0
        isSeekable = kind == S_IFREG || kind == S_IFBLK
        isDirect = fcntl(number, F_GETFL) & AsyncFile.direct != 0
        readsInCall = Atomic(isSeekable && !isDirect && connection.isPlain)
    }

    deinit {
        // Nobody is in a function of the file: nothing is in flight.
        if uses.load(ordering: .acquiring) & 1 == 0 { _ = kaio_close(handle.pointer) }
    }

    // MARK: opening

    /// How many requests of a file are in the library at a time, unless it is said.
    public static let defaultBound = 64

    /// Opens a file, as open(2) with O_CLOEXEC does. No thread of the tasks' waits for it.
    ///
    /// - Parameters:
    ///   - path: the file's name.
    ///   - mode: whether it is read, written, or both.
    ///   - options: others of open(2)'s flags.
    ///   - permissions: of a file that is created.
    ///   - connection: nil means ``Connection/standard()``.
    ///   - bound: how many requests of the file are in the library at a time.
    public static func open(
        _ path: FilePath, _ mode: FileDescriptor.AccessMode = .readOnly, options: FileDescriptor.OpenOptions = [],
        permissions: FilePermissions = [.ownerReadWrite, .groupRead, .otherRead], on connection: Connection? = nil,
        bound: Int = defaultBound
    ) async throws(Errno) -> AsyncFile {
        let connection = if let connection { connection } else { try Connection.standard() }
        let flags = mode.rawValue | options.rawValue
        if connection.isPlain, let descriptor = AsyncFile.openCached(path, flags) {
            return try AsyncFile(descriptor, on: connection, bound: bound)
        }
        let handle = connection.handle
        let opened = try await AsyncFile.elsewhere { () throws(Errno) -> Connection.Handle in
            guard let file = kaio_open(handle.pointer, path.string, flags, permissions.rawValue) else { throw .last }
            return Connection.Handle(pointer: file)
        }
        return AsyncFile(opened.pointer, connection, bound: bound)
    }

    /// Takes over a descriptor that is open: a file's, a pipe's, a socket's, a terminal's. If this throws, it stays the caller's.
    public convenience init(
        _ descriptor: FileDescriptor, on connection: Connection? = nil, bound: Int = defaultBound
    ) throws(Errno) {
        let connection = if let connection { connection } else { try Connection.standard() }
        let flags = fcntl(descriptor.rawValue, F_GETFL)
        guard flags >= 0 else { throw .last }
        // Whatever mode the descriptor is in, requests wait.
        guard let file = AsyncCalls.adopt(connection.handle.pointer, descriptor.rawValue, waits: true) else {
            throw .badFileDescriptor
        }
        self.init(file, connection, bound: bound)
    }

    /// A pipe.
    public static func pipe(on connection: Connection? = nil) throws(Errno) -> (reading: AsyncFile, writing: AsyncFile)
    {
        var ends: (CInt, CInt) = (-1, -1)
        let result = withUnsafeMutableBytes(of: &ends) {
            ck_syscall(Int(SYS_pipe2), Int(bitPattern: $0.baseAddress), Int(O_CLOEXEC), 0, 0, 0, 0)
        }
        guard result == 0 else { throw Errno(rawValue: CInt(-result)) }
        let (from, to) = (FileDescriptor(rawValue: ends.0), FileDescriptor(rawValue: ends.1))
        do throws(Errno) {
            let reading = try AsyncFile(from, on: connection)
            do throws(Errno) {
                return (reading, try AsyncFile(to, on: connection))
            } catch {
                try? to.close()
                throw error
            }
        } catch {
            try? from.close()
            throw error
        }
    }

    /// A regular file whose name the kernel can look up without waiting (Linux 5.12 and later); nil: it is to be opened elsewhere.
    private static func openCached(_ path: FilePath, _ flags: CInt) -> FileDescriptor? {
        guard flags & (O_CREAT | O_TRUNC | O_NONBLOCK | O_DIRECTORY) == 0 else { return nil }
        // A FIFO must not keep the thread until somebody opens its other end.
        let how: [UInt64] = [UInt64(UInt32(bitPattern: flags | O_CLOEXEC | O_NONBLOCK)), 0, resolveCached]
        let number = path.withPlatformString { path in
            how.withUnsafeBytes {
                ck_syscall(
                    openat2, Int(AT_FDCWD), Int(bitPattern: path), Int(bitPattern: $0.baseAddress), $0.count, 0, 0)
            }
        }
        guard number >= 0 else { return nil }
        var status = stat()
        if fstat(CInt(number), &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            fcntl(CInt(number), F_SETFL, flags) == 0
        {
            return FileDescriptor(rawValue: CInt(number))
        }
        Glibc.close(CInt(number))
        return nil
    }

    /// SYS_openat2, RESOLVE_CACHED and O_DIRECT, which not all headers have.
    private static let openat2 = 437
    private static let resolveCached: UInt64 = 0x20
    #if arch(arm64)
        static let direct: CInt = 0o200000
    #else
        static let direct: CInt = 0o40000
    #endif

    /// Has a thread of the system's pool make a call that may wait.
    static func elsewhere<Result: Sendable>(
        _ body: @escaping @Sendable () throws(Errno) -> Result
    ) async throws(Errno) -> Result {
        let result = await withUnsafeContinuation {
            (continuation: UnsafeContinuation<Swift.Result<Result, Errno>, Never>) in
            DispatchQueue.global().async {
                do throws(Errno) {
                    continuation.resume(returning: .success(try body()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    // MARK: closing

    /// Closes the file. Requests that can be cancelled end with `Errno.canceled`, the others are waited for; other functions of the
    /// file throw `Errno.badFileDescriptor` from now on. So does this one the second time. Cancelling the task does not end it.
    public func close() async throws(Errno) {
        guard uses.bitwiseOr(1, ordering: .acquiringAndReleasing).oldValue & 1 == 0 else { throw .badFileDescriptor }
        while let request = queue.withLock({ $0.popFirst() }) { finish(request, -Int(ECANCELED)) }
        AsyncCalls.endUses(of: handle.pointer)
        await withUnsafeContinuation { continuation in
            let isFree = queue.withLock { queue in
                if isLeft { return true }
                queue.closer = continuation
                return false
            }
            if isFree { continuation.resume() }
        }
        if kaio_close(handle.pointer) != 0 { throw .last }
    }

    private var isClosed: Bool { uses.load(ordering: .acquiring) & 1 != 0 }

    /// Before a function of the file; `exit` belongs to it.
    @inline(__always)
    func enter() throws(Errno) {
        if uses.wrappingAdd(2, ordering: .acquiringAndReleasing).newValue & 1 != 0 {
            exit()
            throw .badFileDescriptor
        }
    }

    @inline(__always)
    func exit() { check(uses.wrappingSubtract(2, ordering: .acquiringAndReleasing).newValue) }

    /// The same after a read that was done in the call.
    @inline(__always)
    func exitAfterRead() {
        check(uses.wrappingAdd(AsyncFile.oneInCall - 2, ordering: .acquiringAndReleasing).newValue)
    }

    /// Another one, of several.
    func countInCall() { uses.wrappingAdd(AsyncFile.oneInCall, ordering: .relaxed) }

    @inline(__always)
    private func check(_ now: UInt64) {
        let isLast = UInt32(truncatingIfNeeded: now) == 1
        if isLast || now >= AsyncFile.manyInCall { settle(isLast) }
    }

    private static let oneInCall: UInt64 = 1 << 32
    private static let manyInCall: UInt64 = 1 << 63

    /// Wakes who closes, or moves the count of reads away.
    @inline(never)
    private func settle(_ isLast: Bool) {
        let closer = queue.withLock { queue in
            if uses.load(ordering: .relaxed) >= AsyncFile.manyInCall {
                uses.wrappingSubtract(AsyncFile.manyInCall, ordering: .relaxed)
                queue.inCall += Int(AsyncFile.manyInCall / AsyncFile.oneInCall)
            }
            // Somebody may have come in again, only to be told that it is closed.
            guard isLast, isLeft else { return nil as UnsafeContinuation<Void, Never>? }
            defer { queue.closer = nil }
            return queue.closer
        }
        closer?.resume()
    }

    /// It is closed, and nobody is in a function of it.
    private var isLeft: Bool { UInt32(truncatingIfNeeded: uses.load(ordering: .acquiring)) == 1 }

    public var statistics: Statistics {
        queue.withLock {
            let inCall = $0.inCall + Int(uses.load(ordering: .relaxed) / AsyncFile.oneInCall)
            return Statistics(inCall: inCall, suspended: $0.suspended, most: $0.most)
        }
    }

    // MARK: requests

    /// Submits a call's requests, as many as the bound has room for; the others wait. The connection's thread
    /// does it where it is about to, together with others.
    func begin(_ call: Call) {
        let count = call.count
        let isLater = connection.loop.submitsSoon
        let room = queue.withLock { queue in
            queue.suspended += count
            if isClosed || call.isCancelled { return -1 }
            let room = queue.first == nil ? max(0, min(count, bound - queue.inFlight)) : 0
            queue.inFlight += room
            queue.most = max(queue.most, queue.inFlight)
            if isLater { for index in 0..<room { call[index].leaveQueue() } }
            for index in room..<count { queue.append(call[index]) }
            return room
        }
        if room < 0 {
            for index in 0..<count { finish(call[index], -Int(ECANCELED)) }
            return
        }
        if isLater {
            for index in 0..<room { connection.loop.submit(call[index]) }
            return
        }
        var start = 0
        while start < room {
            var error: CInt = 0
            start += submit(room - start, &error) { call[start + $0] }
            if start < room {
                completed(call[start], -Int(error))
                start += 1
            }
        }
    }

    /// Returns how many were taken; where that is not all, `error` is what is wrong with the next. The call is held meanwhile.
    private func submit(_ count: Int, _ error: inout CInt, _ request: (Int) -> Request) -> Int {
        let taken = AsyncCalls.submit(handle.pointer, count, &error) {
            (request($0).control, request($0).block.pointee.isKnownToWait)
        }
        // Who closes may have looked before these were there.
        if isClosed { AsyncCalls.endUses(of: handle.pointer) }
        return taken
    }

    /// Submits what has left the queue, or was begun, for that. Some may be complete at once, but each call is held.
    func submitHeld(_ requests: ArraySlice<Request>) {
        var rest = requests
        while !rest.isEmpty {
            var error: CInt = 0
            let taken = rest.prefix(submit(rest.count, &error) { rest[rest.startIndex + $0] })
            rest = rest[taken.endIndex...]
            let refused = rest.popFirst()
            queue.withLock { _ in
                for request in taken { request.block.pointee.isLeavingQueue = false }
                refused?.block.pointee.isLeavingQueue = false
            }
            for request in taken {
                if request.call.isCancelled { AsyncCalls.cancel(handle.pointer, request.control) }
                request.call.leave()
            }
            if let refused {
                let call = refused.call
                completed(refused, -Int(error))
                call.leave()
            }
        }
    }

    /// A request that was in the library is complete, or was refused; the next one takes its place.
    func completed(_ request: Request, _ result: Int) {
        let next = queue.withLock { queue in
            queue.inFlight -= 1
            guard let next = queue.popFirst() else { return nil as Request? }
            queue.inFlight += 1
            next.leaveQueue()
            return next
        }
        if let next { connection.loop.submit(next) }
        finish(request, result)
    }

    private func finish(_ request: Request, _ result: Int) {
        request.block.pointee.result = result
        request.call.leave()
    }

    /// Ends what can be ended of a call; it is held, or its task is kept from going on.
    func cancel(_ call: Call) {
        for index in 0..<call.count {
            let request = call[index]
            let (wasQueued, isSubmitted) = queue.withLock { queue in
                if request.block.pointee.isQueued {
                    queue.remove(request)
                    return (true, false)
                }
                return (false, !request.block.pointee.isLeavingQueue)
            }
            if wasQueued {
                finish(request, -Int(ECANCELED))
            } else if isSubmitted {
                AsyncCalls.cancel(handle.pointer, request.control)
            }
        }
    }
}

extension AsyncFile.Queue {
    mutating func append(_ request: Request) {
        request.block.pointee.isQueued = true
        request.block.pointee.next = nil
        if let last { last.block.pointee.next = request } else { first = request }
        last = request
    }

    mutating func popFirst() -> Request? {
        guard let request = first else { return nil }
        first = request.block.pointee.next
        if first == nil { last = nil }
        request.block.pointee.isQueued = false
        return request
    }

    mutating func remove(_ request: Request) {
        var (before, current) = (nil as Request?, first)
        while let candidate = current, candidate.block != request.block {
            (before, current) = (candidate, candidate.block.pointee.next)
        }
        let next = request.block.pointee.next
        if let before { before.block.pointee.next = next } else { first = next }
        if last?.block == request.block { last = before }
        request.block.pointee.isQueued = false
    }
}
