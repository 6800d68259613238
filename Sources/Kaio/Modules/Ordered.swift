// ordered: keeps the promises that depend on the order of the calls, and lets all else run in parallel.
//
//     vfs objects = ordered aio_linux aio_poll aio_pthread
//
// On one file (also through different descriptors of it):
//   - overlapping requests, one of which writes, take effect in the order of the calls;
//   - writes to a descriptor with O_APPEND land in the order of the calls;
//   - aio_fsync covers every write queued before it, and waits for no later one; several that wait share one;
//   - reads of a pipe, socket or terminal are served in order, so are writes; a read and a write are not;
//   - a buffered read that continues the one before it waits for that.
//
// A request that is in nobody's way passes without a lock; see OrderedCells.swift. What follows is for the others.
//
// Invariant, under `lock`: a request is registered with its file from its arrival here to its completion. A
// registered request is either below, or held; a held one waits for exactly one other, its blocker: an earlier
// request of the same file that conflicts with it and is not complete. When the blocker completes, the next
// one is looked for; if there is none, the request is handed on. Since a blocker is always earlier, nobody
// waits in a circle.

import CKernel
import Synchronization

/// What is in flight on one file.
struct OrderedFile: Equatable {
    struct State {
        var device: UInt64 = 0
        var inode: UInt64 = 0
        var next: OrderedFile?
        var count = 0
        var tree = OrderedTree()
        /// The latest aio_fsync, and the latest write and read of a stream.
        var lastWrite: Request?
        var lastSynchronization: Request?
        var lastRead: Request?
        /// The latest buffered read, if still in flight.
        var lastBufferedRead: Request?
        /// The aio_fsync that runs, or is about to.
        var synchronization: Request?
    }

    let state: UnsafeMutablePointer<State>

    static func == (a: OrderedFile, b: OrderedFile) -> Bool { a.state == b.state }
}

final class Ordered: Module {
    let name: StaticString = "ordered"
    private let position: Int
    // A file may be reached through several stacks: there is one order for all.
    private static let lock = Lock()
    nonisolated(unsafe) private static var unused: OrderedFile?
    /// The files in flight, by a hash of their number.
    nonisolated(unsafe) private static var buckets: UnsafeMutablePointer<OrderedFile?>?

    private static let bucketCount = 1024
    private static let filesAtOnce = 64

    init(position: Int) { self.position = position }

    /// Under the engine's lock, before the first request.
    static func prepare() -> Bool {
        if buckets == nil {
            let memory = Pages.map(bucketCount * MemoryLayout<OrderedFile?>.stride)
            buckets = memory?.bindMemory(to: OrderedFile?.self, capacity: bucketCount)
        }
        return buckets != nil && OrderedCells.prepare()
    }

    /// In the child of a fork, of what all stacks share.
    static func resetAll() {
        OrderedCells.reset()
        // The lists may be half-changed, by a thread that does not exist here: start with none.
        lock.reset()
        unused = nil
        buckets?.update(repeating: nil, count: bucketCount)
    }

    // MARK: Module

    func passage(of operation: Operation) -> Passage { .guards }

    var fastCalls: FastCalls {
        FastCalls(
            UnsafeRawPointer(bitPattern: 1 << position),
            ask: { _, attempt in
                FastCalls.answer(attempt) {
                    OrderedCells.isClear($0.file, $0.offset, $0.end, isWrite: $0.isWrite) ? .goOn : .slow
                }
            },
            admit: { bit, block in
                let request = Request(data: block).unsafelyUnwrapped
                request.observers |= UInt16(UInt(bitPattern: bit))
                return OrderedCells.enter(request)
            },
            leave: { _, block in OrderedCells.leave(Request(data: block).unsafelyUnwrapped) })
    }

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        var free = RequestQueue()
        var others = RequestQueue()
        while let request = requests.popFirst() {
            if request.isUnordered {
                free.append(request)
                continue
            }
            // Behind one that did not pass none does: it may have to wait for that one, which is not registered yet.
            if others.isEmpty, passes(request) {
                turn.observe(request, at: position)
                free.append(request)
            } else {
                others.append(request)
            }
        }
        if !others.isEmpty { submitLocked(&others, &free, &turn) }
        turn.handOn(&free, below: position)
    }

    /// Whether a request can pass without the lock. (A buffered read may continue another.)
    private func passes(_ request: Request) -> Bool {
        let file = request.file
        guard file.kind == .file, request.length > 0, OrderedCells.state(of: request) == .none else {
            return false
        }
        switch request.operation {
        case .read: return file.isDirect && OrderedCells.enter(request)
        case .write: return !file.isAppending && OrderedCells.enter(request)
        case .synchronize, .synchronizeData, .list, .work: return false
        }
    }

    private func submitLocked(_ requests: inout RequestQueue, _ free: inout RequestQueue, _ turn: inout Turn) {
        var held = 0
        Ordered.lock.lock()
        while let request = requests.popFirst() {
            guard register(request) else {
                // No memory to keep the order with.
                turn.complete(request, -Int(EAGAIN))
                continue
            }
            turn.observe(request, at: position)
            if let blocker = conflict(request) ?? runningSynchronization(request) {
                attach(request, to: blocker)
                request.order.isCountedAsHeld = true
                held += 1
            } else if let predecessor = predecessor(request) {
                attach(request, to: predecessor)
            } else {
                free.append(request)
                note(request)
            }
        }
        Ordered.lock.unlock()
        if held > 0 { Reactor.heldBack(held) }
    }

    func completed(_ request: Request, _ turn: inout Turn) -> Bool {
        if OrderedCells.leave(request) { return true }
        var free = RequestQueue()
        var sharing = RequestQueue()
        let resultToShare = request.result
        Ordered.lock.lock()
        let failure = request.order.failure
        if failure != 0, request.result >= 0 { request.result = -Int(failure) }
        if request.operation == .write, request.result < 0 { tellSynchronizations(request) }
        unregister(request)
        let counted = release(waitersOf: request, &free, &sharing)
        Ordered.lock.unlock()
        if counted > 0 { Reactor.heldBack(-counted) }
        while let other = sharing.popFirst() { turn.complete(other, resultToShare) }
        turn.handOnLater(&free)
        return true
    }

    func cancel(_ identity: RequestIdentity, force: Bool, _ turn: inout Turn) -> CancelOutcome {
        Ordered.lock.lock()
        guard let request = identity.request(waitingAt: position) else {
            Ordered.lock.unlock()
            return .no
        }
        detach(request)
        let counted = request.order.isCountedAsHeld
        Ordered.lock.unlock()
        if counted { Reactor.heldBack(-1) }
        return .taken
    }

    // MARK: conflicts; all of this under the lock

    /// The request that this one must wait for next, or nil.
    private func conflict(_ request: Request) -> Request? {
        let file = request.order.file!.state
        let sequence = request.turn
        if request.operation.isSynchronize {
            return request.file.kind == .file
                ? file.pointee.tree.anyWrite(before: sequence) : latest(file.pointee.lastWrite, before: sequence)
        }
        if request.order.hasRange {
            return file.pointee.tree.latestConflict(
                request.order.start, request.order.end,
                isWrite: request.operation == .write, before: sequence)
        }
        return request.order.earlier
    }

    /// The latest request of a list that is earlier than `sequence`.
    private func latest(_ last: Request?, before sequence: UInt64) -> Request? {
        var current = last
        while let request = current, request.turn > sequence { current = request.order.earlier }
        return current
    }

    /// Makes a request wait for another.
    private func attach(_ request: Request, to blocker: Request) {
        Exposure.begin(request)
        request.order.blocker = blocker
        request.become(.waiting, at: Int(request.position))
        let first = blocker.order.waiters
        request.order.previousWaiter = nil
        request.order.nextWaiter = first
        first?.order.previousWaiter = request
        blocker.order.waiters = request
    }

    private func detach(_ request: Request) {
        guard let blocker = request.order.blocker else { return }
        let previous = request.order.previousWaiter
        let next = request.order.nextWaiter
        if let previous {
            previous.order.nextWaiter = next
        } else {
            blocker.order.waiters = next
        }
        next?.order.previousWaiter = previous
        request.order.blocker = nil
        request.become(.held)
    }

    /// A request is complete: those that waited for it wait for another, or go on. Returns how many of those that
    /// wait no more were counted as held.
    private func release(
        waitersOf request: Request, _ free: inout RequestQueue, _ sharing: inout RequestQueue
    ) -> Int {
        var counted = 0
        // The latest is the first of its list; they go on in the order in which they came.
        var waiters = RequestQueue()
        while let waiter = request.order.waiters {
            detach(waiter)
            waiters.insert(waiter, behind: nil)
        }
        while let waiter = waiters.popFirst() {
            if waiter.order.shares, request.result != -Int(ECANCELED) {
                sharing.append(waiter)
            } else if let blocker = conflict(waiter) {
                attach(waiter, to: blocker)
                continue
            } else if let shared = synchronizationToShare(waiter, free) {
                attach(waiter, to: shared)
                waiter.order.shares = true
                continue
            } else if let running = runningSynchronization(waiter) {
                attach(waiter, to: running)
                continue
            } else {
                waiter.position += 1
                free.append(waiter)
                note(waiter)
            }
            waiter.order.shares = false
            if waiter.order.isCountedAsHeld { counted += 1 }
            waiter.order.isCountedAsHeld = false
        }
        return counted
    }

    // MARK: aio_fsync and sequential streams

    /// A request goes on: remembers an aio_fsync as the one that runs.
    private func note(_ request: Request) {
        if request.operation.isSynchronize {
            request.order.file!.state.pointee.synchronization = request
        }
    }

    /// The aio_fsync that runs on the same descriptor: it may have begun before this one's writes were complete.
    /// Those that wait for its end share the next one.
    private func runningSynchronization(_ request: Request) -> Request? {
        guard request.operation.isSynchronize,
            let running = request.order.file!.state.pointee.synchronization, running != request,
            running.isOnSameDescriptor(as: request)
        else { return nil }
        return running
    }

    /// A write failed: the aio_fsyncs that cover it have its error as their status ("in the event that any of the
    /// queued I/O operations fail, aio_fsync shall return the error condition defined for read and write").
    private func tellSynchronizations(_ write: Request) {
        let result = write.result
        guard result != -Int(ECANCELED) else { return }
        let sequence = write.turn
        var current = write.order.file?.state.pointee.lastSynchronization
        while let other = current, other.turn > sequence {
            if other.order.failure == 0 { other.order.failure = CInt(-result) }
            current = other.order.earlier
        }
    }

    /// Of several aio_fsyncs that one completion sets free, on one descriptor, the first runs for all: it has
    /// not started yet, so it covers what each of them must.
    private func synchronizationToShare(_ request: Request, _ free: RequestQueue) -> Request? {
        guard request.operation.isSynchronize,
            let other = request.order.file!.state.pointee.synchronization,
            other.descriptor == request.descriptor, free.contains(other)
        else { return nil }
        if request.operation == .synchronize { other.operation = .synchronize }
        return other
    }

    /// The request that a buffered read had better wait for, though it need not: a sequential stream is read faster in order, since
    /// the kernel reads ahead for one reader.
    private func predecessor(_ request: Request) -> Request? {
        guard request.order.hasRange, !request.file.isDirect,
            request.operation == .read
        else { return nil }
        let file = request.order.file!.state
        let last = file.pointee.lastBufferedRead
        file.pointee.lastBufferedRead = request
        guard let last, (last.turn, last.sequence) < (request.turn, request.sequence),
            last.end == request.offset
        else { return nil }
        return last
    }

    // MARK: registration; under the lock

    private func register(_ request: Request) -> Bool {
        let facts = request.file
        let isWrite = request.operation == .write
        let wasTried = OrderedCells.state(of: request) != .none
        if !wasTried {
            request.order.device = facts.device
            request.order.inode = facts.inode
        }
        if !wasTried, facts.kind != .file || request.operation.isSynchronize {
            guard let file = join(request) else { return false }
            if request.operation.isSynchronize {
                if facts.kind == .file { OrderedCells.adoptAll(on: facts) { adopt($0) } }
                link(request, &file.state.pointee.lastSynchronization)
            } else if isWrite {
                link(request, &file.state.pointee.lastWrite)
            } else {
                link(request, &file.state.pointee.lastRead)
            }
            return true
        }
        if !wasTried {
            guard let file = join(request) else { return false }
            request.order.hasRange = true
            if isWrite && facts.isAppending {
                // Where it lands is not known, but not before what is there now.
                request.order.start = Int(clamping: facts.size)
                request.order.end = .max
            } else {
                request.order.start = request.offset
                request.order.end = request.end
            }
            file.state.pointee.tree.insert(request)
        }
        OrderedCells.enterLocked(request) { adopt($0) }
        return request.order.file != nil
    }

    /// A request that came without the lock is registered like the others from now on.
    private func adopt(_ request: Request) {
        // Without memory it is not found as a conflict, which it may be.
        join(request)?.state.pointee.tree.insert(request)
    }

    /// Counts a request in with its file. Nil: no memory to keep the order with.
    private func join(_ request: Request) -> OrderedFile? {
        guard let file = find(request.order.device, request.order.inode) else { return nil }
        file.state.pointee.count += 1
        request.order.file = file
        return file
    }

    private func unregister(_ request: Request) {
        let hasRange = request.order.hasRange
        if hasRange { OrderedCells.leaveLocked(request) }
        guard let file = request.order.file else { return }
        if request.operation.isSynchronize {
            unlink(request, &file.state.pointee.lastSynchronization)
        } else if hasRange {
            file.state.pointee.tree.remove(request)
        } else if request.operation == .write {
            unlink(request, &file.state.pointee.lastWrite)
        } else {
            unlink(request, &file.state.pointee.lastRead)
        }
        if file.state.pointee.lastBufferedRead == request { file.state.pointee.lastBufferedRead = nil }
        if file.state.pointee.synchronization == request { file.state.pointee.synchronization = nil }
        request.order.file = nil
        file.state.pointee.count -= 1
        if file.state.pointee.count == 0 { forget(file) }
    }

    private func link(_ request: Request, _ last: inout Request?) {
        request.order.earlier = last
        request.order.later = nil
        last?.order.later = request
        last = request
    }

    private func unlink(_ request: Request, _ last: inout Request?) {
        let earlier = request.order.earlier
        let later = request.order.later
        earlier?.order.later = later
        if let later { later.order.earlier = earlier } else { last = earlier }
    }

    // MARK: files; under the lock

    private func bucket(_ device: UInt64, _ inode: UInt64) -> UnsafeMutablePointer<OrderedFile?> {
        Ordered.buckets.unsafelyUnwrapped + Int(FileFacts.hash(device, inode) >> 54)
    }

    private func find(_ device: UInt64, _ inode: UInt64) -> OrderedFile? {
        let bucket = bucket(device, inode)
        var current = bucket.pointee
        while let file = current {
            if file.state.pointee.device == device, file.state.pointee.inode == inode { return file }
            current = file.state.pointee.next
        }
        guard let file = takeUnused() else { return nil }
        file.state.initialize(to: OrderedFile.State())
        file.state.pointee.device = device
        file.state.pointee.inode = inode
        file.state.pointee.next = bucket.pointee
        bucket.pointee = file
        return file
    }

    private func forget(_ file: OrderedFile) {
        let bucket = bucket(file.state.pointee.device, file.state.pointee.inode)
        if bucket.pointee == file {
            bucket.pointee = file.state.pointee.next
        } else {
            var current = bucket.pointee
            while let candidate = current, candidate.state.pointee.next != file {
                current = candidate.state.pointee.next
            }
            current?.state.pointee.next = file.state.pointee.next
        }
        file.state.pointee.next = Ordered.unused
        Ordered.unused = file
    }

    private func takeUnused() -> OrderedFile? {
        if Ordered.unused == nil {
            let stride = MemoryLayout<OrderedFile.State>.stride
            guard let memory = Pages.map(Ordered.filesAtOnce * stride) else { return nil }
            let files = memory.assumingMemoryBound(to: OrderedFile.State.self)
            for index in 0..<Ordered.filesAtOnce {
                (files + index).initialize(to: OrderedFile.State())
                files[index].next = Ordered.unused
                Ordered.unused = OrderedFile(state: files + index)
            }
        }
        let file = Ordered.unused
        Ordered.unused = file?.state.pointee.next
        return file
    }
}

extension Ordered {
    static var entry: ModuleEntry {
        ModuleEntry(
            name: "ordered", isOnce: true, make: { position, _ in Ordered(position: position) }, prepare: prepare,
            reset: resetAll)
    }
}
