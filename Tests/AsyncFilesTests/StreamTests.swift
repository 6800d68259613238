import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import AsyncFiles

@Suite(.serialized) struct `A stream` {
    @Test func `of a pipe gives what comes`() async throws {
        let pipe = try AsyncFile.pipe()
        async let first = pipe.reading.read(100)
        try await pipe.writing.write("hello")
        #expect(try await first == Array("hello".utf8))
        try await pipe.writing.close()
        #expect(try await pipe.reading.read(100) == [])
    }

    @Test func `of a socket is read and written at the same time`() async throws {
        var ends: [CInt] = [-1, -1]
        #expect(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let (left, right) = (
            try AsyncFile(FileDescriptor(rawValue: ends[0])), try AsyncFile(FileDescriptor(rawValue: ends[1]))
        )
        async let waiting = left.read(10)
        try await left.write("to the right")
        #expect(try await right.read(100) == Array("to the right".utf8))
        try await right.write("to left")
        #expect(try await waiting == Array("to left".utf8))
    }

    @Test func `of a terminal is waited for`() async throws {
        let master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        var (lock, number): (CInt, CInt) = (0, 0)
        // TIOCSPTLCK and TIOCGPTN.
        #expect(master >= 0 && ioctl(master, 0x4004_5431, &lock) == 0 && ioctl(master, 0x8004_5430, &number) == 0)
        let terminal = try await AsyncFile.open(
            FilePath("/dev/pts/\(number)"), .readWrite, options: [.init(rawValue: O_NOCTTY)])
        async let line = terminal.read(100)
        let typed = Array("typed\n".utf8)
        #expect(write(master, typed, typed.count) == typed.count)
        #expect(try await line == typed)
        try await terminal.close()
        close(master)
    }

    @Test func `comes in chunks and lines`() async throws {
        let temporary = TemporaryFile(size: 1_000_000)
        for isCached in [true, false] {
            try await withFile(at: temporary.path) { file async throws in
                if !isCached { try await dropCache(file) }
                var all: [UInt8] = []
                for try await piece in file.chunks(of: 65536) { all += piece }
                #expect(all == bytes(0..<1_000_000))
                all = []
                if !isCached { try await dropCache(file) }
                for try await piece in file.chunks(of: 1000, in: 500..<10_500, ahead: 5) { all += piece }
                #expect(all == bytes(500..<10_500))
                for try await piece in file.chunks(of: 4096) {
                    #expect(piece == bytes(0..<4096))
                    break
                }
            }
        }
        let pipe = try AsyncFile.pipe()
        async let lines = {
            var lines: [String] = []
            for try await line in pipe.reading.lines { lines.append(line) }
            return lines
        }()
        for piece in ["one\ntw", "o\r\n\nfo", "ur", "\n", "last"] { try await pipe.writing.write(piece) }
        try await pipe.writing.close()
        #expect(try await lines == ["one", "two", "", "four", "last"])
        try await withFile(at: temporary.path) { file async throws in
            await #expect(throws: Errno.self) { for try await _ in file.lines(limit: 3) {} }
        }
    }

    @Test func `keeps no thread waiting`() async throws {
        let pipes = try (0..<100).map { _ in try AsyncFile.pipe() }
        let readers = pipes.map { pipe in Task { try await pipe.reading.read(64) } }
        #expect(await eventually { pipes.allSatisfy { $0.reading.statistics.suspended == 1 } })
        let count = threads()
        #expect(count < 100, "\(count) threads")
        for pipe in pipes { try await pipe.writing.write("x") }
        for reader in readers { #expect(try await reader.value == Array("x".utf8)) }
    }
}

@Suite(.serialized) struct `Cancelling a task` {
    @Test func `ends a read that waits, and loses nothing`() async throws {
        let pipes = try (0..<100).map { _ in try AsyncFile.pipe() }
        let readers = pipes.map { pipe in Task { try await pipe.reading.read(64) } }
        #expect(await eventually { pipes.allSatisfy { $0.reading.statistics.suspended == 1 } })
        for reader in readers { reader.cancel() }
        for reader in readers { await #expect(throws: Errno.canceled) { try await reader.value } }
        try await pipes[0].writing.write("next")
        #expect(try await pipes[0].reading.read(64) == Array("next".utf8))
    }

    @Test func `ends a write that waits for room`() async throws {
        let pipe = try AsyncFile.pipe()
        let writer = Task { try await pipe.writing.write([UInt8](repeating: 7, count: 1 << 20)) }
        #expect(await eventually { pipe.writing.statistics.suspended == 1 })
        try await Task.sleep(for: .milliseconds(20))
        writer.cancel()
        await #expect(throws: Errno.canceled) { try await writer.value }
    }

    @Test func `before it begins ends it at once`() async throws {
        let pipe = try AsyncFile.pipe()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await pipe.reading.read(64)
        }
        await #expect(throws: Errno.canceled) { try await task.value }
    }

    @Test func `ends what waits for the bound`() async throws {
        let ends = try FileDescriptor.pipe()
        let (reading, writing) = (try AsyncFile(ends.readEnd, bound: 4), try AsyncFile(ends.writeEnd))
        let readers = (0..<100).map { _ in Task { try await reading.read(1) } }
        #expect(await eventually { reading.statistics.suspended == 100 })
        #expect(reading.statistics.most == 4)
        for reader in readers[10...] { reader.cancel() }
        for reader in readers[10...] { _ = try? await reader.value }
        try await writing.write("0123456789")
        for reader in readers[..<10] { reader.cancel() }
        for reader in readers[..<10] { _ = try? await reader.value }
        try await writing.close()
        try await reading.close()
    }

    /// Each byte is read once, by one read that was not cancelled.
    @Test func `at any moment loses no byte`() async throws {
        let pipe = try AsyncFile.pipe()
        let count = 2000
        let writer = Task {
            for number in 0..<count {
                try await pipe.writing.write([UInt8(truncatingIfNeeded: number)])
                if number % 16 == 0 { await Task.yield() }
            }
            try await pipe.writing.close()
        }
        var next = 0
        var dice = Dice(seed: 11)
        while true {
            let reader = Task { try await pipe.reading.read(1) }
            for _ in 0..<Int.random(in: 0..<8, using: &dice) { await Task.yield() }
            if Bool.random(using: &dice) { reader.cancel() }
            do {
                let bytes = try await reader.value
                if bytes.isEmpty { break }
                #expect(bytes == [UInt8(truncatingIfNeeded: next)])
                next += 1
            } catch Errno.canceled {}
        }
        #expect(next == count)
        try await writer.value
    }

    /// What the kernel, or a thread, still wrote to would have lost the mark.
    @Test func `leaves memory to nobody`() async throws {
        let temporary = TemporaryFile(size: 1 << 20)
        try await withFile(at: temporary.path, options: [.direct]) { file async throws in
            let pipe = try AsyncFile.pipe()
            let memory = Memory(count: 64 * 4096)
            var dice = Dice(seed: 5)
            for round in 0..<300 {
                let task = Task {
                    let direct = try? await file.read(into: memory.bytes, at: Int64(round % 4) << 18)
                    let piped = try? await pipe.reading.read(into: memory.bytes)
                    return (direct, piped)
                }
                for _ in 0..<Int.random(in: 0..<20, using: &dice) { await Task.yield() }
                task.cancel()
                _ = await task.value
                memory.mark(UInt8(truncatingIfNeeded: round))
                try await pipe.writing.write([1, 2, 3])
                #expect(try await pipe.reading.read(10) == [1, 2, 3])
                #expect(memory.isMarked(UInt8(truncatingIfNeeded: round)))
            }
        }
    }

    /// Tasks, what they hold, and descriptors.
    @Test func `leaves nothing behind`() async throws {
        final class Held: Sendable {
            let counter: Counter
            init(_ counter: Counter) { self.counter = counter }
            deinit { counter.add() }
        }
        let (gone, rounds) = (Counter(), 500)
        for round in 0..<rounds {
            let pipe = try AsyncFile.pipe()
            let held = Held(gone)
            let reader = Task {
                defer { withExtendedLifetime(held) {} }
                return try await pipe.reading.read(10)
            }
            if round % 3 != 0 { await Task.yield() }
            if round % 2 == 0 { reader.cancel() } else { try await pipe.writing.close() }
            _ = try? await reader.value
        }
        #expect(await eventually { gone.count == rounds })
    }

    @Test func `waits where the kernel has the buffer`() async throws {
        let temporary = TemporaryFile(size: 8 << 20)
        try await withFile(at: temporary.path, options: [.direct]) { file async throws in
            for round in 0..<200 {
                let task = Task {
                    var buffer = PageBuffer(capacity: 1 << 20)
                    let count = try await file.read(into: &buffer, at: Int64(round % 8) << 20)
                    return count
                }
                if round % 2 == 0 { await Task.yield() }
                task.cancel()
                do { #expect(try await task.value == 1 << 20) } catch Errno.canceled {}
            }
        }
    }
}

@Suite(.serialized) struct `Closing` {
    @Test func `ends what waits`() async throws {
        let pipe = try AsyncFile.pipe()
        let readers = (0..<50).map { _ in Task { try await pipe.reading.read(64) } }
        let writer = Task { try await pipe.writing.write([UInt8](repeating: 7, count: 1 << 20)) }
        #expect(await eventually { pipe.reading.statistics.suspended == 50 && pipe.writing.statistics.suspended == 1 })
        try await pipe.reading.close()
        for reader in readers { _ = try? await reader.value }
        try await pipe.writing.close()
        _ = try? await writer.value
    }

    @Test func `while in use hurts nobody`() async throws {
        let temporary = TemporaryFile(size: 1 << 20)
        for round in 0..<40 {
            let options: FileDescriptor.OpenOptions = round % 2 == 0 ? [.direct] : []
            let file = try await AsyncFile.open(temporary.path, options: options)
            if round % 4 == 1 { try await dropCache(file) }
            let unexpected = Counter()
            await withTaskGroup { group in
                for number in 0..<200 {
                    group.addTask {
                        let offset = Int64(number % 256) * 4096
                        do {
                            if try await file.read(4096, at: offset) != bytes(offset..<offset + 4096) {
                                unexpected.add()
                            }
                        } catch Errno.canceled {
                        } catch Errno.badFileDescriptor {
                        } catch {
                            unexpected.add()
                        }
                    }
                }
                group.addTask {
                    for _ in 0..<round { await Task.yield() }
                    try? await file.close()
                }
            }
            #expect(unexpected.count == 0)
        }
    }
}

@Suite(.serialized) struct `A connection` {
    @Test func `has the modules that are asked for`() async throws {
        let temporary = TemporaryFile(size: 100_000)
        let connection = try Connection(
            modules: "error_inject ordered aio_linux aio_poll", parameters: "error_inject:rules = read EIO every 3")
        try await withFile(at: temporary.path, on: connection) { file async throws in
            var failed = 0
            for _ in 0..<30 {
                do { #expect(try await file.read(100, at: 7) == bytes(7..<107)) } catch Errno.ioError { failed += 1 }
            }
            #expect(failed == 10)
        }
        #expect(connection.statistics.completions >= 30)
    }

    @Test func `is not woken for what a worker has done`() async throws {
        let temporary = TemporaryFile(size: 100_000)
        let connection = try Connection(modules: "ordered aio_pthread")
        try await withFile(at: temporary.path, .readWrite, on: connection) { file async throws in
            for index in 0..<30 { try await file.write([UInt8](repeating: 7, count: 100), at: Int64(index) * 1000) }
        }
        let statistics = connection.statistics
        // Not by each of them; something else may wake it.
        #expect(statistics.completions == 30 && statistics.wakeUps < 15)
    }

    @Test func `that is wrong is refused`() {
        #expect(throws: Errno.self) { try Connection(modules: "no_such_module") }
        #expect(throws: Errno.self) { try Connection(modules: "ordered aio_linux", parameters: "ordered:nonsense = 1") }
    }

    @Test func `goes with its last file`() async throws {
        let temporary = TemporaryFile(size: 100_000)
        _ = try Connection.standard()
        for _ in 0..<10 {
            let connection = try Connection(parameters: "aio_linux:aio num events = 16")
            try await withFile(at: temporary.path, on: connection) { file async throws in
                #expect(try await file.read(100, at: 7) == bytes(7..<107))
            }
        }
        #expect(await eventually { threads() < 40 })
    }
}

@Suite struct `A request` {
    @Test(arguments: [(TaskPriority.high, CInt(0)), (.medium, 0), (.utility, 8), (.background, 16)])
    func `is as urgent as its task`(_ priority: TaskPriority, _ expected: CInt) async throws {
        let pipe = try AsyncFile.pipe()
        let found = Atomic<CInt>(-1)
        // Nobody awaits it, which would make it more urgent.
        Task.detached(priority: priority) {
            let call = Call(pipe.reading)
            defer { call.free() }
            call[0].prepare(.read)
            found.store(call[0].control.pointee.aio_reqprio, ordering: .sequentiallyConsistent)
        }
        #expect(await eventually { found.load(ordering: .sequentiallyConsistent) >= 0 })
        #expect(found.load(ordering: .sequentiallyConsistent) == expected)
    }
}

@Suite(.serialized) struct `A connection's thread` {
    @Test func `runs the tasks that prefer it`() async throws {
        let temporary = TemporaryFile(size: 1 << 20)
        let connection = try Connection()
        let file = try await AsyncFile.open(temporary.path, options: [.direct], on: connection)
        let wrong = Counter()
        await withTaskExecutorPreference(connection) {
            let thread = pthread_self()
            await withTaskGroup { group in
                for number in 0..<64 {
                    group.addTask {
                        for round in 0..<20 {
                            let offset = Int64((number * 37 + round * 11) % 256) * 4096
                            if (try? await file.read(4096, at: offset)) != bytes(offset..<offset + 4096) { wrong.add() }
                            if pthread_self() != thread { wrong.add() }
                        }
                    }
                }
            }
        }
        #expect(wrong.count == 0)
        try await file.close()
    }

    @Test func `is woken by whoever has something for it`() async throws {
        let connection = try Connection()
        let pipes = try (0..<4).map { _ in try AsyncFile.pipe(on: connection) }
        for round in 0..<500 {
            let pipe = pipes[round % 4]
            let reader = Task(executorPreference: connection) { try await pipe.reading.read(100) }
            if round % 3 == 0 { await Task.yield() }
            // Each from a thread of its own, at the same time.
            async let other = Task(executorPreference: connection) { round }.value
            try await pipe.writing.write([UInt8(round % 256)])
            #expect(try await reader.value == [UInt8(round % 256)])
            #expect(await other == round)
        }
    }

    @Test func `cancels and closes like any other`() async throws {
        let connection = try Connection()
        try await withTaskExecutorPreference(connection) {
            for round in 0..<100 {
                let ends = try FileDescriptor.pipe()
                let reading = try AsyncFile(ends.readEnd, on: connection, bound: 4)
                let readers = (0..<10).map { _ in Task(executorPreference: connection) { try await reading.read(1) } }
                for _ in 0..<round % 4 { await Task.yield() }
                if round % 2 == 0 { for reader in readers { reader.cancel() } } else { try await reading.close() }
                for reader in readers {
                    do {
                        _ = try await reader.value
                        Issue.record("nothing was written")
                    } catch Errno.canceled {
                    } catch Errno.badFileDescriptor {}
                }
                try ends.writeEnd.close()
            }
        }
    }

    @Test func `ends with the last task`() async throws {
        _ = try Connection.standard()
        let before = threads()
        for _ in 0..<20 {
            let connection = try Connection()
            let pipe = try AsyncFile.pipe(on: connection)
            Task(executorPreference: connection) {
                try await pipe.writing.write("x")
                return try await pipe.reading.read(1)
            }
        }
        #expect(await eventually { threads() < before + 10 })
    }
}
