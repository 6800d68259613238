// What happens to requests whose descriptor is about to be closed.

import CKernel

enum Closing {
    /// Sees to it that no request uses the descriptor's number any more: those that wait are cancelled, those
    /// that a thread is just giving to the kernel are waited for. (What the kernel has goes on: it has the file.)
    ///
    /// False for a descriptor of the library's own, which the program does not know and must not close.
    @inline(__always)
    static func prepare(_ descriptor: Descriptor) -> Bool {
        guard let page = ProcessPage.current else { return true }
        if isOwn(descriptor, page) { return false }
        if Exposure.isExposed(descriptor) { endUses(of: descriptor, page) }
        if OpenFiles.areKept, page.isOfThisProcess { OpenFiles.close(descriptor) }
        return true
    }

    /// The program may have closed the library's number by a call of its own, and have a file of its own there.
    private static func isOwn(_ descriptor: Descriptor, _ page: ProcessPage) -> Bool {
        guard page.isOwn(descriptor) else { return false }
        if !descriptor.hasNoType || Reactor.has(descriptor) || ModuleDescriptors.has(descriptor)
            || Connections.have(descriptor)
        {
            return true
        }
        page.removeOwn(descriptor)
        return false
    }

    /// The same for a number that a duplicate of `old` is about to take. If that can't be, nothing is done.
    static func prepare(_ descriptor: Descriptor, for old: Descriptor) -> Bool {
        if descriptor == old || old.statusFlags < 0 { return true }
        return prepare(descriptor)
    }

    /// close_range, but for the library's own descriptors. With a flag nothing is closed for this process, or now.
    ///
    /// - Parameter isFrom: by closefrom.
    static func closeRange(_ first: UInt32, _ last: UInt32, _ flags: CInt, isFrom: Bool = false) -> Int {
        guard let page = ProcessPage.current, flags == 0, first <= last else {
            return call(first, last, flags, isFrom)
        }
        let closer = KnownFiles.beginClosing(first, last)
        defer { KnownFiles.endClosing(closer) }
        for number in Exposure.range(first, last) {
            let descriptor = Descriptor(number: number)
            if Exposure.isExposed(descriptor), !isOwn(descriptor, page) { endUses(of: descriptor, page) }
        }
        if OpenFiles.areKept, page.isOfThisProcess {
            for number in KnownFiles.range(first, last) { OpenFiles.close(Descriptor(number: number)) }
        }
        var start = first
        while let own = page.firstOwn(start, last) {
            if !isOwn(Descriptor(number: CInt(own)), page) {
                page.removeOwn(Descriptor(number: CInt(own)))
                continue
            }
            if own > start {
                let result = call(start, own - 1, flags, false)
                if result < 0 { return result }
            }
            if own == last { return 0 }
            start = own + 1
        }
        return call(start, last, flags, isFrom)
    }

    private static func call(_ first: UInt32, _ last: UInt32, _ flags: CInt, _ isFrom: Bool) -> Int {
        if isFrom, let next = Neighbours.closeFrom, let number = CInt(exactly: first) {
            next(number)
            return 0
        }
        if let next = Neighbours.closeRange {
            return Neighbours.call { next(first, last, flags) } < 0 ? -Int(ck_errno()) : 0
        }
        return systemCall(SYS_close_range, Int(first), Int(last), Int(flags))
    }

    /// How long a worker may be between its look at the descriptor's number and the kernel's, where /proc does not
    /// tell.
    private static let patience: Int64 = 100_000_000

    private static func endUses(of descriptor: Descriptor, _ page: ProcessPage) {
        // The child of a vfork has this memory, but its descriptors are its own.
        guard page.isOfThisProcess else { return }
        var pause: Int64 = 1000
        let latest = Slab.latest
        let patienceEnds = Instant.now.advanced(by: patience)
        while Exposure.isExposed(descriptor) {
            Cancellation.endUses(of: descriptor)
            // Workers that sleep in a transfer may stay there for long, and do no harm.
            let isLate = Instant.now >= patienceEnds
            if Exposure.count(descriptor)
                <= Cancellation.countHarmless(on: descriptor, after: latest, unknown: isLate)
            {
                return
            }
            // A thread is just about to make a call, or an event is on its way.
            Waiting.harvest(as: .caller)
            Pause.sleep(pause)
            pause = min(pause * 2, 1_000_000)
        }
    }
}
