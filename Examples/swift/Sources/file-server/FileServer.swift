// file-server DIRECTORY [PORT]: serves a directory's files over HTTP on the loopback address. swift-nio has the connections, AsyncFiles
// reads the files, and neither has a thread that waits for a file. The port is printed; without one, the system chooses.

import AsyncFiles
import AsyncFilesNIO
import NIOCore
import NIOHTTP1
import NIOPosix
import SystemPackage

@main
enum FileServer {
    typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, HTTPPart<HTTPResponseHead, ByteBuffer>>

    static func main() async throws {
        let words = CommandLine.arguments.dropFirst()
        guard let directory = words.first, let port = words.count > 1 ? Int(words[2]) : 0 else {
            print("usage: file-server DIRECTORY [PORT]")
            return
        }
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Buffers())
                    return try Connection(wrappingChannelSynchronously: channel)
                }
            }
        print("http://127.0.0.1:\(server.channel.localAddress!.port!)/")
        let files = Files(below: FilePath(directory))
        try await withThrowingDiscardingTaskGroup { group in
            try await server.executeThenClose { connections in
                for try await connection in connections {
                    group.addTask {
                        // Who went away in the middle is no fault of the server's.
                        try? await serve(connection, files)
                    }
                }
            }
        }
    }

    static func serve(_ connection: Connection, _ files: Files) async throws {
        try await connection.executeThenClose { requests, response in
            for try await case .head(let request) in requests {
                try await files.answer(request, response)
                if !request.isKeepAlive { break }
            }
        }
    }
}

/// The tasks' parts of a response have buffers, what is encoded may also have files of swift-nio's.
final class Buffers: ChannelOutboundHandler {
    typealias OutboundIn = HTTPPart<HTTPResponseHead, ByteBuffer>
    typealias OutboundOut = HTTPServerResponsePart

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part: HTTPServerResponsePart =
            switch unwrapOutboundIn(data) {
            case .head(let head): .head(head)
            case .body(let buffer): .body(.byteBuffer(buffer))
            case .end(let trailers): .end(trailers)
            }
        context.write(wrapOutboundOut(part), promise: promise)
    }
}
