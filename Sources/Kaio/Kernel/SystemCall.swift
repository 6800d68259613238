// The ground floor: system calls in the kernel's own convention. Nothing here touches errno, allocates or
// locks, so all of it may run in a signal handler.

import CKaio
import CKernel
import Synchronization

/// Makes a system call. Returns its result, or the negated errno.
@inline(__always)
func systemCall(
    _ number: CInt, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0, _ d: Int = 0, _ e: Int = 0, _ f: Int = 0
) -> Int {
    ck_syscall(Int(number), a, b, c, d, e, f)
}

/// Makes a call again for as long as it is interrupted, be it by a stop and a continuation.
@inline(__always)
func again(_ call: () -> Int) -> Int {
    while true {
        let result = call()
        if result != -Int(EINTR) { return result }
    }
}

/// An address as a system call's argument.
@inline(__always)
func address(_ pointer: UnsafeRawPointer?) -> Int { Int(bitPattern: pointer) }

/// A file descriptor: the caller's, or one of ours.
struct Descriptor: Equatable {
    let number: CInt

    static let none = Descriptor(number: -1)

    var isOpen: Bool { number >= 0 }

    /// Returns 0, or a negated errno: some file systems say only here what became of a write.
    @discardableResult
    func close() -> Int { isOpen ? systemCall(SYS_close, Int(number)) : 0 }

    /// Makes a new descriptor one of the library's own: high up, where no program expects the next number or puts
    /// one of its choice, and known to the calls that close descriptors. Closed where they can't know of one more: the
    /// number may become the program's.
    func adopted() -> Descriptor {
        let mine = moved(to: Descriptor.highUp).aboveStandard()
        if let page = ProcessPage.current, mine.isOpen, !page.addOwn(mine) {
            mine.close()
            return .none
        }
        return mine
    }

    func adoptedOrRefused() throws(Refusal) -> Descriptor {
        let mine = adopted()
        if !mine.isOpen { throw Refusal("fcntl", EMFILE) }
        return mine
    }

    /// The same file as one that is none of 0, 1 and 2: what a program writes there, whether or not it has closed them, must
    /// not come to us. Closed where there is no other number.
    func aboveStandard() -> Descriptor {
        guard (0...2).contains(number) else { return self }
        let other = moved(to: 3)
        if other != self { return other }
        close()
        return .none
    }

    private func moved(to lowest: Int) -> Descriptor {
        guard isOpen else { return self }
        let other = systemCall(SYS_fcntl, Int(number), Int(F_DUPFD_CLOEXEC), lowest)
        guard other >= 0 else { return self }
        close()
        return Descriptor(number: CInt(other))
    }

    /// What tells its file from others, as far as the inode does: all eventfds, timerfds and epolls have the same. Nil if it
    /// is not open.
    var identity: UInt32? {
        var status = stat()
        guard identification(&status) == 0 else { return nil }
        return UInt32(truncatingIfNeeded: UInt64(status.st_ino) &+ UInt64(status.st_dev) &* 0x9e37_79b1)
    }

    /// Closes one of the library's own, unless the number is another file's by now.
    func dispose() {
        let isOurs = ProcessPage.current?.isOwn(self) ?? true
        ProcessPage.current?.removeOwn(self)
        if isOurs { close() }
    }

    private static let highUp = 800

    /// The process that has the room.
    private static let roomy = Atomic<CInt>(0)

    /// Has the kernel make the descriptor table as large as the library's own numbers need. To be called before there
    /// are threads: for a process with one thread the table grows at once, for others after a grace period of
    /// the kernel's (10 ms), which the first request would wait for.
    static func makeRoom() {
        let process = CInt(truncatingIfNeeded: systemCall(SYS_getpid))
        if roomy.exchange(process, ordering: .relaxed) == process { return }
        Descriptor(number: CInt(systemCall(SYS_eventfd2, 0, Int(O_CLOEXEC)))).moved(to: highUp).close()
    }

    /// Reads up to `length` bytes at the descriptor's own offset.
    func read(_ buffer: UnsafeMutableRawPointer?, _ length: Int) -> Int {
        let result = systemCall(SYS_read, Int(number), address(buffer), length)
        return result == -Int(ENOSYS) || result == -Int(EPERM) ? otherwise(SYS_readv, buffer, length) : result
    }

    func write(_ buffer: UnsafeRawPointer?, _ length: Int) -> Int {
        let result = systemCall(SYS_write, Int(number), address(buffer), length)
        return result == -Int(ENOSYS) || result == -Int(EPERM) ? otherwise(SYS_writev, buffer, length) : result
    }

    /// By the call for several buffers, where a filter refuses that for one.
    private func otherwise(_ call: CInt, _ buffer: UnsafeRawPointer?, _ length: Int) -> Int {
        var one = iovec(iov_base: UnsafeMutableRawPointer(mutating: buffer), iov_len: length)
        return withUnsafePointer(to: &one) { systemCall(call, Int(number), address($0), 1) }
    }

    func synchronize(dataOnly: Bool) -> Int {
        systemCall(dataOnly ? SYS_fdatasync : SYS_fsync, Int(number))
    }

    /// The status flags of fcntl(F_GETFL), or a negative errno: -EBADF is the only one possible.
    var statusFlags: Int { systemCall(SYS_fcntl, Int(number), Int(F_GETFL)) }

    /// Whether the page cache has all pages of a range, as far as the kernel says: cachestat, from Linux 6.5 on, for files that
    /// the process may write to or owns. Overlayfs and hugetlbfs never say so.
    ///
    /// - Parameter isClean: And none of them is to be written to a device, or is being written.
    func isCached(_ offset: Int, _ length: Int, isClean: Bool = false) -> Bool {
        var range = (UInt64(offset), UInt64(length))
        // Pages in the cache, dirty, under write-back, evicted, evicted of late.
        var pages: (UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0)
        let result = withUnsafeMutablePointer(to: &range) { range in
            withUnsafeMutablePointer(to: &pages) {
                systemCall(Descriptor.cachestat, Int(number), address(range), address($0), 0)
            }
        }
        let size = Pages.size
        return result == 0 && pages.0 == UInt64((offset + length - 1) / size - offset / size + 1)
            && (!isClean || pages.1 == 0 && pages.2 == 0)
    }

    /// The same number on all processors; older headers lack it.
    private static let cachestat: CInt = 451

    /// Whether it is an eventfd or another of the kernel's files that are no file, device, pipe or socket. (Of those an
    /// eventfd alone takes eight bytes.)
    var hasNoType: Bool {
        var status = stat()
        var result = self.status(&status)
        // A moment's failure of the call is no reason to lose a signal.
        if result < 0, result != -Int(EBADF) { result = statusOtherwise(&status) }
        return result == 0 && CInt(status.st_mode) & S_IFMT == 0
    }

    /// Whether others may change the file without this kernel's hearing of it. This asks the server.
    var isRemote: Bool {
        var facts = statfs()
        let result = withUnsafeMutablePointer(to: &facts) { systemCall(SYS_fstatfs, Int(number), address($0)) }
        switch UInt32(truncatingIfNeeded: result == 0 ? facts.f_type : 0) {
        // NFS, SMB (three of them), 9P, Ceph, AFS, FUSE.
        case 0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x0102_1997, 0x00c3_6400, 0x5346_414f, 0x6573_5546: return true
        default: return false
        }
    }

    func status(_ status: inout stat) -> Int {
        let result = withUnsafeMutablePointer(to: &status) { systemCall(SYS_fstat, Int(number), address($0)) }
        return result == -Int(ENOSYS) || result == -Int(EPERM) ? statusOtherwise(&status) : result
    }

    /// By statx, where a filter refuses fstat.
    private func statusOtherwise(_ status: inout stat) -> Int { statx(&status, 0, STATX_BASIC_STATS) }

    /// What tells a file from others, its type, and its size, as far as the machine knows: no server of a network file
    /// system or of FUSE is asked, where fstat may wait for one. Nor does it make XFS stamp the file's next change,
    /// which fstat does from Linux 6.13 on, and a write that may not wait can't do.
    func identification(_ status: inout stat) -> Int { identify(&status, STATX_TYPE | STATX_INO | STATX_SIZE) }

    /// The same with the time of the last change; XFS stamps the next one.
    func changes(_ status: inout stat) -> Int {
        identify(&status, STATX_TYPE | STATX_INO | STATX_SIZE | STATX_CTIME)
    }

    private func identify(_ status: inout stat, _ mask: UInt32) -> Int {
        let result = statx(&status, Descriptor.askNobody, mask)
        return result == -Int(ENOSYS) || result == -Int(EPERM) ? self.status(&status) : result
    }

    private func statx(_ status: inout stat, _ flags: Int, _ mask: UInt32) -> Int {
        var now = CKernel.statx()
        let emptyPath: UInt8 = 0
        let result = withUnsafeMutablePointer(to: &now) { now in
            withUnsafePointer(to: emptyPath) {
                systemCall(
                    SYS_statx, Int(number), address($0), Descriptor.emptyPath | flags, Int(mask), address(now))
            }
        }
        status.st_dev = Descriptor.device(now.stx_dev_major, now.stx_dev_minor)
        status.st_rdev = Descriptor.device(now.stx_rdev_major, now.stx_rdev_minor)
        status.st_ino = ino_t(now.stx_ino)
        status.st_mode = mode_t(now.stx_mode)
        status.st_size = Int(clamping: now.stx_size)
        status.st_ctim = timespec(tv_sec: Int(now.stx_ctime.tv_sec), tv_nsec: Int(now.stx_ctime.tv_nsec))
        return result
    }

    /// AT_EMPTY_PATH and AT_STATX_DONT_SYNC, which only _GNU_SOURCE shows.
    private static let (emptyPath, askNobody) = (0x1000, 0x4000)

    /// As fstat has it.
    private static func device(_ major: UInt32, _ minor: UInt32) -> dev_t {
        let (major, minor) = (UInt64(major), UInt64(minor))
        return dev_t((major & 0xfff) << 8 | (major & ~0xfff) << 32 | minor & 0xff | (minor & ~0xff) << 12)
    }
}

/// A timer that can be waited for (timerfd), on CLOCK_MONOTONIC.
extension Descriptor {
    /// Its number, or a negated errno.
    static func makeTimer() -> Int {
        systemCall(SYS_timerfd_create, Int(CLOCK_MONOTONIC), Int(TFD_CLOEXEC | TFD_NONBLOCK))
    }

    /// Has it be up after an interval, or at a time, once; 0 stops it. Returns 0, or a negated errno.
    func setTimer(_ nanoseconds: Int64, isAbsolute: Bool = false) -> Int {
        var time = itimerspec()
        time.it_value = timespec(interval: nanoseconds)
        return withUnsafePointer(to: &time) {
            systemCall(SYS_timerfd_settime, Int(number), isAbsolute ? Int(TFD_TIMER_ABSTIME) : 0, address($0), 0)
        }
    }
}

/// A call that failed where the library can do without what it asks for, and with what.
struct Refusal: Error {
    let call: StaticString
    let error: CInt

    init(_ call: StaticString, _ error: CInt) {
        self.call = call
        self.error = error
    }

    /// The result of a call, where it is not negative.
    static func unless(_ call: StaticString, _ result: Int) throws(Refusal) -> Int {
        if result < 0 { throw Refusal(call, CInt(truncatingIfNeeded: -result)) }
        return result
    }

    /// Whether it may be had a moment later. What the kernel does not know, or a filter forbids, may not.
    var mayPass: Bool {
        switch error {
        case ENOSYS, EPERM, EACCES, EINVAL, ENOTSUP: return false
        default: return true
        }
    }
}

/// An eventfd: a counter that can be waited for.
struct EventDescriptor {
    let descriptor: Descriptor

    static func open() throws(Refusal) -> EventDescriptor {
        let number = try Refusal.unless("eventfd2", systemCall(SYS_eventfd2, 0, Int(EFD_CLOEXEC | EFD_NONBLOCK)))
        return try EventDescriptor(descriptor: Descriptor(number: CInt(number)).adoptedOrRefused())
    }

    /// Returns nil where there can't be one.
    static func make() -> EventDescriptor? { try? open() }

    /// Makes it readable. Nothing is written to what is no eventfd: the program may have closed the number by a system call
    /// of its own, and have a file there.
    func signal() {
        guard descriptor.hasNoType else { return }
        var one: UInt64 = 1
        _ = again { descriptor.write(&one, 8) }
    }

    /// Makes it unreadable until the next signal.
    func reset() {
        var count: UInt64 = 0
        _ = descriptor.read(&count, 8)
    }
}

/// Pages of zeroed memory straight from the kernel, so that no allocator of the program is entered.
enum Pages {
    /// Orders one thread's last use of pages before another's first use of the same addresses, as the kernel does;
    /// the thread sanitizer sees only this.
    private static let unmapped = Atomic<Int>(0)

    /// What the kernel maps at least: 4 KiB, on some machines 16 or 64.
    static var size: Int { Int(getauxval(UInt(AT_PAGESZ))) }

    /// Returns nil where the kernel refuses. What is large is a reserve, of which as a rule little is used.
    static func map(_ length: Int) -> UnsafeMutableRawPointer? {
        defer { _ = unmapped.load(ordering: .acquiring) }
        return length < large ? mapNow(length) : reserve(length) ?? mapNow(length)
    }

    private static let large = 64 << 10

    private static func mapNow(_ length: Int) -> UnsafeMutableRawPointer? {
        let result = systemCall(
            SYS_mmap, 0, length, Int(PROT_READ | PROT_WRITE),
            Int(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE), -1, 0)
        return result < 0 ? nil : UnsafeMutableRawPointer(bitPattern: result)
    }

    /// Memory that is not locked, though the program has all that is new locked (mlockall(MCL_FUTURE)): that would be
    /// resident at once, and count for RLIMIT_MEMLOCK. What grows from memory that is not locked is not either.
    private static func reserve(_ length: Int) -> UnsafeMutableRawPointer? {
        guard let seed = mapNow(size) else { return nil }
        _ = systemCall(SYS_munlock, address(seed), size)
        let mayMove = 1
        let result = systemCall(SYS_mremap, address(seed), size, length, mayMove)
        if result < 0 { unmap(seed, size) }
        return result < 0 ? nil : UnsafeMutableRawPointer(bitPattern: result)
    }

    static func unmap(_ start: UnsafeMutableRawPointer, _ length: Int) {
        unmapped.wrappingAdd(1, ordering: .releasing)
        _ = systemCall(SYS_munmap, address(start), length)
    }

    /// Gives the memory back and leaves the addresses readable, as zeroes.
    static func discard(_ start: UnsafeMutableRawPointer, _ length: Int) {
        _ = systemCall(SYS_madvise, address(start), length, Int(MADV_DONTNEED))
    }

    /// The same for what has to be zeroes from here on, in the child of a fork: some emulators do nothing on an advice.
    static func clear(_ start: UnsafeMutableRawPointer, _ length: Int) {
        if !map(at: start, length, MAP_FIXED) { memset(start, 0, length) }
    }

    /// Makes what is at an address zeroed memory, in one step. False if that can't be, or something is there that is
    /// to be left alone (MAP_FIXED_NOREPLACE).
    static func map(at start: UnsafeMutableRawPointer, _ length: Int, _ flags: CInt) -> Bool {
        let result = systemCall(
            SYS_mmap, address(start), length, Int(PROT_READ | PROT_WRITE),
            Int(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags), -1, 0)
        // A kernel that does not know "if free" takes the address for a wish.
        if result >= 0, result != address(start) { unmap(UnsafeMutableRawPointer(bitPattern: result)!, length) }
        return result == address(start)
    }

    /// False where the kernel does not know the advice.
    @discardableResult
    static func advise(_ start: UnsafeMutableRawPointer, _ length: Int, _ advice: CInt) -> Bool {
        systemCall(SYS_madvise, address(start), length, Int(advice)) == 0
    }
}

/// What Embedded Swift's library seeds its hashing with. The C library has it since 2.36 only, and a preloaded
/// object must load under older ones; the linker finds this one first, and it is not exported.
@c(arc4random_buf)
public func randomBytes(_ buffer: UnsafeMutableRawPointer?, _ length: Int) {
    _ = systemCall(SYS_getrandom, address(buffer), length, 0)
}
