// What must not be taken over by the child of a fork: whether the library is up, how many requests it has, where
// the ring is, the secret of the keys, which descriptors are its own, and who is setting things up.
//
// Invariant: the page is wiped to zero in a child before the child's first instruction (MADV_WIPEONFORK),
// whichever way the child was made. So a child sees a library that was never used, even in a signal handler that
// runs before anything of ours did, and never looks at the parent's ring, which it does not have. Some emulators accept the
// advice and do nothing, some systems refuse it: there an atfork handler wipes the page, in the child of fork().

import CKernel
import Synchronization

struct ProcessPage {
    private let base: UnsafeMutableRawPointer

    /// 0 in a process that did not use the library yet.
    private static let location = Atomic<UInt>(0)

    /// Nil in a process that never used the library, nor did its ancestors.
    @inline(__always)
    static var current: ProcessPage? {
        UnsafeMutableRawPointer(bitPattern: location.load(ordering: .acquiring)).map { ProcessPage(base: $0) }
    }

    /// Maps it if it is not there yet. Nil without memory.
    static func make() -> ProcessPage? {
        if let current { return current }
        guard let page = Pages.map(4096) else { return nil }
        isAdvised.store(Pages.advise(page, 4096, MADV_WIPEONFORK), ordering: .relaxed)
        let (exchanged, _) = location.compareExchange(
            expected: 0, desired: UInt(bitPattern: page), ordering: .acquiringAndReleasing)
        if !exchanged { Pages.unmap(page, 4096) }
        return current
    }

    /// The kernel said that it wipes the page.
    private static let isAdvised = Atomic<Bool>(false)
    /// In the child of a fork: it did not. The emulator that does so (qemu-user up to 7.2) ends itself when a thread is started
    /// in the child of a process with threads.
    nonisolated(unsafe) private(set) static var allowsNoThreads = false

    /// In the child of a fork: whether the kernel has not wiped the page. Then it is wiped here.
    static func wipeIfInherited() -> Bool {
        guard let current, current.phase.pointee.load(ordering: .relaxed) != Phase.unused.rawValue else { return false }
        memset(current.base, 0, 4096)
        if isAdvised.load(ordering: .relaxed) { allowsNoThreads = true }
        return true
    }

    enum Phase: UInt32 {
        case unused = 0
        case inPreparation = 1
        case prepared = 2
    }

    @inline(__always)
    var phase: UnsafeMutablePointer<Atomic<UInt32>> { base.assumingMemoryBound(to: Atomic<UInt32>.self) }
    /// Of `UserBlock`'s keys; 0 makes every key invalid.
    @inline(__always)
    var secret: UnsafeMutablePointer<Atomic<UInt64>> { (base + 8).assumingMemoryBound(to: Atomic<UInt64>.self) }
    /// See `Engine`.
    @inline(__always)
    var inFlight: UnsafeMutablePointer<Atomic<Int>> { (base + 24).assumingMemoryBound(to: Atomic<Int>.self) }
    /// The io context's identifier, which is also the ring's address.
    @inline(__always)
    var context: UnsafeMutablePointer<Atomic<UInt>> { (base + 16).assumingMemoryBound(to: Atomic<UInt>.self) }

    /// Where the process's rings are, one after the other; see `AIOContext`. 0 before the first.
    @inline(__always)
    var home: UnsafeMutablePointer<Atomic<UInt>> { (base + 104).assumingMemoryBound(to: Atomic<UInt>.self) }

    /// The process that prepared the library; not the one that asks, in the child of a vfork.
    private var process: UnsafeMutablePointer<Atomic<Int32>> { (base + 96).assumingMemoryBound(to: Atomic<Int32>.self) }

    /// Its number.
    var number: CInt { process.pointee.load(ordering: .relaxed) }

    var isOfThisProcess: Bool { number == ThreadState.process }

    func claim() { process.pointee.store(ThreadState.process, ordering: .relaxed) }

    // MARK: descriptors of the library's own

    /// How many places there are: the rest of the page.
    static let ownCount = (4096 - 128) / 8

    /// One more than the number, and above that its file's `identity`; 0 in a free place.
    private func own(_ index: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        (base + 128 + index * 8).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    private static func number(_ entry: UInt64) -> CInt { CInt(truncatingIfNeeded: entry & UInt64(UInt32.max)) - 1 }

    /// How many of the places were ever in use: the first ones.
    private var ownUsed: UnsafeMutablePointer<Atomic<Int>> { (base + 112).assumingMemoryBound(to: Atomic<Int>.self) }

    private var ownPlaces: Range<Int> { 0..<ownUsed.pointee.load(ordering: .acquiring) }

    /// False where there is no place for it.
    func addOwn(_ descriptor: Descriptor) -> Bool {
        let entry = UInt64(descriptor.identity ?? 0) << 32 | UInt64(descriptor.number + 1)
        for index in 0..<ProcessPage.ownCount
        where own(index).pointee.compareExchange(expected: 0, desired: entry, ordering: .relaxed).exchanged {
            ownUsed.pointee.max(index + 1, ordering: .releasing)
            return true
        }
        return false
    }

    func removeOwn(_ descriptor: Descriptor) {
        for index in ownPlaces {
            let entry = own(index).pointee.load(ordering: .relaxed)
            guard descriptor.isOpen, ProcessPage.number(entry) == descriptor.number else { continue }
            _ = own(index).pointee.compareExchange(expected: entry, desired: 0, ordering: .relaxed)
        }
    }

    /// The lowest number of our own in a range, as far as we know.
    func firstOwn(_ first: UInt32, _ last: UInt32) -> UInt32? {
        var lowest: UInt32?
        for index in ownPlaces {
            let number = ProcessPage.number(own(index).pointee.load(ordering: .relaxed))
            guard number >= 0, (first...last).contains(UInt32(number)) else { continue }
            lowest = min(lowest ?? .max, UInt32(number))
        }
        return lowest
    }

    /// Whether the number is one of our own, and its file not known to be another.
    func isOwn(_ descriptor: Descriptor) -> Bool {
        guard descriptor.isOpen else { return false }
        for index in ownPlaces {
            let entry = own(index).pointee.load(ordering: .relaxed)
            if ProcessPage.number(entry) == descriptor.number {
                return (descriptor.identity ?? 0) == UInt32(truncatingIfNeeded: entry >> 32)
            }
        }
        return false
    }
}
