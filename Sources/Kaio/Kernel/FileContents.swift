// A file that is small enough to be read whole, by plain system calls.

import CKernel

/// What was read lies in pages of its own, until `unmap`.
struct FileContents {
    let text: Text
    let device: UInt64
    let inode: UInt64
    private let pages: UnsafeMutableRawPointer

    static let greatestSize = 1 << 20

    enum Outcome {
        case text(FileContents)
        case tooLarge
        case failed(CInt)
    }

    /// The path has a zero behind it.
    static func read(_ path: Text) -> Outcome {
        let number = systemCall(
            SYS_openat, Int(AT_FDCWD), address(path.start), Int(O_RDONLY | O_CLOEXEC | O_NOCTTY))
        guard number >= 0 else { return .failed(CInt(-number)) }
        let file = Descriptor(number: CInt(number))
        defer { file.close() }
        var status = stat()
        let result = file.status(&status)
        guard result == 0 else { return .failed(CInt(-result)) }
        guard let pages = Pages.map(greatestSize + 1) else { return .failed(ENOMEM) }
        var count = 0
        while count <= greatestSize {
            let result = file.read(pages + count, greatestSize + 1 - count)
            if result == -Int(EINTR) { continue }
            if result == 0 { break }
            if result < 0 {
                Pages.unmap(pages, greatestSize + 1)
                return .failed(CInt(-result))
            }
            count += result
        }
        guard count <= greatestSize else {
            Pages.unmap(pages, greatestSize + 1)
            return .tooLarge
        }
        return .text(
            FileContents(
                text: Text(pages.assumingMemoryBound(to: UInt8.self), count: count), device: UInt64(status.st_dev),
                inode: UInt64(status.st_ino), pages: pages))
    }

    func unmap() { Pages.unmap(pages, FileContents.greatestSize + 1) }
}
