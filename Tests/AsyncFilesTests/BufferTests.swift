// AsyncFilesNIO, which is there with the trait NIO: swift test --traits NIO --filter 'A ByteBuffer'

#if NIO

    import AsyncFiles
    import AsyncFilesNIO
    import NIOCore
    import SystemPackage
    import Testing

    @Suite struct `A ByteBuffer` {
        @Test func `is read into, behind what it has`() async throws {
            let temporary = TemporaryFile(size: 100_000)
            try await withFile(at: temporary.path) { file async throws in
                for isCached in [true, false] {
                    if !isCached { try await dropCache(file) }
                    #expect(try await file.readBuffer(5000, at: 123) == ByteBuffer(bytes: bytes(123..<5123)))
                    var buffer = ByteBuffer(string: "head")
                    let copy = buffer
                    #expect(try await file.read(into: &buffer, atMost: 50_000, at: 70_000) == 30_000)
                    #expect(buffer == ByteBuffer(bytes: Array("head".utf8) + bytes(70_000..<100_000)))
                    #expect(copy == ByteBuffer(string: "head"))
                    #expect(try await file.read(into: &buffer, atMost: 10, at: 100_000) == 0)
                    // Of a slice, only the slice.
                    let whole = ByteBuffer(string: "0123456789")
                    var slice = whole.getSlice(at: 2, length: 3)!
                    #expect(try await file.read(into: &slice, atMost: 4, at: 0) == 4)
                    #expect(slice == ByteBuffer(bytes: Array("234".utf8) + bytes(0..<4)))
                    #expect(whole == ByteBuffer(string: "0123456789"))
                }
                #expect(try await file.readBuffer(0) == ByteBuffer())
            }
        }

        @Test func `is written, what of it can be read`() async throws {
            let temporary = TemporaryFile()
            try await withFile(at: temporary.path, .readWrite, options: [.append]) { file async throws in
                var buffer = ByteBuffer(string: "not this: but this")
                buffer.moveReaderIndex(forwardBy: 10)
                try await file.append(buffer)
                try await file.append(ByteBuffer())
                #expect(try await file.readBuffer(100) == ByteBuffer(string: "but this"))
            }
            try await withFile(at: temporary.path, .readWrite) { file async throws in
                try await file.write(ByteBuffer(string: "BUT"), at: 0)
                #expect(try await file.readBuffer(100) == ByteBuffer(string: "BUT this"))
            }
            let pipe = try AsyncFile.pipe()
            let large = ByteBuffer(bytes: bytes(0..<300_000))
            async let written: Void = pipe.writing.write(large)
            var read = ByteBuffer()
            while read.readableBytes < 300_000 { try await pipe.reading.read(into: &read, atMost: 65536) }
            try await written
            #expect(read == large)
        }

        @Test func `is a piece of a file`() async throws {
            let temporary = TemporaryFile(size: 1_000_000)
            try await withFile(at: temporary.path) { file async throws in
                for isCached in [true, false] {
                    if !isCached { try await dropCache(file) }
                    var all = ByteBuffer()
                    for try await piece in file.buffers(of: 65536) { all.writeImmutableBuffer(piece) }
                    #expect(all == ByteBuffer(bytes: bytes(0..<1_000_000)))
                    all.clear()
                    for try await piece in file.buffers(of: 1000, in: 500..<10_500) { all.writeImmutableBuffer(piece) }
                    #expect(all == ByteBuffer(bytes: bytes(500..<10_500)))
                }
            }
        }

        @Test func `of a read that was cancelled is the caller's`() async throws {
            let pipe = try AsyncFile.pipe()
            for _ in 0..<100 {
                let reader = Task {
                    var buffer = ByteBuffer(string: "kept")
                    _ = try? await pipe.reading.read(into: &buffer, atMost: 4096)
                    return buffer
                }
                await Task.yield()
                reader.cancel()
                #expect(await reader.value == ByteBuffer(string: "kept"))
            }
        }
    }

#endif
