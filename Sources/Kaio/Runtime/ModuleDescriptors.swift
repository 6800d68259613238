// Descriptors that modules have beside those of open files, for the life of the process or of a connection. The program neither
// sees nor closes them, and the child of a fork does not have them.
//
// Nothing tells one inotify or eventfd from another, and the program may close the number by a system call of its own and have
// such a one there. So each is put into an epoll of its own, which watches for nothing: the kernel changes an entry
// only for the very file that was put in under this number.
//
// Invariant: a place is free, or has one more than the number of a descriptor of ours; then it has one more than that of its
// epoll too, from before it is found until after it is not.

import CKernel
import Synchronization

enum ModuleDescriptors {
    private struct Kept: ~Copyable {
        let number = Atomic<CInt>(0)
        let witness = Atomic<CInt>(0)
    }

    nonisolated(unsafe) private static var places: UnsafeMutablePointer<Kept>?
    private static let most = 64

    /// Under the engine's lock.
    static func prepare() -> Bool {
        if places == nil {
            places = Pages.map(most * MemoryLayout<Kept>.stride)?.assumingMemoryBound(to: Kept.self)
        }
        return places != nil
    }

    /// False: there is no room for another. All signals are blocked.
    static func keep(_ descriptor: Descriptor) -> Bool {
        guard let places else { return false }
        let number = systemCall(SYS_epoll_create1, Int(EPOLL_CLOEXEC))
        guard number >= 0 else { return false }
        let witness = Descriptor(number: CInt(number)).adopted()
        guard witness.isOpen else { return false }
        if control(witness, EPOLL_CTL_ADD, descriptor) {
            for index in 0..<most
            where places[index].witness.compareExchange(
                expected: 0, desired: witness.number + 1, ordering: .acquiringAndReleasing
            ).exchanged {
                places[index].number.store(descriptor.number + 1, ordering: .releasing)
                return true
            }
        }
        witness.dispose()
        return false
    }

    /// Whether it still is what was kept, or the epoll of such a one. Any number may be asked about.
    static func has(_ descriptor: Descriptor) -> Bool {
        guard let places, descriptor.isOpen else { return false }
        for index in 0..<most {
            let (kept, witness) = at(index, places)
            if kept == descriptor || witness == descriptor { return control(witness, EPOLL_CTL_MOD, kept) }
        }
        return false
    }

    /// It is closed if it still is ours.
    static func close(_ descriptor: Descriptor) {
        guard let places, descriptor.isOpen else { return }
        for index in 0..<most {
            let (kept, witness) = at(index, places)
            guard kept == descriptor else { continue }
            close(kept, witness)
            ProcessPage.current?.removeOwn(kept)
            ProcessPage.current?.removeOwn(witness)
            places[index].number.store(0, ordering: .releasing)
            places[index].witness.store(0, ordering: .releasing)
        }
    }

    /// In the child of a fork, as soon as it runs.
    static func closeInherited() {
        guard let places else { return }
        for index in 0..<most {
            let (kept, witness) = at(index, places)
            close(kept, witness)
            places[index].number.store(0, ordering: .relaxed)
            places[index].witness.store(0, ordering: .relaxed)
        }
    }

    private static func at(_ index: Int, _ places: UnsafeMutablePointer<Kept>) -> (Descriptor, Descriptor) {
        let number = places[index].number.load(ordering: .acquiring)
        return (
            Descriptor(number: number - 1), Descriptor(number: places[index].witness.load(ordering: .acquiring) - 1)
        )
    }

    private static func close(_ kept: Descriptor, _ witness: Descriptor) {
        guard kept.isOpen, control(witness, EPOLL_CTL_MOD, kept) else { return }
        kept.close()
        witness.close()
    }

    private static func control(_ witness: Descriptor, _ operation: CInt, _ descriptor: Descriptor) -> Bool {
        var event = epoll_event()
        return withUnsafePointer(to: &event) {
            systemCall(SYS_epoll_ctl, Int(witness.number), Int(operation), Int(descriptor.number), address($0))
        } == 0
    }
}
