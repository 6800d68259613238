// What the command reads from others, given any bytes: ELF files, JSON and the numbers of a run, the page of a process.
// It is compiled with those of the command's sources that do that. Tests/fuzz/run builds and runs it.

import CKernel
import Glibc

private let directory: TemporaryDirectory = {
    do {
        let directory = try TemporaryDirectory(in: TemporaryDirectory.parent { _ in })
        atexit { removeAll() }
        return directory
    } catch {
        fatalError("\(error)")
    }
}()

private func removeAll() { directory.remove() }

private func write(_ bytes: UnsafeRawBufferPointer, as name: String) {
    let file = open("\(directory.path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    _ = Glibc.write(file, bytes.baseAddress, bytes.count)
    close(file)
}

private func elf(_ bytes: UnsafeRawBufferPointer) {
    write(bytes, as: "elf")
    guard let elf = Elf(path: "\(directory.path)/elf") else { return }
    precondition(elf.machineName.utf8.count < 100)
    _ = elf.undefined?.count
}

/// A value that was read is written as text that is read as the same.
private func json(_ bytes: UnsafeRawBufferPointer) {
    if let value = JSON(Array(bytes)) {
        let text = value.description
        if let again = JSON(Array(text.utf8)) { precondition(again.description == text) }
    }
    write(bytes, as: "counts.1")
    write(bytes, as: "counts.2")
    write(bytes, as: "latencies.1")
    Summary(of: directory).show(name: "fuzz", program: 1, ended: "ended", withLatencies: true)
}

private let page: CInt = {
    let path = "\(directory.path)/\(String(cString: live_name()))1"
    let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    let memory = mmap(nil, 4096, PROT_READ, MAP_SHARED, file, 0)
    guard file >= 0, memory != UnsafeMutableRawPointer(bitPattern: -1) else { fatalError(path) }
    return file
}()

nonisolated(unsafe) private var last: LiveSample?

/// A page of this process, full of the bytes over and over; behind a good head if the first one is even; and cut short.
private func live(_ bytes: UnsafeRawBufferPointer) {
    guard let first = bytes.first else { return }
    // Of some files; the last ones would take most of the time.
    let size = first & 2 != 0 ? bytes.count : Int(LIVE_HEAD) + Int(first >> 5) * MemoryLayout<live_file>.size
    var content = [UInt8](repeating: 0, count: size)
    for index in content.indices { content[index] = bytes[index % bytes.count] }
    if first & 1 == 0 {
        content.withUnsafeMutableBytes { content in
            guard content.count >= 80 else { return }
            content.storeBytes(of: LIVE_MAGIC, as: UInt64.self)
            content.storeBytes(of: UInt64(LIVE_VERSION), toByteOffset: 8, as: UInt64.self)
            // Somebody looks: else all is cleared.
            let until = first & 4 != 0 ? UInt64.max >> 1 : UInt64(Clock.now) + 1_000_000_000
            content.storeBytes(of: until, toByteOffset: Int(LIVE_WORD_UNTIL) * 8, as: UInt64.self)
        }
    }
    ftruncate(page, 0)
    _ = pwrite(page, content, content.count, 0)
    guard let reader = try? LiveReader(process: getpid()) else { return }
    defer { reader.close() }
    try? reader.look()
    let sample = reader.sample()
    var view = TopView(process: getpid(), program: "fuzz", isOnScreen: first & 8 != 0)
    view.version = reader.version
    view.update(sample, since: last, interval: 1)
    last = sample
    _ = view.lines(Int(bytes[bytes.count / 2]), 20)
    precondition(JSON(Array(view.json.description.utf8)) != nil)
}

/// The log of a mirror, over and over in a file, with good checksums of its headers if the first byte is even.
private func log(_ bytes: UnsafeRawBufferPointer) {
    guard let first = bytes.first else { return }
    var words = [UInt64](repeating: 0, count: 6 * 512)
    words.withUnsafeMutableBytes { content in
        for index in content.indices { content[index] = bytes[index % bytes.count] }
    }
    for place in first & 1 == 0 ? [0, 512] : [] {
        words[place] = 0x524f_5252_494d_4b41
        words[place + 1] = 1
        words[place + 5] = 1 << (words[place + 5] % 44)
        words[place + 6] %= 5
        // Not a file that has to be asked for.
        for leg in 0..<4 { words[place + 16 + leg * 120 + 8] &= ~0xff | 0x78 }
        words[place + 8] = MirrorReader.sum(words[place..<(place + 512)].map { $0 }[...], hole: 8)
    }
    words.withUnsafeBytes { write($0, as: "log") }
    guard var reader = try? MirrorReader("\(directory.path)/log") else { return }
    defer { reader.end() }
    guard (try? reader.read()) != nil else { return }
    precondition(reader.legs.count <= 4 && reader.inSync <= reader.regions && reader.stale.count == reader.regions)
    _ = reader.isWhole || reader.isInUse
}

@_cdecl("fuzz_command")
public func fuzzCommand(_ target: Int32, _ bytes: UnsafePointer<UInt8>?, _ count: Int) {
    let buffer = UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : count)
    switch target {
    case 0: elf(buffer)
    case 1: json(buffer)
    case 2: live(buffer)
    default: log(buffer)
    }
}
