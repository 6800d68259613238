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
}
