// kaio testparm: checks a configuration file, as the library understands it.

import ArgumentParser
import Glibc

struct Testparm: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Checks a configuration file.")

    @Argument(help: "The file; as a rule the one that KAIO_CONFIG names.", completion: .file())
    var file: String?

    @Option(help: ArgumentHelp("The library to ask.", valueName: "file"), completion: .file())
    var library: String?

    func run() throws {
        let error = try Library.find(library).testparm(file)
        throw ExitCode(error == 0 ? 0 : 1)
    }
}
