// kaio_mirror_log: where the log of a mirrored file is, for the `kaio` command.

import CKernel

@c(kaio_mirror_log)
public func kaioMirrorLog(
    _ path: UnsafePointer<CChar>?, _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int
) -> CInt {
    guard let path, let buffer, size > 0 else { return answer(EINVAL) }
    Engine.prepare()
    let number = systemCall(
        SYS_openat, Int(AT_FDCWD), address(path), Int(O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK))
    guard number >= 0 else { return answer(CInt(-number)) }
    let descriptor = Descriptor(number: CInt(number))
    defer { descriptor.close() }
    let service = Configuration.current[Configuration.current.service(of: descriptor)]
    var objects = service.objects
    var isMirrored = false
    while let name = objects.takeWord() { isMirrored = isMirrored || name == "mirror" }
    guard isMirrored else { return answer(EINVAL) }
    // In memory: nobody else can look at it.
    guard let template = service.parameters.text("mirror", "log"), !template.isWord("core") else {
        return answer(ENXIO)
    }
    let result = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: MirrorLayout.page) { bytes -> CInt in
        guard let start = bytes.baseAddress, let length = descriptor.path(into: start, bytes.count) else { return EIO }
        let path = Text(start, count: length)
        var message = Message()
        Mirror.expand(template, path.dropFirst(Mirror.fixedPart(of: path, in: service.name)), &message)
        guard let log = message.terminated() else { return ENOMEM }
        let count = strlen(log)
        if count >= size { return ENAMETOOLONG }
        memcpy(buffer, log, count + 1)
        return 0
    }
    return result == 0 ? 0 : answer(result)
}
