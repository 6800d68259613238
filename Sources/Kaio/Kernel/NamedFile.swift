// Files that a person or a stranger named: opened so that nobody else decides which file it is, and without waiting for
// what a FIFO or a device does.
//
// A path is followed as the kernel follows it, a name at a time, each in a directory that is open. A directory is shared if
// others can write to it: it is neither root's nor this user's, or its mode says so. In one that is shared, or lies below one that
// is, a link, a file of another user's, and one with a second name may have been put there by anybody; but for what is root's or
// this user's in one that is sticky. In a user namespace in which the owner of `/` has no number, that is root.
//
// Invariant: nothing here allocates or locks. What was looked at is what is opened.

import CKernel

struct NamedFile {
    /// In words, where an error alone does not say it.
    private(set) var reason: StaticString?
    /// Others can put another file in the place of this one, or of a directory on the way.
    private(set) var isReplaceable = false
    /// The path is one of the kernel's own links to what this process has open.
    private var isOpenAlready = false
    /// Links are followed wherever they are; but nothing of others' is taken that lies in a directory for all, such as /tmp.
    private var isLenient = false
    private let user: Int
    private let root: Int

    private static let longest = 8192
    private static let mostLinks = 40
    private static let procFileSystem = 0x9fa0
    /// O_PATH, which the headers show to some only.
    private static let byName: CInt = 0o10_000_000
    /// S_IWGRP and S_IWOTH.
    private static let writableByOthers: mode_t = 0o022

    /// - Parameter decides: the file says what the process does, with whatever rights it gets back later; so the effective user
    ///   counts only where no other user is to return to.
    init(decides: Bool = false) {
        let user = systemCall(SYS_geteuid)
        self.user = decides && !NamedFile.isOnlyUser(user) ? 0 : user
        var status = stat()
        let file = NamedFile.start(at: "/")
        let isKnown = file.status(&status) == 0
        file.close()
        root = isKnown && status.st_uid != 0 && NamedFile.hasNoNumber(status.st_uid) ? Int(status.st_uid) : 0
    }

    private static func isOnlyUser(_ user: Int) -> Bool {
        var users: (real: uid_t, effective: uid_t, saved: uid_t) = (0, 0, 0)
        let result = withUnsafeMutablePointer(to: &users) { users in
            let first = UnsafeMutableRawPointer(users)
            return systemCall(SYS_getresuid, address(first), address(first + 4), address(first + 8))
        }
        // A filter may refuse the call.
        if result < 0 { return systemCall(SYS_getuid) == user }
        return Int(users.real) == user && Int(users.saved) == user
    }

    /// Whether the number stands for all those who have none in this user namespace.
    private static func hasNoNumber(_ user: uid_t) -> Bool {
        let map = open(Descriptor(number: AT_FDCWD), ("/proc/thread-self/uid_map" as StaticString).utf8Start, O_RDONLY)
        defer { map.close() }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1000) { buffer in
            let count = map.read(buffer.baseAddress, buffer.count)
            // A longer one is not understood.
            guard map.isOpen, count >= 0, count < buffer.count else { return false }
            var rest = Text(UnsafePointer(buffer.baseAddress!), count: count)
            while let first = rest.takeWord()?.number, rest.takeWord() != nil, let length = rest.takeWord()?.number {
                if Int(user) >= first, Int(user) - first < length { return false }
            }
            return true
        }
    }

    private func isTrusted(_ status: stat) -> Bool {
        status.st_uid == 0 || Int(status.st_uid) == user || Int(status.st_uid) == root
    }

    private func isShared(_ status: stat) -> Bool {
        !isTrusted(status) || status.st_mode & NamedFile.writableByOthers != 0
    }

    private mutating func refuse(_ reason: StaticString, _ error: CInt = EPERM) -> Int {
        self.reason = reason
        return -Int(error)
    }

    // MARK: what it is for

    /// Opens a file to write to, and makes it if it is not there. Returns its descriptor or a negated errno.
    ///
    /// - Parameter truncates: empties it, once it is known which file it is.
    mutating func openForWriting(
        _ path: UnsafePointer<UInt8>, mode: Int, truncates: Bool = false, flags: CInt = 0
    ) -> Int {
        let flags = O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | flags
        let number = follow(path, flags, mode, isForWriting: true)
        if number == -Int(ENXIO) { return refuse("it is a socket, or a FIFO that nobody reads", ENXIO) }
        guard number >= 0, truncates else { return number }
        // Of a device or a FIFO there is nothing to cut off.
        let result = systemCall(SYS_ftruncate, number, 0)
        if result == 0 || result == -Int(EINVAL) { return number }
        Descriptor(number: CInt(number)).close()
        return result
    }

    /// The same of what is there, only by its name.
    mutating func findForWriting(_ path: UnsafePointer<UInt8>) -> Int {
        follow(path, NamedFile.byName, 0, isForWriting: true)
    }

    /// Makes a file that was not there, to read and write. Returns its descriptor or a negated errno.
    mutating func make(_ path: UnsafePointer<UInt8>, mode: Int) -> Int {
        follow(path, O_RDWR | O_CREAT | O_EXCL, mode)
    }

    /// Takes a name away. Returns 0 or a negated errno.
    mutating func remove(_ path: UnsafePointer<UInt8>) -> Int {
        follow(path, nil, 0)
    }

    /// Makes a directory. Returns 0 or a negated errno.
    mutating func makeDirectory(_ path: UnsafePointer<UInt8>, mode: Int) -> Int {
        follow(path, nil, mode)
    }

    /// Who can change a file, or put another in its place? 0, or a negated errno, with a reason if others can.
    mutating func examine(_ path: UnsafePointer<UInt8>) -> Int {
        var status = stat()
        let file = find(path, &status)
        defer { file.close() }
        return file.isOpen ? judge(status) : Int(file.number)
    }

    /// Opens a regular file, or /dev/null, to read. Returns its descriptor or a negated errno: -EOPNOTSUPP if it is anything else,
    /// which is not even opened, as that might do something.
    ///
    /// - Parameter isGuarded: it must be one that nobody else can change or put another in the place of. Else links are followed,
    ///   but nothing of others' is read that lies in a directory for all.
    mutating func openForReading(_ path: UnsafePointer<UInt8>, isGuarded: Bool, _ status: inout stat) -> Int {
        isLenient = !isGuarded
        let file = find(path, &status)
        defer { file.close() }
        guard file.isOpen else { return Int(file.number) }
        let kind = status.st_mode & mode_t(S_IFMT)
        if kind == mode_t(S_IFREG) {
            let result = isGuarded && !isOpenAlready ? judge(status) : 0
            if result < 0 { return result }
        } else if kind != mode_t(S_IFCHR) || status.st_rdev != NamedFile.null {
            return -Int(kind == mode_t(S_IFDIR) ? EISDIR : EOPNOTSUPP)
        }
        return NamedFile.open(file, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, status)
    }

    /// Of /dev/null.
    private static let null = dev_t(1 << 8 | 3)

    /// What is known by its name only, opened now. Without /proc that is by the path, which may be another file's by now.
    private static func open(
        _ file: Descriptor, _ path: UnsafePointer<UInt8>, _ flags: CInt, _ status: stat
    ) -> Int {
        let number = file.withLink { open(Descriptor(number: AT_FDCWD), $0, flags) }
        guard number.number == -ENOENT else { return Int(number.number) }
        let other = open(Descriptor(number: AT_FDCWD), path, flags)
        var found = stat()
        guard other.isOpen else { return Int(other.number) }
        if other.status(&found) == 0, found.st_dev == status.st_dev, found.st_ino == status.st_ino {
            return Int(other.number)
        }
        other.close()
        return -Int(ESTALE)
    }

    /// By its name only. The number is a negated errno where it fails.
    private mutating func find(_ path: UnsafePointer<UInt8>, _ status: inout stat) -> Descriptor {
        let file = Descriptor(number: CInt(truncatingIfNeeded: follow(path, NamedFile.byName, 0)))
        // What is not there now may be there the next moment.
        if !file.isOpen, reason == nil, isReplaceable, !isLenient { _ = refuse(NamedFile.replaceable) }
        let result = file.isOpen ? file.status(&status) : 0
        if result == 0 { return file }
        file.close()
        return Descriptor(number: CInt(truncatingIfNeeded: result))
    }

    private static let replaceable: StaticString = "others can write to its directory, or to one above that"

    private mutating func judge(_ status: stat) -> Int {
        if !isTrusted(status) { return refuse("it belongs to another user") }
        if isShared(status) { return refuse("others can write to it") }
        return isReplaceable ? refuse(NamedFile.replaceable) : 0
    }

    /// Whether what was just opened is root's or this user's, and nobody else could have put it there. `isBelieved`: nor have
    /// written it. 0 or a negated errno, with a reason.
    mutating func vouch(for file: Descriptor, isBelieved: Bool) -> Int {
        var status = stat()
        let result = file.status(&status)
        if !isBelieved { status.st_mode &= ~NamedFile.writableByOthers }
        return result == 0 ? judge(status) : result
    }

    private mutating func mayWrite(_ status: stat) -> Int {
        if !isTrusted(status) {
            return refuse("it belongs to another user, in a directory that others can write to")
        }
        let isFile = status.st_mode & mode_t(S_IFMT) == mode_t(S_IFREG)
        return isFile && status.st_nlink > 1 ? refuse(NamedFile.secondName) : 0
    }

    private static let secondName: StaticString =
        "it has a second name, and its directory is one that others can write to"

    /// Whether the name under which it was opened has been taken away since, as it may be for a second name that nobody is to count.
    /// Where that is still there, it was among the names that were counted; but a name counts no more a moment before it is gone, under the
    /// directory's lock. So that is waited for in between: a rename to the same name that must not replace it changes nothing.
    private static func isGone(
        _ file: Descriptor, _ directory: Descriptor, _ name: UnsafePointer<UInt8>, _ buffer: UnsafeMutablePointer<UInt8>
    ) -> Bool {
        let place = Int(directory.number)
        let result = systemCall(SYS_renameat2, place, address(name), place, address(name), noReplace)
        guard result == -Int(EEXIST) || result == -Int(EROFS) else { return true }
        let behind = Text(" (deleted)" as StaticString)
        guard let count = file.path(into: buffer, longest), count >= behind.count else { return false }
        return Text(buffer, count: count).dropFirst(count - behind.count) == behind
    }

    /// RENAME_NOREPLACE.
    private static let noReplace = 1

    // MARK: the way there

    private static func isOnProc(_ directory: Descriptor) -> Bool {
        var system = statfs()
        let result = withUnsafeMutablePointer(to: &system) {
            systemCall(SYS_fstatfs, Int(directory.number), address($0))
        }
        return result == 0 && Int(system.f_type) == procFileSystem
    }

    private static func start(at path: StaticString) -> Descriptor {
        open(Descriptor(number: AT_FDCWD), path.utf8Start, NamedFile.byName | O_DIRECTORY)
    }

    /// The number is a negated errno where it fails.
    private static func open(
        _ directory: Descriptor, _ name: UnsafePointer<UInt8>, _ flags: CInt, _ mode: Int = 0
    ) -> Descriptor {
        let number = systemCall(SYS_openat, Int(directory.number), address(name), Int(flags | O_CLOEXEC), mode)
        return Descriptor(number: CInt(truncatingIfNeeded: number))
    }

    /// Opens what the path names; where there are no flags it makes a directory of that mode, or takes the name away if that is 0.
    private mutating func follow(
        _ path: UnsafePointer<UInt8>, _ flags: CInt?, _ mode: Int, isForWriting: Bool = false
    ) -> Int {
        guard let pages = Pages.map(2 * NamedFile.longest) else { return -Int(ENOMEM) }
        defer { Pages.unmap(pages, 2 * NamedFile.longest) }
        var rest = pages.assumingMemoryBound(to: UInt8.self)
        var spare = rest + NamedFile.longest
        var length = strlen(UnsafeRawPointer(path).assumingMemoryBound(to: CChar.self))
        guard length < NamedFile.longest else { return -Int(ENAMETOOLONG) }
        memcpy(rest, path, length + 1)
        var links = 0
        var directory = NamedFile.start(at: rest[0] == UInt8(ascii: "/") ? "/" : ".")
        defer { directory.close() }
        var name = rest
        while directory.isOpen {
            while name[0] == UInt8(ascii: "/") { name += 1 }
            // A path that ends with a slash is a directory's.
            guard name[0] != 0 else { return -Int(EISDIR) }
            var end = name
            while end[0] != 0, end[0] != UInt8(ascii: "/") { end += 1 }
            let isLast = end[0] == 0
            end[0] = 0
            let behind = isLast ? end : end + 1

            var status = stat()
            let result = directory.status(&status)
            if result < 0 { return result }
            let isTrusted = isTrusted(status)
            let isSticky = isTrusted && status.st_mode & mode_t(S_ISVTX) != 0
            if isShared(status), !isSticky { isReplaceable = true }
            let isShared = isReplaceable || isShared(status)
            // Its links to processes and threads are plain ones.
            let isRootOfProc = status.st_ino == 1
            if isLast, flags == nil {
                return systemCall(mode == 0 ? SYS_unlinkat : SYS_mkdirat, Int(directory.number), address(name), mode)
            }
            let wanted = isLast ? flags.unsafelyUnwrapped : NamedFile.byName
            var next = NamedFile.open(directory, name, wanted | O_NOFOLLOW, isLast ? mode : 0)
            // The kernel may forbid what is refused here too (fs.protected_symlinks, protected_regular), without a reason.
            let failure = next.number
            if failure == -ELOOP || failure == -EACCES && isLast && isShared {
                next = NamedFile.open(directory, name, NamedFile.byName | O_NOFOLLOW)
            }
            guard next.isOpen else { return Int(failure) }
            let error = next.status(&status)
            if error < 0 {
                next.close()
                return error
            }
            if isLenient, isSticky, isShared, !self.isTrusted(status) {
                next.close()
                return refuse("it belongs to another user, or is reached by what does, in a directory for all")
            }
            if status.st_mode & mode_t(S_IFMT) == mode_t(S_IFLNK) {
                links += 1
                let isOurs = !isReplaceable && isSticky && self.isTrusted(status)
                if !isLenient, isShared, isLast || !isOurs {
                    next.close()
                    return refuse("it is reached by a link in a directory that others can write to")
                }
                if NamedFile.isOnProc(directory) {
                    // A link of the kernel's own, to what is open already.
                    next.close()
                    next = NamedFile.open(directory, name, wanted, isLast ? mode : 0)
                    isOpenAlready = isLast
                    if isLast { return Int(next.number) }
                    // That of a process, whose directory may be another one the next moment.
                    if !isRootOfProc { isReplaceable = true }
                    name = behind
                } else {
                    let space = NamedFile.longest - 1
                    // The link itself: an empty name.
                    let count = systemCall(SYS_readlinkat, Int(next.number), address(end), address(spare), space)
                    next.close()
                    length = isLast ? 0 : strlen(UnsafeRawPointer(behind).assumingMemoryBound(to: CChar.self))
                    guard links < NamedFile.mostLinks, count > 0, count + length + 1 < space else {
                        return count < 0 ? count : -Int(ELOOP)
                    }
                    spare[count] = isLast ? 0 : UInt8(ascii: "/")
                    memcpy(spare + count + 1, behind, length + 1)
                    swap(&rest, &spare)
                    name = rest
                    guard rest[0] == UInt8(ascii: "/") else { continue }
                    next = NamedFile.start(at: "/")
                }
            } else if isLast {
                var refusal = isShared && isForWriting ? mayWrite(status) : 0
                // Also of what is opened to write to later, by its name only.
                if refusal == 0, isShared, isForWriting || wanted & NamedFile.byName == 0,
                    NamedFile.isGone(next, directory, name, spare)
                {
                    refusal = refuse(NamedFile.secondName)
                }
                if refusal == 0, failure >= 0 { return Int(next.number) }
                next.close()
                return refusal < 0 ? refusal : Int(failure)
            } else {
                name = behind
            }
            directory.close()
            directory = next
        }
        return Int(directory.number)
    }
}
