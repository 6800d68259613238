// cancel-read: many tasks wait for empty pipes, and no thread waits with them; they are cancelled, and nothing is lost.

import AsyncFile
import Glibc

@main
enum CancelRead {
    static func main() async throws {
        let pipes = try (0..<100).map { _ in try AsyncFile.pipe() }
        let readers = pipes.map { pipe in
            Task {
                var buffer = Buffer(capacity: 64)
                return try await pipe.reading.read(into: &buffer, at: 0)
            }
        }
        try await Task.sleep(for: .milliseconds(200))
        print("\(readers.count) reads wait; the process has \(threads()) threads")

        for reader in readers { reader.cancel() }
        var canceled = 0
        for reader in readers {
            do { _ = try await reader.value } catch Errno.canceled { canceled += 1 }
        }
        print("\(canceled) reads were cancelled")

        // What comes now was not taken by a read that is gone.
        var text = Buffer(capacity: 64)
        text.put("the next one reads this")
        try await pipes[0].writing.write(text, at: 0)
        var buffer = Buffer(capacity: 64)
        try await pipes[0].reading.read(into: &buffer, at: 0)
        print(buffer.withBytes { String(decoding: $0, as: UTF8.self) })

        // A task that is cancelled already submits nothing.
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            var buffer = Buffer(capacity: 64)
            return try await pipes[0].reading.read(into: &buffer, at: 0)
        }
        do { _ = try await late.value } catch Errno.canceled { print("cancelled before it began") }
    }

    static func threads() -> Int {
        var count = 0
        guard let directory = opendir("/proc/self/task") else { return 0 }
        while let entry = readdir(directory) {
            if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
        }
        closedir(directory)
        return count
    }
}
