// Files to try things on, and what they lie on.
//
// Invariant: such a file has no name (O_TMPFILE), or loses it before anything else happens, so that nothing is left behind
// however the command ends.

import CKernel
import Glibc

enum UnnamedFile {
    static func make(in directory: String) throws(Failure) -> CInt {
        let file = open(directory, __O_TMPFILE | O_DIRECTORY | O_RDWR | O_CLOEXEC, 0o600)
        if file >= 0 { return file }
        // Some file systems have no files without a name.
        guard errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT || errno == EINVAL else {
            throw failure(directory)
        }
        var (all, before) = (sigset_t(), sigset_t())
        sigfillset(&all)
        sigprocmask(SIG_BLOCK, &all, &before)
        defer { sigprocmask(SIG_SETMASK, &before, nil) }
        var name = Array("\(directory)/.kaio.XXXXXX".utf8CString)
        let named = mkstemp(&name)
        guard named >= 0 else { throw failure(directory) }
        unlink(name)
        _ = fcntl(named, F_SETFD, FD_CLOEXEC)
        return named
    }

    private static func failure(_ directory: String) -> Failure {
        Failure(message: "\(directory): \(errorText(errno)); a file must be made there, to try things on")
    }

    /// By the kernel's name. The mount is found by its number: on btrfs a file's device is not the mount's.
    static func fileSystem(of descriptor: CInt) -> String {
        func words(_ path: String) -> [[Substring]] {
            (text(of: path) ?? "").split(separator: "\n").map { $0.split { $0 == " " || $0 == "\t" } }
        }
        if let mount = words("/proc/self/fdinfo/\(descriptor)").first(where: { $0.first == "mnt_id:" })?.last,
            let line = words("/proc/self/mountinfo").first(where: { $0.first == mount }),
            let dash = line.firstIndex(of: "-"), dash + 1 < line.count
        {
            return String(line[dash + 1])
        }
        return "unknown file system"
    }
}
