// The functions of include/kaio_bufio.h.

import CKaio
import CKernel

private func answer(pointer: UnsafeMutableRawPointer?, _ error: CInt) -> UnsafeMutableRawPointer? {
    if pointer == nil { ck_set_errno(error) }
    return pointer
}

@c(kaio_bufio_create)
public func bufioCreate(_ file: OpaquePointer?, _ options: UnsafePointer<kaio_bufio_options>?) -> OpaquePointer? {
    var error = EINVAL
    var known = kaio_bufio_options()
    let size = options?.pointee.size ?? 0
    if let options, size >= MemoryLayout<Int>.size {
        memcpy(&known, options, min(size, MemoryLayout.size(ofValue: known)))
    }
    guard let file = ConnectionFile(file), options == nil || size >= MemoryLayout<Int>.size,
        let client = BufioClient.make(file, known, &error)
    else {
        ck_set_errno(error)
        return nil
    }
    return client.handle
}

@c(kaio_bufio_destroy)
public func bufioDestroy(_ client: OpaquePointer?) -> CInt { answer(BufioClient(client)?.end() ?? EINVAL) }

private func hold(
    _ client: OpaquePointer?, _ block: UInt64, _ way: BufioClient.Way,
    _ buffer: UnsafeMutablePointer<OpaquePointer?>?
) -> UnsafeMutableRawPointer? {
    var error = EINVAL
    return answer(pointer: BufioClient(client)?.hold(block, way, buffer, &error) ?? nil, error)
}

@c(kaio_bufio_read)
public func bufioRead(
    _ client: OpaquePointer?, _ block: UInt64, _ buffer: UnsafeMutablePointer<OpaquePointer?>?
) -> UnsafeMutableRawPointer? { hold(client, block, .read, buffer) }

@c(kaio_bufio_get)
public func bufioGet(
    _ client: OpaquePointer?, _ block: UInt64, _ buffer: UnsafeMutablePointer<OpaquePointer?>?
) -> UnsafeMutableRawPointer? { hold(client, block, .get, buffer) }

@c(kaio_bufio_new)
public func bufioNew(
    _ client: OpaquePointer?, _ block: UInt64, _ buffer: UnsafeMutablePointer<OpaquePointer?>?
) -> UnsafeMutableRawPointer? { hold(client, block, .new, buffer) }

@c(kaio_bufio_read_async)
public func bufioReadAsync(
    _ client: OpaquePointer?, _ block: UInt64, _ control: UnsafeMutablePointer<aiocb>?
) -> CInt {
    guard let client = BufioClient(client), let control else { return answer(EINVAL) }
    return answer(client.read(block, control))
}

@c(kaio_bufio_finish)
public func bufioFinish(
    _ client: OpaquePointer?, _ control: UnsafeMutablePointer<aiocb>?, _ buffer: UnsafeMutablePointer<OpaquePointer?>?
) -> UnsafeMutableRawPointer? {
    var error = EINVAL
    guard let client = BufioClient(client), let control else { return answer(pointer: nil, error) }
    return answer(pointer: client.finish(control, buffer, &error), error)
}

@c(kaio_bufio_prefetch)
public func bufioPrefetch(_ client: OpaquePointer?, _ block: UInt64, _ count: UInt64) -> CInt {
    answer(BufioClient(client)?.prefetch(block, count) ?? EINVAL)
}

/// The place of a buffer that is held, and its client; else it is said that it is not.
private func held(_ buffer: OpaquePointer?, _ call: StaticString) -> (BufioClient, Int32)? {
    let (found, number): ((BufioClient, Int32)?, Int?) = BufioClient.locked {
        guard let (place, isHeld) = Holds.place(buffer) else { return (nil, nil) }
        guard isHeld, let client = BufioClient(bits: Holds[place].pointee.client) else {
            return (nil, Holds[place].pointee.number)
        }
        return ((client, place), nil)
    }
    if let found { return found }
    BufioClient.complain(call, number, number == nil ? "no buffer" : "is not held", nil)
    ck_set_errno(EINVAL)
    return nil
}

@c(kaio_bufio_release)
public func bufioRelease(_ buffer: OpaquePointer?) -> CInt {
    guard let (client, place) = held(buffer, "release") else { return -1 }
    guard client.connection.isOfThisProcess else { return answer(EINVAL) }
    _ = client.enter { client.letGo(place, &$0) }
    return 0
}

private func mark(_ buffer: OpaquePointer?, _ call: StaticString, _ from: Int, _ to: Int?) -> CInt {
    guard let (client, place) = held(buffer, call) else { return -1 }
    let size = client.cache.size
    guard client.connection.isOfThisProcess, from >= 0, from < to ?? size, to ?? size <= size else {
        return answer(EINVAL)
    }
    guard client.file.way.pointee.isWritable else { return answer(EBADF) }
    _ = client.enter { plan in
        let block = CacheBlock(bits: Holds[place].pointee.block)!
        client.markDirty(block, from & ~4095, min(size, ((to ?? size) + 4095) & ~4095), &plan)
    }
    return 0
}

@c(kaio_bufio_mark_dirty)
public func bufioMarkDirty(_ buffer: OpaquePointer?) -> CInt { mark(buffer, "mark_dirty", 0, nil) }

@c(kaio_bufio_mark_partial_dirty)
public func bufioMarkPartialDirty(_ buffer: OpaquePointer?, _ from: Int, _ to: Int) -> CInt {
    mark(buffer, "mark_partial_dirty", from, to)
}

@c(kaio_bufio_write_dirty_async)
public func bufioWriteDirtyAsync(_ client: OpaquePointer?) -> CInt {
    answer(BufioClient(client)?.writeDirtySoon() ?? EINVAL)
}

@c(kaio_bufio_write_dirty)
public func bufioWriteDirty(_ client: OpaquePointer?) -> CInt { answer(BufioClient(client)?.writeDirty() ?? EINVAL) }

@c(kaio_bufio_issue_flush)
public func bufioIssueFlush(_ client: OpaquePointer?) -> CInt { answer(BufioClient(client)?.flush() ?? EINVAL) }

@c(kaio_bufio_issue_discard)
public func bufioIssueDiscard(_ client: OpaquePointer?, _ block: UInt64, _ count: UInt64) -> CInt {
    answer(BufioClient(client)?.discard(block, count) ?? EINVAL)
}

@c(kaio_bufio_move)
public func bufioMove(_ buffer: OpaquePointer?, _ block: UInt64) -> CInt {
    guard let (client, place) = held(buffer, "move") else { return -1 }
    guard client.file.way.pointee.isWritable else { return answer(EBADF) }
    return answer(client.move(place, block))
}

@c(kaio_bufio_forget)
public func bufioForget(_ client: OpaquePointer?, _ block: UInt64) -> CInt {
    answer(BufioClient(client)?.forget(block, 1) ?? EINVAL)
}

@c(kaio_bufio_forget_run)
public func bufioForgetRun(_ client: OpaquePointer?, _ block: UInt64, _ count: UInt64) -> CInt {
    answer(BufioClient(client)?.forget(block, count) ?? EINVAL)
}

@c(kaio_bufio_set_minimum_buffers)
public func bufioSetMinimumBuffers(_ client: OpaquePointer?, _ count: UInt32) -> CInt {
    answer(BufioClient(client)?.setMinimum(Int(count)) ?? EINVAL)
}

@c(kaio_bufio_device_size)
public func bufioDeviceSize(_ client: OpaquePointer?) -> UInt64 {
    guard let client = BufioClient(client), client.connection.isOfThisProcess else {
        ck_set_errno(EINVAL)
        return 0
    }
    return client.blockCount
}

@c(kaio_bufio_block_size)
public func bufioBlockSize(_ client: OpaquePointer?) -> Int {
    guard let client = BufioClient(client) else {
        ck_set_errno(EINVAL)
        return 0
    }
    return client.cache.size
}

private func look<T>(_ buffer: OpaquePointer?, _ call: StaticString, _ none: T, _ body: (CacheBlock) -> T) -> T {
    guard let (_, place) = held(buffer, call) else { return none }
    return BufioClient.locked { body(CacheBlock(bits: Holds[place].pointee.block)!) }
}

@c(kaio_bufio_client)
public func bufioClient(_ buffer: OpaquePointer?) -> OpaquePointer? { held(buffer, "client")?.0.handle }

@c(kaio_bufio_block)
public func bufioBlock(_ buffer: OpaquePointer?) -> UInt64 { look(buffer, "block", .max) { UInt64($0.number) } }

@c(kaio_bufio_data)
public func bufioData(_ buffer: OpaquePointer?) -> UnsafeMutableRawPointer? { look(buffer, "data", nil) { $0.data } }

@c(kaio_bufio_user)
public func bufioUser(_ buffer: OpaquePointer?) -> UnsafeMutableRawPointer? {
    look(buffer, "user", nil) { $0.rest.pointee.user }
}

@c(kaio_bufio_statistics)
public func bufioStatistics(
    _ client: OpaquePointer?, _ counts: UnsafeMutablePointer<kaio_bufio_counts>?, _ size: Int
) -> CInt {
    guard let client = BufioClient(client), client.connection.isOfThisProcess, let counts, size >= 0 else {
        return answer(EINVAL)
    }
    var all = client.counts()
    memcpy(counts, &all, min(size, MemoryLayout.size(ofValue: all)))
    return 0
}
