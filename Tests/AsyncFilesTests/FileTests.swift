import AsyncFiles
import Glibc
import SystemPackage
import Testing

@Suite struct `A file` {
    @Test func `is read at any offset, and shorter only at its end`() async throws {
        let temporary = TemporaryFile(size: 100_000)
        try await withFile(at: temporary.path) { file async throws in
            #expect(try await file.read(4096, at: 12_345) == bytes(12_345..<16_441))
            #expect(try await file.read(4096, at: 99_990) == bytes(99_990..<100_000))
            #expect(try await file.read(4096, at: 100_000) == [])
            #expect(try await file.read(0, at: 0) == [])
            #expect(try file.size == 100_000)
        }
    }

    @Test func `that is in the page cache is read without suspending`() async throws {
        let temporary = TemporaryFile(size: 65536)
        try await withFile(at: temporary.path) { file async throws in
            for offset in stride(from: Int64(0), to: 65536, by: 4096) {
                #expect(try await file.read(4096, at: offset) == bytes(offset..<offset + 4096))
            }
            #expect(file.statistics.inCall == 16 && file.statistics.suspended == 0)
        }
    }

    @Test func `that is not in the page cache is read all the same`() async throws {
        let temporary = TemporaryFile(size: 1 << 20)
        try await withFile(at: temporary.path) { file async throws in
            try await dropCache(file)
            for offset in stride(from: Int64(0), to: 1 << 20, by: 65536).reversed() {
                #expect(try await file.read(10_000, at: offset) == bytes(offset..<offset + 10_000))
            }
            try await dropCache(file)
            let ranges = (0..<30).map { Int64($0) * 33_000..<Int64($0) * 33_000 + 5000 }
            #expect(try await file.read(many: ranges) == ranges.map(bytes))
        }
    }

    @Test func `is read into spans and buffers`() async throws {
        let temporary = TemporaryFile(size: 10_000)
        try await withFile(at: temporary.path) { file async throws in
            var array = [UInt8](repeating: 0, count: 100)
            var span = array.mutableSpan
            var bytes1 = span.mutableBytes
            #expect(try await file.read(into: &bytes1, at: 50) == 100)
            #expect(array == bytes(50..<150))

            var buffer = PageBuffer(capacity: 4096)
            #expect(try await file.read(into: &buffer, at: 8000) == 2000)
            #expect(buffer.bytes.withUnsafeBytes { Array($0) } == bytes(8000..<10_000))

            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 1)
            defer { memory.deallocate() }
            var room = OutputRawSpan(buffer: memory, initializedCount: 4)
            #expect(try await file.read(into: &room, at: 7) == 60)
            #expect(room.byteCount == 64 && Array(memory[4...]) == bytes(7..<67))
        }
    }

    @Test(arguments: [false, true]) func `does what a model says`(isDirect: Bool) async throws {
        var dice = Dice(seed: isDirect ? 3 : 2)
        let temporary = TemporaryFile()
        let unit: Int64 = isDirect ? 4096 : 1
        let most = isDirect ? 40 : 100_000
        var model: [UInt8] = []
        let options: FileDescriptor.OpenOptions = isDirect ? [.direct] : []
        try await withFile(at: temporary.path, .readWrite, options: options) { file async throws in
            for _ in 0..<400 {
                let offset = Int64.random(in: 0..<Int64(most), using: &dice) * unit
                let count = Int(Int64.random(in: 1...(isDirect ? 8 : 20_000), using: &dice) * unit)
                switch Int.random(in: 0..<8, using: &dice) {
                case 0, 1, 2:
                    var buffer = PageBuffer(capacity: count)
                    let first = UInt8.random(in: 0...255, using: &dice)
                    buffer.append((0..<count).lazy.map { UInt8(truncatingIfNeeded: $0 / 7) &+ first })
                    try await file.write(buffer, at: offset)
                    let end = Int(offset) + count
                    if model.count < end { model += [UInt8](repeating: 0, count: end - model.count) }
                    model.replaceSubrange(Int(offset)..<end, with: buffer.bytes.withUnsafeBytes { Array($0) })
                case 3 where !isDirect:
                    let size = Int.random(in: 0...120_000, using: &dice)
                    try await file.truncate(to: Int64(size))
                    model = Array(model.prefix(size)) + [UInt8](repeating: 0, count: max(0, size - model.count))
                case 4:
                    try await file.sync(dataOnly: Bool.random(using: &dice))
                    #expect(try file.size == Int64(model.count))
                case 5:
                    if Bool.random(using: &dice) { try await file.advise(.dontNeed) }
                    let end = Int64(model.count)
                    let ranges = (0..<5).map { Int64($0) * 8192..<Int64($0) * 8192 + Int64(count) }
                    let expected = ranges.map {
                        Array(model[Int(min($0.lowerBound, end))..<Int(min($0.upperBound, end))])
                    }
                    #expect(try await file.read(many: ranges) == expected)
                default:
                    let start = min(Int(offset), model.count)
                    let expected = Array(model[start..<min(start + count, model.count)])
                    if Int(offset) < model.count || !isDirect {
                        #expect(try await file.read(count, at: Int64(start)) == expected)
                    }
                }
            }
            let end = (model.count + 4095) / 4096 * 4096
            #expect(try await file.read(end, at: 0) == model)
        }
    }

    @Test func `takes appends whole and in order`() async throws {
        let temporary = TemporaryFile()
        try await withFile(at: temporary.path, .writeOnly, options: [.append]) { file async throws in
            for number in 0..<100 { try await file.append(Array("line \(number)\n".utf8)) }
            await withTaskGroup { group in
                for number in 100..<200 { group.addTask { try? await file.append(Array("line \(number)\n".utf8)) } }
            }
        }
        let lines = try await withFile(at: temporary.path) { file async throws in
            var lines: [String] = []
            for try await line in file.lines { lines.append(line) }
            return lines
        }
        #expect(Array(lines.prefix(100)) == (0..<100).map { "line \($0)" })
        #expect(Set(lines) == Set((0..<200).map { "line \($0)" }) && lines.count == 200)
        try await withFile(at: temporary.path, .readWrite) { file async throws in
            await #expect(throws: Errno.invalidArgument) { try await file.append([1]) }
        }
    }

    @Test func `takes many writes as one submission, and vectors`() async throws {
        let temporary = TemporaryFile()
        try await withFile(at: temporary.path, .readWrite) { file async throws in
            let parts = (0..<100).map {
                (bytes: bytes(Int64($0) * 1000..<Int64($0) * 1000 + 1000), offset: Int64($0) * 1000)
            }
            try await file.write(many: parts.shuffled())
            #expect(try await file.read(200_000) == bytes(0..<100_000))

            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 300, alignment: 1)
            defer { memory.deallocate() }
            memory.copyBytes(from: 0..<150)
            let all = UnsafeRawBufferPointer(memory)
            let pieces = [
                UnsafeRawBufferPointer(rebasing: all[100..<150]), UnsafeRawBufferPointer(rebasing: all[0..<100]),
            ]
            #expect(try await file.writeSome(pieces, at: 10) == 150)
            let places = [
                UnsafeMutableRawBufferPointer(rebasing: memory[150..<160]),
                UnsafeMutableRawBufferPointer(rebasing: memory[160..<300]),
            ]
            #expect(try await file.read(into: places, at: 10) == 150)
            #expect(Array(memory[150...]) == Array(100..<150) + Array(0..<100))
        }
    }

    @Test func `is as large as it is made, and has room`() async throws {
        let temporary = TemporaryFile(size: 1000)
        try await withFile(at: temporary.path, .readWrite) { file async throws in
            try await file.truncate(to: 500)
            #expect(try file.size == 500)
            try await file.preallocate(0..<1 << 20)
            #expect(try file.size == 1 << 20)
            #expect(try await file.read(1000, at: 100) == bytes(100..<500) + [UInt8](repeating: 0, count: 600))
            try await file.advise(.random)
            try await file.advise(.willNeed, 0..<4096)
        }
    }

    @Test func `says what is wrong`() async throws {
        await #expect(throws: Errno.noSuchFileOrDirectory) { try await AsyncFile.open("/nowhere/at/all") }
        await #expect(throws: Errno.fileExists) {
            try await AsyncFile.open("/dev/null", .writeOnly, options: [.create, .exclusiveCreate])
        }
        #expect(throws: Errno.badFileDescriptor) { try AsyncFile(FileDescriptor(rawValue: 987_654)) }
        let temporary = TemporaryFile(size: 100)
        try await withFile(at: temporary.path) { file async throws in
            await #expect(throws: Errno.badFileDescriptor) { try await file.write([1, 2, 3]) }
            await #expect(throws: Errno.invalidArgument) { try await file.read(10, at: -1) }
            await #expect(throws: Errno.invalidArgument) { try await file.truncate(to: 10) }
            try await file.close()
            await #expect(throws: Errno.badFileDescriptor) { try await file.read(10) }
            #expect(throws: Errno.badFileDescriptor) { try file.size }
            await #expect(throws: Errno.badFileDescriptor) { try await file.close() }
        }
        try await withFile(at: temporary.path, .writeOnly) { file async throws in
            await #expect(throws: Errno.badFileDescriptor) { try await file.read(10) }
        }
        try await withFile(at: "/tmp") { file async throws in
            await #expect(throws: Errno.isDirectory) { try await file.read(10) }
        }
        try await withFile(at: "/dev/full", .writeOnly) { file async throws in
            await #expect(throws: Errno.noSpace) { try await file.write([1]) }
        }
        let pipe = try AsyncFile.pipe()
        try await pipe.reading.close()
        await #expect(throws: Errno.brokenPipe) { try await pipe.writing.write([1]) }
    }

    @Test func `is closed by its scope`() async throws {
        let temporary = TemporaryFile(size: 100)
        struct Stop: Error {}
        var kept: AsyncFile?
        await #expect(throws: Stop.self) {
            try await withFile(at: temporary.path) { file async throws in
                kept = file
                throw Stop()
            }
        }
        await #expect(throws: Errno.badFileDescriptor) { try await kept!.read(10) }
    }

    @Test func `is closed by its last reference`() async throws {
        var writing: AsyncFile?
        let reading: AsyncFile
        (reading, writing) = try AsyncFile.pipe()
        try await writing!.write("the last")
        writing = nil
        #expect(try await reading.read(100) == Array("the last".utf8))
        #expect(try await reading.read(100) == [])
    }

    @Test func `serves ten thousand tasks at once, and never more than its bound`() async throws {
        let temporary = TemporaryFile(size: 4 << 20)
        try await withFile(at: temporary.path, options: [.direct]) { file async throws in
            let wrong = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<10_000 {
                    group.addTask {
                        let offset = Int64(number * 7919 % 1024) * 4096
                        return (try? await file.read(4096, at: offset)) != bytes(offset..<offset + 4096)
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(wrong == 0)
            #expect(file.statistics.most <= 64 && file.statistics.suspended == 10_000)
        }
    }
}
