import CKernel
import Synchronization

/// The completion ring of an io context, which the kernel maps into the process at the context's address.
///
/// Invariant: the kernel alone moves the tail, and the holder of the harvest lock alone moves the head. No
/// call of ours ever lets the kernel take an event out (see `AIOContext.sleep`), so it never moves the head.
struct CompletionRing {
    private let base: UnsafeMutableRawPointer

    private static let magic: UInt32 = 0xa10a_10a1
    private static let headerLength: UInt32 = 32

    /// Returns nil where no ring is mapped that we know how to read: some sandboxes implement the calls only.
    init?(context: UInt) {
        guard let base = UnsafeMutableRawPointer(bitPattern: context) else { return nil }
        self.init(base)
    }

    /// The ring of a context that was looked at when it was made, or the zeroes that are at home without one.
    @inline(__always)
    init?(trusted context: UInt) {
        guard let base = UnsafeMutableRawPointer(bitPattern: context) else { return nil }
        self.base = base
    }

    init?(_ base: UnsafeMutableRawPointer) {
        self.base = base
        guard base.load(fromByteOffset: 16, as: UInt32.self) == CompletionRing.magic,
            base.load(fromByteOffset: 24, as: UInt32.self) == 0,  // no incompatible feature
            base.load(fromByteOffset: 28, as: UInt32.self) == CompletionRing.headerLength
        else { return nil }
    }

    /// Moves whenever the kernel adds an event.
    @inline(__always)
    var tail: UInt32 { word(12).pointee.load(ordering: .relaxed) }

    /// How many events it holds at most.
    var capacity: UInt32 { base.load(fromByteOffset: 4, as: UInt32.self) }

    /// The length of the mapping.
    var length: Int { (Int(CompletionRing.headerLength) + Int(capacity) * 32 + Pages.size - 1) & -Pages.size }

    @inline(__always)
    private func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        (base + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    @inline(__always)
    var isEmpty: Bool {
        word(8).pointee.load(ordering: .relaxed) == word(12).pointee.load(ordering: .relaxed)
    }

    /// Whether the event of an iocb is among those that came since the tail stood at `before`.
    func hasEvent(of iocb: UnsafePointer<iocb>, since before: UInt32) -> Bool {
        let tail = word(12).pointee.load(ordering: .acquiring)
        var index = before
        for _ in 0..<capacity {
            if index == tail { break }
            if event(index).obj == UInt64(UInt(bitPattern: iocb)) { return true }
            index = index &+ 1 == capacity ? 0 : index &+ 1
        }
        return false
    }

    private func event(_ index: UInt32) -> io_event {
        base.load(fromByteOffset: Int(CompletionRing.headerLength) + Int(index) * 32, as: io_event.self)
    }

    /// Moves events out, at most `limit`, and returns how many. Only for the holder of the harvest lock.
    func take(into events: UnsafeMutablePointer<io_event>, limit: Int) -> Int {
        let capacity = self.capacity
        let tail = word(12).pointee.load(ordering: .acquiring)
        var head = word(8).pointee.load(ordering: .relaxed)
        var count = 0
        while head != tail, count < limit {
            events[count] = event(head)
            head = head &+ 1 == capacity ? 0 : head &+ 1
            count += 1
        }
        if count > 0 { word(8).pointee.store(head, ordering: .releasing) }
        return count
    }
}
