// A request that is over, as who watches has to know it: what it was, and how it ended.

struct Outcome {
    let operation: Operation
    let descriptor: Descriptor
    let file: FileFacts
    /// In bytes.
    let offset: Int
    let length: Int
    /// Bytes transferred, or a negated errno.
    let result: Int

    var isFailure: Bool { result < 0 }
}

extension Outcome {
    init(_ request: Request) {
        operation = request.operation
        descriptor = request.descriptor
        file = request.file
        offset = request.offset
        length = request.length
        result = request.result
    }
}
