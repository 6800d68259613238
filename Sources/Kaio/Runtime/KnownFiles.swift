// What is known of the caller's descriptors, so that not every request has to ask the kernel (fcntl and fstat cost
// together as much as the transfer of a cached block).
//
// A number can be closed and be another file's a moment later. So what is known of it is forgotten when the number is
// closed by `close` and its kin; and since a number can be closed behind the library's back (a raw system call), it holds only until the
// kernel's coarse clock ticks, for 1 to 10 ms. What is known may still be wrong then, so it decides only whether a request takes
// the fast path: who uses it asks the kernel itself as soon as the request does not end there.
//
// Invariant: an entry's word has, from the top, a version, the number of calls that are closing the descriptor, and
// whether a thread is writing the entry. The other members are valid if the word is the same before and after they are
// read, and says that nobody writes and nobody closes. Who closes adds himself before the call and takes himself away
// after it, with a new version. No lock; async-signal-safe.

import CKernel
import Synchronization

enum KnownFiles {
    private struct Entry: ~Copyable {
        let word: Atomic<UInt64>
        /// When it was written; 0: it says nothing.
        let tick: Atomic<Int64>
        let device: Atomic<UInt64>
        let inode: Atomic<UInt64>
        let size: Atomic<Int64>
        let flags: Atomic<UInt64>
        /// The low part is one more than the position of the service whose file it is, 0: not matched yet; above it is a
        /// hash of the file's numbers. On its own: not guarded by `word`.
        let service: Atomic<UInt64>
        /// An `OpenFile`'s word, by the lock of `OpenFiles`; the same goes for it.
        let file: Atomic<UInt64>
    }

    private static let isWritten: UInt64 = 1
    private static let oneCloser: UInt64 = 2
    private static let oneVersion: UInt64 = 1 << 16
    private static let users = oneVersion - 1

    private static let entries = Atomic<UInt>(0)
    private static let highest = Atomic<Int32>(-1)
    /// Descriptors from this number on are asked for each time.
    private static let count = 1 << 16
    private static let stride = 64

    /// Under the engine's lock.
    static func prepare() -> Bool {
        if entries.load(ordering: .relaxed) != 0 { return true }
        guard let memory = Pages.map(count * stride) else { return false }
        Pages.advise(memory, count * stride, MADV_WIPEONFORK)
        entries.store(UInt(bitPattern: memory), ordering: .releasing)
        return true
    }

    /// In the child of a fork, where the kernel has not done it.
    static func wipe() {
        if let start = UnsafeMutableRawPointer(bitPattern: entries.load(ordering: .relaxed)) {
            Pages.clear(start, count * stride)
        }
    }

    @inline(__always)
    private static func entry(_ descriptor: Descriptor) -> UnsafeMutablePointer<Entry>? {
        guard (0..<CInt(count)).contains(descriptor.number),
            let base = UnsafeMutableRawPointer(bitPattern: entries.load(ordering: .acquiring))
        else { return nil }
        return (base + Int(descriptor.number) * stride).assumingMemoryBound(to: Entry.self)
    }

    /// What the descriptor is, or was a few milliseconds ago. Nil if it is not open.
    @inline(__always)
    static func facts(of descriptor: Descriptor) -> FileFacts? { facts(of: descriptor, at: Instant.roughlyNow) }

    /// - Parameter time: `Instant.roughlyNow`, of which the caller has another use.
    @inline(__always)
    static func facts(of descriptor: Descriptor, at time: Instant) -> FileFacts? {
        guard let entry = entry(descriptor) else { return FileFacts(descriptor) }
        let now = time.nanoseconds
        let word = entry.pointee.word.load(ordering: .acquiring)
        if word & users == 0, entry.pointee.tick.load(ordering: .acquiring) == now {
            let flags = entry.pointee.flags.load(ordering: .acquiring)
            let facts = FileFacts(
                device: entry.pointee.device.load(ordering: .acquiring),
                inode: entry.pointee.inode.load(ordering: .acquiring),
                size: entry.pointee.size.load(ordering: .acquiring),
                kind: FileFacts.Kind(rawValue: UInt8(flags >> 32)) ?? .other,
                statusFlags: CInt(truncatingIfNeeded: flags))
            if entry.pointee.word.load(ordering: .relaxed) == word { return facts }
        }
        return look(descriptor, entry, word, now)
    }

    /// Asks the kernel, and keeps the answer unless somebody closes the number meanwhile.
    private static func look(
        _ descriptor: Descriptor, _ entry: UnsafeMutablePointer<Entry>, _ word: UInt64, _ now: Int64
    ) -> FileFacts? {
        if descriptor.number > highest.load(ordering: .relaxed) {
            highest.max(descriptor.number, ordering: .sequentiallyConsistent)
        }
        guard let facts = FileFacts(descriptor) else { return nil }
        let mine = word | isWritten
        guard word & users == 0,
            entry.pointee.word.compareExchange(expected: word, desired: mine, ordering: .acquiringAndReleasing)
                .exchanged
        else { return facts }
        // Who reads one of these sees the word's change too.
        entry.pointee.device.store(facts.device, ordering: .releasing)
        entry.pointee.inode.store(facts.inode, ordering: .releasing)
        entry.pointee.size.store(facts.size, ordering: .releasing)
        entry.pointee.flags.store(
            UInt64(facts.kind.rawValue) << 32 | UInt64(UInt32(bitPattern: facts.statusFlags)), ordering: .releasing)
        entry.pointee.tick.store(now, ordering: .releasing)
        let isKept = entry.pointee.word.compareExchange(
            expected: mine, desired: word &+ oneVersion, ordering: .releasing
        ).exchanged
        if !isKept {
            entry.pointee.tick.store(0, ordering: .relaxed)
            entry.pointee.word.wrappingSubtract(isWritten, ordering: .releasing)
        }
        return facts
    }

    /// The kernel was asked just now: what is known is forgotten if it is of another file.
    static func correct(_ descriptor: Descriptor, _ facts: FileFacts) {
        guard let entry = entry(descriptor), entry.pointee.tick.load(ordering: .acquiring) != 0,
            entry.pointee.inode.load(ordering: .relaxed) != facts.inode
                || entry.pointee.device.load(ordering: .relaxed) != facts.device
        else { return }
        entry.pointee.tick.store(0, ordering: .relaxed)
    }

    // MARK: services

    private static let serviceBits: UInt64 = 16

    /// The position of the service that the descriptor's file belongs to. Its path is looked at once, until the number
    /// is closed or found to be another file's.
    static func service(of descriptor: Descriptor, _ file: FileFacts) -> Int {
        guard let entry = entry(descriptor) else { return Configuration.service(of: descriptor) }
        let hash = FileFacts.hash(file.device, file.inode)
        let known = entry.pointee.service.load(ordering: .relaxed)
        if known >> serviceBits == hash >> serviceBits, known & (1 << serviceBits - 1) != 0 {
            return Int(known & (1 << serviceBits - 1)) - 1
        }
        let word = entry.pointee.word.load(ordering: .acquiring)
        let service = Configuration.service(of: descriptor)
        // Not kept if somebody closes the number meanwhile.
        if word & users == 0 {
            if descriptor.number > highest.load(ordering: .relaxed) {
                highest.max(descriptor.number, ordering: .sequentiallyConsistent)
            }
            entry.pointee.service.store(
                (hash >> serviceBits) << serviceBits | UInt64(service + 1), ordering: .sequentiallyConsistent)
            if entry.pointee.word.load(ordering: .sequentiallyConsistent) >> 16 != word >> 16 {
                entry.pointee.service.store(0, ordering: .relaxed)
            }
        }
        return service
    }

    /// The open file that a descriptor is counted in, as its word; 0 for none.
    @inline(__always)
    static func file(of descriptor: Descriptor) -> UInt64 {
        entry(descriptor)?.pointee.file.load(ordering: .acquiring) ?? 0
    }

    /// False: it is counted in one already, or can't be.
    static func setFile(_ word: UInt64, of descriptor: Descriptor) -> Bool {
        guard let entry = entry(descriptor),
            entry.pointee.file.compareExchange(expected: 0, desired: word, ordering: .releasing).exchanged
        else { return false }
        highest.max(descriptor.number, ordering: .sequentiallyConsistent)
        return true
    }

    static func clearFile(_ word: UInt64, of descriptor: Descriptor) -> Bool {
        entry(descriptor)?.pointee.file.compareExchange(expected: word, desired: 0, ordering: .acquiring).exchanged
            ?? false
    }

    /// The numbers of which something is known.
    static func range(_ first: UInt32, _ last: UInt32) -> Range<CInt> {
        let top = highest.load(ordering: .sequentiallyConsistent)
        guard top >= 0, first <= last, first <= UInt32(top) else { return 0..<0 }
        return CInt(first)..<CInt(min(last, UInt32(top))) + 1
    }

    /// A call that is closing descriptors; nothing is kept of these meanwhile.
    struct Closer {
        fileprivate let numbers: Range<CInt>

        /// Nothing was ever known of them.
        var isEmpty: Bool { numbers.isEmpty }
    }

    /// A descriptor is about to be closed. Ends with `endClosing`, whatever became of it.
    @inline(__always)
    static func beginClosing(_ descriptor: Descriptor) -> Closer {
        let top = highest.load(ordering: .sequentiallyConsistent)
        guard descriptor.number >= 0, descriptor.number <= top else { return Closer(numbers: 0..<0) }
        return begin(descriptor.number..<descriptor.number + 1)
    }

    /// The same for a range of numbers.
    static func beginClosing(_ first: UInt32, _ last: UInt32) -> Closer { begin(range(first, last)) }

    private static func begin(_ numbers: Range<CInt>) -> Closer {
        for number in numbers {
            entry(Descriptor(number: number))?.pointee.word.wrappingAdd(oneCloser, ordering: .sequentiallyConsistent)
        }
        return Closer(numbers: numbers)
    }

    static func endClosing(_ closer: Closer) {
        for number in closer.numbers {
            guard let entry = entry(Descriptor(number: number)) else { continue }
            entry.pointee.tick.store(0, ordering: .relaxed)
            entry.pointee.service.store(0, ordering: .relaxed)
            entry.pointee.word.wrappingAdd(oneVersion - oneCloser, ordering: .sequentiallyConsistent)
        }
    }
}
