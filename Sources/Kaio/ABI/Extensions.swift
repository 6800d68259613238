// The functions of include/kaio.h.

import CKaio
import CKernel

@c(kaio_version)
public func kaioVersion() -> UnsafePointer<CChar> {
    ck_version()
}

@c(aio_readv)
public func aioReadVector(_ control: UnsafeMutablePointer<aiocb>?) -> CInt {
    guard Neighbours.servesProgram("aio_readv") else { return -1 }
    guard let control else { return answer(EINVAL) }
    return answer(Submission.submit(UserBlock(control), .read, isVector: true))
}

@c(aio_writev)
public func aioWriteVector(_ control: UnsafeMutablePointer<aiocb>?) -> CInt {
    guard Neighbours.servesProgram("aio_writev") else { return -1 }
    guard let control else { return answer(EINVAL) }
    return answer(Submission.submit(UserBlock(control), .write, isVector: true))
}

@c(aio_waitcomplete)
public func aioWaitComplete(
    _ control: UnsafeMutablePointer<UnsafeMutablePointer<aiocb>?>?, _ timeout: UnsafeMutablePointer<timespec>?
) -> Int {
    pthread_testcancel()
    guard Neighbours.servesProgram("aio_waitcomplete") else { return -1 }
    control?.pointee = nil
    guard let deadline = deadline(timeout) else { return Int(answer(EINVAL)) }
    switch Collection.waitForOne(until: deadline) {
    case .failure(let problem): return Int(answer(problem.error))
    case .success(let done):
        control?.pointee = done.user.base.assumingMemoryBound(to: aiocb.self)
        return done.error == 0 ? done.result : Int(answer(done.error))
    }
}

@c(aio_waitn)
public func aioWaitSeveral(
    _ list: UnsafeMutablePointer<UnsafeMutablePointer<aiocb>?>?, _ count: UInt32,
    _ wanted: UnsafeMutablePointer<UInt32>?, _ timeout: UnsafePointer<timespec>?
) -> CInt {
    pthread_testcancel()
    guard Neighbours.servesProgram("aio_waitn") else { return -1 }
    guard let list, let wanted, wanted.pointee >= 1, wanted.pointee <= count, count <= UInt32(CInt.max),
        let deadline = deadline(timeout)
    else {
        wanted?.pointee = 0
        return answer(EINVAL)
    }
    let least = Int(wanted.pointee)
    // A fault is taken before there is a completion to lose.
    for index in stride(from: 0, to: Int(count), by: 256) { list[index] = nil }
    list[Int(count) - 1] = nil
    // Counted as they come, so that it is right also where the thread is cancelled.
    wanted.pointee = 0
    return answer(
        Collection.collect(atLeast: least, atMost: Int(count), until: deadline) { user in
            list[Int(wanted.pointee)] = user.base.assumingMemoryBound(to: aiocb.self)
            wanted.pointee += 1
        })
}

@c(kaio_release)
public func kaioRelease() -> CInt { answer(Engine.release() ? 0 : EBUSY) }
