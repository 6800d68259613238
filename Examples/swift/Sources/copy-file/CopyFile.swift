// copy-file SOURCE TARGET: copies a file with a window of requests, each task of the window on its own part. After an
// error or Ctrl-C there is no target.

import AsyncFiles
import Dispatch
import Glibc
import SystemPackage

@main
enum CopyFile {
    static let partSize: Int64 = 256 * 1024
    static let window = 8

    static func main() async {
        guard CommandLine.arguments.count == 3 else { fail("usage: copy-file SOURCE TARGET", code: 2) }
        let (source, target) = (CommandLine.arguments[1], CommandLine.arguments[2])

        let copying = Task { try await copy(source, target) }
        // Ctrl-C cancels the task, which cancels its requests.
        signal(SIGINT, SIG_IGN)
        let interrupt = DispatchSource.makeSignalSource(signal: SIGINT)
        interrupt.setEventHandler { @Sendable in copying.cancel() }  // on a queue of its own
        interrupt.resume()

        do {
            print("\(try await copying.value) bytes copied")
        } catch Errno.canceled {
            fail("interrupted", code: 130)
        } catch {
            fail("\(error)", code: 1)
        }
    }

    static func copy(_ source: String, _ target: String) async throws -> Int64 {
        try await withFile(at: FilePath(source)) { from in
            let to = try await AsyncFile.open(FilePath(target), .writeOnly, options: [.create, .exclusiveCreate])
            do {
                let size = try from.size
                try await withThrowingTaskGroup(of: Void.self) { group in
                    // A new part begins when one of the window is done.
                    for (number, offset) in stride(from: 0, to: size, by: Int(partSize)).enumerated() {
                        if number >= window { try await group.next() }
                        group.addTask { try await copyPart(from, to, offset..<min(offset + partSize, size)) }
                    }
                    try await group.waitForAll()
                }
                try await to.sync()
                try await to.close()
                return size
            } catch {
                unlink(target)
                throw error
            }
        }
    }

    static func copyPart(_ from: AsyncFile, _ to: AsyncFile, _ range: Range<Int64>) async throws {
        var buffer = PageBuffer(capacity: range.count)
        // Nothing where the file has become shorter.
        try await from.read(into: &buffer, at: range.lowerBound)
        try await to.write(buffer, at: range.lowerBound)
    }

    static func fail(_ message: String, code: CInt) -> Never {
        let line = "copy-file: \(message)\n"
        _ = write(STDERR_FILENO, line, line.utf8.count)
        exit(code)
    }
}
