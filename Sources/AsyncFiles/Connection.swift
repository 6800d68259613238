// A connection: a stack of modules, the files opened through it, and the one thread that waits for all of them.
//
// That thread sleeps in poll on the connection's descriptor. Once awake it takes all that is complete in one look, and
// resumes the tasks. It is the only one that calls kaio_connection_dispatch, so callbacks run there and nowhere else. It ends the
// connection when the last reference to this object, and so the last file, is gone.

import CKaio
import CKernel
import Glibc
import Kaio
import Synchronization
public import SystemPackage

#if !os(Linux)
    #error("AsyncFiles needs the asynchronous I/O of the Linux kernel")
#elseif !canImport(Glibc)
    #error("AsyncFiles needs the GNU C library; the one of this SDK has no aio.h")
#endif

/// A stack of modules, and the files opened through it. ``standard`` serves where no module is asked for.
///
///     let slow = try Connection(modules: "time_audit ordered aio_linux aio_poll", parameters: "time_audit:limit = 20ms")
///     let file = try await AsyncFile.open("data", on: slow)
///
/// It ends with its last file and the last reference to it.
public final class Connection: Sendable {
    /// How often the connection's thread woke up, and how many requests were complete then.
    public struct Statistics: Sendable, Equatable {
        public var wakeUps = 0
        public var completions = 0
    }

    let handle: Handle
    /// No module has to see what is read from the page cache.
    let isPlain: Bool
    private let stop: FileDescriptor
    private let counts: Counts

    /// A C pointer. Sendable: the functions of kaio.h that take it may be called by any thread, and those that may not
    /// (kaio_connection_dispatch, kaio_disconnect) are called by the connection's thread alone.
    struct Handle: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    private final class Counts: Sendable {
        let wakeUps = Atomic<Int>(0)
        let completions = Atomic<Int>(0)
    }

    /// What the thread has. It owns both descriptors' ends.
    private final class Service: Sendable {
        let handle: Handle
        let stop: FileDescriptor
        let counts: Counts

        init(_ handle: Handle, _ stop: FileDescriptor, _ counts: Counts) {
            self.handle = handle
            self.stop = stop
            self.counts = counts
        }

        func run() {
            var ready = [
                pollfd(fd: kaio_connection_fd(handle.pointer), events: Int16(POLLIN), revents: 0),
                pollfd(fd: stop.rawValue, events: Int16(POLLIN), revents: 0),
            ]
            while true {
                // Nothing interrupts it for good: all signals are blocked in this thread.
                _ = poll(&ready, 2, -1)
                if ready[1].revents != 0 { break }
                counts.wakeUps.wrappingAdd(1, ordering: .relaxed)
                let count = kaio_connection_dispatch(handle.pointer, 0)
                if count > 0 { counts.completions.wrappingAdd(Int(count), ordering: .relaxed) }
            }
            _ = kaio_disconnect(handle.pointer)
            try? stop.close()
        }
    }

    /// Connects to a stack of modules, which are named from top to bottom.
    ///
    /// - Parameters:
    ///   - modules: names with blanks between them; nil: the standard ones.
    ///   - parameters: `module:name = value; ...`
    /// - Throws: What `kaio_connect` says; a line on stderr says what is wrong with a name or a value.
    public init(service: String = "swift", modules: String? = nil, parameters: String = "") throws(Errno) {
        isPlain = modules == nil && parameters.isEmpty
        guard let pointer = kaio_connect(service, modules ?? Connection.standardModules, parameters) else {
            throw .last
        }
        handle = Handle(pointer: pointer)
        counts = Counts()
        let event = eventfd(0, CInt(EFD_CLOEXEC))
        guard event >= 0 else {
            let error = Errno.last
            _ = kaio_disconnect(pointer)
            throw error
        }
        stop = FileDescriptor(rawValue: event)
        let error = Connection.start(Service(handle, stop, counts))
        guard error == 0 else {
            _ = kaio_disconnect(pointer)
            try? stop.close()
            throw Errno(rawValue: error)
        }
    }

    deinit {
        // The thread ends the connection: a reference may be the last one in a place where nobody may wait.
        var one: UInt64 = 1
        _ = Glibc.write(stop.rawValue, &one, 8)
    }

    /// PR_SET_NAME.
    private static let setName = 15
    private static let standardModules = "ordered aio_linux aio_poll aio_pthread"

    private static let serve: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
        _ = "kaio swift".withCString { ck_syscall(Int(SYS_prctl), setName, Int(bitPattern: $0), 0, 0, 0, 0) }
        Unmanaged<Service>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
    }

    /// 0 or an errno.
    private static func start(_ service: Service) -> CInt {
        let argument = Unmanaged.passRetained(service)
        let error = startThread(argument.toOpaque())
        if error != 0 { argument.release() }
        return error
    }

    /// With all signals blocked: the program's handlers have nothing to do in it.
    private static func startThread(_ argument: UnsafeMutableRawPointer) -> CInt {
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, &before)
        var thread = pthread_t()
        let error = pthread_create(&thread, nil, serve, argument)
        if error == 0 { pthread_detach(thread) }
        pthread_sigmask(SIG_SETMASK, &before, nil)
        return error
    }

    /// The connection of files that name none; made when it is first used, and there from then on.
    public static func standard() throws(Errno) -> Connection {
        if let made = standardConnection.withLock({ $0 }) { return made }
        let new = try Connection()
        return standardConnection.withLock { made in
            if let made { return made }
            made = new
            return new
        }
    }

    private static let standardConnection = Guarded<Connection?>(nil)

    public var statistics: Statistics {
        Statistics(
            wakeUps: counts.wakeUps.load(ordering: .relaxed), completions: counts.completions.load(ordering: .relaxed))
    }
}

extension Errno {
    /// Of the C call that has just failed.
    static var last: Errno { Errno(rawValue: errno) }
}
