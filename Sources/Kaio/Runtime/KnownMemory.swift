// Which pages of the program's memory can be read from, or written to: asked of the kernel before the library itself copies, which
// no fault may end. A page is asked for once, so a look is one load as a rule; one that the program has unmapped or protected since
// is not noticed.
//
// Invariant: an entry is a page's number with what is known of it, in one word, or 0; another page's takes its place. Async-signal-safe.

import CKaio
import CKernel
import Synchronization

enum KnownMemory {
    private static let shift = 12
    private static let count = 1 << 16
    private static let canBeRead: UInt64 = 1
    private static let canBeWritten: UInt64 = 3
    private static let table = Atomic<UInt>(0)
    /// A filter refuses to say.
    private static let isUnknown = Atomic<Bool>(false)

    /// In the making of stacks.
    static func prepare() -> Bool {
        if table.load(ordering: .relaxed) != 0 { return true }
        guard let memory = Pages.map(count * 8) else { return false }
        Pages.advise(memory, count * 8, MADV_WIPEONFORK)
        table.store(UInt(bitPattern: memory), ordering: .releasing)
        return true
    }

    /// Whether each page of a buffer can be. After `prepare`.
    @inline(__always)
    static func has(_ buffer: UnsafeMutableRawPointer, _ length: Int, written: Bool) -> Bool {
        let first = UInt64(UInt(bitPattern: buffer)) >> shift
        let last = UInt64(UInt(bitPattern: buffer) &+ UInt(length - 1)) >> shift
        let wanted = written ? canBeWritten : canBeRead
        var page = first
        while page <= last {
            let known = entry(page).pointee.load(ordering: .relaxed)
            if known >> 2 != page || known & wanted != wanted,
                !ask(page == first ? buffer : UnsafeMutableRawPointer(bitPattern: UInt(page << shift)), page, wanted)
            {
                return false
            }
            page += 1
        }
        return first <= last
    }

    @inline(__always)
    private static func entry(_ page: UInt64) -> UnsafeMutablePointer<Atomic<UInt64>> {
        UnsafeMutablePointer(bitPattern: table.load(ordering: .relaxed)).unsafelyUnwrapped
            + Int(truncatingIfNeeded: (page ^ page >> 16) & UInt64(count - 1))
    }

    /// Has the kernel copy one byte out of the page, and back.
    @inline(never)
    private static func ask(_ place: UnsafeMutableRawPointer?, _ page: UInt64, _ wanted: UInt64) -> Bool {
        if isUnknown.load(ordering: .relaxed) { return true }
        var byte: UInt8 = 0
        var result = withUnsafeMutablePointer(to: &byte) { copy(SYS_process_vm_readv, $0, place) }
        if result == 1, wanted == canBeWritten {
            result = withUnsafeMutablePointer(to: &byte) { copy(SYS_process_vm_writev, $0, place) }
        }
        if result == 1 {
            entry(page).pointee.store(page << 2 | wanted, ordering: .relaxed)
            return true
        }
        if result == -Int(EFAULT) || result == -Int(ENOMEM) || result == 0 { return false }
        isUnknown.store(true, ordering: .relaxed)
        return true
    }

    private static func copy(
        _ call: CInt, _ mine: UnsafeMutablePointer<UInt8>, _ theirs: UnsafeMutableRawPointer?
    ) -> Int {
        var local = iovec(iov_base: mine, iov_len: 1)
        var remote = iovec(iov_base: theirs, iov_len: 1)
        return withUnsafePointer(to: &local) { local in
            withUnsafePointer(to: &remote) {
                systemCall(call, Int(ThreadState.process), address(local), 1, address($0), 1, 0)
            }
        }
    }
}
