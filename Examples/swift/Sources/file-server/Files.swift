// What is said to a request: a file below the directory, whole or the part that `Range:` names, or why not.

import AsyncFiles
import AsyncFilesNIO
import NIOCore
import NIOHTTP1
import SystemPackage

struct Files {
    typealias Response = NIOAsyncChannelOutboundWriter<HTTPPart<HTTPResponseHead, ByteBuffer>>

    private let directory: FilePath

    init(below directory: FilePath) { self.directory = directory }

    func answer(_ request: HTTPRequestHead, _ response: Response) async throws {
        guard request.method == .GET || request.method == .HEAD else {
            return try await refuse(request, response, .methodNotAllowed)
        }
        guard let path = path(of: request.uri) else { return try await refuse(request, response, .notFound) }
        let file: AsyncFile
        // A FIFO is opened without waiting for who writes to it.
        do { file = try await .open(path, options: [.nonBlocking]) } catch {
            return try await refuse(request, response, error == .permissionDenied ? .forbidden : .notFound)
        }
        do {
            try await send(file, request, response)
        } catch {
            try? await file.close()
            throw error
        }
        try await file.close()
    }

    private func send(_ file: AsyncFile, _ request: HTTPRequestHead, _ response: Response) async throws {
        let size = try file.size
        let range = part(request.headers.first(name: "Range"), of: size)
        var pieces = file.buffers(in: range ?? 0..<size).makeAsyncIterator()
        let first: ByteBuffer?
        // What can't be read, as a directory, is found out before anything is said.
        do { first = try await pieces.next() } catch { return try await refuse(request, response, .notFound) }

        var headers: HTTPHeaders = ["Content-Length": String((range ?? 0..<size).count), "Accept-Ranges": "bytes"]
        if let range {
            headers.add(name: "Content-Range", value: "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)")
        }
        if !request.isKeepAlive { headers.add(name: "Connection", value: "close") }
        try await response.write(
            .head(
                HTTPResponseHead(
                    version: request.version, status: range == nil ? .ok : .partialContent, headers: headers)))
        if request.method == .GET {
            var left = (range ?? 0..<size).count
            var piece = first
            while let buffer = piece {
                left -= buffer.readableBytes
                // Waits while the client takes no more.
                try await response.write(.body(buffer))
                piece = try await pieces.next()
            }
            // The file has become shorter: the client must not take what comes next for the rest.
            if left != 0 { throw Errno.ioError }
        }
        try await response.write(.end(nil))
    }

    /// Below the directory, and nowhere else; links are followed.
    private func path(of uri: String) -> FilePath? {
        guard let name = uri.prefix(while: { $0 != "?" }).percentDecoded, !name.utf8.contains(0) else { return nil }
        let path = FilePath(name)
        guard path.isAbsolute, !path.components.contains(where: { $0.kind != .regular }) else { return nil }
        return directory.appending(path.components)
    }

    /// `bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-COUNT`; nil is the whole file.
    private func part(_ header: String?, of size: Int64) -> Range<Int64>? {
        guard let header, header.hasPrefix("bytes="), size > 0 else { return nil }
        let ends = header.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2 else { return nil }
        switch (Int64(ends[0]), Int64(ends[1])) {
        case (let first?, nil) where ends[1].isEmpty && first >= 0 && first < size: return first..<size
        case (let first?, let last?) where first >= 0 && first <= last && first < size:
            return first..<min(last, size - 1) + 1
        case (nil, let count?) where ends[0].isEmpty && count > 0: return max(0, size - count)..<size
        default: return nil
        }
    }

    private func refuse(
        _ request: HTTPRequestHead, _ response: Response, _ status: HTTPResponseStatus
    ) async throws {
        var headers: HTTPHeaders = ["Content-Length": "0"]
        if !request.isKeepAlive { headers.add(name: "Connection", value: "close") }
        try await response.write(.head(HTTPResponseHead(version: request.version, status: status, headers: headers)))
        try await response.write(.end(nil))
    }
}

extension Substring {
    /// nil where a `%` has no two digits behind it, or what comes out is no UTF-8.
    fileprivate var percentDecoded: String? {
        var bytes: [UInt8] = []
        var rest = utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(Substring(rest.prefix(2)), radix: 16) else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
