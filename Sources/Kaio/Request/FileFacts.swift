// What a descriptor refers to.

import CKernel

/// What a descriptor refers to, as far as requests on it differ.
struct FileFacts {
    enum Kind: UInt8 {
        /// A regular file or a block device: has offsets, and requests may overlap.
        case file
        /// Bytes, or messages, come and go in order: a pipe or FIFO; a socket; a character device without offsets, such as a
        /// terminal; what has no file, such as an eventfd.
        case pipe, socket, device, event
        /// Other character devices, directories, and what the kernel invents tomorrow.
        case other
    }

    var device: UInt64 = 0
    var inode: UInt64 = 0
    var size: Int64 = 0
    var kind = Kind.other
    var statusFlags: CInt = 0

    /// Its numbers are the device's, see `init`.
    var isStream: Bool { kind == .pipe || kind == .socket || kind == .device || kind == .event }
    var isBlockDevice: Bool { kind == .file && inode == .max }
    var isDirect: Bool { statusFlags & __O_DIRECT != 0 }
    var isAppending: Bool { statusFlags & O_APPEND != 0 }
    /// A write is over when its data is safe. (O_SYNC has this bit too.)
    var isSynchronous: Bool { statusFlags & O_DSYNC != 0 }
    var isReadable: Bool { statusFlags & O_ACCMODE != O_WRONLY && statusFlags & __O_PATH == 0 }
    var isWritable: Bool { statusFlags & O_ACCMODE != O_RDONLY && statusFlags & __O_PATH == 0 }

    /// How the descriptor was opened, as one bit: for reading or writing, with O_DIRECT, O_APPEND, O_DSYNC, O_SYNC.
    var way: UInt64 {
        var number = Int(statusFlags & O_ACCMODE)
        if isDirect { number |= 4 }
        if isAppending { number |= 8 }
        if isSynchronous { number |= 16 }
        if statusFlags & O_SYNC == O_SYNC { number |= 32 }
        return 1 << UInt64(number)
    }

    /// Whether both look at the same file, be it through different descriptors.
    func isSameFile(as other: FileFacts) -> Bool { device == other.device && inode == other.inode }

    /// The highest bits are as good as random; those in the middle are not.
    @inline(__always)
    static func hash(_ device: UInt64, _ inode: UInt64) -> UInt64 {
        (inode ^ device &* 0xbf58_476d_1ce4_e5b9) &* 0x9e37_79b9_7f4a_7c15
    }

    /// Whether a read that gave less than was asked for ended, at `end`, where the file does. A call that must not wait
    /// may end before that, and may even say 0 there: Linux 5.10 does where it would have to read ahead. Asks no server.
    static func isAtEnd(_ descriptor: Descriptor, _ file: FileFacts, _ end: Int) -> Bool {
        if file.isBlockDevice { return end >= sizeOfDevice(descriptor) }
        var status = stat()
        if descriptor.identification(&status) == 0, UInt64(status.st_ino) == file.inode {
            return end >= Int(status.st_size)
        }
        // The number is another file's by now.
        return end >= file.size
    }

    /// Of a block device; the greatest where it can't be told.
    static func sizeOfDevice(_ descriptor: Descriptor) -> Int {
        var size: UInt64 = 0
        let result = withUnsafeMutablePointer(to: &size) {
            systemCall(SYS_ioctl, Int(descriptor.number), blockDeviceSize, address($0))
        }
        return result == 0 ? Int(clamping: size) : .max
    }

    /// BLKGETSIZE64, an expression.
    private static let blockDeviceSize = 0x8008_1272

    init() {}

    init(device: UInt64, inode: UInt64, size: Int64, kind: Kind, statusFlags: CInt) {
        self.device = device
        self.inode = inode
        self.size = size
        self.kind = kind
        self.statusFlags = statusFlags
    }

    /// Looks at a descriptor; nil if that can't be.
    init?(_ descriptor: Descriptor) {
        var error: CInt = 0
        self.init(descriptor, &error)
    }

    /// The same, and why not: EBADF, or what the file system says.
    init?(_ descriptor: Descriptor, _ error: inout CInt) {
        let flags = descriptor.statusFlags
        error = flags < 0 ? CInt(-flags) : look(descriptor)
        guard error == 0 else { return nil }
        statusFlags = CInt(truncatingIfNeeded: flags)
    }

    /// What the descriptor refers to, but not how it was opened. Returns 0 or an errno.
    ///
    /// - Parameter asksServer: The size is to be what its server says.
    fileprivate mutating func look(_ descriptor: Descriptor, asksServer: Bool = false) -> CInt {
        var status = stat()
        let result = asksServer ? descriptor.status(&status) : descriptor.identification(&status)
        guard result == 0 else { return CInt(-result) }
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
        case S_IFIFO: kind = .pipe
        case S_IFSOCK: kind = .socket
        case S_IFCHR:
            // What has no offset (a terminal) is a stream; /dev/zero and its like are not.
            kind = FileFacts.hasNoOffset(descriptor) ? .device : .other
            // Each open of some (/dev/ptmx, /dev/net/tun) is a stream of its own, and nothing tells which, so a stream of a
            // device is that of its number.
            if kind == .device { inode = inode << 32 | UInt64(UInt32(bitPattern: descriptor.number)) }
        case 0:
            // An eventfd, a timerfd and the like: all of them have one inode, so only the number tells them apart.
            kind = .event
            device = .max
            inode = UInt64(descriptor.number)
        default:
            kind = .other
        }
        return 0
    }
}

extension Request {
    /// 0 where the descriptor's number still is that of the file that the request is for; else the request's result:
    /// -ECANCELED, as it was closed before the request's turn, or what the file system says.
    var fileProblem: Int {
        var now = FileFacts()
        let error = now.look(descriptor)
        if error == 0 { return now.isSameFile(as: file) ? 0 : -Int(ECANCELED) }
        return -Int(error == EBADF ? ECANCELED : error)
    }
}

extension FileFacts {
    /// Whether a descriptor's number is still this file's.
    func isStill(_ descriptor: Descriptor) -> Bool {
        var now = FileFacts()
        return now.look(descriptor) == 0 && now.isSameFile(as: self)
    }

    /// The same with the size of this moment, or that which the file's server says, which may be waited for; nil for another file.
    func withSizeNow(_ descriptor: Descriptor, asksServer: Bool) -> FileFacts? {
        var now = FileFacts()
        return now.look(descriptor, asksServer: asksServer) == 0 && now.isSameFile(as: self) ? now : nil
    }

    private static func hasNoOffset(_ descriptor: Descriptor) -> Bool {
        systemCall(SYS_lseek, Int(descriptor.number), 0, Int(SEEK_CUR)) == -Int(ESPIPE)
    }
}
