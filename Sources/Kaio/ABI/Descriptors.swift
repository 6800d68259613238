// The calls that close a descriptor, so that a request that still waits for its turn can't have its
// descriptor's number turn into another file: it is cancelled before the number is free. Each costs one look
// where no request waits. Async-signal-safe, like the calls that they stand for. What another library has of these comes
// after (`Neighbours`), else the system call.

import CKernel

private func result(_ value: Int) -> CInt {
    if value >= 0 { return CInt(truncatingIfNeeded: value) }
    ck_set_errno(CInt(-value))
    return -1
}

@c(close)
public func closeDescriptor(_ number: CInt) -> CInt {
    // The thread can be cancelled here, and no more once others see that the number is being closed.
    pthread_testcancel()
    let closer = KnownFiles.beginClosing(Descriptor(number: number))
    defer { KnownFiles.endClosing(closer) }
    guard Closing.prepare(Descriptor(number: number)) else { return result(-Int(EBADF)) }
    if let next = Neighbours.close { return Neighbours.call { next(number) } }
    return result(systemCall(SYS_close, Int(number)))
}

@c(dup2)
public func duplicate(_ old: CInt, _ new: CInt) -> CInt {
    defer { if new == STDERR_FILENO { StandardError.renew() } }
    let closer = KnownFiles.beginClosing(Descriptor(number: new))
    defer { KnownFiles.endClosing(closer) }
    guard Closing.prepare(Descriptor(number: new), for: Descriptor(number: old)) else { return result(-Int(EBUSY)) }
    if let next = Neighbours.dup2 { return Neighbours.call { next(old, new) } }
    return ck_dup2(old, new)
}

@c(dup3)
public func duplicate(_ old: CInt, _ new: CInt, _ flags: CInt) -> CInt {
    defer { if new == STDERR_FILENO { StandardError.renew() } }
    let closer = KnownFiles.beginClosing(Descriptor(number: new))
    defer { KnownFiles.endClosing(closer) }
    if flags & ~O_CLOEXEC == 0 {
        guard Closing.prepare(Descriptor(number: new), for: Descriptor(number: old)) else {
            return result(-Int(EBUSY))
        }
    }
    if let next = Neighbours.dup3 { return Neighbours.call { next(old, new, flags) } }
    return result(systemCall(SYS_dup3, Int(old), Int(new), Int(flags)))
}

/// The C library's goes past `close_range`, so it would close the library's own descriptors.
@c(closefrom)
public func closeFrom(_ first: CInt) {
    ck_starts_here()
    _ = Closing.closeRange(UInt32(max(0, first)), .max, 0, isFrom: true)
}

@c(close_range)
public func closeRange(_ first: UInt32, _ last: UInt32, _ flags: CInt) -> CInt {
    result(Closing.closeRange(first, last, flags))
}

// What stdio closes it closes by calls that do not come by here.

@c(fclose)
public func closeStream(_ stream: UnsafeMutableRawPointer?) -> CInt {
    closing(stream) { Neighbours.closeStream?(stream) ?? ck_fclose(stream) } ?? result(-Int(EBADF))
}

@c(freopen)
public func reopenStream(
    _ path: UnsafePointer<CChar>?, _ mode: UnsafePointer<CChar>?, _ stream: UnsafeMutableRawPointer?
) -> UnsafeMutableRawPointer? {
    reopen("freopen", path, mode, stream)
}

@c(freopen64)
public func reopenStreamLarge(
    _ path: UnsafePointer<CChar>?, _ mode: UnsafePointer<CChar>?, _ stream: UnsafeMutableRawPointer?
) -> UnsafeMutableRawPointer? {
    reopen("freopen64", path, mode, stream)
}

private func reopen(
    _ name: StaticString, _ path: UnsafePointer<CChar>?, _ mode: UnsafePointer<CChar>?,
    _ stream: UnsafeMutableRawPointer?
) -> UnsafeMutableRawPointer? {
    guard let next = Neighbours.reopenStream(name) else {
        ck_set_errno(ENOSYS)
        return nil
    }
    let isStandardError = ck_stream_number(stream) == STDERR_FILENO
    defer { if isStandardError { StandardError.renew() } }
    return closing(stream) { next(path, mode, stream) } ?? nil
}

/// Nil: its descriptor is the library's own.
private func closing<Result>(_ stream: UnsafeMutableRawPointer?, _ call: () -> Result) -> Result? {
    let descriptor = Descriptor(number: ck_stream_number(stream))
    // Where the library is not Embedded, the Swift runtime closes a file before it is itself ready for more than this.
    guard descriptor.isOpen, ProcessPage.current != nil else { return call() }
    let closer = KnownFiles.beginClosing(descriptor)
    defer { KnownFiles.endClosing(closer) }
    guard Closing.prepare(descriptor) else { return nil }
    if closer.isEmpty { return call() }
    // As in `Neighbours.call`.
    let state = ck_disable_cancellation()
    defer { _ = ck_set_cancellable(state) }
    return call()
}
