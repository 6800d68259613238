// Reads. What is in the page cache is read in the call, by preadv2 with RWF_NOWAIT; only what is not makes a request.

import CKernel
import Glibc
import Kaio
public import SystemPackage

extension AsyncFile {
    /// What came of a look into the page cache.
    enum Look {
        /// So many bytes, and there are no more.
        case whole(Int)
        /// The rest has to be waited for.
        case part(Int)
    }

    private static let noWait = 8

    /// Between `enter` and `exit`.
    @inline(__always)
    func look(_ memory: UnsafeMutableRawPointer?, _ count: Int, at offset: Int64) -> Look {
        guard readsInCall.load(ordering: .relaxed), count > 0, offset >= 0 else { return .part(0) }
        var buffer = iovec(iov_base: memory, iov_len: count)
        let result = withUnsafeMutablePointer(to: &buffer) {
            ck_syscall(Int(SYS_preadv2), Int(number), Int(bitPattern: $0), 1, Int(offset), 0, AsyncFile.noWait)
        }
        if result == count { return .whole(count) }
        return judge(result, at: offset)
    }

    /// A count that is short may be the file's end, or the end of what is cached; some kernels say 0 in the middle of a file.
    @inline(never)
    private func judge(_ result: Int, at offset: Int64) -> Look {
        if result < 0 {
            if result == -Int(EOPNOTSUPP) { readsInCall.store(false, ordering: .relaxed) }
            return .part(0)
        }
        var status = stat()
        if fstat(number, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            offset + Int64(result) >= Int64(status.st_size)
        {
            return .whole(result)
        }
        return .part(result)
    }

    /// Reads what a look left. The memory has a function of the file's waiting for it, which has entered.
    func wait(
        for operation: AsyncCalls.Operation, _ memory: UnsafeRawPointer?, _ count: Int, at offset: Int64,
        isKnownToWait: Bool = false
    ) async throws(Errno) -> Int {
        let call = Call(self)
        defer { call.free() }
        call[0].prepare(operation, memory, count, at: offset, isKnownToWait: isKnownToWait)
        await call.run()
        let result = call[0].result
        if result < 0 { throw Errno(rawValue: CInt(-result)) }
        return result
    }

    private func readRest(
        _ memory: UnsafeMutableRawPointer?, _ count: Int, at offset: Int64, after part: Int
    ) async throws(Errno) -> Int {
        let isKnownToWait = readsInCall.load(ordering: .relaxed)
        let rest = memory.map { UnsafeRawPointer($0) + part }
        do {
            return try await part
                + wait(for: .read, rest, count - part, at: offset + Int64(part), isKnownToWait: isKnownToWait)
        } catch {
            // What was read already is not lost by what comes behind it.
            if part > 0, error != .canceled { return part }
            throw error
        }
    }

    /// Reads into memory that is written to no more when this returns.
    ///
    /// - Returns: How many bytes; of a file less than `memory` has room for only at its end, of a stream what there was. 0 is the end.
    public func read(into memory: UnsafeMutableRawBufferPointer, at offset: Int64 = 0) async throws(Errno) -> Int {
        try enter()
        switch look(memory.baseAddress, memory.count, at: offset) {
        case .whole(let count):
            exitAfterRead()
            return count
        case .part(let part):
            defer { exit() }
            return try await readRest(memory.baseAddress, memory.count, at: offset, after: part)
        }
    }

    /// Reads into the span's free room. Streams have no offset.
    ///
    /// - Returns: How many bytes; of a file less than there is room for only at its end, of a stream what there was. 0 is the end.
    @discardableResult
    public func read(into span: inout OutputRawSpan, at offset: Int64 = 0) async throws(Errno) -> Int {
        try enter()
        // The span is this function's alone until it returns, so the memory stays where it is.
        let (memory, room, looked) = span.withUnsafeMutableBytes { bytes, used in
            let memory = bytes.baseAddress.map { $0 + used }
            let looked = look(memory, bytes.count - used, at: offset)
            if case .whole(let count) = looked { used += count }
            return (memory, bytes.count - used, looked)
        }
        switch looked {
        case .whole(let count):
            exitAfterRead()
            return count
        case .part(let part):
            defer { exit() }
            let count = try await readRest(memory, room, at: offset, after: part)
            span.withUnsafeMutableBytes { $1 += count }
            return count
        }
    }

    /// Reads into memory that is initialized; see ``read(into:at:)-(OutputRawSpan,_)``.
    @discardableResult
    public func read(into span: inout MutableRawSpan, at offset: Int64 = 0) async throws(Errno) -> Int {
        try enter()
        let (memory, room, looked) = span.withUnsafeMutableBytes {
            ($0.baseAddress, $0.count, look($0.baseAddress, $0.count, at: offset))
        }
        switch looked {
        case .whole(let count):
            exitAfterRead()
            return count
        case .part(let part):
            defer { exit() }
            return try await readRest(memory, room, at: offset, after: part)
        }
    }

    /// Reads `count` bytes; of a file fewer only at its end, of a stream what there was. An empty array is the end.
    public func read(_ count: Int, at offset: Int64 = 0) async throws(Errno) -> [UInt8] {
        try enter()
        if let bytes = lookIntoArray(count, at: offset) {
            exitAfterRead()
            return bytes
        }
        defer { exit() }
        let memory = PageBuffer(capacity: count)
        let result = try await readRest(memory.start, count, at: offset, after: 0)
        return [UInt8](UnsafeRawBufferPointer(start: memory.start, count: result))
    }

    /// The same of what is in the page cache; nil where that is not all of it.
    func readCached(_ count: Int, at offset: Int64) throws(Errno) -> [UInt8]? {
        try enter()
        let bytes = lookIntoArray(count, at: offset)
        if bytes != nil { exitAfterRead() } else { exit() }
        return bytes
    }

    @inline(__always)
    private func lookIntoArray(_ count: Int, at offset: Int64) -> [UInt8]? {
        guard readsInCall.load(ordering: .relaxed) else { return nil }
        var looked = Look.part(0)
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { memory, used in
            looked = look(memory.baseAddress, count, at: offset)
            if case .whole(let count) = looked { used = count }
        }
        if case .whole = looked { return bytes }
        return nil
    }

    package func readCached(into memory: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Errno) -> Int? {
        try enter()
        guard case .whole(let count) = look(memory.baseAddress, memory.count, at: offset) else {
            exit()
            return nil
        }
        exitAfterRead()
        return count
    }

    /// Reads several ranges, which may lie anywhere; those that have to be waited for are one submission. What the file has no bytes
    /// for is missing at the end of its array. If one fails this throws, when all are over.
    public func read(many ranges: [Range<Int64>]) async throws(Errno) -> [[UInt8]] {
        try enter()
        defer { exit() }
        var results: [[UInt8]] = []
        var missing: [Int] = []
        for (index, range) in ranges.enumerated() {
            let bytes = lookIntoArray(range.count, at: range.lowerBound)
            if bytes != nil { countInCall() } else { missing.append(index) }
            results.append(bytes ?? [])
        }
        if missing.isEmpty { return results }
        let isKnownToWait = readsInCall.load(ordering: .relaxed)
        var places: [Int] = []
        var total = 0
        for index in missing {
            places.append(total)
            total += Pages.roundedUp(ranges[index].count)
        }
        let memory = PageBuffer(capacity: total)
        let call = Call(self, count: missing.count)
        defer { call.free() }
        for (number, index) in missing.enumerated() {
            call[number].prepare(
                .read, memory.start.map { $0 + places[number] }, ranges[index].count, at: ranges[index].lowerBound,
                isKnownToWait: isKnownToWait)
        }
        await call.run()
        for (number, index) in missing.enumerated() {
            let result = call[number].result
            if result < 0 { throw Errno(rawValue: CInt(-result)) }
            results[index] = [UInt8](
                UnsafeRawBufferPointer(start: memory.start.map { $0 + places[number] }, count: result))
        }
        return results
    }

    /// Reads into the buffer from its beginning, as much as it has room for; what was in it is gone.
    @discardableResult
    public func read(into buffer: inout PageBuffer, at offset: Int64 = 0) async throws(Errno) -> Int {
        buffer.count = 0
        buffer.count = try await read(
            into: UnsafeMutableRawBufferPointer(start: buffer.start, count: buffer.capacity), at: offset)
        return buffer.count
    }

    /// Fills several pieces of memory one after the other by one request, as preadv(2) does.
    public func read(
        into pieces: [UnsafeMutableRawBufferPointer], at offset: Int64 = 0
    ) async throws(Errno) -> Int {
        try await transfer(.readVector, pieces.map { iovec(iov_base: $0.baseAddress, iov_len: $0.count) }, at: offset)
    }

    func transfer(
        _ operation: AsyncCalls.Operation, _ pieces: [iovec], at offset: Int64
    ) async throws(Errno) -> Int {
        try enter()
        defer { exit() }
        // The library looks at the list until the request is complete.
        let list = UnsafeMutableBufferPointer<iovec>.allocate(capacity: pieces.count)
        defer { list.deallocate() }
        _ = list.initialize(from: pieces)
        return try await wait(for: operation, UnsafeRawPointer(list.baseAddress), list.count, at: offset)
    }
}
