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
