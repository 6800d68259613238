import CKaio
import CKernel
import Glibc
import Synchronization
import Testing

@testable import Kaio

@Suite struct `The depth that is found` {
    /// A device that does `slots` at a time, in a millisecond each; the depth after so many requests.
    private func find(slots: Int, after requests: Int, from start: Int64 = 1) -> Int {
        var search = DepthSearch()
        var (now, done) = (Double(start), 0)
        while done < requests {
            now += 1_000_000 / Double(min(slots, search.depth))
            search.count(isBusy: true, at: Int64(now))
            done += 1
        }
        return search.depth
    }

    @Test(arguments: [1, 2, 4, 16, 64, 256]) func `is about as many as the device does at a time`(_ slots: Int) {
        let depth = find(slots: slots, after: 1_000_000)
        #expect(depth >= slots * 3 / 4 && depth <= slots * 2)
    }

    @Test func `stays while nobody waits`() {
        var search = DepthSearch()
        for index in 0..<100_000 { search.count(isBusy: index % 100 != 0, at: Int64(index) * 1_000_000) }
        #expect(search.depth == DepthSearch.first)
    }
}

@Suite struct `Requests by priority` {
    @Test func `are all done once, whoever cancels and closes meanwhile`() async {
        await #expect(processExitsWith: .success) {
            Engine.prepare()
            let parameters = Parameters(Text("aio_priority:depth = 3; aio_priority:write = 4" as StaticString))
            var modules: [any Module] = []
            for name in ["ordered", "aio_priority", "aio_linux", "aio_poll", "aio_pthread"] as [StaticString] {
                modules.append(Registry.make(Text(name), position: modules.count, parameters: parameters)!)
            }
            useStack(modules, mayBeFast: true)
            let file = TestFile(size: 1 << 20)
            concurrently(6) { thread in
                for round in 0..<30 {
                    let descriptor = file.reopened(thread % 2 == 0 ? O_RDWR : O_RDWR | __O_DIRECT)
                    let jobs = (0..<8).map {
                        Job(descriptor, length: 4096, at: (thread * 8 + $0) << 12, fill: UInt8(round))
                    }
                    for (index, job) in jobs.enumerated() {
                        job.control.pointee.aio_reqprio = CInt(index * 2)
                        check(index % 2 == 0 ? job.write() : job.read(), is: 0)
                    }
                    if round % 5 == 4 {
                        check(Kaio.closeDescriptor(descriptor), is: 0)
                        for job in jobs { _ = job.finish() }
                        continue
                    }
                    if round % 5 == 3 { _ = aio_cancel(descriptor, nil) }
                    for job in jobs {
                        let result = job.finish()
                        check(result.result == 4096 || result.error == ECANCELED)
                    }
                    check(Kaio.closeDescriptor(descriptor), is: 0)
                }
            }
        }
    }
}
