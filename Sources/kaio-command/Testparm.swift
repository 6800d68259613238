// kaio testparm: checks a configuration file, as the library understands it.

import ArgumentParser
import Glibc

struct Testparm: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Checks a configuration file.")

    @Argument(help: "The file; as a rule the one that KAIO_CONFIG names.", completion: .file())
    var file: String?

    func run() throws {
        let library = dlopen("libkaio.so.1", RTLD_NOW)
        guard let library, let function = dlsym(library, "kaio_testparm") else { throw ExitCode(2) }
        typealias Function = @convention(c) (UnsafePointer<CChar>?) -> CInt
        let testparm = unsafeBitCast(function, to: Function.self)
        let result = file.map { $0.withCString(testparm) } ?? testparm(nil)
        throw ExitCode(result == 0 ? 0 : 1)
    }
}
