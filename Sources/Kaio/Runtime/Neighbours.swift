// Which other objects in the process define what the library does.
//
// A program may have other libraries preloaded that look at `close` and its kin. Those before the library call it, as the
// next one. Those behind it are called by it, in place of the system call. And the library may be there for a plugin alone,
// in a program whose `aio_read` is the C library's: then that is the plugin's too, and what the C library does not have
// would be about other requests.
//
// Found once, as the library is loaded, since dlsym may be called neither in a signal handler nor inside an allocator. A
// constructor that runs before it gets the system call. Where nobody else is there all of this is nil.

import CKernel

enum Neighbours {
    typealias Close = @convention(c) (CInt) -> CInt
    typealias CloseFrom = @convention(c) (CInt) -> Void
    typealias CloseRange = @convention(c) (UInt32, UInt32, CInt) -> CInt
    typealias Duplicate = @convention(c) (CInt, CInt) -> CInt
    typealias DuplicateWithFlags = @convention(c) (CInt, CInt, CInt) -> CInt
    typealias CloseStream = @convention(c) (UnsafeMutableRawPointer?) -> CInt
    typealias ReopenStream =
        @convention(c) (UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafeMutableRawPointer?) ->
        UnsafeMutableRawPointer?

    nonisolated(unsafe) fileprivate(set) static var close: Close?
    nonisolated(unsafe) fileprivate(set) static var closeFrom: CloseFrom?
    nonisolated(unsafe) fileprivate(set) static var closeRange: CloseRange?
    nonisolated(unsafe) fileprivate(set) static var dup2: Duplicate?
    nonisolated(unsafe) fileprivate(set) static var dup3: DuplicateWithFlags?
    nonisolated(unsafe) fileprivate(set) static var closeStream: CloseStream?

    /// The program's requests are the C library's.
    nonisolated(unsafe) fileprivate static var isPassedBy = false
    nonisolated(unsafe) private static var saidSo = false

    fileprivate static func find() {
        guard let theirs = cLibrary("aio_read") else { return }
        isPassedBy = ck_for_program(c("aio_read")) == theirs && isShared
        close = next("close").map { unsafeBitCast($0, to: Close.self) }
        closeFrom = next("closefrom").map { unsafeBitCast($0, to: CloseFrom.self) }
        closeRange = next("close_range").map { unsafeBitCast($0, to: CloseRange.self) }
        dup2 = next("dup2").map { unsafeBitCast($0, to: Duplicate.self) }
        dup3 = next("dup3").map { unsafeBitCast($0, to: DuplicateWithFlags.self) }
        closeStream = next("fclose").map { unsafeBitCast($0, to: CloseStream.self) }
        // A name that an older C library lacks must not show in the program's own dlerror.
        _ = dlerror()
    }

    /// Whether the library is an object of its own. What contains it as an archive is bound to it.
    private static var isShared: Bool {
        let function: @convention(c) () -> Void = start
        guard let file = ck_object_of(unsafeBitCast(function, to: UnsafeRawPointer.self)) else { return false }
        return strstr(file, "libkaio.so") != nil
    }

    /// The next one, also where that is the C library's.
    static func reopenStream(_ name: StaticString) -> ReopenStream? {
        ck_next(c(name)).map { unsafeBitCast($0, to: ReopenStream.self) }
    }

    /// Nil where it is the C library's.
    private static func next(_ name: StaticString) -> UnsafeMutableRawPointer? {
        guard let found = ck_next(c(name)), found != cLibrary(name) else { return nil }
        return found
    }

    private static func cLibrary(_ name: StaticString) -> UnsafeMutableRawPointer? { ck_in_c_library(c(name)) }

    private static func c(_ name: StaticString) -> UnsafePointer<CChar> {
        UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    }

    /// Calls one of these. The thread is not cancelled in it, as the number's state would be left half changed.
    @inline(never)
    static func call(_ body: () -> CInt) -> CInt {
        let state = ck_disable_cancellation()
        defer { _ = ck_set_cancellable(state) }
        return body()
    }

    /// Whether a function that only the library has would be about the program's requests; else it says once why not.
    static func servesProgram(_ function: StaticString) -> Bool {
        if !isPassedBy { return true }
        if !saidSo {
            saidSo = true
            var message = Message()
            message.add("kaio: ")
            message.add(Text(function))
            message.add(
                " fails, as the program's aio_read is the C library's: preload libkaio.so, or link the program with it")
            message.show()
        }
        ck_set_errno(ENOSYS)
        return false
    }
}

@c(ck_start)
public func start() {
    StandardError.remember()
    Neighbours.find()
    // As long as there is but one thread.
    Descriptor.makeRoom()
}
