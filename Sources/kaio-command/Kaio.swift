// The `kaio` command: runs programs on the library, and says what it does for them.
//
// Each subcommand is a file. Library.swift finds the library, Terminal.swift and JSON.swift are what a person and a
// script see, System.swift is the C library in Swift's words.

import ArgumentParser
import CKernel
import Glibc

@main
struct Kaio: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kaio",
        abstract: "Kernel asynchronous I/O for programs that use POSIX AIO, without changing them.",
        discussion: """
            Does kaio help a program? Run it under kaio and see the summary at the end:

              kaio run --stats -- ./program

            Can this machine, container and file system do what kaio needs?

              kaio doctor /var/lib/data

            Completions for bash, zsh or fish:

              kaio --generate-completion-script bash > kaio.bash

            Exit codes: 0 success, 1 a problem was found, 2 the check could not be made or an option is invalid; \
            `kaio run` exits with the program's. Colour is used on terminals, unless NO_COLOR is set.
            """,
        subcommands: [
            Run.self, Doctor.self, Bench.self, Top.self, Bufio.self, Mirror.self, Testparm.self, BenchWorker.self,
        ]
    )

    @Flag(help: "Print the versions of the command and of the library that it finds.")
    var version = false

    static let version = String(cString: ck_version())

    func run() throws {
        guard version else { throw CleanExit.helpRequest(self) }
        Terminal.output.say("kaio \(Kaio.version)")
        let library = try Library.find()
        Terminal.output.say("library \(try library.version) (\(library.path))")
    }

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let failure as Failure {
            complain(failure.message)
            Glibc.exit(failure.code)
        } catch {
            guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
            // The parser's own code, 64, is not one of those that the help names.
            complain("\(message(for: error)); see --help")
            Glibc.exit(CommandLine.arguments.dropFirst().first == "run" ? Run.ownFailure : 2)
        }
    }
}
