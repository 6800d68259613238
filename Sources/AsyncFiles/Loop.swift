// What a connection's thread does, and what others leave for it.

import CKaio
import CKernel
import Glibc
import Kaio
import Synchronization
import SystemPackage

/// It owns both descriptors' ends.
final class Loop: Sendable {
    let wakeUps = Atomic<Int>(0)
    let completions = Atomic<Int>(0)

    private let handle: Connection.Handle
    /// An eventfd, for who wakes the thread.
    private let alarm: FileDescriptor
    private let isOver = Atomic<Bool>(false)
    private let thread = Atomic<pthread_t>(0)
    private let isAwake = Atomic<Bool>(false)
    /// There are jobs or requests. Changed by the lock of `work`.
    private let hasWork = Atomic<Bool>(false)
    private let work = Guarded(Work())

    private struct Work: ~Copyable {
        var jobs: [UnownedJob] = []
        /// To be submitted; each is held, and leaving its file's queue.
        var requests: [Request] = []
        /// Of the jobs. Their tasks keep it only until they end.
        var connection: Connection?
        var isAsleep = false
    }

    init(_ handle: Connection.Handle, _ alarm: FileDescriptor) {
        self.handle = handle
        self.alarm = alarm
    }

    /// What the caller has to submit is better left to the thread: it is the caller, or about to submit anyway.
    var submitsSoon: Bool { isAwake.load(ordering: .relaxed) || thread.load(ordering: .relaxed) == pthread_self() }

    // MARK: for others

    func add(_ job: UnownedJob, of connection: Connection) {
        bring {
            $0.jobs.append(job)
            if $0.connection == nil { $0.connection = connection }
        }
    }

    /// The request is held, and leaving its file's queue.
    func submit(_ request: Request) { bring { $0.requests.append(request) } }

    private func bring(_ put: (inout Work) -> Void) {
        let isAsleep = work.withLock { work in
            put(&work)
            hasWork.store(true, ordering: .relaxed)
            defer { work.isAsleep = false }
            return work.isAsleep
        }
        if isAsleep { ring() }
    }

    private func ring() {
        var one: UInt64 = 1
        _ = write(alarm.rawValue, &one, 8)
    }

    /// The connection is in nobody's hands any more.
    func end() {
        isOver.store(true, ordering: .releasing)
        ring()
    }

    // MARK: the thread

    private func run() {
        AsyncCalls.blockSignals()
        thread.store(pthread_self(), ordering: .relaxed)
        var ready = [
            pollfd(fd: kaio_connection_fd(handle.pointer), events: Int16(POLLIN), revents: 0),
            pollfd(fd: alarm.rawValue, events: Int16(POLLIN), revents: 0),
        ]
        var sinceLook = 0
        while !isOver.load(ordering: .acquiring) {
            isAwake.store(true, ordering: .relaxed)
            let served = AsyncCalls.serve(handle.pointer) {
                hasWork.load(ordering: .relaxed) || isOver.load(ordering: .relaxed)
            }
            sinceLook += 1
            let isIdle = !served && !hasWork.load(ordering: .relaxed)
            if isIdle || sinceLook == Loop.mostWithoutLook {
                sinceLook = 0
                look(&ready, mayWait: isIdle)
            }
            runJobs()
            submitAll()
        }
        _ = kaio_disconnect(handle.pointer)
        try? alarm.close()
    }

    /// After so many turns the descriptors are looked at, whatever else there is to do.
    private static let mostWithoutLook = 16

    /// Looks at the descriptors; without work, and if it may, it sleeps there. Calls what is due.
    private func look(_ ready: inout [pollfd], mayWait: Bool) {
        let isIdle =
            mayWait
            && work.withLock { work in
                work.isAsleep = work.jobs.isEmpty && work.requests.isEmpty
                return work.isAsleep
            }
        if isIdle { isAwake.store(false, ordering: .relaxed) }
        let began = isIdle ? AsyncCalls.now : 0
        // Nothing interrupts it for good: all signals are blocked in this thread.
        _ = poll(&ready, 2, isIdle ? -1 : 0)
        if isIdle {
            AsyncCalls.slept(handle.pointer, since: began)
            work.withLock { $0.isAsleep = false }
        }
        isAwake.store(true, ordering: .relaxed)
        if ready[1].revents != 0 {
            var count: UInt64 = 0
            _ = read(alarm.rawValue, &count, 8)
        }
        if ready[0].revents != 0 {
            wakeUps.wrappingAdd(1, ordering: .relaxed)
            _ = kaio_connection_dispatch(handle.pointer, 0)
        }
    }

    /// Those that are there now; what they bring comes after a look at the files.
    private func runJobs() {
        let (jobs, connection) = work.withLock { work in
            hasWork.store(!work.requests.isEmpty, ordering: .relaxed)
            defer { (work.jobs, work.connection) = ([], nil) }
            return (work.jobs, work.connection)
        }
        guard let connection else { return }
        // Nobody knows for how long.
        isAwake.store(false, ordering: .relaxed)
        for job in jobs { job.runSynchronously(on: connection.asUnownedTaskExecutor()) }
    }

    private func submitAll() {
        let requests = work.withLock { work in
            isAwake.store(false, ordering: .relaxed)
            hasWork.store(!work.jobs.isEmpty, ordering: .relaxed)
            defer { work.requests = [] }
            return work.requests
        }
        var rest = requests[...]
        while let first = rest.first {
            let file = first.call.file
            let run = rest.prefix { $0.call.file === file }
            rest = rest[run.endIndex...]
            file.submitHeld(run)
        }
    }

    /// Returns 0 or an errno.
    func start() -> CInt {
        let argument = Unmanaged.passRetained(self)
        let error = Loop.startThread(argument.toOpaque())
        if error != 0 { argument.release() }
        return error
    }

    /// With signals blocked: the program's handlers have nothing to do in it, but with what a task on it does wrong.
    private static func startThread(_ argument: UnsafeMutableRawPointer) -> CInt {
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        for signal in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS] { sigdelset(&all, signal) }
        pthread_sigmask(SIG_BLOCK, &all, &before)
        var thread = pthread_t()
        let error = pthread_create(&thread, nil, serve, argument)
        if error == 0 { pthread_detach(thread) }
        pthread_sigmask(SIG_SETMASK, &before, nil)
        return error
    }

    private static let serve: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
        _ = "kaio swift".withCString { ck_syscall(Int(SYS_prctl), setName, Int(bitPattern: $0), 0, 0, 0, 0) }
        Unmanaged<Loop>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
    }

    /// PR_SET_NAME.
    private static let setName = 15
}
