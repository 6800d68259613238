// What each shared structure asserts of its invariant: a debug build ends where it is broken.

import CKaio
import CKernel
import Testing

@testable import Kaio

#if arch(arm64)
    private let asserted = ExitTest.Condition.signal(SIGTRAP)
#else
    private let asserted = ExitTest.Condition.signal(SIGILL)
#endif

/// Two requests that wait for nothing, of a process of its own, which the assertion is to end.
private func withTwo(_ body: (Request, Request) -> Void) {
    withRequests(2) { body($0[0], $0[1]) }
}

@Suite struct `An assertion ends the process` {
    @Test func `that gives back a lock which it does not hold`() async {
        await #expect(processExitsWith: asserted) { Lock().unlock() }
    }

    @Test func `that sleeps, or brings requests further, with a lock`() async {
        await #expect(processExitsWith: asserted) {
            let lock = Lock()
            _ = SignalMask.blockAll()
            lock.lock()
            _ = Waiting.wait(until: .now, as: .caller, cancellable: false) { true }
        }
        await #expect(processExitsWith: asserted) {
            let lock = Lock()
            _ = SignalMask.blockAll()
            lock.lock()
            var turn = Turn(.submitter)
            turn.finish()
        }
    }

    @Test func `that frees a control block twice, or one that waits`() async {
        await #expect(processExitsWith: asserted) {
            withTwo { one, _ in
                Slab.free(one)
                Slab.free(one)
            }
        }
        await #expect(processExitsWith: asserted) {
            withTwo { one, _ in
                one.become(.waiting)
                Slab.free(one)
            }
        }
    }

    @Test func `that counts a descriptor out which is not exposed`() async {
        await #expect(processExitsWith: asserted) {
            withTwo { _, _ in Exposure.end(Descriptor(number: 77)) }
        }
    }

    @Test func `that holds a request twice, or without the lock`() async {
        await #expect(processExitsWith: asserted) {
            withTwo { one, _ in
                let queue = HoldingQueue(.inOrder)
                queue.locked {
                    queue.hold(one)
                    queue.hold(one)
                }
            }
        }
        await #expect(processExitsWith: asserted) {
            withTwo { one, _ in HoldingQueue(.inOrder).hold(one) }
        }
    }

    @Test func `that takes out of a queue what is exposed no more`() async {
        await #expect(processExitsWith: asserted) {
            withTwo { one, _ in
                let queue = HoldingQueue(.inOrder)
                queue.locked {
                    queue.hold(one)
                    Exposure.end(one)
                    _ = queue.takeNext()
                }
            }
        }
    }

    @Test func `that gives the kernel a request which waits`() async {
        await #expect(processExitsWith: asserted) {
            withTwo { one, _ in
                one.become(.waiting)
                _ = KernelQueue.submitOne(one)
            }
        }
    }

    @Test func `that takes a request to where it can't be next`() async {
        await #expect(processExitsWith: asserted) {
            withTwo { one, _ in
                one.become(.inKernel)
                one.become(.waiting)
            }
        }
        await #expect(processExitsWith: asserted) {
            withTwo { one, _ in
                one.become(.publishing)
                one.become(.held)
            }
        }
        await #expect(processExitsWith: asserted) {
            withTwo { one, _ in
                one.run(on: 1)
                var turn = Turn(.submitter)
                turn.complete(one, 0)
            }
        }
    }

    @Test func `that enters the cells twice`() async {
        await #expect(processExitsWith: asserted) {
            withTwo { one, _ in
                one.length = 4096
                _ = OrderedCells.enter(one)
                _ = OrderedCells.enter(one)
            }
        }
    }

    @Test func `that completes, or publishes, a request which waits`() async {
        await #expect(processExitsWith: asserted) {
            withTwo { one, _ in
                one.become(.waiting)
                var turn = Turn(.submitter)
                turn.complete(one, 0)
            }
        }
        await #expect(processExitsWith: asserted) {
            withTwo { one, _ in
                var turn = Turn(.submitter)
                one.become(.publishing)
                Publication.publish(one, &turn)
            }
        }
    }

    @Test func `that notifies of what is not published`() async {
        await #expect(processExitsWith: asserted) {
            withTwo { one, _ in
                var turn = Turn(.submitter)
                Notifier.notify(one, &turn)
            }
        }
    }

    @Test func `that takes a request from the timers behind their back`() async {
        await #expect(processExitsWith: asserted) {
            let (one, other) = (makeRequest(), makeRequest())
            Engine.startReactor()
            check(Timers.add(one, at: Instant.now.advanced(by: 60_000_000_000), for: 0))
            one.become(.held)
            _ = Timers.add(other, at: Instant.now.advanced(by: 70_000_000_000), for: 0)
        }
    }

    @Test func `that leaves the engine more often than it entered`() async {
        await #expect(processExitsWith: asserted) { withTwo { _, _ in Engine.leave(3) } }
    }
}
