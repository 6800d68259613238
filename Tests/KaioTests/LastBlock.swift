// A module that keeps the block that was read last, and answers reads within it at once. It belongs below `ordered`.
// Tests/Conformance/vfs/last_block.h is the same in C. Who fills the block has `filling` in `users`, and may write to it and to the tag; the low part counts those who read. A block
// is kept only if no write was under way from before it was read until now.

import CKernel
import Synchronization

@testable import Kaio

final class LastBlock: Module {
    let name: StaticString = "last_block"
    private let position: Int
    private let users = Atomic<Int>(0)
    private let begun = Atomic<Int>(0)
    private let ended = Atomic<Int>(0)
    /// The file's word; 0: nothing is kept.
    private let file = Atomic<UInt64>(0)
    let hits = Atomic<Int>(0)
    private var memory: UnsafeMutableRawPointer?
    private var (block, length, at) = (0, 0, 0)

    private static let (size, filling) = (4096, 1 << 20)

    init(_ position: Int) { self.position = position }
    deinit { if let memory { _ = PoolMemory(start: memory, pages: 1) } }

    var hearsOfFiles: Bool { true }
    func passage(of operation: Kaio.Operation) -> Passage { operation == .read ? .answers : .intercepts }

    var fastCalls: FastCalls {
        FastCalls(
            UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque()),
            ask: { module, attempt in
                let module = Unmanaged<LastBlock>.fromOpaque(module!).takeUnretainedValue()
                return FastCalls.answer(attempt) { module.ask($0) }
            })
    }

    private func ask(_ attempt: Attempt) -> FastAnswer {
        guard LastBlock.isInOneBlock(attempt.offset, attempt.length) else { return .goOn }
        guard attempt.isStillOnItsFile, let open = attempt.openFile else { return .slow }
        defer { users.wrappingSubtract(1, ordering: .releasing) }
        let from = attempt.offset % LastBlock.size
        guard users.wrappingAdd(1, ordering: .acquiring).oldValue < LastBlock.filling,
            file.load(ordering: .acquiring) == open.word, block == attempt.offset / LastBlock.size,
            from + attempt.length <= length
        else { return .slow }
        memcpy(attempt.buffer!, memory! + from, attempt.length)
        hits.wrappingAdd(1, ordering: .relaxed)
        return .done(attempt.length)
    }

    private static func isInOneBlock(_ offset: Int, _ length: Int) -> Bool {
        length > 0 && offset / size == (offset + length - 1) / size
    }

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        var others = RequestQueue()
        while let request = requests.popFirst() {
            if request.operation == .write {
                begun.wrappingAdd(1, ordering: .sequentiallyConsistent)
                file.store(0, ordering: .sequentiallyConsistent)
                turn.observe(request, at: position)
            } else if request.operation == .read, fill(request, &turn) {
                continue
            }
            others.append(request)
        }
        turn.handOn(&others, below: position)
    }

    private func fill(_ request: Request, _ turn: inout Turn) -> Bool {
        let offset = request.offset
        guard request.openFile != nil, request.vectorCount == 0,
            LastBlock.isInOneBlock(offset, request.length),
            users.compareExchange(expected: 0, desired: LastBlock.filling, ordering: .acquiringAndReleasing).exchanged
        else { return false }
        file.store(0, ordering: .sequentiallyConsistent)
        at = begun.load(ordering: .sequentiallyConsistent)
        if ended.load(ordering: .sequentiallyConsistent) != at { at = -1 }
        if memory == nil, let page = Pool.take(1) { memory = page.leak() }
        guard memory != nil,
            turn.make(
                .read, on: request.target, memory!, length: LastBlock.size,
                offset: offset / LastBlock.size * LastBlock.size, in: request.stack, at: position, for: request) != nil
        else {
            users.wrappingSubtract(LastBlock.filling, ordering: .releasing)
            return false
        }
        turn.start(for: request, at: position)
        return true
    }

    func joined(_ parent: Request, _ own: OwnRequests, _ turn: inout Turn) {
        var result = own.result
        if result >= 0 {
            let from = parent.offset % LastBlock.size
            (block, length) = (parent.offset / LastBlock.size, result)
            if at == begun.load(ordering: .acquiring) { file.store(parent.openFile?.word ?? 0, ordering: .releasing) }
            result = min(max(0, result - from), parent.length)
            memcpy(parent.buffer!, memory! + from, result)
        }
        users.wrappingSubtract(LastBlock.filling, ordering: .releasing)
        turn.complete(parent, result)
    }

    func completed(_ request: Request, _ turn: inout Turn) -> Bool {
        ended.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue > 0
    }

    func closed(_ old: OpenFile) { _ = file.compareExchange(expected: old.word, desired: 0, ordering: .relaxed) }

    /// The pool is empty here.
    func reset() {
        memory = nil
        users.store(0, ordering: .relaxed)
        ended.store(begun.load(ordering: .relaxed), ordering: .relaxed)
        file.store(0, ordering: .relaxed)
    }
}
