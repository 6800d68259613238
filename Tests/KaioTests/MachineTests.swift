// The whole machine, through the functions of <aio.h>, from many threads at once: what the thread sanitizer is
// to see at work. (That each function does what the standard says is for Tests/Conformance.)

import CKaio
import CKernel
import Glibc
import Synchronization
import Testing

@testable import Kaio

/// Waits for the first of the jobs to be done, as a C program does.
private func suspend(_ jobs: [Job], for interval: Int64 = 20_000_000_000) -> CInt {
    var list: [UnsafePointer<aiocb>?] = jobs.map { UnsafePointer($0.control) }
    var time = timespec(tv_sec: Int(interval / 1_000_000_000), tv_nsec: Int(interval % 1_000_000_000))
    return aio_suspend(&list, CInt(list.count), &time)
}

private let isOver = Counter()

/// What a notification has to find.
private final class Counter: Sendable {
    let value = Atomic<Int>(0)
    let early = Atomic<Int>(0)
}

@Suite struct `The machine` {
    @Test func `is the library of this package, not the C library's`() {
        var control = aiocb()
        // The C library says 0 of what was never submitted.
        #expect(aio_error(&control) == -1)
        #expect(errno == EINVAL)
    }

    @Test(arguments: [O_RDWR, O_RDWR | __O_DIRECT])
    func `writes and reads for many threads at once`(_ flags: CInt) {
        concurrently(4) { thread in
            let file = TestFile(size: 1 << 20)
            let opened = file.reopened(flags)
            let descriptor = opened >= 0 ? opened : file.descriptor
            defer { if opened >= 0 { close(opened) } }
            for round in 0..<4 {
                let fill = UInt8(thread * 16 + round + 1)
                let writes = (0..<16).map { Job(descriptor, length: 4096, at: $0 * 4096, fill: fill) }
                for job in writes { #expect(job.write() == 0) }
                for job in writes { #expect(job.finish() == (4096, 0)) }
                let reads = (0..<16).map { Job(descriptor, length: 4096, at: $0 * 4096) }
                for job in reads { #expect(job.read() == 0) }
                for job in reads {
                    #expect(job.finish() == (4096, 0))
                    #expect(job.isFilled && job.buffer[0] == fill)
                }
            }
        }
    }

    @Test func `lets many threads share one file`() {
        let file = TestFile(size: 1 << 20)
        let descriptor = file.descriptor
        concurrently(4) { thread in
            for round in 0..<30 {
                let offset = (round * 4 + thread) * 4096
                let fill = UInt8(round * 4 + thread)
                let write = Job(descriptor, length: 4096, at: offset, fill: fill)
                let read = Job(descriptor, length: 4096, at: offset)
                let synchronization = Job(descriptor, length: 1)
                #expect(write.write() == 0)
                #expect(read.read() == 0)
                if round % 8 == 0 {
                    #expect(aio_fsync(O_DSYNC, synchronization.control) == 0)
                    #expect(synchronization.finish() == (0, 0))
                    #expect(write.error == 0)
                }
                #expect(write.finish() == (4096, 0))
                #expect(read.finish() == (4096, 0))
                #expect(read.isFilled && read.buffer[0] == fill)
            }
        }
    }

    @Test func `wakes every thread that waits for one request`() {
        for _ in 0..<10 {
            let pipe = TestPipe()
            let job = Job(pipe.reader, length: 8)
            #expect(job.read() == 0)
            concurrently(6) { thread in
                if thread == 0 {
                    pause(milliseconds: 5)
                    pipe.write("8 bytes.")
                } else {
                    #expect(suspend([job]) == 0)
                    #expect(job.error == 0)
                }
            }
            #expect(job.finish() == (8, 0))
        }
    }

    @Test func `wakes each thread for its own request`() {
        let pipes = (0..<5).map { _ in TestPipe() }
        concurrently(6) { thread in
            for _ in 0..<20 {
                if thread == 5 {
                    for pipe in pipes { pipe.write("x") }
                    usleep(500)
                } else {
                    let job = Job(pipes[thread].reader, length: 1)
                    #expect(job.read() == 0)
                    while job.error == EINPROGRESS { #expect(suspend([job]) == 0) }
                    #expect(job.finish() == (1, 0))
                    #expect(job.buffer[0] == 0x78)
                }
            }
        }
    }

    @Test func `gives up waiting when the time is up, and no sooner`() {
        let pipe = TestPipe()
        let job = Job(pipe.reader, length: 1)
        #expect(job.read() == 0)
        concurrently(4) { thread in
            for interval in [0, 1000, 1_000_000, 10_000_000] as [Int64] {
                let deadline = Instant.now.advanced(by: interval)
                ck_set_errno(0)
                #expect(suspend([job], for: interval) == -1)
                #expect(errno == EAGAIN)
                #expect(Instant.now >= deadline)
            }
        }
        pipe.write("x")
        #expect(job.finish() == (1, 0))
    }

    @Test func `gives a result to each of the threads that ask for it`() {
        let file = TestFile(size: 4096)
        let taken = Atomic<Int>(0)
        for _ in 0..<50 {
            let job = Job(file.descriptor, length: 4096)
            #expect(job.read() == 0)
            concurrently(3) { _ in
                while job.error == EINPROGRESS { _ = suspend([job]) }
                if aio_return(job.control) == 4096 { taken.add(1, ordering: .relaxed) }
            }
        }
        #expect(taken.load(ordering: .relaxed) == 150)
    }

    @Test func `cancels what waits, once, and tells the truth about the rest`() {
        let pipe = TestPipe()
        let jobs = (0..<60).map { _ in Job(pipe.reader, length: 1) }
        for job in jobs { #expect(job.read() == 0) }
        let cancelled = Atomic<Int>(0)
        concurrently(3) { _ in
            for job in jobs.dropFirst(10).shuffled() {
                let answer = aio_cancel(pipe.reader, job.control)
                #expect([CInt(AIO_CANCELED), CInt(AIO_NOTCANCELED), CInt(AIO_ALLDONE)].contains(answer))
                if answer == CInt(AIO_CANCELED) {
                    cancelled.add(1, ordering: .relaxed)
                    #expect(job.error == ECANCELED)
                }
            }
        }
        #expect(cancelled.load(ordering: .relaxed) == 50)
        for _ in 0..<10 { pipe.write("x") }
        for job in jobs[..<10] { #expect(job.finish() == (1, 0)) }
        for job in jobs[10...] { #expect(job.finish() == (-1, ECANCELED)) }
        #expect(aio_cancel(pipe.reader, nil) == CInt(AIO_ALLDONE))
    }

    /// RLIMIT_SIGPENDING, which <sys/resource.h> shows under _GNU_SOURCE only.
    private static let pendingSignals = __rlimit_resource_t(11)

    @Test func `has nothing left to cancel where only a notification waits`() async {
        await #expect(processExitsWith: .success) {
            // Its signal can't be queued, now or later.
            var none = rlimit(rlim_cur: 0, rlim_max: 0)
            setrlimit(`The machine`.pendingSignals, &none)
            let file = TestFile(size: 4096)
            let job = Job(file.descriptor, length: 4096)
            job.control.pointee.aio_sigevent.sigev_notify = CInt(SIGEV_SIGNAL)
            job.control.pointee.aio_sigevent.sigev_signo = 40
            check(job.read(), is: 0)
            check(eventually { job.error == 0 })
            check(aio_cancel(file.descriptor, job.control), is: CInt(AIO_ALLDONE))
            check(aio_cancel(file.descriptor, nil), is: CInt(AIO_ALLDONE))
        }
    }

    @Test func `loses no request when some submit, some cancel and data flows`() {
        let pipe = TestPipe()
        let isOver = Atomic<Bool>(false)
        let bytes = Atomic<Int>(0)
        concurrently(4) { thread in
            switch thread {
            case 0, 1:
                for _ in 0..<25 {
                    let jobs = (0..<8).map { _ in Job(pipe.reader, length: 1) }
                    for job in jobs { #expect(job.read() == 0) }
                    for job in jobs {
                        let (result, error) = job.finish()
                        #expect(result == 1 && error == 0 || result == -1 && error == ECANCELED)
                        if result == 1 { bytes.add(1, ordering: .relaxed) }
                    }
                }
                if thread == 0 { isOver.store(true, ordering: .relaxed) }
            case 2:
                for _ in 0..<300 {
                    pipe.write("x")
                    usleep(300)
                }
                for _ in 0..<200 { pipe.write("xx") }
            default:
                while !isOver.load(ordering: .relaxed) {
                    #expect(aio_cancel(pipe.reader, nil) >= 0)
                    usleep(700)
                }
            }
        }
        // Nothing was read that nobody got.
        #expect(pipe.readAll().utf8.count + bytes.load(ordering: .relaxed) == 700)
    }

    @Test func `cancels what waits before its descriptor is closed`() {
        concurrently(3) { _ in
            for _ in 0..<20 {
                var ends: [CInt] = [0, 0]
                pipe(&ends)
                let jobs = (0..<4).map { _ in Job(ends[0], length: 8) }
                for job in jobs { #expect(job.read() == 0) }
                #expect(close(ends[0]) == 0)
                close(ends[1])
                for job in jobs { #expect(job.finish() == (-1, ECANCELED)) }
            }
        }
    }

    @Test func `runs lists, and waits for them`() {
        concurrently(3) { thread in
            let file = TestFile(size: 1 << 18)
            for round in 0..<5 {
                let fill = UInt8(thread * 8 + round + 1)
                let jobs = (0..<32).map { index in
                    let job = Job(file.descriptor, length: 4096, at: index / 2 * 8192, fill: index % 2 == 0 ? fill : 0)
                    job.control.pointee.aio_lio_opcode = index % 2 == 0 ? CInt(LIO_WRITE) : CInt(LIO_READ)
                    return job
                }
                var list: [UnsafeMutablePointer<aiocb>?] = jobs.map(\.control) + [nil]
                #expect(lio_listio(CInt(LIO_WAIT), &list, CInt(list.count), nil) == 0)
                for job in jobs { #expect(job.error == 0) }
                for job in jobs { #expect(job.finish() == (4096, 0)) }
                for index in stride(from: 1, to: 32, by: 2) {
                    #expect(jobs[index].isFilled && jobs[index].buffer[0] == fill)
                }
            }
        }
    }

    @Test func `notifies of each request once, after its end can be seen`() {
        let file = TestFile(size: 1 << 20)
        let descriptor = file.descriptor
        let counter = Counter()
        concurrently(3) { thread in
            let jobs = (0..<40).map { Job(descriptor, length: 4096, at: (thread * 40 + $0) * 4096) }
            let contexts = jobs.map { Unmanaged.passRetained(NotifiedJob($0, counter)) }
            for (job, context) in zip(jobs, contexts) {
                job.control.pointee.aio_sigevent.sigev_notify = CInt(SIGEV_THREAD)
                job.control.pointee.aio_sigevent.sigev_value.sival_ptr = context.toOpaque()
                job.control.pointee.aio_sigevent._sigev_un._sigev_thread._function = { value in
                    let notified = Unmanaged<NotifiedJob>.fromOpaque(value.sival_ptr).takeUnretainedValue()
                    if notified.job.error == EINPROGRESS { notified.counter.early.add(1, ordering: .relaxed) }
                    notified.counter.value.add(1, ordering: .sequentiallyConsistent)
                }
                #expect(job.read() == 0)
            }
            for job in jobs { #expect(job.finish() == (4096, 0)) }
            #expect(
                eventually { counter.value.load(ordering: .sequentiallyConsistent) >= 40 * (thread + 1) || thread < 2 })
        }
        #expect(eventually { counter.value.load(ordering: .sequentiallyConsistent) == 120 })
        pause(milliseconds: 20)
        #expect(counter.value.load(ordering: .sequentiallyConsistent) == 120)
        #expect(counter.early.load(ordering: .relaxed) == 0)
    }

    @Test func `notifies of a list once, after its last member`() {
        let file = TestFile(size: 1 << 18)
        for _ in 0..<10 {
            let counter = Counter()
            let jobs = (0..<20).map { Job(file.descriptor, length: 4096, at: $0 * 4096) }
            for job in jobs { job.control.pointee.aio_lio_opcode = CInt(LIO_READ) }
            let context = NotifiedList(jobs, counter)
            var event = sigevent()
            event.sigev_notify = CInt(SIGEV_THREAD)
            event.sigev_value.sival_ptr = Unmanaged.passUnretained(context).toOpaque()
            event._sigev_un._sigev_thread._function = { value in
                let list = Unmanaged<NotifiedList>.fromOpaque(value.sival_ptr).takeUnretainedValue()
                let isEarly = list.jobs.contains { $0.error == EINPROGRESS }
                if isEarly { list.counter.early.add(1, ordering: .relaxed) }
                list.counter.value.add(1, ordering: .sequentiallyConsistent)
            }
            var list: [UnsafeMutablePointer<aiocb>?] = jobs.map(\.control)
            #expect(lio_listio(CInt(LIO_NOWAIT), &list, CInt(list.count), &event) == 0)
            #expect(eventually { counter.value.load(ordering: .sequentiallyConsistent) == 1 })
            #expect(counter.early.load(ordering: .relaxed) == 0)
            for job in jobs { #expect(job.finish() == (4096, 0)) }
            withExtendedLifetime(context) {}
        }
    }

    @Test func `signals each completion, with its value`() async {
        await #expect(processExitsWith: .success) {
            var action = sigaction()
            action.__sigaction_handler.sa_sigaction = { _, information, _ in
                if information!.pointee.si_code == CInt(SI_ASYNCIO) {
                    isOver.value.add(Int(information!.pointee._sifields._rt.si_sigval.sival_int), ordering: .relaxed)
                }
            }
            action.sa_flags = SA_SIGINFO | SA_RESTART
            // The thread sanitizer holds a handler back until its thread sleeps, and one signal of each number
            // for that long; so each request has a number of its own.
            let signals = CInt(36)...60
            for signal in signals { sigaction(signal, &action, nil) }
            SignalMask(bits: 0).restore()
            let file = TestFile(size: 1 << 20)
            let jobs = (0..<signals.count).map { Job(file.descriptor, length: 4096, at: $0 * 4096) }
            for (job, signal) in zip(jobs, signals) {
                job.control.pointee.aio_sigevent.sigev_notify = CInt(SIGEV_SIGNAL)
                job.control.pointee.aio_sigevent.sigev_signo = signal
                job.control.pointee.aio_sigevent.sigev_value.sival_int = signal
                check(job.read(), is: 0)
            }
            check(eventually { isOver.value.load(ordering: .relaxed) == signals.reduce(0) { $0 + Int($1) } })
            for job in jobs { check(job.finish() == (4096, 0)) }
        }
    }

    /// The handler does what POSIX lets it, on top of a thread that is anywhere in the library.
    @Test func `may be entered from a signal handler, anywhere`() async {
        await #expect(processExitsWith: .success) {
            let control = UnsafeMutablePointer<aiocb>.allocate(capacity: 1)
            control.initialize(to: aiocb())
            Interrupted.job.store(UInt(bitPattern: control), ordering: .releasing)
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { _ in
                let before = errno
                let control = UnsafePointer<aiocb>(bitPattern: Interrupted.job.load(ordering: .acquiring))!
                var list: UnsafePointer<aiocb>? = control
                var time = timespec(tv_sec: 0, tv_nsec: 1000)
                let error = aio_error(control)
                let isDone = aio_suspend(&list, 1, &time) == 0
                if isDone, error == 0 { _ = aio_return(UnsafeMutablePointer(mutating: control)) }
                isOver.value.add(1, ordering: .relaxed)
                ck_set_errno(before)
            }
            sigaction(SIGUSR1, &action, nil)
            // The thread allocates nothing while signals come: in the debug build, the library does now and then.
            let file = TestFile(size: 1 << 20)
            let jobs = (0..<16).map { Job(file.descriptor, length: 4096, at: $0 * 4096, fill: 1) }
            control.pointee.aio_fildes = file.descriptor
            control.pointee.aio_sigevent.sigev_notify = CInt(SIGEV_NONE)
            let wrong = Atomic<Int>(0)
            let isFinished = Atomic<Bool>(false)
            let worker = ThreadHandle {
                SignalMask(bits: 0).restore()
                let deadline = Instant.now.advanced(by: 1_000_000_000)
                while Instant.now < deadline {
                    if aio_error(control) != EINPROGRESS, aio_fsync(O_DSYNC, control) != 0 {
                        wrong.add(1, ordering: .relaxed)
                    }
                    for index in 0..<16 {
                        let result = index % 2 == 0 ? jobs[index].write() : jobs[index].read()
                        if result != 0 { wrong.add(1, ordering: .relaxed) }
                    }
                    for index in 0..<16 where jobs[index].finish() != (4096, 0) { wrong.add(1, ordering: .relaxed) }
                }
                while aio_error(control) == EINPROGRESS { usleep(1000) }
                SignalMask.all.restore()
                isFinished.store(true, ordering: .relaxed)
            }
            while !isFinished.load(ordering: .relaxed) {
                worker.interrupt(SIGUSR1)
                usleep(500)
            }
            worker.join()
            check(wrong.load(ordering: .relaxed), is: 0)
            check(isOver.value.load(ordering: .relaxed) > 20)
        }
    }

    @Test(.disabled(if: isUnderThreadSanitizer)) func `works in the child of a fork, and goes on in the parent`() async
    {
        await #expect(processExitsWith: .success) {
            let pipe = TestPipe()
            let waiting = Job(pipe.reader, length: 1)
            check(waiting.read(), is: 0)
            let file = TestFile(size: 4096)
            for _ in 0..<10 {
                let child = Forking.fork()
                if child == 0 {
                    let job = Job(file.descriptor, length: 4096, fill: 9)
                    guard waiting.error == -1, job.write() == 0, job.finish() == (4096, 0) else { _exit(1) }
                    _exit(0)
                }
                var status: CInt = 0
                waitpid(child, &status, 0)
                check(status, is: 0)
                let job = Job(file.descriptor, length: 4096)
                check(job.read(), is: 0)
                check(job.finish() == (4096, 0))
            }
            check(waiting.error, is: EINPROGRESS)
            pipe.write("x")
            check(waiting.finish() == (1, 0))
        }
    }
}

private enum Interrupted {
    static let job = Atomic<UInt>(0)
}

enum Forking {
    /// Swift's importer leaves fork out, since what a child may do is little.
    static func fork() -> pid_t {
        typealias Fork = @convention(c) () -> pid_t
        return unsafeBitCast(dlsym(UnsafeMutableRawPointer(bitPattern: 0), "fork")!, to: Fork.self)()
    }
}

private final class NotifiedJob {
    let job: Job
    let counter: Counter
    init(_ job: Job, _ counter: Counter) { (self.job, self.counter) = (job, counter) }
}

private final class NotifiedList {
    let jobs: [Job]
    let counter: Counter
    init(_ jobs: [Job], _ counter: Counter) { (self.jobs, self.counter) = (jobs, counter) }
}
