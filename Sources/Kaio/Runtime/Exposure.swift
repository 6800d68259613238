// Which descriptor numbers are still to be used by a request: it waits in the library, for data, or for a
// worker, or a thread is just about to make the system call. A number that is closed meanwhile may be another
// file's a moment later, so `close` and its kin look here first.
//
// Invariant: a request that may still have its descriptor's number used is counted in the number's cell. It is
// counted before the call that submits it returns, and no longer counted only when no system call with the
// number will be made for it. Who closes a number cancels what waits, then waits until all that are counted
// sleep in a system call that has the file already.
//
// The same goes for the eventfd of a request or a list: its number is counted from before the status is seen, after which
// the program may close it, until the eventfd is signalled.
//
// The cells are wiped in the child of a fork, like the requests.

import CKernel
import Synchronization

enum Exposure {
    private static let cells = Atomic<UInt>(0)
    private static let highest = Atomic<Int32>(-1)

    /// Descriptors beyond this number share the last cell.
    private static let count = 1 << 20
    private static let length = count * 4

    /// Under the engine's lock.
    static func prepare() -> Bool {
        if cells.load(ordering: .relaxed) != 0 { return true }
        guard let memory = Pages.map(length) else { return false }
        Pages.advise(memory, length, MADV_WIPEONFORK)
        cells.store(UInt(bitPattern: memory), ordering: .releasing)
        return true
    }

    /// In the child of a fork, where the kernel has not done it.
    static func wipe() {
        if let start = UnsafeMutableRawPointer(bitPattern: cells.load(ordering: .relaxed)) {
            Pages.clear(start, length)
        }
    }

    @inline(__always)
    private static func cell(_ descriptor: Descriptor) -> UnsafeMutablePointer<Atomic<UInt32>>? {
        guard descriptor.number >= 0,
            let base = UnsafeMutableRawPointer(bitPattern: cells.load(ordering: .acquiring))
        else { return nil }
        return base.assumingMemoryBound(to: Atomic<UInt32>.self) + min(Int(descriptor.number), count - 1)
    }

    /// Counts a request in, once.
    static func begin(_ request: Request) {
        if request.isExposed { return }
        request.isExposed = true
        begin(request.descriptor)
    }

    static func begin(_ descriptor: Descriptor) {
        cell(descriptor)?.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
        if descriptor.number > highest.load(ordering: .relaxed) {
            highest.max(descriptor.number, ordering: .relaxed)
        }
    }

    static func end(_ request: Request) {
        guard request.isExposed else { return }
        request.isExposed = false
        end(request.descriptor)
    }

    static func end(_ descriptor: Descriptor) {
        let before = cell(descriptor)?.pointee.wrappingSubtract(1, ordering: .sequentiallyConsistent).oldValue
        assert(before != 0)
    }

    @inline(__always)
    static func isExposed(_ descriptor: Descriptor) -> Bool { count(descriptor) != 0 }

    @inline(__always)
    static func count(_ descriptor: Descriptor) -> UInt32 {
        cell(descriptor)?.pointee.load(ordering: .sequentiallyConsistent) ?? 0
    }

    /// The numbers to look at when a range is closed.
    static func range(_ first: UInt32, _ last: UInt32) -> Range<CInt> {
        let top = highest.load(ordering: .relaxed)
        guard top >= 0, first <= UInt32(top) else { return 0..<0 }
        return CInt(first)..<CInt(min(last, UInt32(top))) + 1
    }
}
