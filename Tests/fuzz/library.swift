// What the library reads from others, given any bytes: configurations, parameters, variables of the environment. It is
// compiled as a part of the library, plainly, so that every overflow and every index stops it. Tests/fuzz/run builds and
// runs it.

import CKaio
import CKernel
import Synchronization

/// The bytes as they are, in memory that ends where they do.
private func withText(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ body: (Text) -> Void) {
    let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, count))
    copy.update(from: bytes, count: count)
    body(Text(copy, count: count))
    copy.deallocate()
}

private let directory: String = {
    var name = Array("/dev/shm/kaio-fuzz.XXXXXX".utf8CString)
    guard mkdtemp(&name) != nil else { fatalError("no directory in /dev/shm") }
    atexit { removeFiles() }
    return String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}()

private func removeFiles() {
    for name in ["a.conf", "b.conf"] { unlink("\(directory)/\(name)") }
    rmdir(directory)
}

private func write(_ bytes: UnsafeBufferPointer<UInt8>, as name: String) {
    let flags = Int(O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC)
    let number = "\(directory)/\(name)".withCString {
        systemCall(SYS_openat, Int(AT_FDCWD), address($0), flags, 0o600)
    }
    let file = Descriptor(number: CInt(number))
    _ = file.write(bytes.baseAddress, bytes.count)
    file.close()
}

/// A file, and behind a byte 0 another that it may include as b.conf; then a path of which it says where it belongs.
private func configuration(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
    let parts = UnsafeBufferPointer(start: bytes, count: count).split(
        separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
    write(UnsafeBufferPointer(rebasing: parts[0]), as: "a.conf")
    let second = parts.count > 1 ? parts[1] : parts[0].prefix(0)
    write(UnsafeBufferPointer(rebasing: second), as: "b.conf")
    _ = "\(directory)/a.conf".withCString { kaioTestparm($0) }

    var reader = ConfigurationReader(moduleDirectory: nil, isSilent: true)
    let error = "\(directory)/a.conf".withCString { reader.takeFile(Text($0)) }
    if error == 0, let configuration = reader.finish(), parts.count > 2, !parts[2].isEmpty {
        let path = UnsafeBufferPointer(rebasing: parts[2])
        withText(path.baseAddress!, path.count) { _ = configuration.service(ofPath: $0) }
    }
    reader.discard()
}

/// What stands in KAIO_VFS_PARAMETERS, taken by each module of the library's own.
private func parameters(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
    withText(bytes, count) { list in
        var memory = Arena()
        let fault = memory.allocate(Atomic<Bool>.self)!
        fault.initialize(to: Atomic(false))
        let parameters = Parameters(list, from: "fuzz", before: .none, fault: fault, &memory)
        Registry.forEachName { name in _ = Registry.make(Text(name), position: 1, parameters: parameters) }
        var reader = ConfigurationReader(moduleDirectory: nil, isSilent: true)
        reader.takeList(list, "fuzz")
        reader.takeStandard(objects: list, Origin(list))
        _ = reader.finish()
        reader.discard()
        memory.free()
        _ = PathTemplate(list).map { $0.free() }
        _ = PathPattern.problem(list)
    }
}

@_silgen_name("fuzz_set_environment")
private func setEnvironment(_ variables: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?)

/// Lines that are variables of the environment, as the options read them.
private func environment(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
    let text = UnsafeBufferPointer(start: bytes, count: count)
    var variables = text.split(separator: 0x0a).prefix(16).map { Array("KAIO_".utf8) + $0.prefix { $0 != 0 } + [0] }
    var pointers: [UnsafeMutablePointer<CChar>?] = []
    for index in variables.indices {
        pointers.append(
            variables[index].withUnsafeMutableBytes { strdup($0.baseAddress!.assumingMemoryBound(to: CChar.self)) })
    }
    pointers.append(nil)
    let before = ck_environment()
    pointers.withUnsafeMutableBufferPointer { buffer in
        setEnvironment(buffer.baseAddress)
        Options.read()
        setEnvironment(before)
    }
    // The options keep what they were given; but not here.
    for pointer in pointers { free(pointer) }
}

@_cdecl("fuzz_library")
public func fuzzLibrary(_ target: Int32, _ bytes: UnsafePointer<UInt8>?, _ count: Int) {
    let nothing = UnsafePointer<UInt8>(bitPattern: 1)!
    switch target {
    case 0: configuration(bytes ?? nothing, count)
    case 1: parameters(bytes ?? nothing, count)
    default: environment(bytes ?? nothing, count)
    }
}
