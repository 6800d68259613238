// The calls that close a descriptor, so that a request that still waits for its turn can't have its
// descriptor's number turn into another file: it is cancelled before the number is free. Each costs one look
// where no request waits. Async-signal-safe, like the calls that they stand for.

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
    return result(systemCall(SYS_close, Int(number)))
}

@c(dup2)
public func duplicate(_ old: CInt, _ new: CInt) -> CInt {
    let closer = KnownFiles.beginClosing(Descriptor(number: new))
    defer { KnownFiles.endClosing(closer) }
    guard Closing.prepare(Descriptor(number: new), for: Descriptor(number: old)) else { return result(-Int(EBUSY)) }
    return ck_dup2(old, new)
}

@c(dup3)
public func duplicate(_ old: CInt, _ new: CInt, _ flags: CInt) -> CInt {
    let closer = KnownFiles.beginClosing(Descriptor(number: new))
    defer { KnownFiles.endClosing(closer) }
    if flags & ~O_CLOEXEC == 0 {
        guard Closing.prepare(Descriptor(number: new), for: Descriptor(number: old)) else {
            return result(-Int(EBUSY))
        }
    }
    return result(systemCall(SYS_dup3, Int(old), Int(new), Int(flags)))
}

/// The C library's goes past `close_range`, so it would close the library's own descriptors.
@c(closefrom)
public func closeFrom(_ first: CInt) { _ = Closing.closeRange(UInt32(max(0, first)), .max, 0) }

@c(close_range)
public func closeRange(_ first: UInt32, _ last: UInt32, _ flags: CInt) -> CInt {
    result(Closing.closeRange(first, last, flags))
}
