// Of the file itself: its size, its room on the device, what it will be used for.

import Glibc
public import SystemPackage

extension AsyncFile {
    /// How many bytes the file has.
    public var size: Int64 {
        get throws(Errno) {
            try enter()
            defer { exit() }
            var status = stat()
            guard fstat(number, &status) == 0 else { throw .last }
            return Int64(status.st_size)
        }
    }

    /// Makes the file so many bytes long. What is new reads as zeroes.
    public func truncate(to size: Int64) async throws(Errno) {
        try await inPlace { ftruncate($0, off_t(size)) == 0 ? 0 : errno }
    }

    /// Has the device keep room for a range, so that writes there do not fail for want of it. The file becomes as long as that.
    public func preallocate(_ range: Range<Int64>) async throws(Errno) {
        try await inPlace { posix_fallocate($0, off_t(range.lowerBound), off_t(range.count)) }
    }

    public enum Advice: Sendable {
        case normal, sequential, random, willNeed, dontNeed, noReuse
    }

    /// Says what a range will be used for, as posix_fadvise(2); an empty one from 0 means the whole file.
    public func advise(_ advice: Advice, _ range: Range<Int64> = 0..<0) async throws(Errno) {
        let number =
            switch advice {
            case .normal: POSIX_FADV_NORMAL
            case .sequential: POSIX_FADV_SEQUENTIAL
            case .random: POSIX_FADV_RANDOM
            case .willNeed: POSIX_FADV_WILLNEED
            case .dontNeed: POSIX_FADV_DONTNEED
            case .noReuse: POSIX_FADV_NOREUSE
            }
        try await inPlace { posix_fadvise($0, off_t(range.lowerBound), off_t(range.count), CInt(number)) }
    }

    /// Has a thread of the system's pool make a call with the descriptor, which returns 0 or an errno.
    private func inPlace(_ body: @escaping @Sendable (CInt) -> CInt) async throws(Errno) {
        try enter()
        defer { exit() }
        let number = number
        try await AsyncFile.elsewhere { () throws(Errno) -> Void in
            let error = body(number)
            if error != 0 { throw Errno(rawValue: error) }
        }
    }
}

extension FileDescriptor.OpenOptions {
    /// O_DIRECT: past the page cache. Memory, offsets and lengths must be multiples of the device's block; see ``PageBuffer``.
    public static var direct: FileDescriptor.OpenOptions { .init(rawValue: AsyncFile.direct) }
}
