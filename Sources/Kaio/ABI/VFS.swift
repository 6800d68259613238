// The functions of include/kaio_vfs.h.

import CKaio
import CKernel
import Synchronization

private func state(_ handle: OpaquePointer?) -> CHandlePointer { CHandlePointer(handle.unsafelyUnwrapped) }

/// The place below a handle's. Nil, and errno set, before it is connected.
private func below(_ handle: OpaquePointer?) -> Place? {
    guard let stack = state(handle).pointee.stack else {
        ck_set_errno(ENOTCONN)
        return nil
    }
    return Place(stack, state(handle).pointee.position + 1)
}

/// -1 with errno for a negated errno.
private func answer(negated result: Int) -> CInt { result < 0 ? answer(CInt(-result)) : CInt(result) }

@c(kaio_vfs_register)
public func kaioVFSRegister(
    _ version: CInt, _ name: UnsafePointer<CChar>?, _ functions: UnsafePointer<kaio_vfs_fns>?
) -> CInt { answer(Loader.register(version, name, functions)) }

// MARK: requests

@c(kaio_vfs_next_request)
public func kaioVFSNextRequest(_ handle: OpaquePointer?, _ request: OpaquePointer?) -> CInt {
    CModule.next(state(handle), request) ? 0 : -1
}

@c(kaio_vfs_complete)
public func kaioVFSComplete(_ handle: OpaquePointer?, _ request: OpaquePointer?, _ result: Int) -> CInt {
    CModule.complete(state(handle), request, result) ? 0 : -1
}

@c(kaio_vfs_request_data)
public func kaioVFSRequestData(
    _ handle: OpaquePointer?, _ request: OpaquePointer?
) -> UnsafeMutablePointer<UnsafeMutableRawPointer?>? { CModule.data(state(handle), request) }

@c(kaio_request_operation)
public func kaioRequestOperation(_ token: OpaquePointer?) -> kaio_operation {
    guard let request = CModule.request(token) else { return KAIO_OPERATION_NONE }
    switch request.operation {
    case .read: return KAIO_OPERATION_READ
    case .write: return KAIO_OPERATION_WRITE
    case .synchronize: return KAIO_OPERATION_FSYNC
    case .synchronizeData: return KAIO_OPERATION_FDATASYNC
    case .list, .work: return KAIO_OPERATION_NONE
    }
}

@c(kaio_request_fd)
public func kaioRequestDescriptor(_ token: OpaquePointer?) -> CInt {
    CModule.request(token)?.descriptor.number ?? -1
}

@c(kaio_request_length)
public func kaioRequestLength(_ token: OpaquePointer?) -> Int { CModule.request(token)?.length ?? 0 }

@c(kaio_request_offset)
public func kaioRequestOffset(_ token: OpaquePointer?) -> Int { CModule.request(token)?.offset ?? 0 }

@c(kaio_request_result)
public func kaioRequestResult(_ token: OpaquePointer?) -> Int { CModule.request(token)?.result ?? 0 }

@c(kaio_request_buffer)
public func kaioRequestBuffer(_ token: OpaquePointer?) -> UnsafeMutableRawPointer? {
    guard let request = CModule.request(token), request.vectorCount == 0 else { return nil }
    return request.buffer
}

@c(kaio_request_iovec)
public func kaioRequestVector(_ token: OpaquePointer?, _ vector: UnsafeMutablePointer<iovec>?, _ most: CInt) -> CInt {
    guard let request = CModule.request(token), let buffer = request.buffer else { return 0 }
    let count = request.vectorCount
    guard count > 0 else {
        if most > 0 { vector?.pointee = iovec(iov_base: buffer, iov_len: request.length) }
        return 1
    }
    if most > 0 { vector?.update(from: buffer.assumingMemoryBound(to: iovec.self), count: min(count, Int(most))) }
    return CInt(count)
}

@c(kaio_request_path)
public func kaioRequestPath(_ token: OpaquePointer?, _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int) -> Int {
    guard let request = CModule.request(token) else { return Int(answer(EBADF)) }
    guard let buffer, size > 0 else { return Int(answer(ERANGE)) }
    let bytes = UnsafeMutableRawPointer(buffer).assumingMemoryBound(to: UInt8.self)
    guard let length = request.descriptor.path(into: bytes, size) else { return Int(answer(ENOENT)) }
    if length >= size { return Int(answer(ERANGE)) }
    buffer[length] = 0
    return length
}

// MARK: requests of a module's own

@c(kaio_vfs_own)
public func kaioVFSOwn(
    _ handle: OpaquePointer?, _ request: OpaquePointer?, _ what: UnsafePointer<kaio_own>?
) -> OpaquePointer? { what.flatMap { CModule.make(state(handle), request, $0.pointee) } }

@c(kaio_vfs_start)
public func kaioVFSStart(_ handle: OpaquePointer?, _ request: OpaquePointer?) -> CInt {
    CModule.start(state(handle), request) ? 0 : -1
}

@c(kaio_vfs_drop)
public func kaioVFSDrop(_ handle: OpaquePointer?, _ request: OpaquePointer?) { CModule.drop(state(handle), request) }

@c(kaio_request_own)
public func kaioRequestOwn(_ request: OpaquePointer?, _ index: CInt) -> OpaquePointer? { CModule.own(index) }

// MARK: numbers

@c(kaio_vfs_numbers)
public func kaioVFSNumbers(_ handle: OpaquePointer?, _ names: UnsafePointer<CChar>?) -> CInt {
    guard let names else { return answer(EINVAL) }
    return CModule.setNumbers(state(handle), names) ? 0 : answer(ENOMEM)
}

@c(kaio_vfs_count)
public func kaioVFSCount(_ handle: OpaquePointer?, _ number: CInt, _ change: Int) {
    if (0..<LIVE_NUMBERS).contains(Int(number)) { state(handle).pointee.numbers?.add(Int(number), change) }
}

// MARK: open files, and memory

@c(kaio_request_file)
public func kaioRequestFile(_ token: OpaquePointer?) -> OpaquePointer? {
    CModule.token(CModule.request(token)?.openFile)
}

@c(kaio_vfs_set_file_data)
public func kaioVFSSetFileData(_ handle: OpaquePointer?, _ file: OpaquePointer?, _ data: UnsafeMutableRawPointer?) {
    CModule.file(file)?[state(handle).pointee.position] = UInt(bitPattern: data)
}

@c(kaio_vfs_file_data)
public func kaioVFSFileData(_ handle: OpaquePointer?, _ file: OpaquePointer?) -> UnsafeMutableRawPointer? {
    CModule.file(file).flatMap { UnsafeMutableRawPointer(bitPattern: $0[state(handle).pointee.position]) }
}

@c(kaio_vfs_file_open)
public func kaioVFSFileOpen(
    _ handle: OpaquePointer?, _ token: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ descriptor: CInt, _ flags: CInt
) -> CInt {
    guard let file = CModule.file(token) else { return answer(EBADF) }
    switch path.map({ file.open($0, flags) }) ?? file.open(Descriptor(number: descriptor), flags) {
    case .success(let own): return own.descriptor.number
    case .failure(let problem): return answer(problem.error)
    }
}

@c(kaio_vfs_file_hold)
public func kaioVFSFileHold(_ handle: OpaquePointer?, _ file: OpaquePointer?) { CModule.file(file)?.hold() }

@c(kaio_vfs_file_release)
public func kaioVFSFileRelease(_ handle: OpaquePointer?, _ file: OpaquePointer?) { CModule.release(file) }

private func pages(_ size: Int) -> Int { (size + Pool.pageSize - 1) / Pool.pageSize }

@c(kaio_vfs_hold)
public func kaioVFSHold(_ handle: OpaquePointer?, _ request: OpaquePointer?) -> CInt {
    CModule.hold(state(handle), request) ? 0 : -1
}

@c(kaio_vfs_take)
public func kaioVFSTake(_ handle: OpaquePointer?) -> OpaquePointer? { CModule.takeHeld(state(handle)) }

@c(kaio_vfs_pool_take)
public func kaioVFSPoolTake(_ size: Int) -> UnsafeMutableRawPointer? {
    guard let memory = Pool.take(pages(size)) else { return nil }
    return memory.leak()
}

@c(kaio_vfs_pool_give)
public func kaioVFSPoolGive(_ memory: UnsafeMutableRawPointer?, _ size: Int) {
    if let memory { _ = PoolMemory(start: memory, pages: pages(size)) }
}

// MARK: the next of the others

@c(kaio_vfs_next_connect)
public func kaioVFSNextConnect(_ handle: OpaquePointer?, _ service: UnsafePointer<CChar>?) -> CInt {
    guard let below = below(handle) else { return -1 }
    return answer(below.connect(Text(service ?? state(handle).pointee.service)))
}

@c(kaio_vfs_next_disconnect)
public func kaioVFSNextDisconnect(_ handle: OpaquePointer?) { below(handle)?.disconnect() }

@c(kaio_vfs_next_open)
public func kaioVFSNextOpen(
    _ handle: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ flags: CInt, _ mode: mode_t
) -> CInt {
    guard let path else { return answer(EFAULT) }
    guard let below = below(handle) else { return -1 }
    return answer(negated: below.open(path, flags, mode))
}

@c(kaio_vfs_next_close)
public func kaioVFSNextClose(_ handle: OpaquePointer?, _ descriptor: CInt) -> CInt {
    guard let below = below(handle) else { return -1 }
    return answer(negated: below.close(Descriptor(number: descriptor)))
}

@c(kaio_vfs_next_aio_error)
public func kaioVFSNextError(_ handle: OpaquePointer?, _ control: UnsafePointer<aiocb>?) -> CInt {
    guard let control else { return answer(EINVAL) }
    guard let below = below(handle) else { return -1 }
    return answer(status: below.error(UserBlock(control)))
}

@c(kaio_vfs_next_aio_return)
public func kaioVFSNextReturn(_ handle: OpaquePointer?, _ control: UnsafeMutablePointer<aiocb>?) -> Int {
    guard let control else { return Int(answer(EINVAL)) }
    guard let below = below(handle) else { return -1 }
    return answer(result: below.result(UserBlock(control)), UserBlock(control))
}

@c(kaio_vfs_next_aio_cancel)
public func kaioVFSNextCancel(
    _ handle: OpaquePointer?, _ descriptor: CInt, _ control: UnsafeMutablePointer<aiocb>?
) -> CInt {
    guard let below = below(handle) else { return -1 }
    return answer(negated: Int(below.cancel(Descriptor(number: descriptor), control.map { UserBlock($0) })))
}

@c(kaio_vfs_next_aio_suspend)
public func kaioVFSNextSuspend(
    _ handle: OpaquePointer?, _ list: UnsafePointer<UnsafePointer<aiocb>?>?, _ count: CInt,
    _ timeout: UnsafePointer<timespec>?
) -> CInt {
    guard count >= 0, let deadline = deadline(timeout) else { return answer(EINVAL) }
    guard let below = below(handle) else { return -1 }
    guard let list else { return 0 }
    return answer(below.suspend(list, Int(count), until: deadline))
}

// MARK: a handle

@c(kaio_vfs_set_data)
public func kaioVFSSetData(
    _ handle: OpaquePointer?, _ data: UnsafeMutableRawPointer?,
    _ free: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?
) { CModule.setData(state(handle), data, free) }

@c(kaio_vfs_data)
public func kaioVFSData(_ handle: OpaquePointer?) -> UnsafeMutableRawPointer? {
    UnsafeMutableRawPointer(bitPattern: state(handle).pointee.data.load(ordering: .acquiring))
}

@c(kaio_vfs_service)
public func kaioVFSService(_ handle: OpaquePointer?) -> UnsafePointer<CChar>? { state(handle).pointee.service }

@c(kaio_vfs_name)
public func kaioVFSName(_ handle: OpaquePointer?) -> UnsafePointer<CChar>? { state(handle).pointee.name }

// MARK: parameters

/// As long as a number may be in a configuration.
private let most = 999_999_999_999_999_999

@c(kaio_vfs_parm_int)
public func kaioVFSParameter(_ handle: OpaquePointer?, _ name: UnsafePointer<CChar>, _ standard: Int) -> Int {
    let handle = state(handle)
    return handle.pointee.parameters.number(
        Text(handle.pointee.name), Text(name), default: standard, in: -most...most)
}

@c(kaio_vfs_parm_size)
public func kaioVFSSizeParameter(_ handle: OpaquePointer?, _ name: UnsafePointer<CChar>, _ standard: Int) -> Int {
    let handle = state(handle)
    return handle.pointee.parameters.size(Text(handle.pointee.name), Text(name), default: standard, in: 0...1 << 60)
}

@c(kaio_vfs_parm_bool)
public func kaioVFSFlagParameter(_ handle: OpaquePointer?, _ name: UnsafePointer<CChar>, _ standard: CInt) -> CInt {
    let handle = state(handle)
    return handle.pointee.parameters.flag(Text(handle.pointee.name), Text(name), default: standard != 0) ? 1 : 0
}

@c(kaio_vfs_parm_string)
public func kaioVFSTextParameter(
    _ handle: OpaquePointer?, _ name: UnsafePointer<CChar>, _ standard: UnsafePointer<CChar>?
) -> UnsafePointer<CChar>? {
    let handle = state(handle)
    guard let text = handle.pointee.parameters.text(Text(handle.pointee.name), Text(name)) else { return standard }
    let mask = SignalMask.blockAll()
    handle.pointee.lock.lock()
    defer {
        handle.pointee.lock.unlock()
        mask.restore()
    }
    var current = handle.pointee.texts
    while let known = current {
        if known.pointee.of.start == text.start { return known.pointee.copy }
        current = known.pointee.next
    }
    guard let copy = CModule.copy(text), let memory = malloc(MemoryLayout<CHandle.CopiedText>.stride) else {
        return standard
    }
    let entry = memory.bindMemory(to: CHandle.CopiedText.self, capacity: 1)
    entry.initialize(to: CHandle.CopiedText(of: text, copy: copy, next: handle.pointee.texts))
    handle.pointee.texts = entry
    return copy
}
