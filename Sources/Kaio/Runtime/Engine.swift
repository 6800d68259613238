// The library's life: it starts with the first request, and ends when nothing was asked of it for a while.
//
// Invariant: a request is counted in `inFlight` before the engine's state is looked at, and the engine goes
// down only if, after the state says "down", nothing is counted. So no request meets an engine that is
// going away: it either sees "up" and is seen, or waits at `lifeLock` and starts the engine again.

import CKernel
import Synchronization

enum Engine {
    private static let isUp = Atomic<Bool>(false)
    private static let inFlight = Atomic<Int>(0)
    private static let lastRequest = Atomic<Int64>(0)
    private static let lifeLock = Lock()
    nonisolated(unsafe) private static var isPrepared = false
    nonisolated(unsafe) private static var saidWhyNoKernel = false

    /// Counts `count` requests in, and starts the engine if it is down. False if a limit is reached or memory
    /// is short: then nothing is counted. All signals are blocked.
    static func enter(_ count: Int) -> Bool {
        let now = inFlight.wrappingAdd(count, ordering: .sequentiallyConsistent).newValue
        if !isUp.load(ordering: .sequentiallyConsistent), !start() {
            leave(count)
            return false
        }
        lastRequest.store(Instant.roughlyNow.nanoseconds, ordering: .relaxed)
        Statistics.countInFlight(now)
        return true
    }

    static func leave(_ count: Int) {
        inFlight.wrappingSubtract(count, ordering: .sequentiallyConsistent)
    }

    /// Keeps an engine that is up from going down, until `leave(1)`. False if it is down.
    static func hold() -> Bool {
        inFlight.wrappingAdd(1, ordering: .sequentiallyConsistent)
        if isUp.load(ordering: .sequentiallyConsistent) { return true }
        leave(1)
        return false
    }

    /// The request is over in every respect.
    static func release(_ request: Request) {
        Slab.free(request)
        leave(1)
    }

    // MARK: start

    private static func start() -> Bool {
        lifeLock.lock()
        defer { lifeLock.unlock() }
        if isUp.load(ordering: .sequentiallyConsistent) { return true }
        if !isPrepared {
            guard prepare() else { return false }
            isPrepared = true
        }
        openKernelQueue()
        _ = Reactor.start()
        isUp.store(true, ordering: .sequentiallyConsistent)
        return true
    }

    /// Once in a process's life.
    private static func prepare() -> Bool {
        Options.read()
        guard Slab.prepare(limit: UInt32(Options.maxRequests)) else { return false }
        Workers.prepare()
        if let names = Options.vfsObjects {
            Stack.standard = Stack(names: names) { Options.complainOfModule($0) }
        }
        if Stack.standard == nil { Stack.standard = Stack(names: Text(Registry.standardStack)) { _ in } }
        newSecret()
        if Options.showStatistics || Options.statisticsFile != nil {
            atexit { Statistics.report() }
        }
        if Options.verbose { introduce() }
        return true
    }

    private static func newSecret() {
        var secret: UInt64 = 0
        let result = withUnsafeMutablePointer(to: &secret) { systemCall(SYS_getrandom, address($0), 8, 1) }
        if result != 8 {
            secret = UInt64(truncatingIfNeeded: Instant.now.nanoseconds) &* 0xbf58_476d_1ce4_e5b9
        }
        UserBlock.secret.store(secret | 1, ordering: .relaxed)
    }

    private static func introduce() {
        var message = Message()
        message.add("kaio ")
        message.add(Version.text)
        message.add(": stack")
        for position in 0..<Stack.standard!.count {
            message.add(" ")
            message.add(Text(Stack.standard![position].name))
        }
        message.add(", ring ")
        message.add(Options.ring)
        message.show()
    }

    private static func openKernelQueue() {
        let error = KernelQueue.open()
        guard error != 0, Options.verbose, !saidWhyNoKernel else { return }
        saidWhyNoKernel = true
        var message = Message()
        message.add("kaio: the kernel's AIO can't be used (io_setup: ")
        message.add(Text(strerror(error)))
        if error == EAGAIN { message.add("; fs.aio-max-nr is used up") }
        if error == ENOTSUP { message.add("; the completion ring is not mapped") }
        message.add("): requests run on worker threads")
        message.show()
    }

    // MARK: end

    enum ShutDown {
        case down
        case tryAgain(in: Int64)
    }

    /// Called by the reactor when its timer is up.
    static func shutDownIfIdle() -> ShutDown {
        let idle = Int64(Options.idleSeconds) * 1_000_000_000
        if idle == 0 { return .tryAgain(in: 0) }
        let due = Instant(nanoseconds: lastRequest.load(ordering: .relaxed)).advanced(by: idle)
        // The rough clock is a few milliseconds behind: never give back early.
        let left = due.remaining + 5_000_000
        if left > 5_000_000 { return .tryAgain(in: left) }
        lifeLock.lock()
        isUp.store(false, ordering: .sequentiallyConsistent)
        if inFlight.load(ordering: .sequentiallyConsistent) != 0 {
            isUp.store(true, ordering: .sequentiallyConsistent)
            lifeLock.unlock()
            return .tryAgain(in: min(idle, 1_000_000_000))
        }
        Workers.dismiss()
        Notifier.dismiss()
        let queue = KernelQueue.detach()
        let (epoll, timer, event) = Reactor.detach()
        Slab.discard()
        lifeLock.unlock()
        // From here on the next request may start everything anew.
        queue.dispose()
        epoll.close()
        timer.close()
        event.close()
        return .down
    }
}
