// What a thread leaves behind that ends, or whose frames are unwound, in the middle of a wait: it may lead, and hold lists.
//
// A cancelled thread is unwound, and gives up all of it as soon as the unwinder comes to one of our frames, before any
// handler or destructor of the program's further out. Nothing below those frames goes on, so it need not know which. A
// thread that a handler's jump took out of a wait gives it up when it ends.

import CKernel

enum ThreadExit {
    nonisolated(unsafe) private static var key: pthread_key_t?

    /// With a low key, setting it is a store into the thread's own memory; with a higher one the C library would
    /// call malloc, which a signal handler may not.
    private static let highestKey: pthread_key_t = 31

    /// Once in a process.
    static func prepare() {
        var new = pthread_key_t()
        guard pthread_key_create(&new, { _ in ThreadExit.giveUpAll() }) == 0 else { return }
        if new <= highestKey { key = new } else { pthread_key_delete(new) }
    }

    /// The calling thread's end is to be heard of. Returns the thread's number, which is asked for once only: the
    /// process's is kept with it, since the child of a fork has another. Async-signal-safe.
    static func watch() -> CInt {
        guard let key, let process = ProcessPage.current?.number else { return ThreadState.mine }
        if let known = pthread_getspecific(key), UInt(bitPattern: known) >> 32 == UInt(process) {
            return CInt(truncatingIfNeeded: UInt(bitPattern: known))
        }
        let thread = ThreadState.mine
        pthread_setspecific(key, UnsafeRawPointer(bitPattern: UInt(process) << 32 | UInt(thread)))
        return thread
    }

    static func giveUpAll() {
        Waiting.threadLeaves()
        while let list = Request(data: ck_held_lists().pointee), release(list) { Submission.giveUp(list) }
    }

    // MARK: lists

    // They are linked through the member that says which list a request is a member of: a list is none of any.

    /// The calling thread waits for the list's members, and has a hold of it.
    static func hold(_ list: Request) {
        _ = watch()
        list.list = Request(data: ck_held_lists().pointee)
        ck_held_lists().pointee = UnsafeMutableRawPointer(list.block)
    }

    /// The hold is the caller's to give up. False if it was given up.
    static func release(_ list: Request) -> Bool {
        var current = Request(data: ck_held_lists().pointee)
        var newer: Request?
        while let one = current {
            if one == list {
                let next = one.list
                one.list = nil
                if let newer {
                    newer.list = next
                } else {
                    ck_held_lists().pointee = next.map { UnsafeMutableRawPointer($0.block) }
                }
                return true
            }
            newer = one
            current = one.list
        }
        return false
    }
}

/// The personality routine of the frames that wait: called by the unwinder.
@c(ck_unwinds)
public func unwinds(
    _ version: CInt, _ actions: CInt, _ kind: UInt64, _ exception: UnsafeMutableRawPointer?,
    _ context: OpaquePointer?
) -> CInt {
    let isCleanup: CInt = 2  // _UA_CLEANUP_PHASE
    if actions & isCleanup != 0 { ThreadExit.giveUpAll() }
    return 8  // _URC_CONTINUE_UNWIND
}
