// How a program wants to hear of a completion: the part of the caller's sigevent that counts, copied when the
// request is made, since the aiocb is the caller's again before the notification is sent.

import CKaio
import CKernel
import Synchronization

typealias NotifyFunction = @convention(c) (sigval) -> Void

struct Notification {
    enum Kind: UInt8 {
        case none, signal, threadSignal, function, event, connection
    }

    var kind = Kind.none
    var signal: CInt = 0
    /// The thread of SIGEV_THREAD_ID, the eventfd of KAIO_SIGEV_EVENTFD.
    var target: CInt = 0
    var value = sigval()
    var function: NotifyFunction?
    /// Of pthread_attr_t; the caller keeps them valid until the notification, as with the C library. Or the
    /// connection's
    /// file; see `ConnectionFile`.
    var attributes: UnsafeMutableRawPointer?
    /// Of a connection: the function waits for nothing, so whoever completes the request calls it, where no signal handler of the
    /// program's may have been the one.
    var isImmediate = false

    init() {}

    /// Nil for a sigevent that says nothing sensible: EINVAL.
    init?(_ event: UnsafePointer<sigevent>) {
        switch event.pointee.sigev_notify {
        case CInt(SIGEV_NONE):
            return
        case CInt(SIGEV_SIGNAL), CInt(SIGEV_THREAD_ID):
            signal = event.pointee.sigev_signo
            guard signal >= 0, signal <= Notification.lastSignal else { return nil }
            // A zeroed sigevent is SIGEV_SIGNAL with signal 0. Programs mean "none" by it.
            if signal == 0 { return }
            kind = .signal
            if event.pointee.sigev_notify == CInt(SIGEV_THREAD_ID) {
                kind = .threadSignal
                target = ck_sigevent_thread(event)
            }
        case CInt(SIGEV_THREAD):
            kind = .function
            function = ck_sigevent_function(event)
            attributes = ck_sigevent_attributes(event)
            guard function != nil else { return nil }
        case CInt(KAIO_SIGEV_EVENTFD):
            kind = .event
            target = event.pointee.sigev_value.sival_int
            guard Notification.mayBeEvent(Descriptor(number: target)) else { return nil }
        default:
            return nil
        }
        value = event.pointee.sigev_value
    }

    /// Whether it is a signal that a thread with this mask, which submits the request, would hear before its call returned, were the
    /// request done in that. Programs then sleep until a signal comes, and this one has come: with the C library it mostly comes a
    /// moment later. So what is in the page cache is a worker's, too. A signal that is blocked waits.
    func interrupts(_ mask: @autoclosure () -> SignalMask) -> Bool { kind == .signal && !mask().blocks(signal) }

    private static let lastSignal: CInt = 64
    /// The kernel's own first one; the C library keeps two of them.
    private static let firstRealTime: CInt = 32

    /// Whether the user may queue no signal at all, as it was when the coarse clock ticked last.
    private static var isQueueClosed: Bool {
        let now = Instant.roughlyNow.nanoseconds << 1
        let known = closedAt.load(ordering: .relaxed)
        if known & ~1 == now { return known & 1 != 0 }
        let isClosed = queueLimit == 0
        closedAt.store(now | (isClosed ? 1 : 0), ordering: .relaxed)
        return isClosed
    }

    /// A time, and in the lowest bit what was found then.
    private static let closedAt = Atomic<Int64>(0)

    private static var queueLimit: UInt64 {
        var limit = rlimit(rlim_cur: .max, rlim_max: .max)
        _ = withUnsafeMutablePointer(to: &limit) {
            systemCall(SYS_prlimit64, 0, signalQueueLimit, 0, address($0))
        }
        return UInt64(limit.rlim_cur)
    }

    /// RLIMIT_SIGPENDING, an enumerator that only _GNU_SOURCE shows.
    private static let signalQueueLimit = 11

    /// An eventfd is no file, pipe or socket; what else that may be takes no harm from a write of 8 bytes.
    private static func mayBeEvent(_ descriptor: Descriptor) -> Bool {
        var status = stat()
        return descriptor.status(&status) == 0 && CInt(status.st_mode) & S_IFMT == 0
    }

    /// Whether the library has to act at the completion; the kernel signals an eventfd without it.
    var needsUs: Bool { kind != .none && kind != .event && kind != .connection }

    /// Whether somebody is told who may not look; a connection's caller does.
    var isForUs: Bool { kind != .none && kind != .connection }

    /// Whether `target` is an eventfd.
    var hasOwnEvent: Bool { kind == .event || kind == .connection }

    /// What the kernel is to signal when it is done with the request, now.
    var ownEvent: Descriptor {
        guard kind == .connection, let attributes else { return event }
        return ConnectionFile(attributes).connection.completions
    }

    /// The eventfd of KAIO_SIGEV_EVENTFD.
    @inline(__always)
    var event: Descriptor { kind == .event ? Descriptor(number: target) : .none }

    /// Queues the signal. False if the kernel's queue is full: the caller tries again later.
    ///
    /// A standard signal is delivered without its value where the user may queue none at all (RLIMIT_SIGPENDING is 0),
    /// and nothing says so; so that is looked at first.
    func sendSignal() -> Bool {
        if signal < Notification.firstRealTime, Notification.isQueueClosed { return false }
        // Not asked of the kernel each time; a child of fork finds 0 until it makes a request of its own.
        var process = ProcessPage.current?.number ?? 0
        if process == 0 { process = ThreadState.process }
        let thread = kind == .threadSignal ? target : 0
        switch ck_queue_signal(process, thread, signal, value) {
        case -Int(EAGAIN): return false
        case -Int(ENOSYS), -Int(EPERM):
            // A filter has these calls refused: better a signal without its value than none.
            _ =
                thread == 0
                ? systemCall(SYS_kill, Int(process), Int(signal))
                : systemCall(SYS_tgkill, Int(process), Int(thread), Int(signal))
        default: break
        }
        return true
    }
}
