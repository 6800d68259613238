// kaio testparm: checks a configuration file, as the library understands it.

import ArgumentParser
import Glibc

struct Testparm: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks a configuration file and prints how the library reads it.",
        discussion: """
            The output is an equivalent configuration with everything spelled out. Errors and warnings go to \
            stderr, each with its file and line. Modules in C are looked up in KAIO_MODULE_DIR, but not loaded.

              kaio testparm slow.conf && kaio run --config slow.conf ./program

            Exit codes: 0: no error (warnings do not count); 1: an error in the file; 2: it can't be read or shown, or there \
            is no library.
            """)

    @Argument(help: "The file to check; default: the one named by KAIO_CONFIG.", completion: .file())
    var file: String?

    @Option(
        help: ArgumentHelp("The library that checks the file, instead of the one found.", valueName: "file"),
        completion: .file())
    var library: String?

    func run() throws {
        guard file != nil || environmentVariable("KAIO_CONFIG") != nil else {
            throw Failure(message: "no file given, and KAIO_CONFIG is not set")
        }
        switch try Library.find(library).testparm(file) {
        case 0: break
        case EINVAL: throw ExitCode(1)
        default: throw ExitCode(2)
        }
    }
}
