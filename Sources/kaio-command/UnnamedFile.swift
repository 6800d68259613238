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

    /// By the kernel's name, as in `mount -t`.
    static func fileSystem(of descriptor: CInt) -> String {
        if let mount = mount(of: descriptor) { return mount.type }
        // Where /proc is not there, or the file lies on a mount that has no place in this namespace.
        var facts = statfs()
        guard fstatfs(descriptor, &facts) == 0 else { return "unknown file system" }
        let magic = UInt32(truncatingIfNeeded: facts.f_type)
        return names[magic] ?? "file system 0x" + String(magic, radix: 16)
    }

    /// The options that are words. Those with a value may name directories and servers.
    static func mountFlags(of descriptor: CInt) -> String? {
        guard let mount = mount(of: descriptor) else { return nil }
        var flags: [Substring] = []
        for flag in mount.options where !flag.contains("=") && !flags.contains(flag) { flags.append(flag) }
        return flags.joined(separator: ",")
    }

    /// The mount is found by its number: on btrfs a file's device is not the mount's.
    private static func mount(of descriptor: CInt) -> (type: String, options: [Substring])? {
        func words(_ path: String) -> [[Substring]] {
            (text(of: path) ?? "").split(separator: "\n").map { $0.split { $0 == " " || $0 == "\t" } }
        }
        guard
            let mount = words("/proc/self/fdinfo/\(descriptor)").first(where: { $0.first == "mnt_id:" })?.last,
            let line = words("/proc/self/mountinfo").first(where: { $0.first == mount }),
            let dash = line.firstIndex(of: "-"), dash + 1 < line.count, dash > 5
        else { return nil }
        let options = [line[5]] + line.dropFirst(dash + 3)
        return (String(line[dash + 1]), options.flatMap { $0.split(separator: ",") })
    }

    /// Of statfs(2), whose numbers are in linux/magic.h and in the sources of the file systems.
    private static let names: [UInt32: String] = [
        0xef53: "ext4", 0x5846_5342: "xfs", 0x9123_683e: "btrfs", 0xf2f5_2010: "f2fs", 0x0102_1994: "tmpfs",
        0x794c_7630: "overlay", 0x2fc1_2fc1: "zfs", 0xca45_1a4e: "bcachefs", 0x8584_58f6: "ramfs",
        0x9584_58f6: "hugetlbfs",
        0x6969: "nfs", 0xff53_4d42: "cifs", 0xfe53_4d42: "smb2", 0x6573_5546: "fuse", 0x00c3_6400: "ceph",
        0x0102_1997: "9p", 0x6a65_6a63: "virtiofs", 0x5346_544e: "ntfs", 0x7366_746e: "ntfs3", 0x4d44: "vfat",
        0x2011_bab0: "exfat", 0x7371_7368: "squashfs", 0xe0f5_e1e2: "erofs", 0x9660: "iso9660", 0x1501_3346: "udf",
        0x3153_464a: "jfs", 0x5265_4973: "reiserfs", 0x3434: "nilfs2", 0x7461_636f: "ocfs2", 0x0116_1970: "gfs2",
        0x0bd0_0bd0: "lustre", 0x1983_0326: "fhgfs", 0x4750_4653: "gpfs", 0xf15f: "ecryptfs", 0x5346_414f: "afs",
        0x7375_7245: "coda", 0x9fa0: "proc", 0x6265_6572: "sysfs", 0x794c_7631: "aufs", 0x786f_4256: "vboxsf",
        0xbacb_acbc: "vmhgfs", 0x5dca_2df5: "zonefs", 0x2405_1905: "ubifs", 0x72b6: "jffs2",
    ]
}
