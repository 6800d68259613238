// Signals as something to wait for beside pipes and keys, instead of handlers.
//
// Invariant: what the command was started with as ignored (`nohup`, a shell's background job) stays so.

import CKernel
import Glibc

struct SignalQueue {
    private let file: CInt
    private var signals = sigset_t()

    /// Those that end a command, with which it must clean up.
    static let ending = [SIGINT, SIGQUIT, SIGTERM, SIGHUP]

    init(_ numbers: [CInt]) throws(Failure) {
        sigemptyset(&signals)
        for number in numbers {
            var before = sigaction()
            sigaction(number, nil, &before)
            if unsafeBitCast(before.__sigaction_handler.sa_handler, to: Int.self) != SignalQueue.ignored {
                sigaddset(&signals, number)
            }
        }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        let set = signals
        let result = withUnsafePointer(to: set) {
            // SFD_NONBLOCK and SFD_CLOEXEC are these.
            systemCall(SYS_signalfd4, -1, address($0), 8, Int(O_NONBLOCK | O_CLOEXEC))
        }
        guard result >= 0 else { throw Failure(message: "signalfd: \(errorText(CInt(-result)))") }
        file = CInt(result)
    }

    private static let ignored = 1

    /// The next signal that came; nil if there is none.
    func next() -> CInt? {
        // struct signalfd_siginfo; the first member is the number.
        var words = [UInt32](repeating: 0, count: 32)
        return read(file, &words, 128) == 128 ? CInt(words[0]) : nil
    }

    /// Waits until one of the files can be read, a signal comes, or the time is up. Says which of the files can be read.
    func wait(for files: [CInt], milliseconds: Int) -> [Bool] {
        var polls = (files + [file]).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        if poll(&polls, nfds_t(polls.count), CInt(clamping: milliseconds)) <= 0 {
            return files.map { _ in false }
        }
        return polls.dropLast().map { $0.revents != 0 }
    }

    /// Does what may wait for somebody else's file for ever, on a thread of its own; a signal that ends the command ends the wait.
    func interruptibly<Value>(_ body: @escaping () throws -> Value) throws -> Value {
        let job = Job(body)
        var thread = pthread_t()
        let error = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Waiting>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, Unmanaged<Waiting>.passRetained(job).toOpaque())
        guard error == 0 else { throw Failure(message: "pthread_create: \(errorText(error))") }
        while !wait(for: [job.isDone], milliseconds: pendingOnes().isEmpty ? -1 : 20)[0] {
            if let number = pendingOnes().first(where: { SignalQueue.ending.contains($0) }) {
                throw Interruption(signal: number)
            }
        }
        pthread_join(thread, nil)
        close(job.isDone)
        return try job.result!.get()
    }

    /// Those that came and were not taken.
    private func pendingOnes() -> [CInt] {
        var pending = sigset_t()
        var mine = signals
        sigpending(&pending)
        return (1..<CInt(65)).filter { sigismember(&mine, $0) == 1 && sigismember(&pending, $0) == 1 }
    }

    private class Waiting {
        func run() {}
    }

    /// Its result belongs to the thread until `isDone` can be read.
    private final class Job<Value>: Waiting {
        let isDone = eventfd(0, CInt(EFD_CLOEXEC))
        private let body: () throws -> Value
        private(set) var result: Result<Value, any Error>?

        init(_ body: @escaping () throws -> Value) { self.body = body }

        override func run() {
            result = Result { try body() }
            eventfd_write(isDone, 1)
        }
    }

    /// Ends the command as the signal would have ended it, so that who started it knows. Returns if it was ignored.
    static func end(by number: CInt) -> Never {
        signal(number, SIG_DFL)
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, number)
        raise(number)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
        exit(128 + number)
    }
}
