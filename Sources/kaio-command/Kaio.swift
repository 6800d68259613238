// The `kaio` command: runs programs on the library, and says what it does for them.
//
// Each subcommand is a file. Library.swift finds the library, Terminal.swift and JSON.swift are what a person and a
// script see, System.swift is the C library in Swift's words.

import ArgumentParser
import Glibc

@main
struct Kaio: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kaio",
        abstract: "Kernel asynchronous I/O for programs that use POSIX AIO, without changing them.",
        subcommands: [Testparm.self, Bench.self, BenchWorker.self, Top.self]
    )

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let failure as Failure {
            complain(failure.message)
            Glibc.exit(failure.code)
        } catch {
            exit(withError: error)
        }
    }
}
