// The functions of include/kaio.h for programs that use the VFS themselves.

import CKernel

private func text(_ string: UnsafePointer<CChar>?) -> Text? { string.map { Text($0) } }

@c(kaio_connect)
public func kaioConnect(
    _ service: UnsafePointer<CChar>?, _ objects: UnsafePointer<CChar>?, _ parameters: UnsafePointer<CChar>?
) -> OpaquePointer? {
    var error: CInt = 0
    let connection = Connection.make(
        text(service) ?? Text("global"), text(objects), text(parameters) ?? Text(""), &error)
    if connection == nil { ck_set_errno(error) }
    return connection?.handle
}

@c(kaio_disconnect)
public func kaioDisconnect(_ connection: OpaquePointer?) -> CInt {
    answer(Connection(connection)?.end() ?? EINVAL)
}

@c(kaio_connection_fd)
public func kaioConnectionDescriptor(_ connection: OpaquePointer?) -> CInt {
    guard let connection = Connection(connection) else { return answer(EINVAL) }
    return connection.state.pointee.epoll.number
}

@c(kaio_connection_dispatch)
public func kaioConnectionDispatch(_ connection: OpaquePointer?, _ most: CInt) -> CInt {
    let result = Connection(connection)?.dispatch(Int(most)) ?? -Int(EINVAL)
    return result < 0 ? answer(CInt(-result)) : CInt(clamping: result)
}

@c(kaio_open)
public func kaioOpen(
    _ connection: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ flags: CInt, _ mode: mode_t
) -> OpaquePointer? {
    var error = EINVAL
    guard let connection = Connection(connection), let path,
        let file = connection.open(path, flags, mode, &error)
    else {
        ck_set_errno(error)
        return nil
    }
    return file.handle
}

@c(kaio_file_fd)
public func kaioFileDescriptor(_ file: OpaquePointer?) -> CInt {
    guard let file = ConnectionFile(file) else { return answer(EINVAL) }
    return file.descriptor.number
}

@c(kaio_close)
public func kaioClose(_ file: OpaquePointer?) -> CInt { answer(ConnectionFile(file)?.close() ?? EINVAL) }

private func submit(
    _ file: OpaquePointer?, _ control: UnsafeMutablePointer<aiocb>?, _ operation: Operation
) -> CInt {
    guard let file = ConnectionFile(file), let control else { return answer(EINVAL) }
    return answer(file.submit(UserBlock(control), operation))
}

@c(kaio_aio_read)
public func kaioRead(_ file: OpaquePointer?, _ control: UnsafeMutablePointer<aiocb>?) -> CInt {
    submit(file, control, .read)
}

@c(kaio_aio_write)
public func kaioWrite(_ file: OpaquePointer?, _ control: UnsafeMutablePointer<aiocb>?) -> CInt {
    submit(file, control, .write)
}

@c(kaio_aio_fsync)
public func kaioSynchronize(
    _ file: OpaquePointer?, _ operation: CInt, _ control: UnsafeMutablePointer<aiocb>?
) -> CInt {
    guard operation == O_SYNC || operation == O_DSYNC else { return answer(EINVAL) }
    return submit(file, control, operation == O_SYNC ? .synchronize : .synchronizeData)
}

@c(kaio_aio_error)
public func kaioError(_ file: OpaquePointer?, _ control: UnsafePointer<aiocb>?) -> CInt {
    guard let file = ConnectionFile(file), let control else { return answer(EINVAL) }
    return answer(status: Place(file.connection.stack).error(UserBlock(control)))
}

@c(kaio_aio_return)
public func kaioReturn(_ file: OpaquePointer?, _ control: UnsafeMutablePointer<aiocb>?) -> Int {
    guard let file = ConnectionFile(file), let control else { return Int(answer(EINVAL)) }
    return answer(result: Place(file.connection.stack).result(UserBlock(control)), UserBlock(control))
}

@c(kaio_aio_cancel)
public func kaioCancel(_ file: OpaquePointer?, _ control: UnsafeMutablePointer<aiocb>?) -> CInt {
    guard let file = ConnectionFile(file), file.connection.isOfThisProcess else { return answer(EINVAL) }
    let result = Place(file.connection.stack).cancel(file.descriptor, control.map { UserBlock($0) })
    Reactor.startIfWanted()
    return result < 0 ? answer(-result) : result
}

@c(kaio_aio_suspend)
public func kaioSuspend(
    _ connection: OpaquePointer?, _ list: UnsafePointer<UnsafePointer<aiocb>?>?, _ count: CInt,
    _ timeout: UnsafePointer<timespec>?
) -> CInt {
    pthread_testcancel()
    guard let connection = Connection(connection), connection.isOfThisProcess, count >= 0,
        let deadline = deadline(timeout)
    else { return answer(EINVAL) }
    guard let list else { return count == 0 ? 0 : answer(EINVAL) }
    return answer(Place(connection.stack).suspend(list, Int(count), until: deadline))
}
