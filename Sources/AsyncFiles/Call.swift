// What a task waits for: one or several requests, in one piece of memory.
//
// Invariants: the memory is made before the task is suspended and freed by the task when it goes on. `left` counts the requests
// that are not complete and those who still look at the memory; who brings it to 0 resumes the task, and touches nothing
// afterwards. A request belongs to its file's queue, or to the library, or it is complete; its result is written before it is
// counted out. Whoever of `begin` and `cancel` comes second, by `flags`, asks the library to cancel.

import CKaio
import Kaio
import Synchronization
import SystemPackage

/// Sendable: see the invariants above. What is not atomic is written before the call begins, or by who holds the file's lock, or by
/// the one who completes the request.
struct Call: @unchecked Sendable {
    struct State: ~Copyable {
        let file: Unmanaged<AsyncFile>
        let count: Int
        let left: Atomic<Int>
        let flags = Atomic<UInt8>(0)
        var continuation: UnsafeContinuation<Void, Never>?
    }

    private let state: UnsafeMutablePointer<State>

    private static let isSubmitted: UInt8 = 1
    private static let isCancelled: UInt8 = 2

    /// The requests are to be filled in.
    init(_ file: AsyncFile, count: Int = 1) {
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: Call.firstRequest + count * MemoryLayout<Request.Block>.stride, alignment: 16)
        state = memory.bindMemory(to: State.self, capacity: 1)
        // One more, for who submits.
        state.initialize(
            to: State(file: .passUnretained(file), count: count, left: Atomic(count + 1), continuation: nil))
        let requests = (memory + Call.firstRequest).bindMemory(to: Request.Block.self, capacity: count)
        for index in 0..<count { (requests + index).initialize(to: Request.Block(call: self)) }
    }

    private static let firstRequest = (MemoryLayout<State>.size + 15) & ~15

    func free() {
        UnsafeMutablePointer<Request.Block>(self[0].block).deinitialize(count: count)
        state.deinitialize(count: 1)
        UnsafeMutableRawPointer(state).deallocate()
    }

    var count: Int { state.pointee.count }
    /// The task that waits has a reference to it.
    var file: AsyncFile { state.pointee.file._withUnsafeGuaranteedRef { $0 } }

    subscript(index: Int) -> Request {
        let first = (UnsafeMutableRawPointer(state) + Call.firstRequest).assumingMemoryBound(to: Request.Block.self)
        return Request(block: first + index)
    }

    var isCancelled: Bool { state.pointee.flags.load(ordering: .acquiring) & Call.isCancelled != 0 }

    /// Submits, and suspends the task until all requests are complete. When the task is cancelled so are they; those that can't be
    /// recalled are waited for.
    func run() async {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                state.pointee.continuation = continuation
                file.begin(self)
                let before = state.pointee.flags.bitwiseOr(Call.isSubmitted, ordering: .acquiringAndReleasing).oldValue
                if before & Call.isCancelled != 0 { file.cancel(self) }
                leave()
            }
        } onCancel: {
            // The handler has ended before the call above returns, so the memory is there.
            let before = state.pointee.flags.bitwiseOr(Call.isCancelled, ordering: .acquiringAndReleasing).oldValue
            if before & Call.isSubmitted != 0 { file.cancel(self) }
        }
        // To the thread sanitizer it is this that orders the results before what follows: it does not see the runtime's part.
        _ = state.pointee.left.load(ordering: .acquiring)
    }

    func hold() { state.pointee.left.wrappingAdd(1, ordering: .relaxed) }

    /// The caller has no more to do with the memory.
    func leave() {
        if state.pointee.left.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
            state.pointee.continuation.unsafelyUnwrapped.resume()
        }
    }
}

/// One request of a call. Sendable as that is.
struct Request: @unchecked Sendable {
    struct Block: ~Copyable {
        /// First, so that its address is the block's.
        var control = aiocb()
        let call: Call
        /// A count of bytes or a negated errno.
        var result = 0
        var isKnownToWait = false
        /// By the file's lock: in the queue, and the one behind it there; or about to be submitted by the connection's thread.
        var isQueued = false
        var isLeavingQueue = false
        var next: Request?

        init(call: Call) { self.call = call }
    }

    let block: UnsafeMutablePointer<Block>

    var call: Call { block.pointee.call }
    var control: UnsafeMutablePointer<aiocb> { UnsafeMutableRawPointer(block).assumingMemoryBound(to: aiocb.self) }
    var result: Int { block.pointee.result }

    func prepare(
        _ operation: AsyncCalls.Operation, _ memory: UnsafeRawPointer? = nil, _ count: Int = 0, at offset: Int64 = 0,
        isKnownToWait: Bool = false
    ) {
        let control = control
        control.pointee.aio_lio_opcode = operation.rawValue
        // Of a write it is only read from; the C struct has one member for both directions.
        control.pointee.aio_buf = UnsafeMutableRawPointer(mutating: memory)
        control.pointee.aio_nbytes = count
        control.pointee.aio_offset = off_t(offset)
        control.pointee.aio_reqprio = Request.priority
        kaio_set_callback(control, Request.completed, UnsafeMutableRawPointer(block))
        block.pointee.isKnownToWait = isKnownToWait
    }

    /// Under the file's lock: it is to be submitted by `submitHeld`, and its call is held until then.
    func leaveQueue() {
        block.pointee.isLeavingQueue = true
        call.hold()
    }

    /// How much less urgent than others the task is.
    private static var priority: CInt {
        let priority = Task.currentPriority.rawValue
        if priority >= TaskPriority.medium.rawValue { return 0 }
        return priority >= TaskPriority.utility.rawValue ? 8 : 16
    }

    private static let completed:
        @convention(c) (OpaquePointer?, UnsafeMutablePointer<aiocb>?, UnsafeMutableRawPointer?) -> Void =
            { file, control, block in
                let request = Request(block: block.unsafelyUnwrapped.assumingMemoryBound(to: Block.self))
                let error = kaio_aio_error(file, control)
                let count = kaio_aio_return(file, control)
                request.call.file.connection.loop.completions.wrappingAdd(1, ordering: .relaxed)
                request.call.file.completed(request, error == 0 ? count : -Int(error))
            }
}
