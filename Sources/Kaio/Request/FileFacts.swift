// What a descriptor refers to.

import CKernel

/// What a descriptor refers to, as far as requests on it differ.
struct FileFacts {
    enum Kind: UInt8 {
        /// A regular file or a block device: has offsets, and requests may overlap.
        case file
        /// A pipe, FIFO, socket, terminal, or eventfd: bytes come and go in order.
        case stream
        /// Other character devices, directories, and what the kernel invents tomorrow.
        case other
    }

    var device: UInt64 = 0
    var inode: UInt64 = 0
    var size: Int64 = 0
    var kind = Kind.other
    var statusFlags: CInt = 0

    /// Its numbers are the device's, see `init`.
    var isBlockDevice: Bool { kind == .file && inode == .max }
    var isDirect: Bool { statusFlags & __O_DIRECT != 0 }
    var isAppending: Bool { statusFlags & O_APPEND != 0 }
    var isReadable: Bool { statusFlags & O_ACCMODE != O_WRONLY && statusFlags & __O_PATH == 0 }
    var isWritable: Bool { statusFlags & O_ACCMODE != O_RDONLY && statusFlags & __O_PATH == 0 }

    /// Whether both look at the same file, be it through different descriptors.
    func isSameFile(as other: FileFacts) -> Bool { device == other.device && inode == other.inode }

    /// A number's high bits are as good as random.
    @inline(__always)
    static func hash(_ device: UInt64, _ inode: UInt64) -> UInt64 {
        (inode ^ device &* 0xbf58_476d_1ce4_e5b9) &* 0x9e37_79b9_7f4a_7c15
    }

    init() {}

    init(device: UInt64, inode: UInt64, size: Int64, kind: Kind, statusFlags: CInt) {
        self.device = device
        self.inode = inode
        self.size = size
        self.kind = kind
        self.statusFlags = statusFlags
    }

    /// Looks at a descriptor; nil if it is not open.
    init?(_ descriptor: Descriptor) {
        let flags = descriptor.statusFlags
        guard flags >= 0, look(descriptor) else { return nil }
        statusFlags = CInt(truncatingIfNeeded: flags)
    }

    /// What the descriptor refers to, but not how it was opened. False if it is not open.
    fileprivate mutating func look(_ descriptor: Descriptor) -> Bool {
        var status = stat()
        guard descriptor.status(&status) == 0 else { return false }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        switch CInt(status.st_mode) & S_IFMT {
        case S_IFREG:
            kind = .file
        case S_IFBLK:
            kind = .file
            // However many device nodes there are, it is one device. It is as long as it is.
            device = UInt64(status.st_rdev)
            inode = .max
            size = .max
        case S_IFIFO, S_IFSOCK:
            kind = .stream
        case S_IFCHR:
            // What has no offset (a terminal) is a stream; /dev/zero and its like are not.
            kind = FileFacts.hasNoOffset(descriptor) ? .stream : .other
        case 0:
            // An eventfd, a timerfd and the like: all of them have one inode, so only the number tells them apart.
            kind = FileFacts.hasNoOffset(descriptor) ? .stream : .other
            device = .max
            inode = UInt64(descriptor.number)
        default:
            kind = .other
        }
        return true
    }
}

extension Request {
    /// Whether the descriptor's number still is that of the file that the request is for: if not, it was closed before
    /// the request's turn.
    var isOnItsFile: Bool {
        var now = FileFacts()
        return now.look(block.pointee.descriptor) && now.isSameFile(as: block.pointee.file)
    }
}

extension FileFacts {
    private static func hasNoOffset(_ descriptor: Descriptor) -> Bool {
        systemCall(SYS_lseek, Int(descriptor.number), 0, Int(SEEK_CUR)) == -Int(ESPIPE)
    }
}
