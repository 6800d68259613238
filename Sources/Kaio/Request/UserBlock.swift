// What the library keeps in the caller's own struct aiocb, in the bytes that the C library's struct has for
// this purpose (96 to 127):
//
//      96  key       the block's own address under a secret of the process: says that the status is ours
//     104  slot      the number of the control block
//     108  tag       the low half of the request's sequence
//     112  status    EINPROGRESS, then 0 or the errno (the place where glibc has it)
//     120  result    what aio_return gives
//     136  place     where `Completions` has it
// After aio_return all of it stays: an untouched block answers again.
//
// Invariant: from the call that submits until publication, key, slot, tag and status EINPROGRESS stand there.
// Publication writes the result, then the status with release ordering, and never touches the block again.
// A copy of the block, a block of garbage, or the parent's after a fork, has no valid key.

import CKernel
import Synchronization

struct UserBlock {
    let base: UnsafeMutableRawPointer

    init(_ control: UnsafeRawPointer) { base = UnsafeMutableRawPointer(mutating: control) }

    @inline(__always)
    private func at<T: AtomicRepresentable>(_ offset: Int, _: T.Type) -> UnsafeMutablePointer<Atomic<T>> {
        (base + offset).assumingMemoryBound(to: Atomic<T>.self)
    }

    private var key: UnsafeMutablePointer<Atomic<UInt64>> { at(96, UInt64.self) }
    private var slot: UnsafeMutablePointer<Atomic<UInt32>> { at(104, UInt32.self) }
    private var tag: UnsafeMutablePointer<Atomic<UInt32>> { at(108, UInt32.self) }
    private var status: UnsafeMutablePointer<Atomic<Int32>> { at(112, Int32.self) }
    private var result: UnsafeMutablePointer<Atomic<Int>> { at(120, Int.self) }
    private var place: UnsafeMutablePointer<Atomic<UInt64>> { at(136, UInt64.self) }

    @inline(__always)
    private func key(_ secret: UInt64) -> UInt64 {
        UInt64(UInt(bitPattern: base)) &* 0x9e37_79b9_7f4a_7c15 ^ secret
    }

    /// 0 in a process that submitted nothing yet, such as the child of a fork: then no key is valid.
    private var secret: UInt64 { ProcessPage.current?.secret.pointee.load(ordering: .relaxed) ?? 0 }

    /// Whether a request of ours was submitted with this block.
    @inline(__always)
    var isOurs: Bool {
        let secret = secret
        return secret != 0 && key.pointee.load(ordering: .acquiring) == key(secret)
    }

    /// EINPROGRESS, 0, the error, or `none` for what is no request of ours.
    @inline(__always)
    var error: CInt { isOurs ? status.pointee.load(ordering: .acquiring) : UserBlock.none }

    /// 0 or the error of a request that is finished; nil for what is in progress, or no request of ours.
    @inline(__always)
    var finishedError: CInt? {
        guard _fastPath(isOurs) else { return nil }
        let error = status.pointee.load(ordering: .acquiring)
        return _fastPath(error != EINPROGRESS) ? error : nil
    }

    /// What aio_error gives where it fails.
    static let none: CInt = -1

    @inline(__always)
    var isInProgress: Bool { error == EINPROGRESS }

    /// Whether the request that the block stood for when `latest` was the last one made is in progress: not if it stands for a
    /// later one by now. (Of the sequence's low half, more than that is looked at only where it may be later.)
    func isInProgress(asOf latest: UInt64) -> Bool {
        guard isInProgress else { return false }
        let tag = tag.pointee.load(ordering: .relaxed)
        let isLater = Int32(bitPattern: tag &- UInt32(truncatingIfNeeded: latest)) > 0
        guard isLater, slotNumber < Slab.used else { return true }
        let sequence = Slab.request(number: slotNumber).sequence
        return UInt32(truncatingIfNeeded: sequence) != tag || sequence <= latest
    }

    /// The result, which `Completions` then gives out no more; nil if there is none.
    func takeResult() -> Int? {
        guard isOurs, status.pointee.load(ordering: .acquiring) != EINPROGRESS else { return nil }
        let value = result.pointee.load(ordering: .relaxed)
        Completions.forget(place.pointee.load(ordering: .relaxed), self)
        return value
    }

    /// The publication that filled this place of `Completions` is under way, a few instructions from its end. False
    /// if the block stands for something else by now.
    func waitForPublication(_ number: UInt64) -> Bool {
        var pause = Pause()
        while isOurs, place.pointee.load(ordering: .relaxed) == number {
            if !isInProgress { return true }
            pause.next()
        }
        return false
    }

    /// Reads and writes what a submission does, with the values that are there, while nothing is held: a fault is taken
    /// here, and the program's handler may jump away.
    @inline(__always)
    func touch() {
        _ = at(0, Int32.self).pointee.load(ordering: .relaxed)
        key.pointee.store(key.pointee.load(ordering: .relaxed), ordering: .relaxed)
        place.pointee.store(place.pointee.load(ordering: .relaxed), ordering: .relaxed)
    }

    /// The first word on a request, before anyone else knows of it.
    func begin(slot number: UInt32, sequence: UInt64) {
        // Used again without its result having been taken: that completion is not given out any more.
        if isOurs { Completions.forget(place.pointee.load(ordering: .relaxed), self) }
        place.pointee.store(0, ordering: .relaxed)
        slot.pointee.store(number, ordering: .relaxed)
        tag.pointee.store(UInt32(truncatingIfNeeded: sequence), ordering: .relaxed)
        status.pointee.store(EINPROGRESS, ordering: .relaxed)
        key.pointee.store(key(secret), ordering: .releasing)
        Outstanding.begin()
    }

    /// A request that is complete before anyone else knows of it, with so many bytes.
    @inline(__always)
    func publishAtOnce(_ count: Int) {
        if isOurs { Completions.forget(place.pointee.load(ordering: .relaxed), self) }
        let completion = Completions.next()
        place.pointee.store(completion, ordering: .relaxed)
        result.pointee.store(count, ordering: .relaxed)
        status.pointee.store(0, ordering: .relaxed)
        key.pointee.store(key(secret), ordering: .releasing)
        Completions.fill(completion, self)
    }

    /// Takes back `begin`, for a call that fails with nothing queued.
    func withdraw() { key.pointee.store(0, ordering: .relaxed) }

    /// The control block of the request that this block stands for.
    var slotNumber: UInt32 { slot.pointee.load(ordering: .relaxed) }

    /// Says that a thread waits for the request. (If it is over, another in the same control block wakes that thread for
    /// nothing.)
    func markAwaited() {
        guard isOurs, slotNumber < Slab.used else { return }
        Slab.request(number: slotNumber).shared.isAwaited.store(true, ordering: .relaxed)
    }

    /// The request that this block stands for, unless it is over.
    var current: RequestIdentity? {
        guard isInProgress, case let number = slotNumber, number < Slab.used else { return nil }
        let sequence = Slab.request(number: number).sequence
        return stands(forSlot: number, sequence: sequence) ? RequestIdentity(slot: number, sequence: sequence) : nil
    }

    func stands(forSlot number: UInt32, sequence: UInt64) -> Bool {
        isOurs && slot.pointee.load(ordering: .relaxed) == number
            && tag.pointee.load(ordering: .relaxed) == UInt32(truncatingIfNeeded: sequence)
    }

    /// Hands the block back to the caller: `outcome` is a count of bytes or a negated errno.
    ///
    /// A block that stands for something else by now (the program took its memory back while the request
    /// was in flight, and used it again) is left alone.
    @inline(__always)
    func publish(_ outcome: Int, slot number: UInt32, sequence: UInt64) {
        let completion = Completions.next()
        let isThere = stands(forSlot: number, sequence: sequence)
        if isThere { place.pointee.store(completion, ordering: .relaxed) }
        Completions.fill(completion, isThere ? self : nil)
        Outstanding.end()
        guard isThere else { return }
        result.pointee.store(outcome < 0 ? -1 : outcome, ordering: .relaxed)
        // Before the look whether somebody waits; see `Publication.tellWhoWaits`.
        status.pointee.store(outcome < 0 ? Int32(-outcome) : 0, ordering: .sequentiallyConsistent)
    }

    /// The members that the caller sets.
    var descriptor: Descriptor { Descriptor(number: base.load(as: CInt.self)) }
    /// For a connection, whose calls name the file.
    func setDescriptor(_ descriptor: Descriptor) { base.storeBytes(of: descriptor.number, as: CInt.self) }
    var listOperation: CInt { base.load(fromByteOffset: 4, as: CInt.self) }
    var priority: CInt { base.load(fromByteOffset: 8, as: CInt.self) }
    var buffer: UnsafeMutableRawPointer? {
        UnsafeMutableRawPointer(bitPattern: base.load(fromByteOffset: 16, as: UInt.self))
    }
    var length: Int { base.load(fromByteOffset: 24, as: Int.self) }
    var offset: Int { base.load(fromByteOffset: 128, as: Int.self) }
    var event: UnsafePointer<sigevent> {
        UnsafePointer((base + 32).assumingMemoryBound(to: sigevent.self))
    }
}
