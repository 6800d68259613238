// One run of `kaio bench`: a window of random transfers of 4 KiB on the file that is open as number 3. It is the
// command itself once more, so that the C library's AIO and kaio, which is then preloaded, run the same machine
// code; only the raw interface has calls of its own.
//
// It prints "result", the transfers, and the nanoseconds of time and of CPU time that they took.

import ArgumentParser
import CKernel
import Glibc

/// What is measured: one row of the table.
struct Workload: Equatable {
    enum Kind: String, CaseIterable, ExpressibleByArgument {
        case directRead = "direct-read"
        case directWrite = "direct-write"
        case cachedRead = "cached-read"
        case coldRead = "cold-read"
        case bufferedWrite = "buffered-write"

        var isDirect: Bool { self == .directRead || self == .directWrite }
        var isWrite: Bool { self == .directWrite || self == .bufferedWrite }

        var title: String {
            switch self {
            case .directRead: "O_DIRECT read"
            case .directWrite: "O_DIRECT write"
            case .cachedRead: "read, in the page cache"
            case .coldRead: "read, not in the page cache"
            case .bufferedWrite: "buffered write"
            }
        }
    }

    let kind: Kind
    let depth: Int

    static let block = 4096
    /// Of a cached file no more is used, so that it stays in the cache and is soon there.
    private static let mostCached = 64 << 20

    var name: String { "\(kind.rawValue)-4k-\(depth)" }
    var title: String { "\(kind.title), depth \(depth)" }

    /// How much of the file is used, in bytes.
    func extent(of size: Int) -> Int { kind == .cachedRead ? min(size, Workload.mostCached) : size }
}

enum Engine: String, CaseIterable, ExpressibleByArgument {
    case glibc, kaio, raw
}

struct BenchWorker: ParsableCommand {
    static let name = "bench-worker"
    static let file: CInt = 3
    static let configuration = CommandConfiguration(commandName: name, shouldDisplay: false)

    @Argument var engine: Engine
    @Argument var kind: Workload.Kind
    @Argument var depth: Int
    /// Of the file, in bytes; a power of two.
    @Argument var size: Int
    @Argument var milliseconds: Int
    /// Which blocks come in which order.
    @Argument var seed: UInt64

    /// The raw interface is not to be had here.
    static let noRawInterface: CInt = 3
    /// PR_SET_PDEATHSIG
    private static let dieWithParent = 1

    func run() throws {
        // Should the parent be gone, nobody reads the result.
        _ = systemCall(SYS_prctl, BenchWorker.dieWithParent, Int(SIGKILL))
        let isPreloaded = dlsym(nil, "kaio_version") != nil
        guard isPreloaded == (engine == .kaio) else {
            throw Failure(
                message: isPreloaded ? "kaio was preloaded where it must not be" : "kaio could not be preloaded")
        }
        let workload = Workload(kind: kind, depth: depth)
        let flags = O_CLOEXEC | (kind.isWrite ? O_RDWR : O_RDONLY) | (kind.isDirect ? __O_DIRECT : 0)
        let file = open("/proc/self/fd/\(BenchWorker.file)", flags)
        guard file >= 0 else { throw Failure(message: "the file can't be opened: \(errorText(errno))") }
        let extent = workload.extent(of: size)
        try prepare(file, extent)
        let order = Shuffle(count: extent / Workload.block, seed: seed)
        var meter = Meter(milliseconds: milliseconds)
        switch engine {
        case .glibc, .kaio: try POSIXWindow(file, workload, order).run(&meter)
        case .raw:
            var window = try RawWindow(file, workload, order)
            try window.run(&meter)
        }
        print("result", meter.transfers, meter.nanoseconds, meter.processorNanoseconds)
    }

    private func prepare(_ file: CInt, _ extent: Int) throws {
        posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM)
        if kind == .coldRead {
            fdatasync(file)
            posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED)
        }
        guard kind == .cachedRead else { return }
        let part = 1 << 20
        var bytes = [UInt8](repeating: 0, count: part)
        for offset in stride(from: 0, to: extent, by: part) where pread(file, &bytes, part, offset) < 0 {
            throw Failure(message: "the file can't be read: \(errorText(errno))")
        }
    }
}

/// Numbers of blocks without end: each once, in an order that looks like none, then all once more.
private struct Shuffle {
    private let mask: UInt64
    private let shift: UInt64
    private let seed: UInt64
    private var position: UInt64 = 0

    /// - Parameter count: a power of two.
    init(count: Int, seed: UInt64) {
        mask = UInt64(count) - 1
        shift = UInt64(max(1, count.trailingZeroBitCount / 2))
        self.seed = seed
    }

    /// Each step is one to one, so the whole is: an odd factor, and a fold of the high bits onto the low ones.
    mutating func next() -> Int {
        var x = (position &+ seed) & mask
        position += 1
        for factor: UInt64 in [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9] {
            x = x &* factor & mask
            x ^= x >> shift
        }
        return Int(x)
    }
}

/// Counts from the end of a warm-up to the end of the time.
private struct Meter {
    private let warmUpEnd: Int
    private let end: Int
    private var start = 0
    private var processorStart = 0
    private(set) var transfers = 0
    private(set) var nanoseconds = 0
    private(set) var processorNanoseconds = 0

    init(milliseconds: Int) {
        let now = Clock.now
        warmUpEnd = now + min(milliseconds / 5, 100) * 1_000_000
        end = now + milliseconds * 1_000_000
    }

    /// So many transfers are done. False: the time is up.
    mutating func count(_ done: Int) -> Bool {
        transfers += done
        let now = Clock.now
        if start == 0, now >= warmUpEnd {
            transfers = 0
            start = now
            processorStart = Clock.processor
        }
        // At least one, so that a slow device has a figure.
        guard now >= end, start != 0, transfers > 0 else { return true }
        nanoseconds = now - start
        processorNanoseconds = Clock.processor - processorStart
        return false
    }
}

/// Memory that O_DIRECT takes, one block for each request. Not given back: the process is about to end.
private func blocks(_ count: Int) throws -> UnsafeMutableRawPointer {
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, Workload.block, count * Workload.block) == 0, let memory else {
        throw Failure(message: "no memory")
    }
    memset(memory, 0x5a, count * Workload.block)
    return memory
}

/// aio_read or aio_write, aio_suspend on all, aio_error and aio_return on each that is done.
private struct POSIXWindow {
    private let controls: UnsafeMutablePointer<aiocb>
    private let list: UnsafeMutablePointer<UnsafePointer<aiocb>?>
    private let depth: Int
    private let submit: (UnsafeMutablePointer<aiocb>) -> CInt
    private var order: Shuffle

    init(_ file: CInt, _ workload: Workload, _ order: Shuffle) throws {
        depth = workload.depth
        self.order = order
        controls = .allocate(capacity: depth)
        list = .allocate(capacity: depth)
        let memory = try blocks(depth)
        for index in 0..<depth {
            var control = aiocb()
            control.aio_fildes = file
            control.aio_buf = .init(memory + index * Workload.block)
            control.aio_nbytes = Workload.block
            control.aio_sigevent.sigev_notify = CInt(SIGEV_NONE)
            (controls + index).initialize(to: control)
            (list + index).initialize(to: UnsafePointer(controls + index))
        }
        submit = workload.kind.isWrite ? { aio_write($0) } : { aio_read($0) }
    }

    private mutating func begin(_ control: UnsafeMutablePointer<aiocb>) throws {
        control.pointee.aio_offset = order.next() * Workload.block
        guard submit(control) == 0 else { throw Failure(message: "a request is refused: \(errorText(errno))") }
    }

    /// True if it is done.
    private func take(_ control: UnsafeMutablePointer<aiocb>) throws -> Bool {
        let error = aio_error(control)
        if error == EINPROGRESS { return false }
        let result = aio_return(control)
        guard error == 0, result == Workload.block else {
            throw Failure(message: "a transfer fails: \(error == 0 ? "\(result) bytes" : errorText(error))")
        }
        return true
    }

    consuming func run(_ meter: inout Meter) throws {
        for index in 0..<depth { try begin(controls + index) }
        var done = 0
        while meter.count(done) {
            done = 0
            guard aio_suspend(list, CInt(depth), nil) == 0 || errno == EINTR else {
                throw Failure(message: "aio_suspend: \(errorText(errno))")
            }
            for index in 0..<depth where try take(controls + index) {
                done += 1
                try begin(controls + index)
            }
        }
        for index in 0..<depth {
            while try !take(controls + index) {
                var one: UnsafePointer<aiocb>? = UnsafePointer(controls + index)
                aio_suspend(&one, 1, nil)
            }
        }
    }
}

/// io_submit and io_getevents, as a program that was written for them uses them: what is done is submitted anew in one
/// call.
private struct RawWindow {
    private let context: Int
    private let requests: UnsafeMutablePointer<iocb>
    private let list: UnsafeMutablePointer<UnsafeMutablePointer<iocb>>
    private let events: UnsafeMutablePointer<io_event>
    private let depth: Int
    private var order: Shuffle

    init(_ file: CInt, _ workload: Workload, _ order: Shuffle) throws {
        depth = workload.depth
        self.order = order
        var context = 0
        let result = withUnsafeMutablePointer(to: &context) {
            systemCall(SYS_io_setup, workload.depth, address($0))
        }
        guard result == 0 else {
            throw Failure(message: "io_setup: \(errorText(CInt(-result)))", code: BenchWorker.noRawInterface)
        }
        self.context = context
        requests = .allocate(capacity: depth)
        list = .allocate(capacity: depth)
        events = .allocate(capacity: depth)
        let memory = try blocks(depth)
        for index in 0..<depth {
            var request = iocb()
            request.aio_fildes = UInt32(bitPattern: file)
            request.aio_lio_opcode = UInt16(workload.kind.isWrite ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD)
            request.aio_buf = UInt64(UInt(bitPattern: memory + index * Workload.block))
            request.aio_nbytes = UInt64(Workload.block)
            (requests + index).initialize(to: request)
        }
    }

    private mutating func submit(_ count: Int) throws {
        for index in 0..<count { list[index].pointee.aio_offset = Int64(order.next() * Workload.block) }
        var done = 0
        while done < count {
            let result = systemCall(SYS_io_submit, context, count - done, address(list + done))
            guard result > 0 else { throw Failure(message: "io_submit: \(errorText(CInt(-result)))") }
            done += result
        }
    }

    private func harvest(atLeast least: Int) throws -> Int {
        let count = systemCall(SYS_io_getevents, context, least, depth, address(events))
        guard count > 0 else { throw Failure(message: "io_getevents: \(errorText(CInt(-count)))") }
        for index in 0..<count {
            let result = Int(events[index].res)
            guard result == Workload.block else {
                throw Failure(message: "a transfer fails: \(result < 0 ? errorText(CInt(-result)) : "\(result) bytes")")
            }
            list[index] = UnsafeMutablePointer(bitPattern: UInt(events[index].obj))!
        }
        return count
    }

    mutating func run(_ meter: inout Meter) throws {
        for index in 0..<depth { list[index] = requests + index }
        try submit(depth)
        var done = 0
        while meter.count(done) {
            done = try harvest(atLeast: 1)
            try submit(done)
        }
        _ = try harvest(atLeast: depth)
    }
}
