// Where messages go: descriptor 2, as long as that is the file it was when the library was loaded. A program may have closed
// it since, and opened a file of its own, which must not get a message into its data.
//
// What a program puts there by dup2 is where it wants its messages. It is remembered when the object is initialized (`ck_start`).

import CKernel
import Synchronization

enum StandardError {
    /// 0 before it is remembered; then 1 if it was not open, else its `identity` above 2.
    private static let word = Atomic<UInt64>(0)

    private static var now: UInt64 {
        Descriptor(number: STDERR_FILENO).identity.map { UInt64($0) << 32 | 2 } ?? 1
    }

    static func remember() {
        if word.load(ordering: .relaxed) == 0 {
            _ = word.compareExchange(expected: 0, desired: now, ordering: .relaxed)
        }
    }

    static func renew() {
        // The child of a vfork has this memory, but its descriptors are its own.
        if let page = ProcessPage.current, page.number != 0, !page.isOfThisProcess { return }
        word.store(now, ordering: .relaxed)
    }

    /// Nil where it is not what it was.
    static var descriptor: Descriptor? {
        remember()
        let known = word.load(ordering: .relaxed)
        return known != 1 && now == known ? Descriptor(number: STDERR_FILENO) : nil
    }
}
