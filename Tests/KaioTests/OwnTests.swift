import CKaio
import CKernel
import Glibc
import Synchronization
import Testing

@testable import Kaio

/// The lowest module: keeps requests until the test says what they come to.
private final class Keeper: Module {
    let name: StaticString = "keeper"
    private(set) var kept: [Request] = []

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        while let request = requests.popFirst() { kept.append(request) }
    }

    func complete(_ number: Int, _ result: Int) {
        let request = kept[number]
        submitNothing { $0.complete(request, result) }
    }
}

private func submitNothing(_ body: (inout Turn) -> Void) { submit([], body) }

private func standardModules(under top: any Module) -> [any Module] {
    var modules: [any Module] = [top]
    for name in ["ordered", "aio_linux", "aio_poll", "aio_pthread"] as [StaticString] {
        modules.append(Registry.make(Text(name), position: modules.count)!)
    }
    return modules
}

@Suite struct `An own request` {
    @Test func `belongs to no aiocb, and the request that it is for ends after the last`() async {
        await #expect(processExitsWith: .success) {
            let keeper = Keeper()
            useStack([Split(0), keeper])
            for (results, expected, error) in [
                ([8192, 8192], 16384, 0), ([8192, 100], 8292, 0), ([100, 8192], 100, 0), ([-5, 8192], -1, EIO),
                ([8192, -28], 8192, 0), ([0, 0], 0, 0),
            ] as [([Int], Int, CInt)] {
                let before = keeper.kept.count
                let file = TestFile(size: 1 << 20)
                let job = Job(file.descriptor, length: 16384, at: 512)
                check(job.read(), is: 0)
                check(keeper.kept.count - before, is: 2)
                let (first, second) = (keeper.kept[before], keeper.kept[before + 1])
                check(first.offset, is: 512)
                check(second.offset, is: 512 + 8192)
                check(second.buffer == job.buffer.baseAddress! + 8192)
                check(first.user == nil && first.isOwn)
                check(Outstanding.count, is: 1)
                check(aio_cancel(file.descriptor, nil), is: CInt(AIO_NOTCANCELED))
                keeper.complete(before + 1, results[1])
                check(job.error, is: EINPROGRESS)
                check(Completions.count(upTo: 9).found, is: 0)
                keeper.complete(before, results[0])
                check(job.error, is: error)
                check(aio_return(job.control), is: expected)
            }
            check(Own.inFlight.load(ordering: .relaxed), is: 0)
            check(Statistics.reads.load(ordering: .relaxed), is: 6)
            check(Statistics.ownMade.load(ordering: .relaxed), is: 12)
            check(Statistics.ownFailed.load(ordering: .relaxed), is: 2)
        }
    }

    @Test func `transfers what the whole would, whatever takes it`() async {
        await #expect(processExitsWith: .success) {
            useStack(standardModules(under: Split(0)))
            let file = TestFile()
            let direct = file.reopened(O_RDWR | __O_DIRECT)
            concurrently(4) { thread in
                for round in 0..<20 {
                    let descriptor = thread % 2 == 0 ? file.descriptor : direct
                    let job = Job(descriptor, length: 65536, at: thread << 16, fill: UInt8(thread * 20 + round))
                    check(job.write(), is: 0)
                    check(job.finish().result, is: 65536)
                    let back = Job(descriptor, length: 65536, at: thread << 16)
                    check(back.read(), is: 0)
                    check(back.finish().result, is: 65536)
                    check(back.isFilled && back.buffer[0] == UInt8(thread * 20 + round))
                }
            }
            check(eventually { Own.inFlight.load(ordering: .relaxed) == 0 })
            check(Statistics.ownMade.load(ordering: .relaxed), is: 4 * 20 * 4)
        }
    }

    @Test func `ends with its descriptor when that is closed, and is the parent's after a fork`() async {
        await #expect(processExitsWith: .success) {
            let slow = Registry.make(
                Text("aio_ratelimit" as StaticString), position: 1,
                parameters: Parameters(Text("aio_ratelimit:read_iops = 1" as StaticString)))!
            var modules: [any Module] = [Split(0), slow]
            for name in ["aio_linux", "aio_poll", "aio_pthread"] as [StaticString] {
                modules.append(Registry.make(Text(name), position: modules.count)!)
            }
            useStack(modules)
            let file = TestFile(size: 1 << 20)
            let jobs = (0..<8).map { Job(file.reopened(O_RDONLY), length: 16384, at: $0 << 14) }
            for job in jobs { check(job.read(), is: 0) }
            check(Own.inFlight.load(ordering: .relaxed) > 0)
            let child = isUnderThreadSanitizer ? -1 : fork()
            if child == 0 {
                let job = Job(file.descriptor, length: 16384)
                guard job.read() == 0, Own.inFlight.load(ordering: .relaxed) == 2,
                    jobs.allSatisfy({ $0.error == -1 }), Kaio.closeDescriptor(file.descriptor) == 0
                else { _exit(1) }
                // The limit let the first half through.
                _exit(job.finish().result == 8192 ? 0 : 2)
            }
            for job in jobs { check(Kaio.closeDescriptor(job.control.pointee.aio_fildes), is: 0) }
            for job in jobs.dropFirst() { check(job.finish().error, is: ECANCELED) }
            _ = jobs[0].finish()
            check(eventually { Own.inFlight.load(ordering: .relaxed) == 0 })
            if child > 0 {
                var status: CInt = 0
                check(waitpid(child, &status, 0), is: child)
                check(status, is: 0)
            }
        }
    }
}

@Suite struct `An answer at once` {
    @Test func `is a hit's, and never older than a write`() async {
        await #expect(processExitsWith: .success) {
            let module = LastBlock(1)
            var modules: [any Module] = [Registry.make(Text("ordered" as StaticString), position: 0)!, module]
            for name in ["aio_linux", "aio_poll", "aio_pthread"] as [StaticString] {
                modules.append(Registry.make(Text(name), position: modules.count)!)
            }
            useStack(modules, mayBeFast: true)
            check(Services.mayBeFast)
            let file = TestFile(size: 65536)
            func byte(_ offset: Int) -> UInt8 {
                let job = Job(file.descriptor, length: 1, at: offset)
                check(job.read(), is: 0)
                check(job.finish().result, is: 1)
                return job.buffer[0]
            }
            func put(_ offset: Int, _ byte: UInt8) {
                let job = Job(file.descriptor, length: 1, at: offset, fill: byte)
                check(job.write(), is: 0)
                check(job.finish().result, is: 1)
            }
            put(5000, 9)
            check(byte(5000), is: 9)
            for offset in 4096..<4196 { check(byte(offset), is: 0) }
            check(module.hits.load(ordering: .relaxed), is: 100)
            check(Pool.used, is: 4096)
            concurrently(3) { thread in
                for round in 1...300 {
                    put(thread * 4090, UInt8(round % 251))
                    for _ in 0..<3 { check(byte(thread * 4090), is: UInt8(round % 251)) }
                }
            }
            check(eventually { Own.inFlight.load(ordering: .relaxed) == 0 })
        }
    }
}
