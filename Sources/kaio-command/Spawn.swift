// Starts processes.

import CKernel
import Glibc

typealias CStrings = [UnsafeMutablePointer<CChar>?]

/// A process that is to become a program. Where a file server does not answer that may take long, so nobody waits for it: a signal
/// reaches the process meanwhile, and why it did not become one is known when it has ended.
struct Child {
    /// Or a negated errno.
    let process: pid_t
    private let failure: CInt

    fileprivate init(process: pid_t, failure: CInt = -1) {
        self.process = process
        self.failure = failure
    }

    /// To be asked once, when it has ended: the errno of exec; 0 if it became the program.
    func execError() -> CInt {
        var error: CInt = 0
        let isFailed = read(failure, &error, 4) == 4
        close(failure)
        return isFailed ? error : 0
    }
}

/// Starts a program with this process's environment. `redirections` are pairs of descriptors; `mask` is what it has blocked.
func spawn(
    _ path: UnsafePointer<CChar>, _ arguments: CStrings, redirections: [(from: CInt, to: CInt)] = [],
    mask: sigset_t
) -> Child {
    var ends: [CInt] = [-1, -1]
    let result = ends.withUnsafeMutableBytes { systemCall(SYS_pipe2, address($0.baseAddress!), Int(O_CLOEXEC)) }
    if result < 0 { return Child(process: pid_t(result)) }
    // None of the numbers that the program gets.
    let writing = fcntl(ends[1], F_DUPFD_CLOEXEC, 64)
    close(ends[1])
    defer { close(writing) }
    var mask = mask
    let words = arguments + [nil]
    let process = words.withUnsafeBufferPointer { words in
        // As fork does it. This command has one thread.
        let process = systemCall(SYS_clone, Int(SIGCHLD))
        if process != 0 { return process }
        for (from, to) in redirections {
            if from == to { _ = fcntl(to, F_SETFD, 0) } else { dup2(from, to) }
        }
        sigprocmask(SIG_SETMASK, &mask, nil)
        execve(path, words.baseAddress!, ck_environment())
        var error = errno
        _ = Glibc.write(writing, &error, 4)
        _exit(127)
    }
    if process > 0 { return Child(process: pid_t(process), failure: ends[0]) }
    close(ends[0])
    return Child(process: pid_t(process))
}

func withCStrings<Result>(_ strings: [String], _ body: (CStrings) -> Result) -> Result {
    let copies = strings.map { strdup($0) }
    defer {
        for copy in copies { free(copy) }
    }
    return body(copies)
}

/// Runs a command to its end. Nil if it can't be started; its status is 128 and the signal if one ended it. A signal that
/// ends this command meanwhile ends that one first.
func output(of command: [String], input: String? = nil) -> (text: String, errors: String, status: CInt)? {
    // In files without a name, so that neither stream has to be read while the other is written.
    var files = [temporaryFile(), temporaryFile()]
    var redirections = [(files[0], STDOUT_FILENO), (files[1], STDERR_FILENO)]
    if let input {
        files.append(temporaryFile())
        redirections.append((files[2], STDIN_FILENO))
        write(input, to: files[2])
    }
    defer {
        for file in files { close(file) }
    }
    let helper = Helper()
    defer { helper.unblock() }
    let child = withCStrings(command) { arguments in
        spawn(command[0], arguments, redirections: redirections, mask: helper.before)
    }
    guard child.process > 0, let status = helper.wait(for: child.process) else { return nil }
    let error = child.execError()
    if error != 0 {
        errno = error
        return nil
    }
    let texts = files.prefix(2).map { file in
        lseek(file, 0, SEEK_SET)
        return String(decoding: contents(of: file, most: 64 << 20) ?? [], as: UTF8.self)
    }
    return (texts[0], texts[1], Status.exited(status) ?? 128 + Status.signal(status))
}

private func temporaryFile() -> CInt {
    "kaio".withCString { CInt(systemCall(SYS_memfd_create, address($0), 1)) }  // MFD_CLOEXEC
}

/// Waits for a process that works for this command, and takes it along where a signal ends this one.
private struct Helper {
    private(set) var before = sigset_t()
    private var taken = sigset_t()

    init() {
        // Where it is ignored there is nothing to wait for.
        signal(SIGCHLD, SIG_DFL)
        sigemptyset(&taken)
        for number in SignalQueue.ending + [SIGCHLD] { sigaddset(&taken, number) }
        sigprocmask(SIG_BLOCK, &taken, &before)
        for number in SignalQueue.ending {
            var action = sigaction()
            sigaction(number, nil, &action)
            let isIgnored = unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
            if isIgnored || sigismember(&before, number) == 1 { sigdelset(&taken, number) }
        }
    }

    func unblock() {
        var before = before
        sigprocmask(SIG_SETMASK, &before, nil)
    }

    func wait(for process: pid_t) -> CInt? {
        var status: CInt = 0
        while true {
            let result = waitpid(process, &status, WNOHANG)
            if result == process { return status }
            if result < 0, errno != EINTR { return nil }
            var (taken, info) = (taken, siginfo_t())
            let number = sigwaitinfo(&taken, &info)
            guard number > 0, number != SIGCHLD else { continue }
            kill(process, SIGKILL)
            _ = waitpid(process, &status, 0)
            SignalQueue.end(by: number)
        }
    }
}

/// What <sys/wait.h> has as macros.
enum Status {
    static func exited(_ status: CInt) -> CInt? { status & 0x7f == 0 ? (status >> 8) & 0xff : nil }
    static func signal(_ status: CInt) -> CInt { status & 0x7f }
    static func stopped(_ status: CInt) -> CInt? { status & 0xff == 0x7f ? (status >> 8) & 0xff : nil }
}
