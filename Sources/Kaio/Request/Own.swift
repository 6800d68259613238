// Requests of a module's own. They have no aiocb: nobody but the module hears of them.
//
// Invariant: an own request is made in a turn, by the module at `owner`, and goes to the modules below that. Made for a
// request of the caller's, it waits, complete, in that one's list `own` until all of the list are; the caller's is the module's
// meanwhile, and counts in `pending` those that are not complete. It is released when the module has seen it. The engine and
// its stack stay as long as there is any.

import CKernel
import Synchronization

/// Where an own request goes: a descriptor, and what it refers to.
struct Target {
    let descriptor: Descriptor
    let file: FileFacts
}

extension Request {
    var isOwn: Bool { owner != 0 }

    /// Its place in the order of the calls: that of the request that it was made for. (So a list's are in order, each of
    /// whose members a module does by requests of its own.)
    var turn: UInt64 { parent?.sequence ?? sequence }

    /// Where the request itself goes.
    var target: Target { Target(descriptor: descriptor, file: file) }
}

/// The own requests that were made for one request, all complete, in the order in which they were made.
struct OwnRequests: Sequence, IteratorProtocol {
    var upcoming: Request?

    mutating func next() -> Request? {
        let request = upcoming
        upcoming = request?.sibling
        return request
    }

    subscript(index: Int) -> Request? {
        var rest = self
        var request = rest.next()
        for _ in 0..<(index < 0 ? 0 : index) where request != nil { request = rest.next() }
        return index < 0 ? nil : request
    }

    /// What all of them came to, if each has a part of a transfer: the sum up to the first that has failed or is short.
    var result: Int {
        var sum = 0
        for request in self {
            let result = request.result
            if result < 0 { return sum > 0 ? sum : result }
            sum += result
            if result < request.length { break }
        }
        return sum
    }
}

enum Own {
    /// Of all stacks.
    static let inFlight = Atomic<Int>(0)

    /// See `Turn.make`. The engine is up, or there is none.
    @inline(never)
    static func make(
        _ operation: Operation, on target: Target, _ buffer: UnsafeMutableRawPointer? = nil,
        vectorCount: Int = 0, length: Int = 0, offset: Int = 0, priority: Int32 = 0, in stack: Stack, at position: Int,
        for parent: Request? = nil
    ) -> Request? {
        guard Engine.hold() else { return nil }
        guard let request = Slab.allocate() else {
            Engine.leave(1)
            return nil
        }
        stack.addOwn(1)
        Own.inFlight.wrappingAdd(1, ordering: .sequentiallyConsistent)
        Statistics.count(Statistics.ownMade)
        request.owner = UInt8(position + 1)
        request.operation = operation
        request.stack = stack
        request.descriptor = target.descriptor
        request.file = target.file
        request.buffer = buffer
        request.vectorCount = vectorCount
        request.length = length
        request.offset = offset
        request.priority = priority
        request.parent = parent
        request.openFileWord = parent?.openFileWord ?? 0
        // Not as the caller's: who closes the descriptor finds it, aio_cancel does not.
        request.appear(on: target.descriptor, isOwn: true)
        if let parent {
            if let last = parent.lastOwn {
                last.sibling = request
            } else {
                parent.firstOwn = request
            }
            parent.lastOwn = request
            // What has waited looks at the descriptor's file once more; and so does what goes to a descriptor of the module's,
            // which the program may have closed by a system call of its own.
            if parent.isExposed || target.descriptor != parent.descriptor {
                Exposure.begin(request)
            }
        } else {
            Exposure.begin(request)
        }
        return request
    }
}

extension Turn {
    /// A new request of the module at `position`, of one buffer or of an array of `vectorCount` iovecs; nil where there can't be another. It goes on by `start(for:at:)`, or where it
    /// is for none by `handOn`.
    func make(
        _ operation: Operation, on target: Target, _ buffer: UnsafeMutableRawPointer? = nil,
        vectorCount: Int = 0, length: Int = 0, offset: Int = 0, priority: Int32 = 0, in stack: Stack, at position: Int,
        for parent: Request? = nil
    ) -> Request? {
        Own.make(
            operation, on: target, buffer, vectorCount: vectorCount, length: length, offset: offset, priority: priority,
            in: stack, at: position,
            for: parent)
    }

    /// One that does a part of a request of one buffer: those of its bytes.
    func make(_ part: Range<Int>, of parent: Request, at position: Int) -> Request? {
        return make(
            parent.operation, on: parent.target, parent.buffer.map { $0 + part.lowerBound },
            length: part.count, offset: parent.offset + part.lowerBound, priority: parent.priority,
            in: parent.stack, at: position, for: parent)
    }

    /// One that does the same as a request, on another descriptor.
    func make(like parent: Request, on target: Target, at position: Int) -> Request? {
        let request = make(
            parent.operation, on: target, parent.buffer, length: parent.length,
            offset: parent.offset, priority: parent.priority, in: parent.stack, at: position, for: parent)
        request?.vectorCount = parent.vectorCount
        return request
    }

    /// Gives up one that was made for none and waits, wherever that is: it is complete, with ECANCELED. False: it has begun, or
    /// is over.
    mutating func cancel(own request: RequestIdentity) -> Bool {
        Cancellation.take(request, force: true, &self) == .taken
    }

    /// Gives all own requests that were made for a request to the module below. When all are complete, `joined` is called.
    mutating func start(for parent: Request, at position: Int) {
        var requests = RequestQueue()
        var count: Int32 = 0
        var errands = RequestQueue()
        for request in OwnRequests(upcoming: parent.firstOwn) {
            if request.operation == .work { errands.append(request) } else { requests.append(request) }
            count += 1
        }
        assert(count > 0 && parent.shared.pending.load(ordering: .relaxed) == 0)
        parent.shared.pending.store(count, ordering: .relaxed)
        parent.become(.kept, isFenced: true)
        Exposure.end(parent)
        handOn(&requests, below: position)
        while let errand = errands.popFirst() { handToWorker(errand) }
    }

    /// Gives up the own requests that were made for a request, none of which was started.
    mutating func dropOwn(for parent: Request) { release(takeOwn(of: parent)) }

    private func takeOwn(of parent: Request) -> OwnRequests {
        let own = OwnRequests(upcoming: parent.firstOwn)
        parent.firstOwn = nil
        parent.lastOwn = nil
        return own
    }

    private mutating func release(_ own: OwnRequests) {
        var rest = own
        while let request = rest.next() { release(request) }
    }

    private mutating func release(_ request: Request) {
        Exposure.end(request)
        let stack = request.stack
        Slab.free(request)
        Own.inFlight.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        // From here on the stack may end.
        stack.addOwn(-1)
        if stack.hasEnd { mustTell = true }
        Engine.leave(1)
    }

    /// An own request has climbed to its module.
    mutating func giveBack(_ request: Request) {
        Exposure.end(request)
        request.become(.published)
        // Who closes its descriptor may wait for this.
        if request.shared.isAwaited.load(ordering: .sequentiallyConsistent) { mustTell = true }
        if request.result < 0 { Statistics.count(Statistics.ownFailed) }
        let (stack, position) = (request.stack, Int(request.owner) - 1)
        guard let parent = request.parent else {
            stack.enter()
            stack[position].finished(request, &self)
            stack.leave()
            return release(request)
        }
        let left = parent.shared.pending.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue
        assert(left >= 0)
        guard left == 0 else { return }
        assert(parent.state == .kept)
        parent.become(.held, isFenced: true)
        let own = takeOwn(of: parent)
        stack.enter()
        stack[position].joined(parent, own, &self)
        stack.leave()
        release(own)
    }
}
