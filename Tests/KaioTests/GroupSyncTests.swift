import CKaio
import CKernel
import Glibc
import Synchronization
import Testing

@testable import Kaio

/// Below `ordered`: counts syncs, and fails those that it is told to.
private final class SyncCounter: Module {
    let name: StaticString = "sync_counter"
    private let position: Int
    let syncs = Atomic<Int>(0)
    let failing = Atomic<Int>(0)

    init(_ position: Int) { self.position = position }

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        var others = RequestQueue()
        while let request = requests.popFirst() {
            guard request.operation.isSynchronize else {
                others.append(request)
                continue
            }
            syncs.wrappingAdd(1, ordering: .relaxed)
            if failing.load(ordering: .relaxed) > 0 {
                failing.wrappingSubtract(1, ordering: .relaxed)
                turn.complete(request, -Int(EIO))
            } else {
                others.append(request)
            }
        }
        turn.handOn(&others, below: position)
    }
}

private func useGroupSync(_ parameters: StaticString) -> SyncCounter {
    Engine.prepare()
    let counter = SyncCounter(2)
    let parameters = Parameters(Text(parameters))
    var modules: [any Module] = []
    for name in ["group_sync", "ordered", "", "aio_linux", "aio_poll", "aio_pthread"] as [StaticString] {
        modules.append(
            name.utf8CodeUnitCount == 0
                ? counter : Registry.make(Text(name), position: modules.count, parameters: parameters)!)
    }
    useStack(modules)
    return counter
}

/// In a process of its own.
private func keepOrder(holds: Bool) {
    let counter =
        holds
        ? useGroupSync("group_sync:hold writes = yes; group_sync:hold limit = 1ms")
        : useGroupSync("group_sync:exempt range = 0-4095")
    let file = TestFile(size: 1 << 20)
    let written = Atomic<Int>(0)
    concurrently(6) { thread in
        let flags = [O_RDWR, O_RDWR | __O_DIRECT, O_RDWR | O_DSYNC, O_RDWR | O_SYNC][thread % 4]
        for round in 0..<20 {
            let descriptor = file.reopened(flags)
            let fill = UInt8(thread * 20 + round)
            let jobs = (0..<4).map {
                Job(descriptor, length: 4096, at: (thread * 4 + $0) << 12, fill: fill)
            }
            for job in jobs { check(job.write(), is: 0) }
            let back = Job(descriptor, length: 4096, at: thread << 14)
            check(back.read(), is: 0)
            if round % 5 == 4 {
                // Who closes takes what waits with it.
                check(Kaio.closeDescriptor(descriptor), is: 0)
                for job in jobs { written.wrappingAdd(job.finish().result > 0 ? 1 : 0, ordering: .relaxed) }
                _ = back.finish()
                continue
            }
            if round % 5 == 3 { _ = aio_cancel(descriptor, jobs[3].control) }
            for job in jobs {
                let result = job.finish()
                check(result.result == 4096 || result.error == ECANCELED)
                written.wrappingAdd(result.result > 0 ? 1 : 0, ordering: .relaxed)
            }
            check(back.finish().result, is: 4096)
            check(back.isFilled && back.buffer[0] == fill)
            check(Kaio.closeDescriptor(descriptor), is: 0)
        }
    }
    check(eventually { Own.inFlight.load(ordering: .relaxed) == 0 })
    check(counter.syncs.load(ordering: .relaxed) > 0)
    check(counter.syncs.load(ordering: .relaxed) <= written.load(ordering: .relaxed))
}

@Suite struct `Writes whose data is safe` {
    @Test func `keep their order and their data, whatever comes at the same time`() async {
        await #expect(processExitsWith: .success) { keepOrder(holds: false) }
    }

    @Test func `do so too where they are held back`() async {
        await #expect(processExitsWith: .success) { keepOrder(holds: true) }
    }

    @Test func `fail from the sync on that failed`() async {
        await #expect(processExitsWith: .success) {
            let counter = useGroupSync("group_sync:gather = 0")
            let file = TestFile(size: 1 << 20)
            concurrently(4) { thread in
                var hasFailed = false
                // The others may have made theirs before the first one comes to its sync that fails.
                for round in 0..<100_000 where round < 40 || !hasFailed {
                    if thread == 0, round == 20 { counter.failing.store(1, ordering: .relaxed) }
                    let job = Job(file.descriptor, length: 4096, at: thread << 12)
                    check(job.write(), is: 0)
                    let error = job.finish().error
                    check(error == 0 && !hasFailed || error == EIO)
                    hasFailed = error != 0
                }
                check(hasFailed)
            }
        }
    }
}
