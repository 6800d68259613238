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
        /// A FIFO or a device: who reads there may wait for ever. /dev/null is an empty file.
        case noFile
        /// Who else might have put it there.
        case untrusted(StaticString)
        case failed(CInt)
    }

    /// The path has a zero behind it. `isGuarded`: see `NamedFile`.
    static func read(_ path: Text, isGuarded: Bool) -> Outcome {
        var named = NamedFile(decides: true)
        var status = stat()
        let number = named.openForReading(path.start, isGuarded: isGuarded, &status)
        guard number >= 0 else {
            if let reason = named.reason { return .untrusted(reason) }
            return number == -Int(EOPNOTSUPP) ? .noFile : .failed(CInt(-number))
        }
        let file = Descriptor(number: CInt(number))
        defer { file.close() }
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
