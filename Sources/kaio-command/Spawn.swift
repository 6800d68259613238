// Starts processes.

import CKernel
import Glibc

typealias CStrings = [UnsafeMutablePointer<CChar>?]

/// Starts a program with this process's environment. Returns its process id, or a negated errno, that of exec too.
/// `redirections` are pairs of descriptors; `mask` is what the program has blocked.
func spawn(
    _ path: UnsafePointer<CChar>, _ arguments: CStrings, redirections: [(from: CInt, to: CInt)] = [],
    mask: sigset_t? = nil
) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (from, to) in redirections { posix_spawn_file_actions_adddup2(&actions, from, to) }

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    if var mask {
        posix_spawnattr_setsigmask(&attributes, &mask)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    }
    var process: pid_t = 0
    let error = posix_spawn(&process, path, &actions, &attributes, arguments + [nil], ck_environment())
    return error == 0 ? process : -error
}

func withCStrings<Result>(_ strings: [String], _ body: (CStrings) -> Result) -> Result {
    let copies = strings.map { strdup($0) }
    defer {
        for copy in copies { free(copy) }
    }
    return body(copies)
}

/// Runs a command to its end. Nil if it can't be started; its status is 128 and the signal if one ended it.
func output(of command: [String]) -> (text: String, errors: String, status: CInt)? {
    // In files without a name, so that neither stream has to be read while the other is written.
    let files = [temporaryFile(), temporaryFile()]
    defer {
        for file in files { close(file) }
    }
    let process = withCStrings(command) { arguments in
        spawn(command[0], arguments, redirections: [(files[0], STDOUT_FILENO), (files[1], STDERR_FILENO)])
    }
    guard process > 0, let status = wait(for: process) else { return nil }
    let texts = files.map { file in
        lseek(file, 0, SEEK_SET)
        return String(decoding: contents(of: file) ?? [], as: UTF8.self)
    }
    return (texts[0], texts[1], Status.exited(status) ?? 128 + Status.signal(status))
}

private func temporaryFile() -> CInt {
    "kaio".withCString { CInt(systemCall(SYS_memfd_create, address($0), 1)) }  // MFD_CLOEXEC
}

private func wait(for process: pid_t) -> CInt? {
    var status: CInt = 0
    while waitpid(process, &status, 0) < 0 {
        if errno != EINTR { return nil }
    }
    return status
}

/// What <sys/wait.h> has as macros.
enum Status {
    static func exited(_ status: CInt) -> CInt? { status & 0x7f == 0 ? (status >> 8) & 0xff : nil }
    static func signal(_ status: CInt) -> CInt { status & 0x7f }
    static func stopped(_ status: CInt) -> CInt? { status & 0xff == 0x7f ? (status >> 8) & 0xff : nil }
}
