// What a user should know of how requests are run: said once each, on stderr, with KAIO_VERBOSE=1.

import CKernel
import Synchronization

enum Decision: UInt32 {
    case readsRefused = 1
    case writesRefused = 2
    case cannotPoll = 4
    case submissionsHeld = 8

    private static let said = Atomic<UInt32>(0)

    private var text: StaticString {
        switch self {
        case .readsRefused:
            "a file system does not read from its cache without waiting (RWF_NOWAIT): buffered reads there run on worker threads, but for quick ones of what is in memory"
        case .writesRefused:
            "a file system does not write to its cache without waiting (RWF_NOWAIT): buffered writes there run on worker threads"
        case .cannotPoll:
            "a descriptor can't be polled, or not be asked not to wait: its requests run on worker threads"
        case .submissionsHeld:
            "the kernel made a call sleep that asked it not to wait: worker threads give it what is for that device, for a while"
        }
    }

    /// Async-signal-safe.
    func tell() {
        guard Options.verbose, Decision.said.bitwiseOr(rawValue, ordering: .relaxed).oldValue & rawValue == 0 else {
            return
        }
        var message = Message()
        message.add("kaio: ")
        message.add(text)
        message.show()
    }
}
