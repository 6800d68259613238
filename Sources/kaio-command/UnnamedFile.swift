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

    /// By the kernel's name.
    static func fileSystem(of device: dev_t) -> String {
        // As the C library's makedev puts the two together.
        let major = device >> 8 & 0xfff | device >> 32 & ~0xfff
        let number = "\(major):\(device & 0xff | device >> 12 & 0xffff_ff00)"
        for line in (text(of: "/proc/self/mountinfo") ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count > 4, words[2] == number, let dash = words.firstIndex(of: "-"), dash + 1 < words.count {
                return String(words[dash + 1])
            }
        }
        return "unknown file system"
    }
}
