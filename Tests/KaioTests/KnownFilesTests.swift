// What is known of descriptors: never of one that was closed by the calls that the library sees, and of others for
// some milliseconds at most.

import CKernel
import Glibc
import Synchronization
import Testing

@testable import Kaio

private func known(_ number: CInt) -> FileFacts? { KnownFiles.facts(of: Descriptor(number: number)) }

/// Whether that is what the kernel says.
private func isTrue(_ number: CInt) -> Bool {
    guard let known = known(number) else { return FileFacts(Descriptor(number: number)) == nil }
    guard let now = FileFacts(Descriptor(number: number)) else { return false }
    return known.isSameFile(as: now) && known.size == now.size && known.kind == now.kind
        && known.statusFlags == now.statusFlags
}

/// A number that no other thread of the test's process gets when it is free for a moment.
private func duplicateHighUp(_ old: CInt) -> CInt { fcntl(old, F_DUPFD_CLOEXEC, 500) }

/// Closes a number as no call of the library's does.
private func closeUnseen(_ number: CInt) { _ = systemCall(SYS_close, Int(number)) }

private func moveUnseen(_ old: CInt, _ new: CInt) { _ = systemCall(SYS_dup3, Int(old), Int(new), 0) }

/// Whether what is known of a number stays when it is moved from one file, of 5000 bytes, to another, until the clock
/// ticks. Right after a tick, several times, since the thread may be put aside for the next one.
private func isKept(_ number: CInt, _ file: borrowing TestFile, _ other: borrowing TestFile) -> Bool {
    let (one, another) = (file.descriptor, other.descriptor)
    return (0..<200).contains { _ in
        moveUnseen(one, number)
        let before = Instant.roughlyNow
        while Instant.roughlyNow == before {}
        let first = known(number)?.size
        moveUnseen(another, number)
        return first == 5000 && known(number)?.size == 5000
    }
}

@Suite struct `What is known of a descriptor` {
    @Test func `is what the kernel says`() async {
        await #expect(processExitsWith: .success) {
            check(ProcessPage.make() != nil && KnownFiles.prepare())
            let file = TestFile(size: 5000)
            let pipe = TestPipe()
            let direct = file.reopened(O_RDONLY | __O_DIRECT)
            for number in [file.descriptor, pipe.reader, pipe.writer, direct, -1, 900, .max] {
                check(isTrue(number))
                check(isTrue(number))
            }
            // Beyond those of which anything is kept.
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(7), &limit)
            let far = dup2(file.descriptor, CInt(min(70_000, limit.rlim_max - 1)))
            if far >= 0 { check(isTrue(far)) }
        }
    }

    @Test func `is kept until the clock ticks, and no longer`() async {
        await #expect(processExitsWith: .success) {
            check(ProcessPage.make() != nil && KnownFiles.prepare())
            let file = TestFile(size: 5000)
            let other = TestFile(size: 6000)
            let number = duplicateHighUp(file.descriptor)
            check(isKept(number, file, other))
            pause(milliseconds: 25)
            check(isTrue(number))
            closeUnseen(number)
            pause(milliseconds: 25)
            check(known(number) == nil)
        }
    }

    @Test func `is kept again after a thread was cancelled in close`() async {
        await #expect(processExitsWith: .success) {
            check(ProcessPage.make() != nil && KnownFiles.prepare())
            let file = TestFile(size: 5000)
            let other = TestFile(size: 6000)
            let number = duplicateHighUp(file.descriptor)
            check(known(number)?.size, is: 5000)
            let thread = ThreadHandle {
                pthread_cancel(pthread_self())
                _ = closeDescriptor(number)
            }
            check(thread.join())
            check(fcntl(number, F_GETFD) >= 0)
            check(isKept(number, file, other))
        }
    }

    @Test func `is forgotten by every call that closes it`() async {
        await #expect(processExitsWith: .success) {
            check(ProcessPage.make() != nil && KnownFiles.prepare())
            let file = TestFile(size: 5000)
            let other = TestFile(size: 6000)
            let number = duplicateHighUp(file.descriptor)
            for _ in 0..<50 {
                let calls: [() -> Void] = [
                    {
                        check(closeDescriptor(number), is: 0)
                        check(known(number) == nil)
                        moveUnseen(other.descriptor, number)
                    },
                    { check(duplicate(other.descriptor, number), is: number) },
                    { check(duplicate(other.descriptor, number, O_CLOEXEC), is: number) },
                    {
                        check(closeRange(UInt32(number), UInt32(number), 0), is: 0)
                        check(known(number) == nil)
                        moveUnseen(other.descriptor, number)
                    },
                ]
                for call in calls {
                    check(duplicate(file.descriptor, number), is: number)
                    check(known(number)?.size, is: 5000)
                    call()
                    check(known(number)?.size, is: 6000)
                }
            }
        }
    }

    @Test func `is not kept while somebody closes it, nor if that began meanwhile`() async {
        await #expect(processExitsWith: .success) {
            check(ProcessPage.make() != nil && KnownFiles.prepare())
            let file = TestFile(size: 5000)
            let other = TestFile(size: 6000)
            let number = duplicateHighUp(file.descriptor)
            check(known(number)?.size, is: 5000)
            for _ in 0..<50 {
                let (one, two) = (
                    KnownFiles.beginClosing(Descriptor(number: number)), KnownFiles.beginClosing(0, .max)
                )
                moveUnseen(file.descriptor, number)
                check(known(number)?.size, is: 5000)
                moveUnseen(other.descriptor, number)
                check(known(number)?.size, is: 6000)
                KnownFiles.endClosing(one)
                moveUnseen(file.descriptor, number)
                check(known(number)?.size, is: 5000)
                KnownFiles.endClosing(two)
                check(known(number)?.size, is: 5000)
            }
        }
    }

    @Test func `is forgotten when the kernel says that it is another file`() async {
        await #expect(processExitsWith: .success) {
            check(ProcessPage.make() != nil && KnownFiles.prepare())
            let file = TestFile(size: 5000)
            let other = TestFile(size: 6000)
            let number = duplicateHighUp(file.descriptor)
            for _ in 0..<50 {
                check(duplicate(file.descriptor, number), is: number)
                check(known(number)?.size, is: 5000)
                moveUnseen(other.descriptor, number)
                KnownFiles.correct(Descriptor(number: number), FileFacts(Descriptor(number: number))!)
                check(known(number)?.size, is: 6000)
            }
        }
    }

    /// What is read is one file's or the other's, never a bit of both; and after a thread's own `dup2`, the new one's.
    @Test(.timeLimit(.minutes(2))) func `is of one file, whoever closes and looks at once`() async {
        await #expect(processExitsWith: .success) {
            check(ProcessPage.make() != nil && KnownFiles.prepare())
            let file = TestFile(size: 5000)
            let other = TestFile(size: 6000)
            let direct = other.reopened(O_RDONLY | __O_DIRECT)
            let facts = [FileFacts(Descriptor(number: file.descriptor))!, FileFacts(Descriptor(number: direct))!]
            let shared = duplicateHighUp(file.descriptor)
            let isOver = Atomic<Bool>(false)
            let wrong = Atomic<Int>(0)
            concurrently(4) { thread in
                if thread == 0 {
                    for round in 0..<20_000 {
                        let which = round % 2
                        _ = duplicate(which == 0 ? file.descriptor : direct, shared)
                        if known(shared)?.size != facts[which].size { wrong.wrappingAdd(1, ordering: .relaxed) }
                    }
                    isOver.store(true, ordering: .relaxed)
                    return
                }
                while !isOver.load(ordering: .relaxed) {
                    guard let known = known(shared) else { continue }
                    let isOne = facts.contains {
                        known.isSameFile(as: $0) && known.size == $0.size && known.statusFlags == $0.statusFlags
                    }
                    // The kernel is asked by two calls, between which the number may become the other file.
                    if !isOne, known.isSameFile(as: facts[0]) != (known.size == 5000) {
                        wrong.wrappingAdd(1, ordering: .relaxed)
                    }
                }
            }
            check(wrong.load(ordering: .relaxed), is: 0)
        }
    }
}
