import CKernel
import Glibc
import Synchronization
import Testing

@testable import Kaio

/// A lock and what it guards, as the library's structures have them.
private final class Guarded: Sendable {
    private let lock = Lock()
    nonisolated(unsafe) var value = 0
    nonisolated(unsafe) var isInside = false

    func take() { lock.lock() }
    func tryToTake() -> Bool { lock.tryLock() }
    func give() { lock.unlock() }
    func reset() { lock.reset() }
    func locked<T>(_ body: () -> T) -> T { lock.locked(body) }
}

@Suite struct `A lock` {
    @Test func `is held by one thread at a time`() {
        let guarded = Guarded()
        let overlaps = Atomic<Int>(0)
        concurrently(4) { _ in
            for _ in 0..<20_000 {
                guarded.locked {
                    if guarded.isInside { overlaps.add(1, ordering: .relaxed) }
                    guarded.isInside = true
                    guarded.value += 1
                    guarded.isInside = false
                }
            }
        }
        #expect(overlaps.load(ordering: .relaxed) == 0)
        #expect(guarded.value == 80_000)
    }

    /// The holder goes to sleep, so the others have to as well, and all depends on who wakes them.
    @Test func `wakes those who sleep for it`() {
        let guarded = Guarded()
        concurrently(8) { _ in
            for _ in 0..<200 {
                guarded.locked {
                    guarded.value += 1
                    usleep(10)
                }
            }
        }
        #expect(guarded.value == 1600)
    }

    @Test func `is not taken by a try while it is held`() {
        let guarded = Guarded()
        #expect(guarded.tryToTake())
        #expect(!guarded.tryToTake())
        guarded.give()
        #expect(guarded.tryToTake())
        guarded.give()
        guarded.take()
        concurrently(1) { _ in #expect(!guarded.tryToTake()) }
        guarded.give()
    }

    @Test func `is free after a reset`() {
        let guarded = Guarded()
        // By a thread that is not there any more.
        concurrently(1) { _ in guarded.take() }
        guarded.reset()
        #expect(guarded.tryToTake())
        guarded.give()
    }

    @Test func `gives back what its body gives, and is free then`() {
        let guarded = Guarded()
        #expect(guarded.locked { 42 } == 42)
        #expect(guarded.tryToTake())
        guarded.give()
    }
}

private final class Word: Sendable {
    let value = Atomic<UInt32>(0)
}

@Suite struct `A futex` {
    @Test func `does not sleep where the word has changed`() {
        let word = Word()
        #expect(Futex.wait(word.value, 1) == -Int(EAGAIN))
        #expect(Futex.wait(word.value, 1, until: Instant.now.advanced(by: 60_000_000_000)) == -Int(EAGAIN))
    }

    @Test(arguments: [1, 1000, 1_000_000, 20_000_000] as [Int64])
    func `sleeps until the deadline and no less`(_ interval: Int64) {
        let word = Word()
        let deadline = Instant.now.advanced(by: interval)
        #expect(Futex.wait(word.value, 0, until: deadline) == -Int(ETIMEDOUT))
        #expect(Instant.now >= deadline)
    }

    @Test func `does not sleep past a deadline that is over`() {
        let word = Word()
        #expect(Futex.wait(word.value, 0, until: Instant(nanoseconds: 1)) == -Int(ETIMEDOUT))
        #expect(Futex.wait(word.value, 0, until: Instant(nanoseconds: -1)) == -Int(ETIMEDOUT))
    }

    @Test func `wakes everyone who sleeps`() {
        let word = Word()
        concurrently(5) { number in
            if number == 0 {
                pause(milliseconds: 20)
                word.value.store(1, ordering: .sequentiallyConsistent)
                Futex.wake(word.value)
            } else {
                while word.value.load(ordering: .sequentiallyConsistent) == 0 { _ = Futex.wait(word.value, 0) }
            }
        }
    }
}

/// A `Spin`, as a static one of the library's.
private final class Looking: Sendable {
    private let spin = Spin()

    func look(_ isThere: () -> Bool) -> Bool { spin.look(isThere) }
    func sleep(_ nanoseconds: Int64) { spin.slept(since: Instant.now.advanced(by: -nanoseconds)) }

    /// How many short sleeps it takes until a look is tried, which is in vain.
    var patience: Int {
        for count in 0..<10_000 {
            var isTried = false
            _ = look {
                isTried = true
                return false
            }
            if isTried { return count }
            sleep(1_000)
        }
        return .max
    }
}

@Suite struct `Looking again before going to sleep` {
    @Test(.enabled(if: sysconf(CInt(_SC_NPROCESSORS_ONLN)) > 1)) func `is tried where sleeps were short, and pays`() {
        let looking = Looking()
        #expect(!looking.look { true })
        looking.sleep(10_000_000)
        #expect(!looking.look { true })
        looking.sleep(1_000)
        for _ in 0..<100 { #expect(looking.look { true }) }
    }

    @Test(.enabled(if: sysconf(CInt(_SC_NPROCESSORS_ONLN)) > 1)) func `is tried less and less where it is in vain`() {
        let looking = Looking()
        var last = looking.patience
        #expect(last == 1)
        for _ in 0..<7 {
            let next = looking.patience
            #expect(next > last)
            last = next
        }
        // One that pays makes it as cheap as at first.
        for _ in 0..<last { looking.sleep(1_000) }
        while !looking.look({ true }) { looking.sleep(1_000) }
        _ = looking.look { false }
        #expect(looking.patience <= 13)
    }

    @Test(.enabled(if: sysconf(CInt(_SC_NPROCESSORS_ONLN)) > 1)) func `is one thread's at a time`() {
        let looking = Looking()
        for _ in 0..<10 { looking.sleep(1_000) }
        var inner: Bool?
        #expect(
            looking.look {
                if inner == nil { inner = looking.look { true } }
                return true
            })
        #expect(inner == false)
    }
}
