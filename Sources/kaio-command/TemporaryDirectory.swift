// A directory for this run of the command alone. Who makes one removes it, whatever happens.
//
// Invariant: nobody but root and this user can replace it, or a directory above it; so what the library reads there is what
// was written there. All that is done in it goes through its descriptor.

import CKernel
import Glibc

struct TemporaryDirectory {
    /// Where one can be made.
    struct Parent {
        let path: String
        fileprivate let descriptor: CInt
    }

    let path: String
    private let name: String
    private let parent: CInt
    private let descriptor: CInt

    /// More than this no file that the library writes there has.
    private static let greatestFile = 16 << 20

    /// In memory if TMPDIR does not say otherwise: what `kaio top` reads is written all the time. Its name goes into
    /// variables and parameters in which a percent sign, a quote, a semicolon or a blank would mean something else; a
    /// directory with such a name is passed by. So is one in which somebody else could put another in the place of ours, which
    /// is said if a variable names it.
    static func parent(complain: (String) -> Void) throws(Failure) -> Parent {
        for variable in ["TMPDIR", "XDG_RUNTIME_DIR"] {
            guard let path = environmentVariable(variable), let real = usable(path) else { continue }
            if let descriptor = openTrusted(real) { return Parent(path: real, descriptor: descriptor) }
            if errno != EPERM { continue }
            complain("\(variable)=\(printable(path)) is not used: others can write to it, or to a directory above it")
        }
        for path in ["/dev/shm", "/tmp"] {
            if let real = usable(path), let descriptor = openTrusted(real) {
                return Parent(path: real, descriptor: descriptor)
            }
        }
        throw Failure(message: "no place for a temporary directory: neither TMPDIR, nor /dev/shm, nor /tmp can be used")
    }

    private static func usable(_ path: String) -> String? {
        guard path.hasPrefix("/"), let real = Path.real(path) else { return nil }
        let isPlain = real.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !"%\"';\\#".utf8.contains($0) }
        return isPlain && access(real, W_OK | X_OK) == 0 ? real : nil
    }

    /// Nil, with errno EPERM, if somebody else could replace it, or what is ours in it.
    private static func openTrusted(_ path: String) -> CInt? {
        guard let way = Way(to: path) else { return nil }
        if !way.isReplaceable, !way.isShared || way.isSticky { return way.directory }
        close(way.directory)
        errno = EPERM
        return nil
    }

    init(in parent: Parent) throws(Failure) {
        let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
        var name = ""
        repeat {
            name = "kaio." + String((0..<8).map { _ in letters.randomElement()! })
            if mkdirat(parent.descriptor, name, 0o700) == 0 { break }
            if errno != EEXIST {
                throw Failure(message: "no temporary directory in \(parent.path): \(errorText(errno))")
            }
        } while true
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        descriptor = openat(parent.descriptor, name, flags)
        self.name = name
        self.parent = parent.descriptor
        path = (parent.path == "/" ? "" : parent.path) + "/" + name
        var facts = stat()
        guard descriptor >= 0, fstat(descriptor, &facts) == 0, facts.st_uid == geteuid() else {
            throw Failure(message: "\(path): someone else has replaced this directory")
        }
    }

    /// Of the files, in order.
    var names: [String] {
        let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0 else { return [] }
        guard let directory = fdopendir(copy) else {
            close(copy)
            return []
        }
        return Path.names(of: directory)
    }

    func write(_ text: String, as name: String) throws(Failure) -> String {
        let file = openat(descriptor, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0, kaio_command.write(text, to: file), close(file) == 0 else {
            throw Failure(message: "\(path)/\(name): \(errorText(errno))")
        }
        return "\(path)/\(name)"
    }

    /// Nil if it is no plain file, or too large a one.
    func contents(of name: String, most: Int = greatestFile) -> [UInt8]? {
        let file = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return nil }
        return kaio_command.contents(of: file, most: most)
    }

    /// It has files only.
    func remove() {
        for name in names { unlinkat(descriptor, name, 0) }
        unlinkat(parent, name, AT_REMOVEDIR)
    }
}
