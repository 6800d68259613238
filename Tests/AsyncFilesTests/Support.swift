// What the suites use: a file with known bytes, a model, and waits for a state.

import AsyncFiles
import Glibc
import Synchronization
import SystemPackage
import Testing

/// A random sequence that is the same each time.
struct Dice: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}

/// The byte that a test file has at an offset.
func byte(at offset: Int64) -> UInt8 { UInt8(truncatingIfNeeded: (offset &* 0x9e37_79b9) >> 13) }

func bytes(_ range: Range<Int64>) -> [UInt8] { range.map(byte(at:)) }

/// A file without a use after the test.
struct TemporaryFile: ~Copyable {
    let path: FilePath

    /// With so many bytes that `byte(at:)` says.
    init(size: Int = 0) {
        // Not in memory: tmpfs has neither O_DIRECT everywhere nor a page cache to look into.
        var template = Array("/var/tmp/kaio-swift.XXXXXX".utf8CString)
        let number = mkstemp(&template)
        precondition(number >= 0, "no file for the test: \(String(cString: strerror(errno)))")
        path = FilePath(platformString: template)
        var written: Int64 = 0
        while written < size {
            let piece = bytes(written..<min(written + 65536, Int64(size)))
            precondition(write(number, piece, piece.count) == piece.count, "no room for the test's file")
            written += Int64(piece.count)
        }
        fsync(number)
        close(number)
    }

    deinit { _ = path.withPlatformString { unlink($0) } }
}

/// Looks until the condition holds; false if it does not within 30 seconds.
func eventually(_ condition: () async -> Bool) async -> Bool {
    for _ in 0..<30_000 {
        if await condition() { return true }
        try? await Task.sleep(for: .milliseconds(1))
    }
    return false
}

func threads() -> Int { entries("/proc/self/task") }
func descriptors() -> Int { entries("/proc/self/fd") }

private func entries(_ path: String) -> Int {
    guard let directory = opendir(path) else { return 0 }
    defer { closedir(directory) }
    var count = 0
    while let entry = readdir(directory) {
        if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
    }
    return count
}

/// Whether a file's pages can be thrown out of the cache; then reads of it have to wait for the device.
func dropCache(_ file: AsyncFile) async throws {
    try await file.sync()
    try await file.advise(.dontNeed)
}

final class Counter: Sendable {
    private let value = Atomic<Int>(0)
    var count: Int { value.load(ordering: .sequentiallyConsistent) }
    func add() { value.wrappingAdd(1, ordering: .sequentiallyConsistent) }
}

/// Memory that tasks pass on. Sendable: one after the other looks at it.
final class Memory: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer
    init(count: Int) { bytes = .allocate(byteCount: count, alignment: 4096) }
    deinit { bytes.deallocate() }

    func mark(_ byte: UInt8) { _ = memset(bytes.baseAddress!, CInt(byte), bytes.count) }
    func isMarked(_ byte: UInt8) -> Bool {
        bytes[0] == byte && memcmp(bytes.baseAddress!, bytes.baseAddress! + 1, bytes.count - 1) == 0
    }
}
