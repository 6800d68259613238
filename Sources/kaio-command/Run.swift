// kaio run: runs a program on the library and prints a summary when it ends.

import ArgumentParser
import CKernel
import Glibc

struct Run: ParsableCommand {
    /// As of env(1) and timeout(1); 126 and 127 are the program that can't be run and the one that is not there.
    static let ownFailure: CInt = 125

    static let configuration = CommandConfiguration(
        abstract: "Runs a program on kaio and prints a summary when it ends.",
        usage: "kaio run [<options>] [--] <program> [<argument> ...]",
        discussion: """
            Preloads the library (LD_PRELOAD, after any libraries already there) into the program and the programs that it \
            starts, which need not be changed. A warning says if kaio may have no effect; the program runs in any case.

              kaio run ./program                        does it use kaio, and how?
              kaio run --stats -- ./server --port 8080  how long do requests take?
              kaio run --audit audit.%p ./program       log each request
              kaio run --config slow.conf make check    other modules for some files
              kaio run --vfs "delay_inject ordered aio_linux aio_poll" ./program

            The summary covers every process that exited normally. A process that ends by _exit, exec or a signal writes no \
            statistics; the summary says so.

            Variables such as KAIO_WORKERS keep their effect unless an option overrides them. If KAIO_STATS_FILE is set, the \
            statistics go there, and there is no summary. With a configuration, --audit and --stats put their modules on top \
            of the stack of every service in it.

            Signals reach the program, Ctrl-Z and fg work, and kaio ends as the program does: with the same exit code, or by the \
            same signal. Its own failures have the exit codes of env(1): 125 (an invalid option or configuration, or no \
            library), 126 (the program can't be executed), 127 (the program was not found).
            """)

    @Flag(help: "Show how long requests took, by operation (module stats).")
    var stats = false

    @Option(
        help: ArgumentHelp(
            "Write a line for each request (module full_audit); %p in the name is the process ID. Also: stderr, syslog.",
            valueName: "file"),
        completion: .file())
    var audit: String?

    @Option(help: ArgumentHelp("The stack of modules, top to bottom, as one argument.", valueName: "objects"))
    var vfs: String?

    @Option(
        help: ArgumentHelp("A configuration; kaio testparm checks it.", valueName: "file"),
        completion: .file())
    var config: String?

    @Option(
        help: ArgumentHelp("The library to preload, instead of the one found.", valueName: "file"),
        completion: .file())
    var library: String?

    @Flag(name: .shortAndLong, help: "Print nothing: no warnings, no summary.")
    var quiet = false

    @Argument(
        parsing: .captureForPassthrough, help: ArgumentHelp("The program and its arguments.", valueName: "program"),
        completion: .custom { _, _, prefix in Program.names(startingWith: prefix) })
    var program: [String] = []

    func run() throws {
        if stats && quiet {
            throw Failure(message: "--quiet and --stats can't be used together", code: Run.ownFailure)
        }
        // The words as they are: those of the parser are Unicode, names and arguments may be anything.
        var words = Array(CommandLine.arguments.indices.suffix(program.count)).map { CommandLine.unsafeArgv[$0] }
        var name = program.first
        if name == "--" {
            words.removeFirst()
            name = program.dropFirst().first
        } else if name == "--help" || name == "-h" {
            throw CleanExit.helpRequest(self)
        } else if let name, name.hasPrefix("-") {
            throw Failure(message: "\(name): unknown option; see kaio run --help", code: Run.ownFailure)
        }
        guard let name, !words.isEmpty else {
            throw Failure(message: "no program given; usage: kaio run [options] -- program ...", code: Run.ownFailure)
        }
        do {
            try run(Program(name), words)
        } catch let failure as Failure {
            throw Failure(message: failure.message, code: failure.code == 2 ? Run.ownFailure : failure.code)
        }
    }

    private func run(_ program: Program, _ words: CStrings) throws {
        // What may take long comes first: a signal ends the command there, and there is nothing to clean up.
        var preload = Preload(library: try Library.find(library))
        preload.objects = vfs
        preload.configuration = config.map(Path.absolute)
        let understood = try understood(preload)
        for doubt in quiet ? [] : program.doubts() { warn(doubt) }
        let parent = try TemporaryDirectory.parent { if !quiet { warn($0) } }

        let supervisor = Supervisor()
        let directory = try TemporaryDirectory(in: parent)
        do {
            let modules = modules(in: directory)
            if let understood, !modules.isEmpty {
                let text = Stack.adding(modules, to: understood)
                preload.configuration = try directory.write(text, as: "kaio.conf")
            }
            let isCounted = !quiet && environmentVariable("KAIO_STATS_FILE") == nil
            if isCounted { preload.statistics = "\(directory.path)/\(Summary.countsName)" }
            preload.live = directory.path
            try preload.apply()

            let began = Clock.now
            let run = try run(program, words, supervisor, directory)
            if isCounted {
                let end = Run.described(run.status) + " after \(Format.fixed(Double(Clock.now - began) / 1e9, 2)) s"
                Summary(of: directory).show(
                    name: Path.name(of: program.name), program: run.process, ended: end, withLatencies: stats)
            } else if !quiet {
                Terminal.error.say("kaio: the statistics are in \(environmentVariable("KAIO_STATS_FILE") ?? "")")
            }
            directory.remove()
            Supervisor.leave(as: run.status)
        } catch {
            directory.remove()
            throw error
        }
    }

    /// Where lines can't be written, nobody would miss them before the end.
    private static func checkLog(_ path: String) throws(Failure) {
        var facts = stat()
        let isThere = stat(path, &facts) == 0
        // A %p is known only when the library opens the file.
        if !isThere, Path.directory(of: path).position(of: "%p") != nil { return }
        let isDirectory = isThere && facts.st_mode & S_IFMT == S_IFDIR
        if !isDirectory, access(isThere ? path : Path.directory(of: path), W_OK) == 0 { return }
        let problem = errorText(isDirectory ? EISDIR : errno)
        throw Failure(message: "--audit \(path): can't be written: \(problem)", code: ownFailure)
    }

    private var auditPlace: String? {
        audit.map { ["stderr", "syslog"].contains($0) ? $0 : Path.absolute($0) }
    }

    /// The stack that the options ask for, once the library has checked it. Nil where they ask for none.
    private func understood(_ preload: Preload) throws -> String? {
        if let auditPlace, auditPlace.hasPrefix("/") { try Run.checkLog(auditPlace) }
        if audit == nil, !stats, vfs == nil, config == nil { return nil }
        let stack = Stack(
            objects: vfs ?? environmentVariable("KAIO_VFS_OBJECTS"),
            file: preload.configuration ?? environmentVariable("KAIO_CONFIG").map(Path.absolute))
        return try stack.understood(by: preload.library)
    }

    /// Those that options ask for.
    private func modules(in directory: TemporaryDirectory) -> [Stack.Module] {
        var modules: [Stack.Module] = []
        if let auditPlace { modules.append(Stack.Module(name: "full_audit", parameters: [("to", auditPlace)])) }
        if stats {
            let file = "\(directory.path)/\(Summary.latenciesName)"
            modules.append(Stack.Module(name: "stats", parameters: [("file", file), ("format", "json")]))
        }
        return modules
    }

    private func run(
        _ program: Program, _ words: CStrings, _ supervisor: Supervisor, _ directory: TemporaryDirectory
    ) throws -> Supervisor.Run {
        // A name with a slash is the person's own bytes.
        let path = program.path.withCString { strdup($0) }
        defer { free(path) }
        guard let file = program.name.contains("/") ? words[0] : path else {
            throw Program.failure(program.name, ENOMEM)
        }
        var run = supervisor.run(file, words, cleanUp: directory.remove)
        if run.error == ENOEXEC, Elf(path: program.path) == nil {
            // A script without #!; execvp(3) does the same.
            run = withCStrings(["/bin/sh"]) { shell in
                supervisor.run(shell[0]!, shell + [file] + words.dropFirst(), cleanUp: directory.remove)
            }
        }
        if run.error != 0 { throw Program.failure(program.name, run.error) }
        return run
    }

    private static func described(_ status: CInt) -> String {
        if let code = Status.exited(status) { return code == 0 ? "ended" : "ended with code \(code)" }
        let signal = Status.signal(status)
        return "was terminated by signal \(signal) (\(String(cString: strsignal(signal))))"
    }
}
