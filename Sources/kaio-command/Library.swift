// The library that this command runs programs on: where it is, what it calls itself, the functions that are called here.

import Glibc

struct Library {
    /// From the root, if the loader's search did not find it.
    let path: String

    static let name = "libkaio.so.1"

    /// Where it is looked for, from the directory of this command: beside it, where `make install` and Debian put it, and
    /// in the build tree, where the command has a directory of its own.
    private static let places = [".", "../lib", "../lib/\(triplet)", "../release", "../../../release"]

    #if arch(x86_64)
        private static let triplet = "x86_64-linux-gnu"
    #elseif arch(arm64)
        private static let triplet = "aarch64-linux-gnu"
    #endif

    /// The one that is named, else the one that belongs to this command, else what the loader finds.
    static func find(_ named: String? = nil) throws(Failure) -> Library {
        if let named {
            guard let path = Path.real(named) else {
                throw Failure(message: "--library \(named): \(errorText(errno))")
            }
            // The loader would wait for the other end of a FIFO.
            var facts = stat()
            guard stat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
                throw Failure(message: "--library \(named): not a regular file")
            }
            let library = Library(path: path)
            _ = try library.version
            return library
        }
        let directory = Path.directory(of: Path.executable)
        for place in places {
            if let path = Path.real("\(directory)/\(place)/\(name)") { return Library(path: path) }
        }
        let library = Library(path: name)
        guard (try? library.handle) != nil else {
            throw Failure(
                message: "no \(name): neither in \(directory), nor in lib beside it, nor where the loader looks "
                    + "(ldconfig, LD_LIBRARY_PATH); --library FILE names one, `make` builds one")
        }
        return library
    }

    /// Loaded into this process. Nothing runs by that: the library does nothing until the first request.
    private var handle: UnsafeMutableRawPointer {
        get throws(Failure) {
            guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
                throw Failure(message: String(cString: dlerror()))
            }
            return handle
        }
    }

    private func function<Function>(_ name: String, as type: Function.Type) throws(Failure) -> Function {
        guard let address = dlsym(try handle, name) else {
            throw Failure(message: "\(path): has no \(name), so it is not kaio's library, or is too old")
        }
        return unsafeBitCast(address, to: type)
    }

    var version: String {
        get throws(Failure) {
            typealias Function = @convention(c) () -> UnsafePointer<CChar>
            return String(cString: try function("kaio_version", as: Function.self)())
        }
    }

    /// Checks a configuration, of which errors go to stderr and what was understood to stdout; 0 or an errno.
    func testparm(_ file: String?) throws(Failure) -> CInt {
        typealias Function = @convention(c) (UnsafePointer<CChar>?) -> CInt
        let testparm = try function("kaio_testparm", as: Function.self)
        errno = 0
        let result = file.map { $0.withCString(testparm) } ?? testparm(nil)
        return result == 0 ? 0 : errno
    }

    /// What LD_PRELOAD gets. The loader parts its words at blanks and colons, and has a meaning for the dollar.
    var preload: String {
        get throws(Failure) {
            if path.contains(where: { " :$\t\n".contains($0) }) {
                throw Failure(
                    message: "\(path): can't be preloaded, because blanks, colons and dollar signs have a special "
                        + "meaning for the loader; move the library, and name it with --library")
            }
            return path
        }
    }
}
