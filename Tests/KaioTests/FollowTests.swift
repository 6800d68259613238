import CKaio
import CKernel
import Glibc
import Synchronization
import Testing

@testable import Kaio

@Suite struct `Reads that wait at the end` {
    @Test func `see every byte once, whoever writes, cancels and closes at the same time`() async {
        await #expect(processExitsWith: .success) {
            Engine.prepare()
            let parameters = Parameters(Text("follow:timeout = 20ms" as StaticString))
            var modules: [any Module] = []
            for name in ["follow", "ordered", "aio_linux", "aio_poll", "aio_pthread"] as [StaticString] {
                modules.append(Registry.make(Text(name), position: modules.count, parameters: parameters)!)
            }
            useStack(modules)
            let files = (0..<4).map { _ in TestFileBox() }
            let length = 2000
            concurrently(8) { thread in
                let file = files[thread % 4].descriptor
                if thread < 4 {
                    for index in 0..<length {
                        var byte = UInt8(truncatingIfNeeded: index)
                        check(pwrite(file, &byte, 1, index), is: 1)
                        if index % 50 == 0 { pause(milliseconds: index % 500 == 0 ? 30 : 1) }
                    }
                    return
                }
                var at = 0
                var round = 0
                while at < length {
                    round += 1
                    let descriptor = openFile("/proc/self/fd/\(file)", O_RDONLY)
                    let (job, far) = (Job(descriptor, length: 64, at: at), Job(descriptor, length: 1, at: length))
                    check(job.read(), is: 0)
                    check(far.read(), is: 0)
                    if round % 7 == 0 { _ = aio_cancel(descriptor, job.control) }
                    let result = job.finish()
                    check(result.result >= 0 || result.error == ECANCELED)
                    if result.result > 0 {
                        for index in 0..<result.result {
                            check(job.buffer[index], is: UInt8(truncatingIfNeeded: at + index))
                        }
                        at += result.result
                    }
                    check(Kaio.closeDescriptor(descriptor), is: 0)
                    let ended = far.finish()
                    check(ended.result == 0 || ended.error == ECANCELED)
                }
            }
            check(eventually { Own.inFlight.load(ordering: .relaxed) == 0 })
        }
    }
}

private final class TestFileBox: @unchecked Sendable {
    private let file = TestFile()
    var descriptor: CInt { file.descriptor }
}
