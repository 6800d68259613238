// One request while it is in flight.
//
// Invariant: a control block belongs to one holder at a time: the thread that makes it, then a module (in the
// module's queue, under the module's lock), the kernel, a worker, and last the turn that completes it. Only
// the holder reads or writes it, but for the atomics, which anyone may look at: first of all `whereabouts`, which request lives
// here, and where that is (Request/State.swift). A block's memory is never unmapped, so that a look at a block whose request is
// long gone is harmless.

import CKaio
import CKernel
import Synchronization

/// What a request asks for.
enum Operation: UInt8 {
    case read, write, synchronize, synchronizeData
    /// A list of lio_listio as a whole: it is complete when its last member is, and then notifies.
    case list
    /// A module's own, which a worker has the module do: see `Turn.handToWorker`.
    case work

    var isSynchronize: Bool { self == .synchronize || self == .synchronizeData }
}

/// What anyone may look at, also when the request is another's.
struct SharedState: ~Copyable {
    /// Which request lives here, and where that is; see `Whereabouts`.
    let whereabouts: Atomic<UInt64>
    /// One more than the descriptor's number, for who looks for the requests on a descriptor; negated in a module's own.
    let visibleOn: Atomic<Int32>
    /// While it is `running`, the thread that does it.
    let runner: Atomic<Int32>
    /// The next free block, by number.
    let nextFree: Atomic<UInt32>
    /// A `Stack`.
    let stackBits: Atomic<UInt>
    /// In a list: how many members, and the submission itself, are not done. See also `firstOwn`.
    let pending: Atomic<Int32>
    /// In a list: whether any member failed.
    let anyFailed: Atomic<Bool>
    /// Whether a thread sleeps until it is complete, or is about to.
    let isAwaited: Atomic<Bool>
    /// How `ordered` knows of it: an `OrderedCells.State`, with the request's sequence above it.
    let lane: Atomic<UInt64>
}

struct ControlBlock: ~Copyable {
    /// What the kernel is given. Its `data` is the address of this block.
    var iocb: iocb

    /// The caller's control block; nil in a list.
    var user: UserBlock?
    /// The next request of the queue that this one is in.
    var next: Request?

    var operation: Operation
    /// The position in the stack of the module that has the request.
    var position: UInt8
    /// The modules that want to see the completion, one bit for each position.
    var observers: UInt16
    /// Whether it is counted in `Exposure`.
    var isExposed: Bool
    /// Whether the reactor is to be woken when the kernel is done with it.
    var wakesReactor: Bool

    var shared: SharedState

    /// How often a request of this block began to be polled; under the lock of `aio_poll`. Never begins anew.
    var pollRound: UInt32
    /// Whether the reactor's epoll has it, instead of the ring; so too while `aio_poll` tries it once more.
    var isWatched: Bool
    /// Only the reactor's epoll will do; see `aio_poll`.
    var mustBeWatched: Bool
    /// Whether `Timers` has an alarm for it.
    var hasAlarm: Bool
    /// A worker is to do no more than can be done without waiting, and then gives it back to `aio_poll`.
    var isStepwise: Bool
    /// `ordered` lets it pass: its module has seen to the order.
    var isUnordered: Bool
    /// The descriptor is a connection's, or the library's own, and in non-blocking mode. If `file` does not say O_NONBLOCK, the request waits all
    /// the same.
    var neverBlocks: Bool
    /// The descriptor's file does not know RWF_NOWAIT.
    var cannotAskNotToWait: Bool
    /// When it ends, or transfers what there is, though it would have to wait longer; see `StreamStep`.
    var deadline: Instant
    /// Whether `deadline` says how long a socket waits.
    var isDeadlineKnown: Bool
    /// How many bytes there were when they were last looked at, where `deadline` counts from the last of them.
    var seen: Int
    /// The next step transfers so many at most.
    var most: Int
    /// A worker is to give it to the kernel, or has done so, since that may make a thread wait: a direct write inside the file that was
    /// refused, what is large, what is for a device that is held (`Devices`).
    enum SecondTry: UInt8 {
        case none, wanted, made
    }
    var secondTry: SecondTry
    /// What the kernel would have to wait for is known to be missing: a page that is not in the cache.
    var isKnownToWait: Bool
    /// `file` was not looked at by the call that made the request; see `KnownFiles`.
    var isFileRemembered: Bool
    /// How much below its peers the request is to run: aio_reqprio.
    var priority: Int32
    /// When it came to the `HoldingQueue` that it is in, or was in last: later ones have a greater number.
    var arrival: Int64
    var descriptor: Descriptor
    var file: FileFacts

    /// What to transfer to or from; an array of `vectorCount` iovecs where that is not 0.
    var buffer: UnsafeMutableRawPointer?
    var vectorCount: Int
    /// In bytes, of all buffers.
    var length: Int
    var offset: Int
    /// How many bytes were transferred already, where it takes more than one step.
    var transferred: Int
    /// Bytes transferred, or a negated errno.
    var result: Int

    var notification: Notification
    /// The list that the request is a member of.
    var list: Request?

    /// Its file's word, in a stack that hears of those; see `OpenFile`.
    var openFileWord: UInt64
    /// In a module's own request: one more than the position of that module, the request that it was made for, and the next
    /// that was made for that one; see Request/Own.swift.
    var owner: UInt8
    var parent: Request?
    var sibling: Request?
    /// The own requests that were made for this one, of which `pending` are not complete.
    var firstOwn: Request?
    var lastOwn: Request?

    /// How many of its cells there are marked, from the first on. Not in `order`: who adopts the request writes to
    /// that, while its own thread is still marking cells.
    var cellsHeld: UInt8
    /// The bookkeeping of the module `ordered`.
    var order: OrderNode
}

/// A handle to a control block.
struct Request: Equatable {
    let block: UnsafeMutablePointer<ControlBlock>

    @inline(__always)
    init(_ block: UnsafeMutablePointer<ControlBlock>) { self.block = block }

    /// The request that this is the block of.
    init?(data: UnsafeMutableRawPointer?) {
        guard let data else { return nil }
        block = data.assumingMemoryBound(to: ControlBlock.self)
    }

    @inline(__always)
    static func == (a: Request, b: Request) -> Bool { a.block == b.block }

    /// The modules that it passes, and where `position` is in; those of its descriptor's service.
    @inline(__always)
    var stack: Stack {
        get { stackIfAny.unsafelyUnwrapped }
        nonmutating set { shared.stackBits.store(newValue.bits, ordering: .relaxed) }
    }
    /// For who cancels: the block may be another request's already, or nobody's.
    @inline(__always)
    var stackIfAny: Stack? { Stack(bits: shared.stackBits.load(ordering: .relaxed)) }

    /// What is left to transfer, or `most` of it.
    ///
    /// Passes the buffers that are left, as the vectored system calls take them.
    func withRemainingBuffers(_ body: (UnsafePointer<iovec>, Int) -> Int) -> Int {
        let done = transferred
        let count = vectorCount
        var left = min(remainingLength, most)
        guard count > 0, let vector = buffer?.assumingMemoryBound(to: iovec.self) else {
            var one = iovec(iov_base: buffer.map { $0 + done }, iov_len: left)
            return body(&one, 1)
        }
        if left == length { return body(vector, count) }
        // Not from malloc: this may run in a signal handler.
        let size = count * MemoryLayout<iovec>.stride
        guard let pages = Pages.map(size) else { return -Int(ENOMEM) }
        defer { Pages.unmap(pages, size) }
        let rest = pages.assumingMemoryBound(to: iovec.self)
        var skip = done
        var used = 0
        for index in 0..<count {
            let length = vector[index].iov_len
            if skip >= length {
                skip -= length
                continue
            }
            rest[used] = iovec(iov_base: vector[index].iov_base + skip, iov_len: min(length - skip, left))
            left -= rest[used].iov_len
            skip = 0
            used += 1
            if left == 0 { break }
        }
        return body(rest, used)
    }
    var remainingLength: Int { length - transferred }
    var remainingOffset: Int { offset + transferred }

    /// Nil in a stack that does not hear of files, and of what is no file.
    var openFile: OpenFile? { OpenFile(word: openFileWord) }

    func isOnSameDescriptor(as other: Request) -> Bool { descriptor == other.descriptor }

    /// The first offset behind the request; saturated.
    var end: Int {
        let (end, overflow) = offset.addingReportingOverflow(length)
        return overflow ? .max : end
    }
}

/// Requests in a row, linked through the requests themselves. A request is in one queue at most.
struct RequestQueue: Sequence {
    private(set) var first: Request?
    private var last: Request?

    var isEmpty: Bool { first == nil }
    var isSingle: Bool { first != nil && first == last }

    mutating func append(_ request: Request) {
        request.next = nil
        if let last { last.next = request } else { first = request }
        last = request
    }

    mutating func popFirst() -> Request? {
        guard let request = first else { return nil }
        first = request.next
        if first == nil { last = nil }
        request.next = nil
        return request
    }

    /// Moves all of another queue behind this one.
    mutating func append(contentsOf other: inout RequestQueue) {
        guard let head = other.first else { return }
        if let last { last.next = head } else { first = head }
        last = other.last
        other = RequestQueue()
    }

    /// Moves all of another queue before this one.
    mutating func prepend(contentsOf other: inout RequestQueue) {
        other.append(contentsOf: &self)
        swap(&self, &other)
    }

    /// The requests in order. The one that was given last may be taken out or handed on meanwhile.
    struct Iterator: IteratorProtocol {
        fileprivate var upcoming: Request?

        @inline(__always)
        mutating func next() -> Request? {
            let request = upcoming
            upcoming = request?.next
            return request
        }
    }

    @inline(__always)
    func makeIterator() -> Iterator { Iterator(upcoming: first) }

    /// Puts a request behind one that is here; nil means before all.
    mutating func insert(_ request: Request, behind other: Request?) {
        request.next = other.map { $0.next } ?? first
        if let other { other.next = request } else { first = request }
        if last == other { last = request }
    }

    func contains(_ request: Request) -> Bool {
        for candidate in self where candidate == request { return true }
        return false
    }

    /// Takes a request out, wherever it is; false if it is not there.
    mutating func remove(_ request: Request) -> Bool {
        var previous: Request?
        var current = first
        while let candidate = current {
            let next = candidate.next
            if candidate == request {
                if let previous { previous.next = next } else { first = next }
                if last == candidate { last = previous }
                candidate.next = nil
                return true
            }
            previous = candidate
            current = next
        }
        return false
    }
}
