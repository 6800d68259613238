// The fast path: what is done in the call, what goes into the ring, and what must take the slow path because something
// is in its way. What is in the way is a request of the test's own, which lasts as long as the test likes.

import CKaio
import CKernel
import Glibc
import Synchronization
import Testing

@testable import Kaio

/// A file that is in the page cache.
private func cachedFile(size: Int = 1 << 20) -> TestFile {
    let file = TestFile(size: size)
    let bytes = [UInt8](repeating: 1, count: size)
    precondition(pwrite(file.descriptor, bytes, size, 0) == size)
    return file
}

/// A request on a file that passed `ordered` and is in flight until `end`.
private func begin(_ operation: Operation, _ file: borrowing TestFile, _ offset: Int, _ length: Int = 4096) -> Request {
    let request = makeRequest()
    request.operation = operation
    request.offset = offset
    request.length = length
    request.file = FileFacts(Descriptor(number: file.descriptor))!
    request.descriptor = Descriptor(number: file.descriptor)
    request.observers = 1
    precondition(OrderedCells.enter(request))
    return request
}

private func end(_ request: Request, _ result: Int = 4096) { submit([]) { $0.complete(request, result) } }

private func value(_ counter: borrowing Atomic<Int>) -> Int { counter.load(ordering: .relaxed) }

/// The engine is up and its page cache is asked without waiting; false where the file system can't be.
private func isPossible(_ file: borrowing TestFile) -> Bool {
    let job = Job(file.descriptor, length: 512)
    check(job.read(), is: 0)
    check(job.finish() == (512, 0))
    let facts = FileFacts(Descriptor(number: file.descriptor))!
    return AIOLinux.knowsNoWait(facts, .read) && KernelQueue.context != nil
}

@Suite struct `The fast path` {
    @Test func `is there where nothing above ordered and aio_linux must see the request`() {
        // One bit for each module that is asked.
        let paths: [(StaticString, UInt16)] = [
            ("ordered aio_linux aio_poll aio_pthread", 0b11), ("ordered aio_linux", 0b11),
            ("aio_linux aio_pthread", 0b1), ("aio_linux", 0b1), ("ordered aio_pthread", 0),
            ("ordered", 0), ("aio_pthread", 0),
            ("stats ordered aio_linux", 0b110), ("stats time_audit aio_linux", 0b100),
            ("readahead ordered aio_linux", 0), ("stats readahead ordered aio_linux", 0),
            ("readonly ordered aio_linux", 0b110), ("error_inject aio_linux", 0b10),
            ("ordered stats aio_linux", 0), ("ordered readonly aio_linux", 0b101),
            ("ordered ordered aio_linux", 0b11),
        ]
        for (names, asked) in paths {
            #expect(Stack(names: Text(names)) { _ in }?.fastPath(of: .read).asked == asked, "\(names)")
        }
    }

    @Test func `is one operation's`() {
        let stack = Stack(names: Text("readonly ordered aio_linux" as StaticString)) { _ in }!
        #expect(stack.fastPath(of: .read).asked == 0b110)
        #expect(stack.fastPath(of: .write).asked == 0)
        let other = Stack(names: Text("stats readahead ordered aio_linux" as StaticString)) { _ in }!
        #expect(other.fastPath(of: .read).asked == 0)
        #expect(other.fastPath(of: .write).asked == 0b1100)
        #expect(other.fastPath(of: .write).guards == 0b100)
        #expect(other.fastPath(of: .write).observers == 1)
    }

    @Test func `does a read of the cache in the call`() async {
        await #expect(processExitsWith: .success) {
            let file = cachedFile()
            guard isPossible(file) else { return }
            let (ran, harvested) = (value(Statistics.ranInKernel), value(Statistics.harvestedByCaller))
            for (offset, length, result) in [
                (0, 1, 1), (100, 4096, 4096), (4096, 64 << 10, 64 << 10), ((1 << 20) - 10, 100, 10), (1 << 20, 10, 0),
                (2 << 20, 10, 0),
            ] {
                let job = Job(file.descriptor, length: length, at: offset)
                check(job.read(), is: 0)
                check(job.error, is: 0)
                check(aio_return(job.control), is: result)
                check(job.error, is: 0)
                check(result == 0 || job.buffer[0] == 1)
            }
            check(value(Statistics.ranInKernel) - ran, is: 6)
            check(value(Statistics.harvestedByCaller), is: harvested)
            check(Outstanding.count, is: 0)
            let large = Job(file.descriptor, length: 64 << 10 + 1)
            check(large.read(), is: 0)
            check(large.finish() == (64 << 10 + 1, 0))
        }
    }

    @Test func `gives what is wrong with a call or an operation like the ordinary one`() async {
        await #expect(processExitsWith: .success) {
            let file = cachedFile()
            guard isPossible(file) else { return }
            let closed = file.reopened(O_WRONLY)
            for (descriptor, length, offset, error) in [
                (closed, 10, 0, EBADF), (-1, 10, 0, EBADF), (file.descriptor, 10, -1, EINVAL),
                (file.descriptor, 10, Int.max, EOVERFLOW),
            ] as [(CInt, Int, Int, CInt)] {
                let job = Job(descriptor, length: length, at: offset)
                check(job.read(), is: 0)
                check(job.finish() == (-1, error))
            }
            let job = Job(file.descriptor, length: 4096)
            let memory = job.control.pointee.aio_buf
            job.control.pointee.aio_buf = UnsafeMutableRawPointer(bitPattern: 4096)
            check(job.read(), is: 0)
            check(job.finish() == (-1, EFAULT))
            job.control.pointee.aio_buf = memory
            job.control.pointee.aio_reqprio = 21
            check(job.read() == -1 && errno == EINVAL)
        }
    }

    @Test func `counts each request once, also one that notifies`() async {
        await #expect(processExitsWith: .success) {
            let file = cachedFile()
            guard isPossible(file) else { return }
            let (reads, bytes) = (value(Statistics.reads), value(Statistics.bytesRead))
            let event = eventfd(0, Int32(EFD_NONBLOCK))
            for notifies in [false, true] {
                let job = Job(file.descriptor, length: 1000)
                if notifies {
                    job.control.pointee.aio_sigevent.sigev_notify = KAIO_SIGEV_EVENTFD
                    job.control.pointee.aio_sigevent.sigev_value.sival_int = event
                }
                check(job.read(), is: 0)
                check(job.error, is: 0)
                check(job.finish() == (1000, 0))
            }
            check(value(Statistics.reads) - reads, is: 2)
            check(value(Statistics.bytesRead) - bytes, is: 2000)
            var count: eventfd_t = 0
            check(eventfd_read(event, &count) == 0 && count == 1)
        }
    }

    @Test func `is given out by aio_waitcomplete`() async {
        await #expect(processExitsWith: .success) {
            let file = cachedFile()
            guard isPossible(file) else { return }
            let (job, other) = (Job(file.descriptor, length: 1000), Job(file.descriptor, length: 1000))
            check(job.read() == 0 && other.read() == 0)
            check(other.finish() == (1000, 0))
            var (done, now): (UnsafeMutablePointer<aiocb>?, timespec) = (nil, timespec())
            check(aio_waitcomplete(&done, &now), is: 1000)
            check(done == job.control)
            check(aio_waitcomplete(&done, &now), is: -1)
        }
    }

    @Test func `is not for a cached read behind a write in flight`() async {
        await #expect(processExitsWith: .success) {
            let file = cachedFile()
            guard isPossible(file) else { return }
            let write = begin(.write, file, 8192)
            let (before, behind) = (Job(file.descriptor, length: 8192), Job(file.descriptor, length: 10, at: 10_000))
            check(before.read() == 0 && before.error == 0)
            check(behind.read() == 0 && behind.error == EINPROGRESS)
            let bytes = [UInt8](repeating: 7, count: 4096)
            check(pwrite(file.descriptor, bytes, 4096, 8192), is: 4096)
            check(behind.error, is: EINPROGRESS)
            end(write)
            check(behind.finish() == (10, 0))
            check(behind.isFilled && behind.buffer[0] == 7)
            // The next one has nothing in its way.
            let next = Job(file.descriptor, length: 10, at: 10_000)
            check(next.read() == 0 && next.error == 0)
        }
    }

    @Test func `is for a cached read beside a read, and is in no write's way`() async {
        await #expect(processExitsWith: .success) {
            let file = cachedFile()
            guard isPossible(file) else { return }
            let other = begin(.read, file, 0)
            let read = Job(file.descriptor, length: 4096)
            check(read.read() == 0 && read.error == 0)
            let write = Job(file.descriptor, length: 4096, fill: 9)
            check(write.write(), is: 0)
            pause(milliseconds: 20)
            check(write.error, is: EINPROGRESS)
            end(other)
            check(write.finish() == (4096, 0))
            let again = Job(file.descriptor, length: 4096)
            check(again.read() == 0 && again.error == 0 && again.buffer[0] == 9)
            let behind = Job(file.descriptor, length: 4096, fill: 10)
            check(behind.write(), is: 0)
            check(behind.finish() == (4096, 0))
            check(again.buffer[0], is: 9)
        }
    }

    @Test func `has an aio_fsync wait for the writes that went it, and take their errors`() async {
        await #expect(processExitsWith: .success) {
            let file = cachedFile()
            guard isPossible(file) else { return }
            for result in [4096, -Int(EIO)] {
                let (write, elsewhere) = (begin(.write, file, 0), begin(.write, file, 40_960))
                let synchronization = Job(file.descriptor, length: 1)
                check(aio_fsync(O_DSYNC, synchronization.control), is: 0)
                let later = begin(.write, file, 81_920)
                end(elsewhere)
                pause(milliseconds: 20)
                check(synchronization.error, is: EINPROGRESS)
                end(write, result)
                check(synchronization.finish() == (result < 0 ? -1 : 0, result < 0 ? EIO : 0))
                end(later)
            }
        }
    }

    @Test func `has a wide request wait for those that it overlaps`() async {
        await #expect(processExitsWith: .success) {
            let file = cachedFile()
            guard isPossible(file) else { return }
            let write = begin(.write, file, 500 << 10)
            let (wide, beside) = (Job(file.descriptor, length: 1 << 20), Job(file.descriptor, length: 400 << 10))
            check(wide.read() == 0 && beside.read() == 0)
            check(beside.finish() == (400 << 10, 0))
            check(wide.error, is: EINPROGRESS)
            // And nothing in its range passes, but for reads.
            let after = Job(file.descriptor, length: 10, at: 100, fill: 5)
            check(after.write(), is: 0)
            pause(milliseconds: 20)
            check(after.error, is: EINPROGRESS)
            end(write)
            check(wide.finish() == (1 << 20, 0))
            check(after.finish() == (10, 0))
            check(wide.buffer[100], is: 1)
        }
    }

    @Test func `goes into the ring for a direct file, and is in the way of what overlaps`() async {
        await #expect(processExitsWith: .success) {
            let file = cachedFile()
            let direct = file.reopened(O_RDWR | __O_DIRECT)
            guard isPossible(file), direct >= 0 else { return }
            fsync(file.descriptor)
            let write = begin(.write, file, 4096)
            let jobs = [0, 4096, 8192].map { Job(direct, length: 4096, at: $0) }
            for job in jobs { check(job.read(), is: 0) }
            check(jobs[0].finish() == (4096, 0) && jobs[2].finish() == (4096, 0))
            check(jobs[1].error, is: EINPROGRESS)
            end(write)
            check(jobs[1].finish() == (4096, 0))
            // What was sent both ways is over in every respect.
            let facts = FileFacts(Descriptor(number: direct))!
            check(OrderedCells.isClear(facts, 0, 128 << 10, isWrite: true))
            check(Outstanding.count, is: 0)
        }
    }

    @Test func `appends where O_APPEND was set a moment ago`() async {
        await #expect(processExitsWith: .success) {
            let file = cachedFile(size: 8192)
            let direct = file.reopened(O_RDWR | __O_DIRECT)
            guard isPossible(file), direct >= 0 else { return }
            fsync(file.descriptor)
            for round in 0..<20 {
                let inside = Job(direct, length: 4096, fill: 3)
                check(inside.write() == 0 && inside.finish() == (4096, 0))
                check(fcntl(direct, F_SETFL, O_APPEND | __O_DIRECT), is: 0)
                let appended = (0..<8).map { Job(direct, length: 4096, at: $0 % 2 * 4096, fill: UInt8(10 + $0)) }
                for job in appended { check(job.write(), is: 0) }
                for job in appended { check(job.finish() == (4096, 0)) }
                check(fcntl(direct, F_SETFL, __O_DIRECT), is: 0)
                check(file.bytes(4096), is: [UInt8](repeating: 3, count: 4096))
                for place in 0..<8 {
                    let bytes = file.bytes(4096, at: 8192 + (round * 8 + place) * 4096)
                    check(bytes, is: [UInt8](repeating: UInt8(10 + place), count: 4096))
                }
            }
        }
    }

    @Test func `does not ask where a device has refused`() async {
        await #expect(processExitsWith: .success) {
            let file = cachedFile()
            guard isPossible(file) else { return }
            AIOLinux.learn(FileFacts(Descriptor(number: file.descriptor))!, .read)
            let (ran, job) = (value(Statistics.ranInKernel), Job(file.descriptor, length: 4096))
            check(job.read(), is: 0)
            check(job.finish() == (4096, 0))
            check(value(Statistics.ranInKernel), is: ran)
        }
    }

    @Test(.timeLimit(.minutes(3)), arguments: [0, __O_DIRECT])
    func `keeps the order of every thread`(_ flags: CInt) {
        let file = cachedFile()
        fsync(file.descriptor)
        let opened = file.reopened(O_RDWR | flags)
        let descriptor = opened >= 0 ? opened : file.descriptor
        defer { if opened >= 0 { close(opened) } }
        concurrently(4) { thread in
            for round in 0..<60 {
                let offset = (thread * 8 + round % 8) * 4096
                let jobs = (0..<8).map { index in
                    Job(descriptor, length: 4096, at: offset, fill: UInt8(round * 4 + index / 2 + 1))
                }
                for (index, job) in jobs.enumerated() {
                    if index % 2 == 0 {
                        #expect(job.write() == 0)
                    } else {
                        memset(job.buffer.baseAddress!, 0, 4096)
                        #expect(job.read() == 0)
                    }
                }
                for (index, job) in jobs.enumerated() {
                    #expect(job.finish() == (4096, 0))
                    #expect(job.isFilled && job.buffer[0] == UInt8(round * 4 + index / 2 + 1))
                }
            }
        }
    }
}
