// A connection: a stack of modules, the files opened through it, and the one thread that waits for all of them.
//
// That thread sleeps in poll on the connection's descriptor. Once awake it takes all that is complete in one look, resumes the tasks,
// runs those that prefer it (`TaskExecutor`), and submits what was begun in the meantime, many requests at once. It is the only one
// that calls kaio_connection_dispatch. A callback may also be called by the thread of the library's that did the transfer, or by one that
// submits. It ends the connection when the last reference to this object, and so the last file, is gone.
//
// Invariant, under `Loop.work`: while there is work the thread does not go to sleep, and who brings some while it sleeps wakes it.

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

/// A stack of modules, and the files opened through it. ``standard()`` serves where no module is asked for.
///
///     let slow = try Connection(modules: "time_audit ordered aio_linux aio_poll", parameters: "time_audit:limit = 20ms")
///     let file = try await AsyncFile.open("data", on: slow)
///
/// It ends with its last file and the last reference to it.
///
/// Its thread can run tasks too, which then wake no other thread for a request, and whose requests become one submission:
///
///     await withTaskExecutorPreference(slow) { await serve(file) }
///
/// What such a task computes, all files of the connection wait for.
public final class Connection: Sendable {
    /// How often the connection's thread woke up for requests, and how many are complete. The thread that did a transfer resumes the task
    /// itself, where it may, and wakes none but the task's.
    public struct Statistics: Sendable, Equatable {
        public var wakeUps = 0
        public var completions = 0
    }

    let handle: Handle
    /// No module has to see what is read from the page cache.
    let isPlain: Bool
    let loop: Loop

    /// A C pointer. Sendable: the functions of kaio.h that take it may be called by any thread, and those that may not
    /// (kaio_connection_dispatch, kaio_disconnect) are called by the connection's thread alone.
    struct Handle: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    /// Connects to a stack of modules, which are named from top to bottom.
    ///
    /// - Parameters:
    ///   - service: the name that the modules' messages and statistics have for it.
    ///   - modules: names with blanks between them; nil: the standard ones.
    ///   - parameters: `module:name = value; ...`
    /// - Throws: What `kaio_connect` says; a line on stderr says what is wrong with a name or a value.
    public init(service: String = "swift", modules: String? = nil, parameters: String = "") throws(Errno) {
        isPlain = modules == nil && parameters.isEmpty
        guard let pointer = kaio_connect(service, modules ?? Connection.standardModules, parameters) else {
            throw .last
        }
        handle = Handle(pointer: pointer)
        let event = eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK))
        guard event >= 0 else {
            let error = Errno.last
            _ = kaio_disconnect(pointer)
            throw error
        }
        loop = Loop(handle, FileDescriptor(rawValue: event))
        let error = loop.start()
        guard error == 0 else {
            _ = kaio_disconnect(pointer)
            try? FileDescriptor(rawValue: event).close()
            throw Errno(rawValue: error)
        }
    }

    // The thread ends the connection: a reference may be the last one in a place where nobody may wait.
    deinit { loop.end() }

    private static let standardModules = "ordered aio_linux aio_poll aio_pthread"

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
            wakeUps: loop.wakeUps.load(ordering: .relaxed), completions: loop.completions.load(ordering: .relaxed))
    }
}

extension Connection: TaskExecutor {
    /// For the runtime: has the connection's thread run a part of a task.
    public func enqueue(_ job: consuming ExecutorJob) { loop.add(UnownedJob(job), of: self) }
}

extension Errno {
    /// Of the C call that has just failed.
    static var last: Errno { Errno(rawValue: errno) }
}
