// Waits for a program as if it stood in this command's place: signals reach it once, it can be stopped and continued from
// the terminal, and its end becomes this command's.
//
// Both are in one process group, so what the terminal sends (Ctrl-C, Ctrl-Z, a new window size) reaches the program by
// itself. Only a signal that some process sent to this one is passed on. Invariant: from `init` on the signals are blocked
// here and are taken one by one in `wait`, so nothing ends this command before it has cleaned up.

import CKernel
import Glibc

struct Supervisor {
    private var taken = sigset_t()
    /// What the program is to have blocked: what was blocked here at the start.
    private var before = sigset_t()

    init() {
        sigemptyset(&taken)
        // All that can be taken, those of real time too: one that ended this command alone would leave the program behind.
        // Not SIGTTIN and SIGTTOU, with which the terminal stops who is in the background.
        for signal: CInt in 1...64 where ![SIGKILL, SIGSTOP, SIGTTIN, SIGTTOU, SIGCHLD].contains(signal) {
            // A signal that is ignored (nohup) stays so, here and in the program. The C library keeps two for itself.
            var action = sigaction()
            guard sigaction(signal, nil, &action) == 0 else { continue }
            let handler = unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            if handler != 1 { sigaddset(&taken, signal) }  // SIG_IGN
        }
        // Where SIGCHLD is ignored there is nothing to wait for.
        signal(SIGCHLD, SIG_DFL)
        sigaddset(&taken, SIGCHLD)
        var blocked = taken
        // A summary that nobody reads must not change how this command ends.
        sigaddset(&blocked, SIGPIPE)
        sigprocmask(SIG_BLOCK, &blocked, &before)
    }

    /// How a program's run ended, as wait(2) says it; or the errno with which it could not begin.
    struct Run {
        let process: pid_t
        let status: CInt
        let error: CInt
    }

    /// Runs the program to its end. A signal that was sent before there was a process to take it ends this command here, after
    /// `cleanUp`.
    func run(_ path: UnsafePointer<CChar>, _ arguments: CStrings, cleanUp: () -> Void) -> Run {
        var (pending, taken) = (sigset_t(), taken)
        sigpending(&pending)
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM]
        where sigismember(&pending, signal) == 1 && sigismember(&taken, signal) == 1 {
            cleanUp()
            Supervisor.die(of: signal)
        }
        let child = spawn(path, arguments, mask: before)
        if child.process < 0 { return Run(process: child.process, status: 0, error: -child.process) }
        let status = wait(for: child.process)
        return Run(process: child.process, status: status, error: child.execError())
    }

    private func wait(for process: pid_t) -> CInt {
        while true {
            var taken = taken
            var info = siginfo_t()
            let signal = sigwaitinfo(&taken, &info)
            switch signal {
            case SIGCHLD:
                var status: CInt = 0
                while waitpid(process, &status, WNOHANG | WUNTRACED) == process {
                    guard let stop = Status.stopped(status) else { return status }
                    // So that the shell sees its job stop. The shell's SIGCONT reaches both.
                    if [SIGTSTP, SIGTTIN, SIGTTOU].contains(stop) { kill(getpid(), SIGSTOP) }
                }
            case SIGCONT:
                if Supervisor.isStopped(process) { kill(process, SIGCONT) }
            case 1...:
                // The kernel's own, from the terminal, have positive codes; a SIGPIPE of this command is its own.
                let sender = info._sifields._kill.si_pid
                guard info.si_code <= 0, sender != process, sender != getpid() else { break }
                if info.si_code == SI_QUEUE {
                    sigqueue(process, signal, info._sifields._rt.si_sigval)
                } else {
                    kill(process, signal)
                }
            default: break
            }
        }
    }

    private static func isStopped(_ process: pid_t) -> Bool {
        // The state is behind the name, which is in parentheses and may have any character in it.
        guard let line = text(of: "/proc/\(process)/stat"), let end = line.lastIndex(of: ")") else { return true }
        return line[end...].dropFirst(2).first == "T"
    }

    /// Ends this command in the way in which the program ended.
    static func leave(as status: CInt) -> Never {
        if let code = Status.exited(status) { exit(code) }
        die(of: Status.signal(status))
    }

    private static func die(of signal: CInt) -> Never {
        // The program may have left a core; this command must not put its own in the place.
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        Glibc.signal(signal, SIG_DFL)
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, signal)
        kill(getpid(), signal)
        sigprocmask(SIG_UNBLOCK, &set, nil)
        // The first process of a container does not die of a signal.
        exit(128 + signal)
    }
}
