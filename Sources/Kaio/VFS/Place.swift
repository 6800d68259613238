// Where a call of a connection's interface is in its stack: each module is called in turn, from the top, and calls the
// one below it. Beyond the last module the library itself does what is asked for.
//
// The requests do not go this way but through turns (Turn.swift): what waits for a device must not nest.

import CKernel

struct Place {
    let stack: Stack
    /// Of the module that is called.
    let position: Int

    init(_ stack: Stack, _ position: Int = 0) {
        self.stack = stack
        self.position = position
    }

    var below: Place { Place(stack, position + 1) }

    private var module: (any Module)? { position < stack.count ? stack[position] : nil }

    /// Returns 0 or an errno.
    @inline(never)
    func connect(_ service: Text) -> CInt { module?.connect(service, below: below) ?? 0 }

    @inline(never)
    func disconnect() { module?.disconnect(below: below) }

    /// Returns a descriptor or a negated errno.
    @inline(never)
    func open(_ path: UnsafePointer<CChar>, _ flags: CInt, _ mode: mode_t) -> Int {
        if let module { return module.open(path, flags, mode, below: below) }
        let number = systemCall(SYS_openat, Int(AT_FDCWD), address(path), Int(flags | O_CLOEXEC), Int(mode))
        // Only so can a FIFO or a terminal be read without waiting, and without a thread. The open file is nobody
        // else's.
        if number >= 0, stack.position(of: "aio_poll") != nil,
            let file = FileFacts(Descriptor(number: CInt(number))), file.isStream
        {
            _ = systemCall(SYS_fcntl, number, Int(F_SETFL), Int(file.statusFlags | O_NONBLOCK))
        }
        return number
    }

    /// Returns 0 or a negated errno.
    @inline(never)
    func close(_ descriptor: Descriptor) -> Int {
        if let module { return module.close(descriptor, below: below) }
        let closer = KnownFiles.beginClosing(descriptor)
        defer { KnownFiles.endClosing(closer) }
        guard Closing.prepare(descriptor) else { return -Int(EBADF) }
        return systemCall(SYS_close, Int(descriptor.number))
    }

    /// What aio_error says.
    @inline(never)
    func error(_ user: UserBlock) -> CInt {
        if let module { return module.error(user, below: below) }
        let error = user.error
        if error != EINPROGRESS { return error }
        Waiting.harvest(as: .submitter)
        Reactor.startIfWanted()
        return user.error
    }

    /// What aio_return says; nil: there is no result to take.
    @inline(never)
    func result(_ user: UserBlock) -> Int? {
        if let module { return module.result(user, below: below) }
        return user.takeResult()
    }

    /// AIO_CANCELED and its like, or a negated errno.
    @inline(never)
    func cancel(_ descriptor: Descriptor, _ user: UserBlock?) -> CInt {
        if let module { return module.cancel(descriptor, user, below: below) }
        switch Cancellation.cancel(descriptor, user) {
        case .success(.cancelled): return CInt(AIO_CANCELED)
        case .success(.notCancelled): return CInt(AIO_NOTCANCELED)
        case .success(.allDone): return CInt(AIO_ALLDONE)
        case .failure(.badDescriptor): return -EBADF
        case .failure(.otherDescriptor): return -EINVAL
        }
    }

    /// Waits for all of a list. Returns 0, EAGAIN (the time is up) or EINTR.
    @inline(never)
    func suspend(_ list: UnsafePointer<UnsafePointer<aiocb>?>, _ count: Int, until deadline: Instant) -> CInt {
        if let module { return module.suspend(list, count, until: deadline, below: below) }
        return Suspension.waitForAll(list, count, until: deadline)
    }
}

/// A module that has nothing to say hands on.
extension Module {
    func connect(_ service: Text, below: Place) -> CInt { below.connect(service) }
    func disconnect(below: Place) { below.disconnect() }
    func open(_ path: UnsafePointer<CChar>, _ flags: CInt, _ mode: mode_t, below: Place) -> Int {
        below.open(path, flags, mode)
    }
    func close(_ descriptor: Descriptor, below: Place) -> Int { below.close(descriptor) }
    func error(_ user: UserBlock, below: Place) -> CInt { below.error(user) }
    func result(_ user: UserBlock, below: Place) -> Int? { below.result(user) }
    func cancel(_ descriptor: Descriptor, _ user: UserBlock?, below: Place) -> CInt {
        below.cancel(descriptor, user)
    }
    func suspend(
        _ list: UnsafePointer<UnsafePointer<aiocb>?>, _ count: Int, until deadline: Instant, below: Place
    ) -> CInt { below.suspend(list, count, until: deadline) }
}
