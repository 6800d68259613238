// The ways to read and write that are compared. Each opens the same file anew and does the same work.

import AsyncFiles
import Dispatch
import FoundationEssentials
import Glibc
import NIOCore
import Synchronization
import SystemPackage
import _NIOFileSystem

/// What a way can do; nil where it has no such thing.
protocol Engine: Sendable {
    static var name: String { get }
    static func open(_ path: String, isDirect: Bool) async throws -> Self
    func read(_ count: Int, at offset: Int64) async throws
    func write(_ block: Block, at offset: Int64) async throws
    func sync() async throws
    /// All of the file in pieces of 1 MiB; returns how many bytes.
    func stream() async throws -> Int
    func close() async throws
}

/// 4 KiB at a page's beginning, written by all.
struct Block: @unchecked Sendable {
    // Written before anybody else has it, and never freed.
    let memory: UnsafeRawBufferPointer
    let buffer: ByteBuffer
    static let size = 4096

    init() {
        let new = UnsafeMutableRawBufferPointer.allocate(byteCount: Block.size, alignment: 4096)
        new.initializeMemory(as: UInt8.self, repeating: 7)
        memory = UnsafeRawBufferPointer(new)
        buffer = ByteBuffer(bytes: new)
    }
}

struct Kaio: Engine {
    static let name = "AsyncFiles"
    let file: AsyncFile

    static func open(_ path: String, isDirect: Bool) async throws -> Kaio {
        Kaio(file: try await .open(SystemPackage.FilePath(path), .readWrite, options: isDirect ? [.direct] : []))
    }

    func read(_ count: Int, at offset: Int64) async throws {
        guard try await file.read(count, at: offset).count == count else { throw Short() }
    }

    func write(_ block: Block, at offset: Int64) async throws { try await file.write(block.memory, at: offset) }
    func sync() async throws { try await file.sync() }

    func stream() async throws -> Int {
        var count = 0
        for try await piece in file.chunks(of: 1 << 20) { count += piece.count }
        return count
    }

    func close() async throws { try await file.close() }
}

/// NIOFileSystem. It has no O_DIRECT, and no memory for it: there its thread pool makes the call with the descriptor.
struct NIO: Engine {
    static let name = "NIOFileSystem"
    let handle: ReadWriteFileHandle
    let isDirect: Bool

    static func open(_ path: String, isDirect: Bool) async throws -> NIO {
        let handle = try await FileSystem.shared.openFile(
            forReadingAndWritingAt: _NIOFileSystem.FilePath(path), options: .modifyFile(createIfNecessary: false))
        if isDirect {
            try await handle.withUnsafeDescriptor { descriptor in
                _ = fcntl(
                    descriptor.rawValue, F_SETFL,
                    fcntl(descriptor.rawValue, F_GETFL) | FileDescriptor.OpenOptions.direct.rawValue)
            }
        }
        return NIO(handle: handle, isDirect: isDirect)
    }

    func read(_ count: Int, at offset: Int64) async throws {
        let result: Int
        if isDirect {
            result = try await handle.withUnsafeDescriptor { descriptor in
                let memory = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 4096)
                defer { memory.deallocate() }
                return pread(descriptor.rawValue, memory, count, off_t(offset))
            }
        } else {
            result = try await handle.readChunk(fromAbsoluteOffset: offset, length: .bytes(Int64(count))).readableBytes
        }
        guard result == count else { throw Short() }
    }

    func write(_ block: Block, at offset: Int64) async throws {
        try await handle.write(contentsOf: block.buffer.readableBytesView, toAbsoluteOffset: offset)
    }

    func sync() async throws { try await handle.synchronize() }

    func stream() async throws -> Int {
        var count = 0
        for try await piece in handle.readChunks(in: 0..<Int64.max, chunkLength: .mebibytes(1)) {
            count += piece.readableBytes
        }
        return count
    }

    func close() async throws { try await handle.close() }
}

/// A pool of threads with pread and pwrite: as many as Dispatch finds right.
struct Pool: Engine {
    static let name = "pread pool"
    private static let queue = DispatchQueue(label: "pool", attributes: .concurrent)
    let number: CInt

    static func open(_ path: String, isDirect: Bool) async throws -> Pool {
        let number = Glibc.open(path, O_RDWR | O_CLOEXEC | (isDirect ? FileDescriptor.OpenOptions.direct.rawValue : 0))
        guard number >= 0 else { throw Short() }
        return Pool(number: number)
    }

    private func there<T: Sendable>(_ body: @escaping @Sendable () -> T) async -> T {
        await withCheckedContinuation { continuation in
            Pool.queue.async { continuation.resume(returning: body()) }
        }
    }

    func read(_ count: Int, at offset: Int64) async throws {
        let number = number
        let result = await there {
            let memory = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 4096)
            defer { memory.deallocate() }
            return pread(number, memory, count, off_t(offset))
        }
        guard result == count else { throw Short() }
    }

    func write(_ block: Block, at offset: Int64) async throws {
        let number = number
        guard await there({ pwrite(number, block.memory.baseAddress, block.memory.count, off_t(offset)) }) == Block.size
        else { throw Short() }
    }

    func sync() async throws {
        let number = number
        _ = await there { fsync(number) }
    }

    func stream() async throws -> Int {
        let number = number
        var offset = 0
        while true {
            let start = offset
            let piece = await there {
                [UInt8](unsafeUninitializedCapacity: 1 << 20) {
                    $1 = max(0, pread(number, $0.baseAddress, 1 << 20, off_t(start)))
                }
            }
            if piece.isEmpty { return offset }
            offset += piece.count
        }
    }

    func close() async throws { Glibc.close(number) }
}

/// FoundationEssentials reads whole files only.
struct Essentials: Engine {
    static let name = "FoundationEssentials"
    let path: String

    static func open(_ path: String, isDirect: Bool) async throws -> Essentials { Essentials(path: path) }
    func read(_ count: Int, at offset: Int64) async throws { throw Short() }
    func write(_ block: Block, at offset: Int64) async throws { throw Short() }
    func sync() async throws { throw Short() }
    func stream() async throws -> Int { try Data(contentsOf: URL(filePath: path)).count }
    func close() async throws {}
}

struct Short: Error {}
