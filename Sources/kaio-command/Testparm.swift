// kaio testparm: checks a configuration file, as the library understands it.

import ArgumentParser
import Glibc

struct Testparm: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks a configuration file and prints how the library understands it.",
        discussion: """
            The output is a configuration with the same meaning and everything spelled out. Errors and warnings go to \
            stderr, each with its file and line. Modules in C are looked up in KAIO_MODULE_DIR, but not loaded.

              kaio testparm slow.conf && kaio run --config slow.conf ./program

            Exit codes: 0 no error (warnings do no harm), 1 an error in the file, 2 it can't be read or shown, or there is \
            no library to ask.
            """)

    @Argument(help: "The file; without it the one that KAIO_CONFIG names.", completion: .file())
    var file: String?

    @Option(
        help: ArgumentHelp("The library to ask instead of the one found.", valueName: "file"),
        completion: .file())
    var library: String?

    func run() throws {
        guard file != nil || environmentVariable("KAIO_CONFIG") != nil else {
            throw Failure(message: "which file? None is given, and KAIO_CONFIG names none")
        }
        switch try Library.find(library).testparm(file) {
        case 0: break
        case EINVAL: throw ExitCode(1)
        default: throw ExitCode(2)
        }
    }
}
