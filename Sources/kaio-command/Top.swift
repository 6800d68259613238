// kaio top: what a process does with kaio, live: requests a second, latencies, and what is in flight, by file and
// operation.
//
// The process counts only while somebody looks: LiveReader.swift tells it, every second.

import ArgumentParser
import CKernel
import Glibc

struct Top: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what a running program does with asynchronous I/O.",
        discussion: """
            Shows the requests by file and operation. The program must have been started with `kaio run`, or with \
            KAIO_LIVE_DIR set to a directory. Press q to quit. The program counts only while kaio top runs, so requests that \
            began earlier are not shown. Latencies are measured from the call to the result, and are shown at most an eighth \
            too high. Each forked child has to be watched separately.

            Examples:
              kaio run fio job.fio & kaio top $(pgrep -n fio)
              kaio top --once --json 4711 | jq .total.requests_per_second

            Exit codes: 0: the process was shown, or has ended meanwhile; 1: it cannot be shown.
            """)

    @Argument(help: "The process ID.")
    var process: Int32

    @Option(help: ArgumentHelp("How often the display is updated.", valueName: "seconds"))
    var interval = 1.0

    @Flag(help: "Print one update and exit.")
    var once = false

    @Flag(help: "Print one line of JSON for each update.")
    var json = false

    func validate() throws {
        guard process > 0 else { throw ValidationError("a process ID is greater than 0") }
        guard (0.1...3600).contains(interval) else {
            throw ValidationError("--interval takes seconds from 0.1 to 3600, not \(interval)")
        }
    }

    func run() throws {
        let isOnScreen = !once && !json && Terminal.output.isInteractive
        let signals = try SignalQueue(SignalQueue.ending + (isOnScreen ? [SIGWINCH, SIGTSTP] : []))
        var watch = Watch(process, signals, isOnScreen ? Screen() : nil)
        do {
            try watch.run(interval: Int(interval * 1000), once: once, json: json)
        } catch let interruption as Interruption {
            SignalQueue.end(by: interruption.signal)
        }
    }
}

private struct Watch {
    private let process: pid_t
    private let program: String
    private let signals: SignalQueue
    private let screen: Screen?
    /// A file that can be read when the process has ended; -1 if there is none.
    private let life: CInt
    private var reader: LiveReader?
    private var view: TopView
    private var hasQuit = false
    private var wasThere = false

    init(_ process: pid_t, _ signals: SignalQueue, _ screen: Screen?) {
        self.process = process
        self.signals = signals
        self.screen = screen
        // pidfd_open; -ENOSYS before Linux 5.3.
        life = CInt(max(-1, systemCall(434, Int(process))))
        program = programName(of: process)
        view = TopView(process: process, program: program, isOnScreen: screen != nil)
    }

    private func hasEnded() -> Bool {
        if life < 0 { return kill(process, 0) != 0 && errno == ESRCH }
        var one = pollfd(fd: life, events: Int16(POLLIN), revents: 0)
        return poll(&one, 1, 0) > 0
    }

    mutating func run(interval: Int, once: Bool, json: Bool) throws {
        guard try connect() || !once else { throw Failure(message: view.whyNothing, code: 1) }
        screen?.enter()
        defer { screen?.leave() }
        var last = try sample()
        draw()
        while true {
            try wait(interval)
            if hasQuit { return }
            let isOver = hasEnded()
            if !isOver, reader == nil || reader?.isReplaced ?? false, try connect() { last = nil }
            let now = try sample()
            if let now {
                view.update(now, since: last, interval: interval)
                if json {
                    try say(view.json.description)
                } else if screen == nil {
                    try say(view.lines(.max, .max).joined(separator: "\n") + "\n")
                }
            }
            draw()
            last = now
            if once { return }
            if isOver {
                screen?.leave()
                Terminal.error.say("kaio: process \(process) (\(program)) has ended")
                return
            }
        }
    }

    /// Finds the page. False: there is none yet.
    private mutating func connect() throws -> Bool {
        reader?.close()
        reader = nil
        view.version = nil
        do {
            let process = process
            reader = try signals.interruptibly { try LiveReader(process: process) }
            view.version = reader?.version
            wasThere = true
            return true
        } catch LiveProblem.noRequestYet(let hint) {
            view.hint = hint
            return false
        } catch LiveProblem.other(let reason) {
            // It may be about to end, or to become another program.
            if wasThere { return false }
            throw Failure(message: printable(reason), code: 1)
        }
    }

    private func sample() throws -> LiveSample? {
        guard let reader else { return nil }
        return try signals.interruptibly {
            try reader.look()
            return reader.sample()
        }
    }

    private func say(_ text: String) throws(Failure) {
        guard write(text + "\n", to: STDOUT_FILENO) else { throw Failure(message: "stdout: \(errorText(errno))") }
    }

    private func draw() {
        guard let screen else { return }
        let size = screen.size
        screen.show(view.lines(size.columns, size.lines))
    }

    /// Waits so many milliseconds, or until the process ends or the person quits. The process hears of us meanwhile.
    private mutating func wait(_ milliseconds: Int) throws {
        var left = milliseconds
        while left > 0, !hasQuit {
            let start = Clock.now
            let ready = signals.wait(
                for: [screen?.keyFile ?? -1, life], milliseconds: min(left, LiveReader.heartbeat))
            left -= (Clock.now - start) / 1_000_000
            while let signal = signals.next() { try take(signal) }
            if ready[0], let key = screen?.key() { hasQuit = key == "q" || key == "Q" }
            if ready[1] { return }
            if let reader { try signals.interruptibly { try reader.look() } }
        }
    }

    private func take(_ signal: CInt) throws {
        switch signal {
        case SIGWINCH: draw()
        case SIGTSTP:
            screen?.leave()
            kill(getpid(), SIGSTOP)
            screen?.enter()
            draw()
        default: throw Interruption(signal: signal)
        }
    }
}
