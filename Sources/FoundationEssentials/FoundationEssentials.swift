// Stands in for the toolchain's FoundationEssentials in the `kaio` command, of which that would be 6 MB more. What the argument
// parser asks of it is all here: a protocol for errors, and an encoder for --experimental-dump-help, which prints nothing then.

public protocol LocalizedError: Error {
    var errorDescription: String? { get }
}

extension LocalizedError {
    public var errorDescription: String? { nil }
}

public final class JSONEncoder {
    public struct OutputFormatting: OptionSet, Sendable {
        public let rawValue: UInt

        public init(rawValue: UInt) { self.rawValue = rawValue }

        public static let prettyPrinted = OutputFormatting(rawValue: 1)
        public static let sortedKeys = OutputFormatting(rawValue: 2)
    }

    public struct Unsupported: Error {}

    public var outputFormatting: OutputFormatting = []

    public init() {}

    public func encode(_ value: some Encodable) throws -> Data { throw Unsupported() }
}

public struct Data {}

extension String {
    public struct Encoding: Sendable {
        public static let utf8 = Encoding()
    }

    public init?(data: Data, encoding: Encoding) { return nil }
}

// The parser can run commands that are asynchronous; those of kaio are not. These three are all that it calls for them: the
// linker takes them (--wrap) instead of Swift's concurrency and its queues, 0.8 MB.

@_cdecl("__wrap_swift_task_alloc")
func allocate() { fatalError("the command is linked without Swift's concurrency: see the Makefile") }

@_cdecl("__wrap_swift_task_dealloc")
func deallocate() { fatalError("the command is linked without Swift's concurrency: see the Makefile") }

@_cdecl("__wrap_swift_task_switch")
func change() { fatalError("the command is linked without Swift's concurrency: see the Makefile") }
