// readahead: finds sequential reads of a file, and has the kernel read what will be asked for next into the page
// cache, further ahead than the kernel does by itself.
//
//     vfs objects = readahead ordered aio_linux aio_poll aio_pthread
//     readahead:window = 1M
//     readahead:after = 3
//
// Reads are in sequence where each begins at the end of the one before it on its descriptor. From the third on, the
// window behind the latest read is asked for (POSIX_FADV_WILLNEED), and again when half of it is used up. Only
// buffered regular files: with O_DIRECT nothing is cached.
//
// That call waits for no data, but it finds the blocks, allocates the pages and queues the transfers, and waits where
// the file system must first read its own map of the file, or the device's queue is full. So a thread of its own makes
// it, started when it is needed and gone after two seconds without work. What it can't keep up with is dropped: it
// is advice.
//
// Invariant, under `lock`: `jobs` is a ring of `jobCount` ranges to be read ahead, from `firstJob` on. `isAlive` says
// that the thread is there, or being started; it ends only with no job there. Who adds one changes `work` first, so
// that the thread does not fall asleep. A descriptor that was closed meanwhile is another file's, or none: the thread
// looks at it before the call; in the gap behind that look, another file's data is read ahead in vain.

import CKernel
import Synchronization

final class ReadAhead: Module {
    /// What a descriptor's latest reads looked like.
    private struct Stream {
        var descriptor: CInt = -1
        var device: UInt64 = 0
        var inode: UInt64 = 0
        /// Where the next read begins if it is in sequence, and how many were.
        var next = 0
        var run = 0
        /// What was asked for.
        var aheadUntil = 0
    }

    private struct Job {
        var descriptor: CInt = -1
        var device: UInt64 = 0
        var inode: UInt64 = 0
        var offset = 0
        var length = 0
    }

    /// What the lock guards, with `jobs` and `streams`.
    private struct Queue {
        var isAlive = false
        /// The module is gone.
        var isOver = false
        var firstJob = 0
        var jobCount = 0
    }

    /// What the module and its thread share.
    private struct Shared {
        let lock: UnsafeMutablePointer<Lock>
        let work: UnsafeMutablePointer<Atomic<UInt32>>
        let queue: UnsafeMutablePointer<Queue>
        let jobs: UnsafeMutablePointer<Job>

        func free() {
            lock.deallocate()
            work.deallocate()
            queue.deallocate()
            jobs.deallocate()
        }
    }

    static let parameters: StaticString = "window, after"

    let name: StaticString = "readahead"
    private let position: Int
    private let window: Int
    private let after: Int
    private let streams: UnsafeMutablePointer<Stream>
    private let shared: Shared
    /// The same, for the thread.
    private let argument: UnsafeMutablePointer<Shared>

    private static let jobsAtOnce = 64
    /// By the low part of the descriptor's number; two that share one take turns.
    private static let streamsAtOnce = 1024
    private static let patience: Int64 = 2_000_000_000
    /// The kernel reads so much in one call, and of more perhaps nothing: its bound is the device's largest transfer or
    /// its own read-ahead for it, whichever is more, and it does not say what it left out.
    private static let step = 128 << 10

    init(position: Int, parameters: Parameters) {
        self.position = position
        window = parameters.size("readahead", "window", default: 1 << 20, in: 4096...1 << 30)
        after = parameters.number("readahead", "after", default: 3, in: 1...1000)
        streams = .allocate(capacity: ReadAhead.streamsAtOnce)
        streams.initialize(repeating: Stream(), count: ReadAhead.streamsAtOnce)
        shared = Shared(
            lock: .allocate(capacity: 1), work: .allocate(capacity: 1), queue: .allocate(capacity: 1),
            jobs: .allocate(capacity: ReadAhead.jobsAtOnce))
        shared.lock.initialize(to: Lock())
        shared.work.initialize(to: Atomic(0))
        shared.queue.initialize(to: Queue())
        shared.jobs.initialize(repeating: Job(), count: ReadAhead.jobsAtOnce)
        argument = .allocate(capacity: 1)
        argument.initialize(to: shared)
    }

    deinit {
        streams.deallocate()
        shared.lock.pointee.lock()
        shared.queue.pointee.isOver = true
        let isAlive = shared.queue.pointee.isAlive
        shared.lock.pointee.unlock()
        if isAlive {
            // The thread frees the rest.
            shared.work.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
            Futex.wake(shared.work.pointee, 1)
        } else {
            shared.free()
            argument.deallocate()
        }
    }

    func reset() {
        shared.lock.pointee.reset()
        shared.queue.pointee.isAlive = false
        shared.queue.pointee.jobCount = 0
        streams.update(repeating: Stream(), count: ReadAhead.streamsAtOnce)
    }

    // MARK: Module

    func passage(of operation: Operation) -> Passage { operation == .read ? .intercepts : .passesThrough }

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        var isWorkThere = false
        var isMissing = false
        var current = requests.first
        shared.lock.pointee.lock()
        while let request = current {
            current = request.next
            guard request.operation == .read, request.file.kind == .file,
                !request.file.isDirect, request.length > 0, look(request)
            else { continue }
            isWorkThere = true
        }
        // Also what others left, who could not create it.
        if shared.queue.pointee.jobCount > 0, !shared.queue.pointee.isAlive, turn.mayCreateThreads {
            shared.queue.pointee.isAlive = true
            isMissing = true
        }
        shared.lock.pointee.unlock()
        if isMissing {
            start()
        } else if isWorkThere {
            shared.work.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
            Futex.wake(shared.work.pointee, 1)
        }
        turn.handOn(&requests, below: position)
    }

    /// Takes note of a read; true if something is to be read ahead. Under the lock.
    private func look(_ request: Request) -> Bool {
        let facts = request.file
        let number = request.descriptor.number
        let stream = streams + Int(number) % ReadAhead.streamsAtOnce
        let isSame =
            stream.pointee.descriptor == number && stream.pointee.device == facts.device
            && stream.pointee.inode == facts.inode && stream.pointee.next == request.offset
        if isSame {
            stream.pointee.run += 1
        } else {
            stream.pointee = Stream(descriptor: number, device: facts.device, inode: facts.inode, run: 1)
        }
        let end = request.end
        stream.pointee.next = end
        guard stream.pointee.run >= after else { return false }
        let from = max(end, stream.pointee.aheadUntil)
        let (windowEnd, overflow) = end.addingReportingOverflow(window)
        let until = min(overflow ? .max : windowEnd, Int(clamping: facts.size))
        // Half of the window is still ahead, or the file ends.
        guard until > from, from - end <= window / 2,
            shared.queue.pointee.jobCount < ReadAhead.jobsAtOnce
        else { return false }
        stream.pointee.aheadUntil = until
        let place = (shared.queue.pointee.firstJob + shared.queue.pointee.jobCount) % ReadAhead.jobsAtOnce
        shared.jobs[place] = Job(
            descriptor: number, device: facts.device, inode: facts.inode, offset: from, length: until - from)
        shared.queue.pointee.jobCount += 1
        return true
    }

    // MARK: the thread

    private func start() {
        let isStarted = Thread.start(UnsafeMutableRawPointer(argument)) { argument in
            let shared = argument!.assumingMemoryBound(to: Shared.self)
            if ReadAhead.run(shared.pointee) {
                shared.pointee.free()
                shared.deallocate()
            }
            return nil
        }
        if isStarted { return }
        shared.lock.pointee.lock()
        shared.queue.pointee.isAlive = false
        shared.queue.pointee.jobCount = 0
        shared.lock.pointee.unlock()
    }

    /// True: the module is gone, and what they shared is the thread's.
    private static func run(_ shared: Shared) -> Bool {
        Thread.begin("kaio-readahead")
        var isIdle = false
        while true {
            let seen = shared.work.pointee.load(ordering: .sequentiallyConsistent)
            shared.lock.pointee.lock()
            if shared.queue.pointee.isOver {
                shared.lock.pointee.unlock()
                return true
            }
            if shared.queue.pointee.jobCount > 0 {
                let job = shared.jobs[shared.queue.pointee.firstJob]
                shared.queue.pointee.firstJob = (shared.queue.pointee.firstJob + 1) % jobsAtOnce
                shared.queue.pointee.jobCount -= 1
                shared.lock.pointee.unlock()
                advise(job)
                isIdle = false
                continue
            }
            if isIdle {
                shared.queue.pointee.isAlive = false
                shared.lock.pointee.unlock()
                return false
            }
            shared.lock.pointee.unlock()
            let result = Futex.wait(shared.work.pointee, seen, until: Instant.now.advanced(by: patience))
            isIdle = result == -Int(ETIMEDOUT)
        }
    }

    private static func advise(_ job: Job) {
        let descriptor = Descriptor(number: job.descriptor)
        var done = 0
        while done < job.length {
            guard let now = FileFacts(descriptor), now.device == job.device, now.inode == job.inode else { return }
            let length = min(step, job.length - done)
            _ = systemCall(
                SYS_fadvise64, Int(job.descriptor), job.offset + done, length, Int(POSIX_FADV_WILLNEED))
            done += length
        }
    }
}

extension ReadAhead {
    static var entry: ModuleEntry {
        ModuleEntry(
            name: "readahead", parameters: parameters, make: { ReadAhead(position: $0, parameters: $1) })
    }
}
