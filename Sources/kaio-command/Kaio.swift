// The `kaio` command: runs programs on the library, and says what it does for them.

import ArgumentParser

@main
struct Kaio: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kaio",
        abstract: "Kernel asynchronous I/O for programs that use POSIX AIO, without changing them.",
        subcommands: [Testparm.self]
    )
}
