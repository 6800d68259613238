import CKaio
import CKernel
import Glibc
import Testing

@testable import Kaio

private func useBufio(_ parameters: StaticString) {
    setenv("KAIO_POOL", "64M", 1)
    Options.read()
    var modules: [any Module] = [Registry.make(Text("ordered" as StaticString), position: 0)!]
    modules.append(Registry.make(Text("bufio" as StaticString), position: 1, parameters: Parameters(Text(parameters)))!)
    for name in ["aio_linux", "aio_poll", "aio_pthread"] as [StaticString] {
        modules.append(Registry.make(Text(name), position: modules.count)!)
    }
    useStack(modules, mayBeFast: true)
}

/// Several threads write and read parts of one file, each its own bytes of the blocks that they share, while others sync it, cancel
/// and close descriptors.
/// In whole blocks, of 512 bytes, the kernel has most of the transfers at once, and threads read what others write.
private func share(_ parameters: StaticString, inWholeBlocks: Bool = false) {
    useBufio(parameters)
    let file = TestFile(size: 1 << 20)
    concurrently(4) { thread in
        var random = SystemRandomNumberGenerator()
        var descriptor = file.reopened(O_RDWR | 0o40000)
        var mine: [Int: UInt8] = [:]
        for round in 0..<(isUnderThreadSanitizer ? 300 : 1500) {
            let unit = Int.random(in: 0..<64, using: &random)
            let offset = unit * 4096 + thread * 1024 + (inWholeBlocks ? 0 : unit % 512)
            let job = Job(descriptor, length: 512, at: offset, fill: UInt8(round % 250 + 1))
            switch Int.random(in: 0..<20, using: &random) {
            case 0:
                check(aio_fsync(O_DSYNC, job.control), is: 0)
                check(job.finish().error, is: 0)
            case 1:
                check(job.read(), is: 0)
                _ = aio_cancel(descriptor, job.control)
                let outcome = job.finish()
                check(outcome.error == 0 || outcome.error == ECANCELED)
            case 2:
                check(Kaio.closeDescriptor(descriptor), is: 0)
                descriptor = file.reopened(O_RDWR | 0o40000)
            case 3..<6 where inWholeBlocks:
                let other = Job(descriptor, length: 512, at: unit * 4096 + Int.random(in: 0..<4, using: &random) * 1024)
                check(other.read(), is: 0)
                check(other.finish().result, is: 512)
            case 3..<12:
                check(job.write(), is: 0)
                check(job.finish().result, is: 512)
                mine[unit] = UInt8(round % 250 + 1)
            default:
                check(job.read(), is: 0)
                check(job.finish().result, is: 512)
                check(job.isFilled && job.buffer[0] == mine[unit] ?? 0)
            }
        }
        check(Kaio.closeDescriptor(descriptor), is: 0)
        for (unit, byte) in mine {
            let offset = unit * 4096 + thread * 1024 + (inWholeBlocks ? 0 : unit % 512)
            let job = Job(file.descriptor, length: 512, at: offset)
            check(job.read(), is: 0)
            check(job.finish().result, is: 512)
            check(job.buffer[0], is: byte)
        }
    }
}

@Suite struct `A cache in a stack` {
    @Test func `is shared by threads, written through`() async {
        await #expect(processExitsWith: .success) { share("bufio:size=128k; bufio:block=4k") }
    }

    @Test func `is shared by threads in whole blocks, which the kernel transfers`() async {
        await #expect(processExitsWith: .success) {
            share("bufio:size=64k; bufio:block=512; bufio:prefetch=0", inWholeBlocks: true)
        }
    }

    @Test func `is shared by threads, written back`() async {
        await #expect(processExitsWith: .success) {
            share("bufio:size=128k; bufio:mode=writeback; bufio:prefetch=16k; bufio:validate=1ms")
        }
    }
}
