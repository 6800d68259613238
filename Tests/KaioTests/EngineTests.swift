// The engine's life, each time in a process of its own.

import CKaio
import CKernel
import Glibc
import Testing

@testable import Kaio

private func names(_ path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if !name.hasPrefix(".") { names.append(name) }
    }
    return names
}

/// The library's own descriptors, which are high up.
private func descriptors() -> Int { names("/proc/self/fd").count { Int($0)! >= 800 } }

/// The library's own threads.
private func threads() -> Int {
    names("/proc/self/task").count { thread in
        let file = openFile("/proc/self/task/\(thread)/comm", O_RDONLY)
        defer { close(file) }
        var name = [UInt8](repeating: 0, count: 16)
        _ = read(file, &name, 16)
        return String(decoding: name, as: UTF8.self).hasPrefix("kaio-")
    }
}

/// Writes to a file and reads it again, without the page cache, for which the kernel's queue is opened; true if that is as it should be.
private func works(_ file: borrowing TestFile, fill: UInt8 = 0x5a) -> Bool {
    guard fcntl(file.descriptor, F_SETFL, __O_DIRECT) == 0 else { return false }
    let write = Job(file.descriptor, length: 4096, fill: fill)
    guard write.write() == 0, write.finish() == (4096, 0) else { return false }
    let read = Job(file.descriptor, length: 4096)
    guard read.read() == 0, read.finish() == (4096, 0) else { return false }
    return read.isFilled && read.buffer[0] == fill
}

@Suite struct `The engine` {
    @Test func `gives everything back when it was idle, and starts afresh`() async {
        await #expect(processExitsWith: .success) {
            setenv("KAIO_IDLE_SECONDS", "1", 1)
            setenv("KAIO_RING_AFTER", "0", 1)
            let file = TestFile()
            for round in 1...2 {
                check(works(file, fill: UInt8(round)))
                check(KernelQueue.context != nil)
                // A thread has its name when it has begun.
                check(eventually { threads() > 0 && descriptors() > 0 })
                check(eventually { KernelQueue.context == nil })
                check(eventually { threads() == 0 && descriptors() == 0 })
                check(ProcessPage.current?.firstOwn(0, .max) == nil)
            }
        }
    }

    @Test func `stays up while anything is in flight`() async {
        await #expect(processExitsWith: .success) {
            setenv("KAIO_IDLE_SECONDS", "1", 1)
            let pipe = TestPipe()
            let job = Job(pipe.reader, length: 8)
            check(job.read(), is: 0)
            pause(milliseconds: 2500)
            check(job.error, is: EINPROGRESS)
            check(KernelQueue.context != nil)
            pipe.write("8 bytes.")
            check(job.finish() == (8, 0))
        }
    }

    /// They come when it is about to go down, or just did.
    @Test func `goes down at no bad moment, whoever comes`() async {
        await #expect(processExitsWith: .success) {
            setenv("KAIO_IDLE_SECONDS", "1", 1)
            concurrently(3) { thread in
                let file = TestFile()
                for round in 0..<5 {
                    check(works(file, fill: UInt8(round + thread)))
                    usleep(UInt32.random(in: 998_000...1_010_000))
                }
            }
        }
    }

    @Test func `works by another way where the process has no descriptor left, and as usual when it has`() async {
        await #expect(processExitsWith: .success) {
            let file = TestFile()
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            var few = limit
            few.rlim_cur = rlim_t(dup(file.descriptor)) + 1
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &few)
            check(works(file, fill: 1))
            check(KernelQueue.context == nil)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            check(
                eventually {
                    works(file, fill: 2) && KernelQueue.context != nil
                })
        }
    }

    /// Threads come and go while others find what was missing before.
    @Test func `finds what was missing while many threads use it`() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            let files = (0..<4).map { _ in FileBox() }
            var few = limit
            few.rlim_cur = rlim_t(files.last!.file.descriptor) + 1
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &few)
            check(works(files[0].file))
            concurrently(4) { thread in
                if thread == 0 { setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }
                let deadline = Instant.now.advanced(by: 20_000_000_000)
                while KernelQueue.context == nil, Instant.now < deadline {
                    check(works(files[thread].file, fill: UInt8(thread)))
                    usleep(500)
                }
                for round in 0..<20 { check(works(files[thread].file, fill: UInt8(thread + round))) }
            }
            check(KernelQueue.context != nil)
        }
    }

    @Test func `says EAGAIN beyond its limit, with nothing queued, and goes on`() async {
        await #expect(processExitsWith: .success) {
            setenv("KAIO_MAX_REQUESTS", "4", 1)
            let pipe = TestPipe()
            let jobs = (0..<5).map { _ in Job(pipe.reader, length: 1) }
            for job in jobs[..<4] { check(job.read(), is: 0) }
            check(jobs[4].read(), is: -1)
            check(errno, is: EAGAIN)
            check(jobs[4].error, is: -1)
            for job in jobs[..<4] { check(job.error, is: EINPROGRESS) }
            pipe.write("1234")
            for job in jobs[..<4] { check(job.finish() == (1, 0)) }
            check(eventually { jobs[4].read() == 0 })
            pipe.write("5")
            check(jobs[4].finish() == (1, 0))
        }
    }

    @Test func `holds more requests than its ring, in order`() async {
        await #expect(processExitsWith: .success) {
            setenv("KAIO_RING", "1", 1)
            let count = 3000
            let file = TestFile(size: count * 512)
            let direct = file.reopened(O_RDWR | __O_DIRECT)
            let descriptor = direct >= 0 ? direct : file.descriptor
            let jobs = (0..<count).map {
                Job(descriptor, length: 512, at: $0 * 512, fill: UInt8(truncatingIfNeeded: $0))
            }
            var list: [UnsafeMutablePointer<aiocb>?] = jobs.map(\.control)
            for job in jobs { job.control.pointee.aio_lio_opcode = CInt(LIO_WRITE) }
            check(lio_listio(CInt(LIO_WAIT), &list, CInt(count), nil), is: 0)
            check(jobs.allSatisfy { $0.finish() == (512, 0) })
            let bytes = file.bytes(count * 512)
            check((0..<count).allSatisfy { bytes[$0 * 512 + 7] == UInt8(truncatingIfNeeded: $0) })
        }
    }

    @Test func `keeps its own descriptors from the program's close`() async {
        await #expect(processExitsWith: .success) {
            let file = TestFile()
            check(works(file))
            let own = Reactor.completions.number
            check(close(own), is: -1)
            check(errno, is: EBADF)
            check(dup2(file.descriptor, own), is: -1)
            check(fcntl(own, F_GETFD) >= 0)
            check(works(file))
        }
    }
}

private final class FileBox {
    let file = TestFile()
}
