// The functions of <aio.h>: each takes its arguments, hands them on and sets errno. On 64-bit systems
// struct aiocb64 is struct aiocb, and the ...64 functions are the same.

import CKernel

func answer(_ error: CInt) -> CInt {
    if error == 0 { return 0 }
    ck_set_errno(error)
    return -1
}

/// What aio_error gives. Of what is no request it fails: -1, and errno says why.
@inline(__always)
func answer(status: CInt) -> CInt {
    if status == UserBlock.none { ck_set_errno(EINVAL) }
    return status
}

/// What aio_return gives: of what failed -1, and errno has its error.
func answer(result: Int?, _ user: UserBlock) -> Int {
    guard let result else { return Int(answer(EINVAL)) }
    if result < 0, case let error = user.error, error > 0 { ck_set_errno(error) }
    return result
}

/// When a timeout that starts now is up; `never` for a null one, nil for one that is no interval.
func deadline(_ timeout: UnsafePointer<timespec>?) -> Instant? {
    guard let timeout else { return .never }
    return timeout.pointee.interval.map { Instant.now.advanced(by: $0) }
}

@c(aio_read)
public func aioRead(_ control: UnsafeMutablePointer<aiocb>?) -> CInt {
    guard let control else { return answer(EINVAL) }
    return answer(Submission.submit(UserBlock(control), .read))
}

@c(aio_write)
public func aioWrite(_ control: UnsafeMutablePointer<aiocb>?) -> CInt {
    guard let control else { return answer(EINVAL) }
    return answer(Submission.submit(UserBlock(control), .write))
}

@c(aio_fsync)
public func aioFsync(_ operation: CInt, _ control: UnsafeMutablePointer<aiocb>?) -> CInt {
    guard let control, operation == O_SYNC || operation == O_DSYNC else { return answer(EINVAL) }
    return answer(Submission.submit(UserBlock(control), operation == O_SYNC ? .synchronize : .synchronizeData))
}

@c(aio_error)
public func aioError(_ control: UnsafePointer<aiocb>?) -> CInt {
    guard let control else { return answer(EINVAL) }
    let user = UserBlock(control)
    // The fast path, of what is finished, is a leaf: without a call in it, it saves no register.
    if let error = user.finishedError { return error }
    return errorOfUnfinished(user)
}

/// The slow path of aio_error: of what is in progress, and of what is no request.
@inline(never)
private func errorOfUnfinished(_ user: UserBlock) -> CInt {
    if user.isInProgress { Waiting.harvest(as: .caller) }
    return answer(status: user.error)
}

@c(aio_return)
public func aioReturn(_ control: UnsafeMutablePointer<aiocb>?) -> Int {
    guard let control else { return Int(answer(EINVAL)) }
    return answer(result: UserBlock(control).takeResult(), UserBlock(control))
}

@c(aio_suspend)
public func aioSuspend(
    _ list: UnsafePointer<UnsafePointer<aiocb>?>?, _ count: CInt, _ timeout: UnsafePointer<timespec>?
) -> CInt {
    pthread_testcancel()
    guard count >= 0, list != nil || count == 0, let deadline = deadline(timeout) else { return answer(EINVAL) }
    return answer(Suspension.wait(list, Int(count), until: deadline))
}

@c(aio_cancel)
public func aioCancel(_ descriptor: CInt, _ control: UnsafeMutablePointer<aiocb>?) -> CInt {
    switch Cancellation.cancel(Descriptor(number: descriptor), control.map { UserBlock($0) }) {
    case .success(.cancelled): return CInt(AIO_CANCELED)
    case .success(.notCancelled): return CInt(AIO_NOTCANCELED)
    case .success(.allDone): return CInt(AIO_ALLDONE)
    case .failure(.badDescriptor): return answer(EBADF)
    case .failure(.otherDescriptor): return answer(EINVAL)
    }
}

@c(lio_listio)
public func lioListio(
    _ mode: CInt, _ list: UnsafePointer<UnsafeMutablePointer<aiocb>?>?, _ count: CInt,
    _ event: UnsafeMutablePointer<sigevent>?
) -> CInt {
    guard mode == CInt(LIO_WAIT) || mode == CInt(LIO_NOWAIT), count >= 0, list != nil || count == 0 else {
        return answer(EINVAL)
    }
    let wait = mode == CInt(LIO_WAIT)
    return answer(Submission.submitList(list, Int(count), wait: wait, event.map { UnsafePointer($0) }))
}

/// glibc's own call to tune its threads. The numbers of threads apply to the workers; the rest has no meaning here.
@c(aio_init)
public func aioInitialize(_ options: UnsafePointer<ck_aioinit>?) {
    guard let options, options.pointee.aio_threads > 0 else { return }
    Options.suggestWorkers(Int(options.pointee.aio_threads))
}

@c(aio_read64)
public func aioRead64(_ control: UnsafeMutablePointer<aiocb>?) -> CInt { aioRead(control) }

@c(aio_write64)
public func aioWrite64(_ control: UnsafeMutablePointer<aiocb>?) -> CInt { aioWrite(control) }

@c(aio_fsync64)
public func aioFsync64(_ operation: CInt, _ control: UnsafeMutablePointer<aiocb>?) -> CInt {
    aioFsync(operation, control)
}

@c(aio_error64)
public func aioError64(_ control: UnsafePointer<aiocb>?) -> CInt { aioError(control) }

@c(aio_return64)
public func aioReturn64(_ control: UnsafeMutablePointer<aiocb>?) -> Int { aioReturn(control) }

@c(aio_suspend64)
public func aioSuspend64(
    _ list: UnsafePointer<UnsafePointer<aiocb>?>?, _ count: CInt, _ timeout: UnsafePointer<timespec>?
) -> CInt { aioSuspend(list, count, timeout) }

@c(aio_cancel64)
public func aioCancel64(_ descriptor: CInt, _ control: UnsafeMutablePointer<aiocb>?) -> CInt {
    aioCancel(descriptor, control)
}

@c(lio_listio64)
public func lioListio64(
    _ mode: CInt, _ list: UnsafePointer<UnsafeMutablePointer<aiocb>?>?, _ count: CInt,
    _ event: UnsafeMutablePointer<sigevent>?
) -> CInt { lioListio(mode, list, count, event) }
