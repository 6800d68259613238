// Hears of the end of threads that led a wait: one that was cancelled while it slept, or that left its wait by a
// jump, has nobody else to say that it leads no more.

import CKernel

enum ThreadExit {
    nonisolated(unsafe) private static var key: pthread_key_t?

    /// With a low key, setting it is a store into the thread's own memory; with a higher one the C library would
    /// call malloc, which a signal handler may not.
    private static let highestKey: pthread_key_t = 31

    /// Once in a process.
    static func prepare() {
        var new = pthread_key_t()
        guard pthread_key_create(&new, { _ in Waiting.threadEnds() }) == 0 else { return }
        if new <= highestKey { key = new } else { pthread_key_delete(new) }
    }

    /// The calling thread's end is to be heard of. Async-signal-safe.
    static func watch() {
        guard let key, pthread_getspecific(key) == nil else { return }
        pthread_setspecific(key, UnsafeRawPointer(bitPattern: 1))
    }
}
