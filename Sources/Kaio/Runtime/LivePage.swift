// The page in which a process shows its requests to who looks at it from outside (`kaio top`): CKernel/live.h has its
// layout.
//
// Invariant: a page is the process's own: the child of a fork does not have its parent's mapping (MADV_DONTFORK), and
// makes another at its first request. The head alone is there at first; the files may be touched only while
// somebody looks, who has made room for them before. Counters are only added to, without a lock, by any thread, in a
// signal handler too; a file's place is taken in one step, by its key, and never given back while somebody
// looks.

import CKernel
import Synchronization

struct LivePage {
    private let base: UnsafeMutableRawPointer

    /// Where a request was counted when it came by.
    struct Place {
        fileprivate let file: Int32
        fileprivate let operation: Int32
        /// Who looked. A new one begins with nothing.
        fileprivate let watch: UInt64
    }

    // MARK: the file

    /// Makes the file and maps it; an earlier one of that name, left behind by a process of the same number, is replaced.
    /// Returns nil where that can't be done, and why: a negated errno. No allocation.
    static func make(_ path: PathTemplate, error: inout Int) -> LivePage? {
        let number = path.with { name in
            var file = NamedFile()
            let number = file.make(name, mode: 0o600)
            if number != -Int(EEXIST) { return number }
            _ = file.remove(name)
            return file.make(name, mode: 0o600)
        }
        error = number
        guard number >= 0 else { return nil }
        let file = Descriptor(number: CInt(number))
        defer { file.close() }
        guard let head = Pages.map(Int(LIVE_HEAD)) else {
            error = -Int(ENOMEM)
            return nil
        }
        defer { Pages.unmap(head, Int(LIVE_HEAD)) }
        fill(head)
        // Written and not only made longer: else the memory might be missing when it is touched.
        error = file.writeAll(head, Int(LIVE_HEAD))
        if error == Int(LIVE_HEAD) {
            error = systemCall(SYS_mmap, 0, live_size(), Int(PROT_READ | PROT_WRITE), Int(MAP_SHARED), number, 0)
        }
        guard error > Int(LIVE_HEAD), let base = UnsafeMutableRawPointer(bitPattern: error) else {
            if error >= 0 { error = -Int(ENOSPC) }
            remove(path)
            return nil
        }
        guard Pages.advise(base, live_size(), MADV_DONTFORK) else {
            error = -Int(EINVAL)
            Pages.unmap(base, live_size())
            remove(path)
            return nil
        }
        return LivePage(base: base)
    }

    static func remove(_ path: PathTemplate) {
        _ = path.with { name in
            var file = NamedFile()
            return file.remove(name)
        }
    }

    private static func fill(_ head: UnsafeMutableRawPointer) {
        live_word(head, CInt(LIVE_WORD_MAGIC)).pointee = LIVE_MAGIC
        live_word(head, CInt(LIVE_WORD_VERSION)).pointee = UInt64(LIVE_VERSION)
        live_word(head, CInt(LIVE_WORD_PROCESS)).pointee = UInt64(ThreadState.process)
        let most = (LIVE_WORD_RELEASE_END - LIVE_WORD_RELEASE) * 8 - 1
        let release = Version.text
        memcpy(live_word(head, CInt(LIVE_WORD_RELEASE)), release.start, min(Int(most), release.count))
    }

    // MARK: who looks

    @inline(__always)
    private func word(_ word: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        LivePage.atomic(live_word(base, CInt(word)))
    }

    /// Whether somebody looks. If nobody does, that is one load.
    @inline(__always)
    var isWatched: Bool {
        let until = word(LIVE_WORD_UNTIL).pointee.load(ordering: .acquiring)
        return until != 0 && isStillWatched(until)
    }

    /// One who has gone without a word is forgotten.
    @inline(never)
    private func isStillWatched(_ until: UInt64) -> Bool {
        let left = Int64(bitPattern: until) &- Instant.roughlyNow.nanoseconds
        if wish != LivePage.lastWish.load(ordering: .relaxed) {
            LivePage.lastWish.store(wish, ordering: .relaxed)
            Registry.hear()
        }
        if left > 0, left <= LIVE_LONGEST_LOOK { return true }
        _ = word(LIVE_WORD_UNTIL).pointee.compareExchange(expected: until, desired: 0, ordering: .relaxed)
        return false
    }

    private static let lastWish = Atomic<Int>(0)

    /// What the cache of blocks is to take, as a person wants it; 0 if nobody said so.
    var wish: Int { Int(clamping: word(LIVE_WORD_BUFIO_SIZE).pointee.load(ordering: .relaxed)) }

    // MARK: counting

    /// A request comes by.
    func begin(_ operation: Operation, _ descriptor: Descriptor, _ file: FileFacts) -> Place {
        let place = Place(
            file: Int32(number(of: descriptor, file)), operation: LivePage.index(operation),
            watch: word(LIVE_WORD_WATCH).pointee.load(ordering: .acquiring))
        add(place, LIVE_BEGUN, 1)
        return place
    }

    /// The same request is over, with a result as `Outcome` has it.
    func end(_ place: Place, _ result: Int, _ nanoseconds: Int64) {
        guard word(LIVE_WORD_WATCH).pointee.load(ordering: .acquiring) == place.watch else { return }
        add(place, LIVE_OVER, 1)
        if result == -Int(ECANCELED) {
            add(place, LIVE_CANCELLED, 1)
            return
        }
        if result > 0 { add(place, LIVE_BYTES, UInt64(result)) } else if result < 0 { add(place, LIVE_FAILED, 1) }
        let took = UInt64(max(0, nanoseconds))
        add(place, LIVE_NANOSECONDS, took)
        let latency = live_latency(live_file(base, place.file), place.operation, live_bucket(took))
        UnsafeMutableRawPointer(latency!).assumingMemoryBound(to: Atomic<UInt32>.self).pointee
            .wrappingAdd(1, ordering: .relaxed)
    }

    private func add(_ place: Place, _ counter: Int, _ amount: UInt64) {
        LivePage.atomic(live_counter(live_file(base, place.file), place.operation, CInt(counter))).pointee
            .wrappingAdd(amount, ordering: .relaxed)
    }

    private static func index(_ operation: Operation) -> Int32 {
        switch operation {
        case .read: return 0
        case .write: return 1
        case .synchronize, .synchronizeData, .list, .work: return 2
        }
    }

    // MARK: what modules count

    /// The place of such a module's numbers, at first 0. Nil: there is no room for so many.
    func numbers(at index: Int, title: Text, names: Text) -> UnsafeMutablePointer<Atomic<Int>>? {
        guard index < Int(LIVE_MODULES), title.count < Int(LIVE_TITLE), names.count < Int(LIVE_NAMES) else {
            return nil
        }
        let module = live_module(base, CInt(index))
        memcpy(live_names(module), names.start, names.count)
        memcpy(live_title(module), title.start, title.count)
        return UnsafeMutableRawPointer(live_number(module, 0)!).assumingMemoryBound(to: Atomic<Int>.self)
    }

    // MARK: files

    private static let others = Int(LIVE_FILES) - 1

    /// The file's place; the last one where there is no room.
    private func number(of descriptor: Descriptor, _ facts: FileFacts) -> Int {
        let key = max(1, FileFacts.hash(facts.device, facts.inode))
        for step in 0..<LivePage.others {
            let number = Int((key >> 32 &+ UInt64(step)) % UInt64(LivePage.others))
            let file = live_file(base, CInt(number))!
            let place = LivePage.atomic(live_key(file))
            var known = place.pointee.load(ordering: .relaxed)
            if known == 0 {
                let (exchanged, original) = place.pointee.compareExchange(expected: 0, desired: key, ordering: .relaxed)
                known = exchanged ? key : original
            }
            if known == key {
                findPath(file, descriptor, facts)
                return number
            }
        }
        return LivePage.others
    }

    /// Once for each file. What the descriptor's number is by now may be another file, of which nothing is said then.
    @inline(__always)
    private func findPath(_ file: UnsafeMutablePointer<live_file>, _ descriptor: Descriptor, _ facts: FileFacts) {
        let length = LivePage.atomic(live_path_length(file))
        if length.pointee.load(ordering: .relaxed) == 0 { findPath(file, length, descriptor, facts) }
    }

    @inline(never)
    private func findPath(
        _ file: UnsafeMutablePointer<live_file>, _ length: UnsafeMutablePointer<Atomic<UInt64>>,
        _ descriptor: Descriptor, _ facts: FileFacts
    ) {
        guard length.pointee.compareExchange(expected: 0, desired: LIVE_PATH_WANTED, ordering: .relaxed).exchanged
        else { return }
        var found: UInt64 = 0
        // Not on the stack, which may be a signal handler's.
        if let memory = Pages.map(Descriptor.longestPath) {
            let path = memory.assumingMemoryBound(to: UInt8.self)
            if let count = descriptor.path(into: path, Descriptor.longestPath),
                FileFacts(descriptor)?.isSameFile(as: facts) ?? false
            {
                let kept = min(count, Int(LIVE_PATH))
                memcpy(live_path(file), path + count - kept, kept)
                found = UInt64(kept) + 1
            }
            Pages.unmap(memory, Descriptor.longestPath)
        }
        length.pointee.store(found, ordering: .releasing)
    }

    @inline(__always)
    private static func atomic(_ word: UnsafeMutablePointer<UInt64>?) -> UnsafeMutablePointer<Atomic<UInt64>> {
        UnsafeMutableRawPointer(word.unsafelyUnwrapped).assumingMemoryBound(to: Atomic<UInt64>.self)
    }
}
