// The ground floor: system calls in the kernel's own convention. Nothing here touches errno, allocates or
// locks, so all of it may run in a signal handler.

import CKernel
import Synchronization

/// Makes a system call. Returns its result, or the negated errno.
@inline(__always)
func systemCall(
    _ number: CInt, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0, _ d: Int = 0, _ e: Int = 0, _ f: Int = 0
) -> Int {
    ck_syscall(Int(number), a, b, c, d, e, f)
}

/// What runs in a thread that is cancelled.
typealias Cleanup = @convention(c) (UnsafeMutableRawPointer?) -> Void

/// A system call in which the calling thread may be cancelled. A `cleanup` must not be there if a signal handler may
/// jump out of the call.
func cancellableSystemCall(
    _ number: CInt, _ a: Int, _ b: Int, _ c: Int, _ d: Int, _ e: Int, _ f: Int, _ cleanup: Cleanup?,
    _ argument: UnsafeMutableRawPointer?
) -> Int {
    guard let cleanup else { return ck_cancellable_syscall(Int(number), a, b, c, d, e, f) }
    return ck_cancellable_syscall_with_cleanup(Int(number), a, b, c, d, e, f, cleanup, argument)
}

/// An address as a system call's argument.
@inline(__always)
func address(_ pointer: UnsafeRawPointer?) -> Int { Int(bitPattern: pointer) }

/// A file descriptor: the caller's, or one of ours.
struct Descriptor: Equatable {
    let number: CInt

    static let none = Descriptor(number: -1)

    var isOpen: Bool { number >= 0 }

    func close() {
        if isOpen { _ = systemCall(SYS_close, Int(number)) }
    }

    /// Makes a new descriptor one of the library's own: high up, where no program expects the next number or puts
    /// one of its choice, and known to the calls that close descriptors. Closed where they can't know of one more: the
    /// number may become the program's.
    func adopted() -> Descriptor {
        var mine = self
        let moved = systemCall(SYS_fcntl, Int(number), Int(F_DUPFD_CLOEXEC), Descriptor.highUp)
        if moved >= 0 {
            close()
            mine = Descriptor(number: CInt(moved))
        }
        if let page = ProcessPage.current, !page.addOwn(mine) {
            mine.close()
            return .none
        }
        return mine
    }

    /// Closes one of the library's own.
    func dispose() {
        ProcessPage.current?.removeOwn(self)
        close()
    }

    private static let highUp = 800

    /// Reads up to `length` bytes at the descriptor's own offset.
    func read(_ buffer: UnsafeMutableRawPointer?, _ length: Int) -> Int {
        systemCall(SYS_read, Int(number), address(buffer), length)
    }

    func write(_ buffer: UnsafeRawPointer?, _ length: Int) -> Int {
        systemCall(SYS_write, Int(number), address(buffer), length)
    }

    func synchronize(dataOnly: Bool) -> Int {
        systemCall(dataOnly ? SYS_fdatasync : SYS_fsync, Int(number))
    }

    /// The status flags of fcntl(F_GETFL), or a negative errno: -EBADF is the only one possible.
    var statusFlags: Int { systemCall(SYS_fcntl, Int(number), Int(F_GETFL)) }

    func status(_ status: inout stat) -> Int {
        withUnsafeMutablePointer(to: &status) { systemCall(SYS_fstat, Int(number), address($0)) }
    }
}

/// An eventfd: a counter that can be waited for.
struct EventDescriptor {
    let descriptor: Descriptor

    /// Returns nil where the process has no descriptor left.
    static func make() -> EventDescriptor? {
        let number = systemCall(SYS_eventfd2, 0, Int(EFD_CLOEXEC | EFD_NONBLOCK))
        guard number >= 0 else { return nil }
        let mine = Descriptor(number: CInt(number)).adopted()
        return mine.isOpen ? EventDescriptor(descriptor: mine) : nil
    }

    /// Makes it readable.
    func signal() {
        var one: UInt64 = 1
        _ = descriptor.write(&one, 8)
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

    /// Returns nil where the kernel refuses.
    static func map(_ length: Int) -> UnsafeMutableRawPointer? {
        defer { _ = unmapped.load(ordering: .acquiring) }
        let result = systemCall(
            SYS_mmap, 0, length, Int(PROT_READ | PROT_WRITE),
            Int(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE), -1, 0)
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
