// cancel-read: many tasks wait for empty pipes, and no thread waits with them; they are cancelled, and nothing is lost.

import AsyncFiles
import Glibc
import SystemPackage

@main
enum CancelRead {
    static func main() async throws {
        let pipes = try (0..<100).map { _ in try AsyncFile.pipe() }
        let readers = pipes.map { pipe in Task { try await pipe.reading.read(64) } }
        while !pipes.allSatisfy({ $0.reading.statistics.suspended == 1 }) {
            try await Task.sleep(for: .milliseconds(1))
        }
        print("\(readers.count) reads wait; the process has \(threads()) threads")

        for reader in readers { reader.cancel() }
        var cancelled = 0
        for reader in readers {
            do { _ = try await reader.value } catch Errno.canceled { cancelled += 1 }
        }
        print("\(cancelled) reads were cancelled")

        // What comes now was not taken by a read that is gone.
        try await pipes[0].writing.write("the next one reads this")
        print(String(decoding: try await pipes[0].reading.read(64), as: UTF8.self))

        // A task that is cancelled already submits nothing.
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await pipes[0].reading.read(64)
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
