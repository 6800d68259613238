// What several suites use. The engine belongs to the whole process and the tests run in parallel in one: a test
// that needs an engine, a stack or an environment of its own runs in a process of its own (an exit test).

import CKaio
import CKernel
import Glibc
import Synchronization
import Testing

@testable import Kaio

/// Runs `body` on so many threads at once, each with its number; returns when all have ended. What the threads
/// share is for `body` to guard: the thread sanitizer watches.
func concurrently(_ count: Int, stackSize: Int = 1 << 20, _ body: (Int) -> Void) {
    withoutActuallyEscaping(body) { body in
        let threads = (0..<count).map { number in ThreadHandle(stackSize: stackSize) { body(number) } }
        for thread in threads { thread.join() }
    }
}

/// A thread that the test joins.
struct ThreadHandle {
    private let thread: pthread_t

    private final class Start {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    init(stackSize: Int = 1 << 20, _ body: @escaping () -> Void) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, stackSize)
        var thread = pthread_t()
        let error = pthread_create(
            &thread, &attributes,
            { argument in
                Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue().body()
                return nil
            }, Unmanaged.passRetained(Start(body)).toOpaque())
        pthread_attr_destroy(&attributes)
        precondition(error == 0, "no thread for the test")
        self.thread = thread
    }

    func cancel() { pthread_cancel(thread) }
    func interrupt(_ signal: CInt) { pthread_kill(thread, signal) }

    /// True if the thread was cancelled.
    @discardableResult
    func join() -> Bool {
        var result: UnsafeMutableRawPointer?
        pthread_join(thread, &result)
        return result == UnsafeMutableRawPointer(bitPattern: -1)
    }
}

/// An expectation in a test's own process: of a failure there, only the comment is shown.
func check(_ condition: Bool, line: Int = #line) { #expect(condition, "line \(line)") }

func check<T: Equatable>(_ value: T, is expected: T, line: Int = #line) {
    #expect(value == expected, "line \(line): \(value), not \(expected)")
}

/// The thread sanitizer can't follow threads that the child of a fork starts.
let isUnderThreadSanitizer = dlsym(nil, "__tsan_init") != nil

/// Looks until the condition holds; false if it does not within 20 seconds.
func eventually(_ condition: () -> Bool) -> Bool {
    let deadline = Instant.now.advanced(by: 20_000_000_000)
    while !condition() {
        if Instant.now > deadline { return false }
        usleep(1000)
    }
    return true
}

func pause(milliseconds: Int) { usleep(UInt32(milliseconds * 1000)) }

/// Control blocks as the library has them, with no request behind them, each newer than the one before. They
/// count as in flight, so that the engine stays up and its memory too.
func withRequests<T>(_ count: Int, _ body: ([Request]) throws -> T) rethrows -> T {
    Engine.prepare()
    let mask = SignalMask.blockAll()
    defer { mask.restore() }
    let requests = (0..<count).map { _ in
        precondition(Engine.enter(1), "the engine does not start")
        let request = Slab.allocate()!
        request.stack = Stack.standard!
        request.appear(on: .none)
        return request
    }
    defer {
        for request in requests {
            Exposure.end(request)
            Engine.release(request)
        }
    }
    return try body(requests)
}

/// A request with a place where its result is shown, for a process that has a stack of its own.
func makeRequest() -> Request {
    let mask = SignalMask.blockAll()
    defer { mask.restore() }
    Engine.prepare()
    precondition(Engine.enter(1))
    let request = Slab.allocate()!
    let control = UnsafeMutablePointer<aiocb>.allocate(capacity: 1)
    control.initialize(to: aiocb())
    let user = UserBlock(control)
    request.user = user
    request.stack = Stack.standard!
    request.appear(on: .none)
    user.begin(slot: Slab.number(of: request), sequence: request.sequence)
    return request
}

/// Gives requests to the top of the stack, and does more in the same turn.
func submit(_ requests: [Request], _ body: (inout Turn) -> Void = { _ in }) {
    let mask = SignalMask.blockAll()
    var turn = Turn(.submitter)
    var queue = RequestQueue()
    for request in requests {
        request.stack = Stack.standard!
        queue.append(request)
    }
    turn.begin(&queue)
    body(&turn)
    turn.finish()
    mask.restore()
}

extension Stack {
    /// A stack of the test's own modules.
    init(_ modules: [any Module], mayBeFast: Bool = false) {
        let storage = UnsafeMutablePointer<any Module>.allocate(capacity: modules.count)
        for (position, module) in modules.enumerated() { (storage + position).initialize(to: module) }
        self.init(storage, count: modules.count, mayBeFast: mayBeFast)
    }
}

/// Makes the test's modules the stack of the process, for a test that has one of its own.
func useStack(_ modules: [any Module], mayBeFast: Bool = false) {
    precondition(Engine.enter(1), "the engine does not start")
    let stack = Stack(modules, mayBeFast: mayBeFast)
    precondition(Place(stack).connect(Text("a test" as StaticString)) == 0, "a module refuses")
    Stack.standard = stack
}

/// A new descriptor, or -1.
func openFile(_ path: String, _ flags: CInt) -> CInt { open(path, flags | O_CLOEXEC) }

/// A file that has no name any more and is gone with its last descriptor.
struct TestFile: ~Copyable {
    let descriptor: CInt

    init(size: Int = 0) {
        var path = Array("/var/tmp/kaio-test-XXXXXX".utf8CString)
        descriptor = mkstemp(&path)
        precondition(descriptor >= 0, "no file in /var/tmp")
        unlink(path)
        if size > 0 { ftruncate(descriptor, size) }
    }

    deinit { close(descriptor) }

    /// Another open file of the same file.
    func reopened(_ flags: CInt) -> CInt { openFile("/proc/self/fd/\(descriptor)", flags) }

    /// Its contents, by the plain system call.
    func bytes(_ count: Int, at offset: Int = 0) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, read in
            read = max(0, pread(descriptor, buffer.baseAddress, count, offset))
        }
    }
}

/// A pipe; what is still open is closed with it.
final class TestPipe {
    let reader: CInt
    private(set) var writer: CInt

    init() {
        var ends: (CInt, CInt) = (-1, -1)
        withUnsafeMutableBytes(of: &ends) { _ = pipe($0.bindMemory(to: CInt.self).baseAddress) }
        (reader, writer) = ends
    }

    deinit {
        close(reader)
        closeWriter()
    }

    func closeWriter() {
        if writer >= 0 { close(writer) }
        writer = -1
    }

    func write(_ text: StaticString) { _ = CKernel.write(writer, text.utf8Start, text.utf8CodeUnitCount) }

    /// What was written, once no writer is left.
    func readAll() -> String {
        closeWriter()
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = read(reader, &buffer, buffer.count), count > 0 { all += buffer[..<count] }
        return String(decoding: all, as: UTF8.self)
    }
}

/// One request of <aio.h> with its buffer, as a C program has it.
final class Job {
    let control: UnsafeMutablePointer<aiocb>
    let buffer: UnsafeMutableRawBufferPointer

    init(_ descriptor: CInt, length: Int, at offset: Int = 0, fill: UInt8 = 0) {
        control = .allocate(capacity: 1)
        control.initialize(to: aiocb())
        buffer = .allocate(byteCount: length, alignment: 4096)
        memset(buffer.baseAddress!, Int32(fill), length)
        control.pointee.aio_fildes = descriptor
        control.pointee.aio_buf = UnsafeMutableRawPointer(buffer.baseAddress)
        control.pointee.aio_nbytes = length
        control.pointee.aio_offset = offset
        control.pointee.aio_sigevent.sigev_notify = CInt(SIGEV_NONE)
    }

    /// Only when no longer in flight.
    deinit {
        control.deallocate()
        buffer.deallocate()
    }

    func read() -> CInt { aio_read(control) }
    func write() -> CInt { aio_write(control) }
    var error: CInt { aio_error(control) }

    /// Waits for the end and takes the result; a result of -1 comes with the error.
    @discardableResult
    func finish() -> (result: Int, error: CInt) {
        let deadline = Instant.now.advanced(by: 20_000_000_000)
        while aio_error(control) == EINPROGRESS, Instant.now < deadline {
            var entry: UnsafePointer<aiocb>? = UnsafePointer(control)
            var second = timespec(tv_sec: 1, tv_nsec: 0)
            _ = aio_suspend(&entry, 1, &second)
        }
        let error = aio_error(control)
        precondition(error != EINPROGRESS, "a request does not end")
        return (aio_return(control), error)
    }

    var isFilled: Bool { buffer.allSatisfy { $0 == buffer[0] } }
}
