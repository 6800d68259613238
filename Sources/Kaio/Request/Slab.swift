// Where control blocks live: one range of memory, handed out by number.
//
// Invariant: a number is either on the free list, or never used yet (at or above `fresh`), or belongs to one
// request. The list's head carries a count that changes with every step, so that a head that was popped and
// pushed back in between is not mistaken for the one that was read. No lock, no allocation; async-signal-safe.

import CKernel
import Synchronization

enum Slab {
    /// The blocks; 0 until the first use.
    private static let base = Atomic<UInt>(0)
    private static let limit = Atomic<UInt32>(0)
    /// The count of steps in the high half, the number of the first free block plus one in the low half.
    private static let head = Atomic<UInt64>(0)
    private static let fresh = Atomic<UInt32>(0)
    /// Requests are numbered in the order in which they are made, from 1.
    private static let lastSequence = Atomic<UInt64>(0)

    private static let stride = (MemoryLayout<ControlBlock>.stride + 63) & ~63

    /// Reserves room for so many requests, or where addresses are short (RLIMIT_AS) for fewer, so that it takes a quarter
    /// of those that are left at most; memory is used as they come. Returns for how many, or nil where there is no room.
    /// Called under the lock of the engine's life cycle.
    static func prepare(limit most: Int) -> Int? {
        if base.load(ordering: .acquiring) != 0 { return Int(limit.load(ordering: .relaxed)) }
        var count = most
        var memory = reserve(count)
        while memory == nil, count > fewest {
            count = max(fewest, count / 2)
            memory = reserve(count)
        }
        guard let memory else { return nil }
        limit.store(UInt32(count), ordering: .relaxed)
        base.store(UInt(bitPattern: memory), ordering: .releasing)
        return count
    }

    private static let fewest = 1024

    /// Room for so many blocks, if there is four times as much, or they are few.
    private static func reserve(_ count: Int) -> UnsafeMutableRawPointer? {
        let length = (count * stride + Pages.size - 1) & -Pages.size
        let all = count > fewest ? length * 4 : length
        guard let memory = Pages.map(all) else { return nil }
        if all > length { Pages.unmap(memory + length, all - length) }
        return memory
    }

    @inline(__always)
    static func request(number: UInt32) -> Request {
        let memory = UnsafeMutableRawPointer(bitPattern: base.load(ordering: .acquiring))!
        return Request((memory + Int(number) * stride).assumingMemoryBound(to: ControlBlock.self))
    }

    @inline(__always)
    static func number(of request: Request) -> UInt32 {
        UInt32((UInt(bitPattern: request.block) - base.load(ordering: .relaxed)) / UInt(stride))
    }

    // MARK: tokens

    /// What the kernel is given of a request that may be over when the event comes: its number, and the low part of its
    /// sequence. No address, nor 0.
    static func token(of request: Request) -> UInt64 {
        1 << 63 | UInt64(number(of: request)) << 38 | request.sequence & tokenSequence
    }

    private static let tokenSequence: UInt64 = 1 << 38 - 1

    @inline(__always)
    static func isToken(_ data: UInt64) -> Bool { data >> 63 != 0 }

    /// The request of a token; nil if it is over.
    static func identity(of token: UInt64) -> RequestIdentity? {
        let slot = UInt32(truncatingIfNeeded: token >> 38 & (1 << 25 - 1))
        let sequence = request(number: slot).sequence
        return sequence & tokenSequence == token & tokenSequence ? RequestIdentity(slot: slot, sequence: sequence) : nil
    }

    /// The sequence of the request that was made last.
    static var latest: UInt64 { lastSequence.load(ordering: .relaxed) }

    /// How many blocks were ever in use: the numbers to look through for every request.
    static var used: UInt32 { fresh.load(ordering: .acquiring) }

    /// A zeroed block with a new sequence, or nil if the limit is reached.
    static func allocate() -> Request? {
        guard let request = takeFree() ?? takeFresh() else { return nil }
        request.block.pointee.clear()
        request.occupy(lastSequence.wrappingAdd(1, ordering: .relaxed).newValue)
        return request
    }

    static func free(_ request: Request) {
        // Its descriptor's number is not used for it.
        assert(!request.isExposed && !request.hasAlarm)
        request.vacate()
        let number = number(of: request)
        var old = head.load(ordering: .relaxed)
        while true {
            request.shared.nextFree.store(UInt32(truncatingIfNeeded: old), ordering: .relaxed)
            let new = (old >> 32 &+ 1) << 32 | UInt64(number + 1)
            let (exchanged, original) = head.weakCompareExchange(
                expected: old, desired: new, successOrdering: .releasing, failureOrdering: .relaxed)
            if exchanged { return }
            old = original
        }
    }

    private static func takeFree() -> Request? {
        var old = head.load(ordering: .acquiring)
        while true {
            let number = UInt32(truncatingIfNeeded: old)
            if number == 0 { return nil }
            let request = request(number: number - 1)
            let next = request.shared.nextFree.load(ordering: .relaxed)
            let (exchanged, original) = head.weakCompareExchange(
                expected: old, desired: (old >> 32 &+ 1) << 32 | UInt64(next),
                successOrdering: .acquiringAndReleasing, failureOrdering: .acquiring)
            if exchanged {
                assert(request.state == .free)
                return request
            }
            old = original
        }
    }

    private static func takeFresh() -> Request? {
        var old = fresh.load(ordering: .relaxed)
        while old < limit.load(ordering: .relaxed) {
            let (exchanged, original) = fresh.weakCompareExchange(
                expected: old, desired: old + 1, ordering: .acquiringAndReleasing)
            if exchanged { return request(number: old) }
            old = original
        }
        return nil
    }

    /// Makes everything free and gives the memory back. Only while no block is in use: in an engine that goes
    /// down, and in the child of a fork, where no request of the parent's exists.
    static func discard() {
        head.store(0, ordering: .relaxed)
        fresh.store(0, ordering: .relaxed)
        let memory = base.load(ordering: .relaxed)
        if memory != 0 {
            Pages.discard(
                UnsafeMutableRawPointer(bitPattern: memory)!, Int(limit.load(ordering: .relaxed)) * stride)
        }
    }
}

extension ControlBlock {
    /// Makes a new request of the block, whatever was there.
    mutating func clear() {
        iocb = CKernel.iocb()
        next = nil
        user = nil
        shared.stackBits.store(0, ordering: .relaxed)
        operation = .read
        position = 0
        observers = 0
        isExposed = false
        wakesReactor = false
        isWatched = false
        mustBeWatched = false
        hasAlarm = false
        isStepwise = false
        isUnordered = false
        neverBlocks = false
        cannotAskNotToWait = false
        deadline = .never
        isDeadlineKnown = false
        seen = 0
        most = .max
        secondTry = .none
        isKnownToWait = false
        isFileRemembered = false
        priority = 0
        arrival = 0
        descriptor = .none
        file = FileFacts()
        buffer = nil
        vectorCount = 0
        length = 0
        offset = 0
        transferred = 0
        result = 0
        notification = Notification()
        list = nil
        openFileWord = 0
        owner = 0
        parent = nil
        sibling = nil
        firstOwn = nil
        lastOwn = nil
        shared.pending.store(0, ordering: .relaxed)
        shared.anyFailed.store(false, ordering: .relaxed)
        shared.isAwaited.store(false, ordering: .relaxed)
        shared.lane.store(0, ordering: .relaxed)
        cellsHeld = 0
        order = OrderNode()
    }
}
