// A pipe of which the writing end is closed: its reading end is ready for ever. A poll request on it is an event in the ring
// before io_submit returns, and an epoll that it is put into anew wakes who sleeps there. So a thread is woken without a
// byte being written to any descriptor.
//
// Invariant: the word has the number, and with it what tells the pipe's inode from others. The program may have closed the
// number by a system call of its own, and have another file there: whoever depends on its being the pipe asks `isOurs`, or
// uses a call that does no harm to another file and looks whether it did what it does for the pipe.

import CKernel
import Synchronization

enum ReadyPipe {
    /// One more than the number, and the file's identity above; 0 for none.
    private static let word = Atomic<UInt64>(0)

    private static func descriptor(_ word: UInt64) -> Descriptor {
        Descriptor(number: CInt(truncatingIfNeeded: word & UInt64(UInt32.max)) - 1)
    }

    private static func isOurs(_ word: UInt64) -> Bool {
        word != 0 && descriptor(word).identity == UInt32(truncatingIfNeeded: word >> 32)
    }

    static var descriptor: Descriptor { descriptor(word.load(ordering: .acquiring)) }

    static var isOurs: Bool { isOurs(word.load(ordering: .acquiring)) }

    /// Makes it where it is missing or lost. False where it can't be had.
    static func make() -> Bool { (try? open()) != nil }

    static func open() throws(Refusal) {
        let old = word.load(ordering: .acquiring)
        if isOurs(old) { return }
        if old != 0 { ProcessPage.current?.removeOwn(descriptor(old)) }
        var ends: (CInt, CInt) = (-1, -1)
        _ = try Refusal.unless("pipe2", systemCall(SYS_pipe2, address(&ends), Int(O_CLOEXEC)))
        Descriptor(number: ends.1).close()
        let new = try Descriptor(number: ends.0).adoptedOrRefused()
        guard let identity = new.identity else { throw Refusal("fstat", EBADF) }
        let isNew = word.compareExchange(
            expected: old, desired: UInt64(identity) << 32 | UInt64(new.number + 1), ordering: .acquiringAndReleasing
        ).exchanged
        // Else another thread was faster.
        if !isNew { new.dispose() }
    }

    /// In the end, and in the child of a fork.
    static func dispose() {
        let old = word.exchange(0, ordering: .acquiringAndReleasing)
        if isOurs(old) { descriptor(old).close() }
        ProcessPage.current?.removeOwn(descriptor(old))
    }
}
