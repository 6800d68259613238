// The pool of threads that runs what the kernel can't do without blocking the caller.
//
// Each device has a lane, of which at most three quarters of the threads that the others leave run a request at a time. So
// a device, or a server, that is slow or stuck leaves threads for the others, and those that wait for it hold up nobody else.
// Between lanes they go by priority and then by turns.
//
// The writes of a regular file that go through the page cache, and direct ones past its end, have a lane of the file's, in which one
// thread at a time works: file systems hold a lock of the file all through such a write. A request counts as running until its thread looks for the next one, so
// where a program makes one write after the other, the thread that is still telling of the last takes it, and no other is woken. These
// lanes together use half of the threads at most. A write that is to be safe when it is over (O_DSYNC, O_SYNC) goes into its device's
// lane: most of its time is the sync, which the file system makes for all that wait for one.
//
// Invariant: the lock of the first lane's queue guards all lanes, and the counts. Every thread of the pool is either counted in
// `idle` (it is about to sleep, or sleeps, on `work`), or runs a request, which is counted in its lane; whoever queues a
// request changes `work` first, so an idle thread that has not yet fallen asleep doesn't. Of the idle ones `woken` at most are
// being woken, and as long as one that is not could start a request, whoever takes a request wakes it. Where threads may not be created, the reactor is asked to; where they
// can't be had, it tries again for as long as anything is queued that none is free for.
// All signals stay blocked in the pool's threads, so the program's handlers never run there.
//
// An idle thread steps back (SCHED_BATCH): when a call wakes it, it does not take the processor from that call. At work it is a
// thread like others if what it does takes long: the disk wakes it too, and on a busy machine one that steps back gets the
// processor milliseconds later.
//
// Who sleeps in aio_suspend for nothing but a read that no thread has begun makes it itself (`perform(_:)`) where the device answered
// at once of late: that saves waking the thread that slept for the disk, and then the one that slept for it. On a busy machine the first
// step, after the call's futex, is as late. So for a while after a thread was late with what it was woken for, the same goes for writes,
// and for a device that was a little slower.

import CKaio
import CKernel
import Synchronization

enum Workers {
    /// The requests of a device, or writes of a file. Of more devices than there are lanes, some share one; the writes of more files
    /// are in that of the device.
    private struct Lane {
        let queue: HoldingQueue
        var device: UInt64 = 0
        /// Of a file's.
        var inode: UInt64 = 0
        /// How many threads run one of it.
        var running = 0
    }

    nonisolated(unsafe) private static var made: UnsafeMutablePointer<Lane>?
    private static var lanes: UnsafeMutablePointer<Lane> { made.unsafelyUnwrapped }
    /// The first is for streams, then come those of devices, and those of files.
    private static let firstOfFiles = 8
    private static let laneCount = 64
    nonisolated(unsafe) private static var first: HoldingQueue?
    /// Has the lock, so it is not looked up in the lane, whose count changes under it. That lane's, streams, may use all threads.
    private static var waiting: HoldingQueue { first.unsafelyUnwrapped }
    /// The bits of the lanes where any wait, and how many do; and of those of which any run.
    nonisolated(unsafe) private static var occupied: UInt64 = 0
    nonisolated(unsafe) private static var busy: UInt64 = 0
    nonisolated(unsafe) private static var queued = 0
    /// In all lanes, and in those of files.
    nonisolated(unsafe) private static var running = 0
    nonisolated(unsafe) private static var runningOfFiles = 0
    /// The lane whose turn it is, and how often in a row another went before it.
    nonisolated(unsafe) private static var nextLane = 0
    nonisolated(unsafe) private static var overtakes = 0
    nonisolated(unsafe) private static var idle = 0
    nonisolated(unsafe) private static var woken = 0
    nonisolated(unsafe) private static var total = 0
    private static let work = Atomic<UInt32>(0)
    /// Changes when all threads are to end.
    private static let generation = Atomic<UInt32>(0)

    private static let spin = Spin()

    /// How long a thread without work stays.
    private static let patience: Int64 = 2_000_000_000
    /// More than it takes to change the policy twice, less than a disk takes.
    private static let long: Int64 = 20_000
    /// After how many short ones a thread expects no long one.
    private static let memory = 16
    /// How many requests more may be made by those who wait for them, since the threads were late.
    private static let trusted = Atomic<Int32>(0)
    /// A thread that begins a request so long after its arrival is late.
    private static let late: Int64 = 300_000
    /// After how many requests it is found out again whether they are late.
    private static let trust: Int32 = 64

    static func prepare() -> Bool {
        if made != nil { return true }
        let lanes = UnsafeMutablePointer<Lane>.allocate(capacity: laneCount)
        for index in 0..<laneCount {
            let under = index > 0 ? lanes[0].queue : nil
            (lanes + index).initialize(to: Lane(queue: HoldingQueue(.byPriority(), under: under, isTimed: true)))
        }
        first = lanes[0].queue
        made = lanes
        return true
    }

    // MARK: lanes; under the lock

    private static func lane(of request: Request) -> Int {
        let file = request.file
        guard file.kind == .file else { return 0 }
        if isOfFile(request) {
            let (mine, free) = find(firstOfFiles..<laneCount) { $0.device == file.device && $0.inode == file.inode }
            if let lane = mine ?? free {
                lanes[lane].device = file.device
                lanes[lane].inode = file.inode
                return lane
            }
        }
        let (mine, free) = find(1..<firstOfFiles) { $0.device == file.device }
        if let mine { return mine }
        guard let free else { return 1 + Int(file.device % UInt64(firstOfFiles - 1)) }
        lanes[free].device = file.device
        return free
    }

    /// Whether the file system makes it while it holds the file's lock: a write to the page cache, or a direct one past the end.
    private static func isOfFile(_ request: Request) -> Bool {
        let file = request.file
        return request.operation == .write && !file.isBlockDevice && !file.isSynchronous
            && (!file.isDirect || request.end > Int(file.size))
    }

    /// The lane in use that is meant, and the first one that is in no use.
    private static func find(_ range: Range<Int>, _ isMeant: (Lane) -> Bool) -> (mine: Int?, free: Int?) {
        let all = (UInt64.max >> UInt64(laneCount - range.count)) << UInt64(range.lowerBound)
        let used = (occupied | busy) & all
        var left = used
        while left != 0 {
            let lane = left.trailingZeroBitCount
            if isMeant(lanes[lane]) { return (lane, nil) }
            left &= left - 1
        }
        return (nil, used == all ? nil : (all & ~used).trailingZeroBitCount)
    }

    /// Each lane where any wait, from this one on and around.
    @inline(__always)
    private static func forEachOccupied(from first: Int = 0, _ body: (Int) -> Void) {
        // A shift by 64 gives 0.
        var left = occupied >> UInt64(first) | occupied << UInt64(laneCount - first)
        while left != 0 {
            body((first + left.trailingZeroBitCount) % laneCount)
            left &= left - 1
        }
    }

    private static func isOccupied(_ lane: Int) -> Bool { occupied & 1 << UInt64(lane) != 0 }

    /// So many more wait in this lane.
    private static func count(_ change: Int, in lane: Int) {
        queued += change
        let bit = UInt64(1) << UInt64(lane)
        if lanes[lane].queue.isEmpty { occupied &= ~bit } else { occupied |= bit }
        assert(isSound)
    }

    /// What the invariant says of the counts.
    private static var isSound: Bool {
        var (sum, busy, busyOfFiles) = (0, 0, 0)
        for lane in 0..<laneCount {
            if lanes[lane].running < 0 || isOccupied(lane) == lanes[lane].queue.isEmpty { return false }
            sum += lanes[lane].queue.count
            busy += lanes[lane].running
            if lane >= firstOfFiles { busyOfFiles += lanes[lane].running }
        }
        return sum == queued && busy == running && busyOfFiles == runningOfFiles && idle >= 0 && idle <= total
    }

    private static var mostOfFiles: Int { max(1, Options.workers / 2) }

    /// How many requests more of a lane threads may run.
    private static func room(_ lane: Int) -> Int {
        let mine = lanes[lane].running
        if lane >= firstOfFiles { return runningOfFiles >= mostOfFiles ? 0 : 1 - mine }
        let left = Options.workers - (running - mine)
        return max(0, (lane == 0 ? left : max(1, (left * 3 + 3) / 4)) - mine)
    }

    /// How many of those that wait could be run now, if there were threads.
    private static var ready: Int {
        var (count, ofFiles) = (0, 0)
        forEachOccupied {
            let its = min(lanes[$0].queue.count, room($0))
            if $0 < firstOfFiles { count += its } else { ofFiles += its }
        }
        return count + min(ofFiles, max(0, mostOfFiles - runningOfFiles))
    }

    /// The next request, which from here on runs in its lane.
    private static func takeNext() -> (Request, Int)? {
        guard queued > 0 else { return nil }
        var (first, best, level) = (-1, -1, Int.max)
        forEachOccupied(from: nextLane) { lane in
            guard room(lane) > 0, let its = lanes[lane].queue.firstLevel else { return }
            if first < 0 { first = lane }
            if its < level { (best, level) = (lane, its) }
        }
        guard first >= 0 else { return nil }
        overtakes = best == first ? 0 : overtakes + 1
        if overtakes > HoldingQueue.mostOvertakes { (best, overtakes) = (first, 0) }
        if best == first { nextLane = (first + 1) % laneCount }
        guard let request = lanes[best].queue.takeNext() else { return nil }
        count(-1, in: best)
        countRunning(1, in: best)
        return (request, best)
    }

    private static func countRunning(_ change: Int, in lane: Int) {
        running += change
        lanes[lane].running += change
        let bit = UInt64(1) << UInt64(lane)
        if lanes[lane].running == 0 { busy &= ~bit } else { busy |= bit }
        if lane >= firstOfFiles { runningOfFiles += change }
        assert(isSound)
    }

    // MARK: in

    /// Queues requests behind those of the same priority. Each runs by `AIOPthread.perform`.
    static func add(_ requests: inout RequestQueue, _ turn: inout Turn) {
        // To have a thread made waits for those that have pages pinned: that is for the reactor then.
        var mayCreate = turn.mayCreateThreads
        waiting.lock()
        while let request = requests.popFirst() {
            if request.secondTry == .wanted, total > 0, Reactor.isRunning { mayCreate = false }
            let lane = lane(of: request)
            lanes[lane].queue.hold(request)
            count(1, in: lane)
        }
        // A worker that hands on what it set free takes one of them itself.
        let sleepers = max(0, min(idle - woken, (turn.role == .worker ? ready - 1 : ready) - woken))
        woken += sleepers
        let missing = missingThreads
        if mayCreate { total += missing }
        waiting.unlock()
        work.wrappingAdd(1, ordering: .sequentiallyConsistent)
        if sleepers > 0 { Futex.wake(work, Int32(sleepers)) }
        if missing > 0 {
            if !mayCreate {
                Reactor.ask(.retry)
                if !Reactor.isRunning { runHereIfNobodyElse(&turn) }
                return
            }
            if !start(missing) { Reactor.ask(.retry) }
            runHereIfNobodyElse(&turn)
        }
    }

    /// Where not one thread can be had, this one does the work: better late than never. Only what may take for
    /// ever is refused, and what a module wants to have done elsewhere.
    private static func runHereIfNobodyElse(_ turn: inout Turn) {
        while true {
            waiting.lock()
            let next = total == 0 ? takeNext() : nil
            waiting.unlock()
            guard let (request, lane) = next else { return }
            defer { waiting.locked { countRunning(-1, in: lane) } }
            if request.file.isStream && !request.isStepwise
                || request.operation == .work
            {
                turn.complete(request, -Int(EAGAIN))
            } else {
                performHere(request, &turn)
            }
        }
    }

    /// The caller's signals are only blocked here; a worker's are for ever.
    private static func performHere(_ request: Request, _ turn: inout Turn) {
        let isWrite = request.operation == .write
        let (pipe, size) = isWrite ? (SignalMask.isPending(SIGPIPE), SignalMask.isPending(SIGXFSZ)) : (true, true)
        // A part of it may have gone out before, and then the result is no error.
        let mayRaise = request.file.isStream && isWrite
        let length = request.length
        var knowledge = AIOPthread.Knowledge(thread: ThreadState.mine)
        let result = AIOPthread.perform(request, &knowledge, &turn)
        if mayRaise, !pipe { SignalMask.takePending(SIGPIPE) }
        if result < length, !size { SignalMask.takePending(SIGXFSZ) }
    }

    /// What a thread that waits transfers itself is no longer than this.
    static let mostHere = 128 << 10

    /// By a thread that has nothing to do but to wait for this request: makes the transfer, if no thread has begun it and it is next
    /// in its lane. All signals are blocked meanwhile. False: it did not.
    static func perform(_ request: RequestIdentity) -> Bool {
        guard request.state == .waiting, made != nil else { return false }
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        let areLate = trusted.load(ordering: .relaxed) > 0
        var isTaken = false
        Turn.visit(as: .caller) { turn in
            waiting.lock()
            for lane in 1..<laneCount
            where isOccupied(lane) && room(lane) > 0
                && lanes[lane].queue.takeFirst(request, ifSuitable: { isQuick($0, areLate: areLate) })
            {
                isTaken = true
                count(-1, in: lane)
                break
            }
            waiting.unlock()
            if isTaken {
                if areLate { trusted.wrappingSubtract(1, ordering: .relaxed) }
                performHere(request.request, &turn)
            }
        }
        return isTaken
    }

    /// Whether it may be made where signals wait for its end: a read of a device that answered at once of late. Where the threads
    /// are late, a write too, and the device may have taken longer; but nothing that waits for a sync.
    private static func isQuick(_ request: Request, areLate: Bool) -> Bool {
        let file = request.file
        guard request.length <= mostHere, !request.operation.isSynchronize, !file.isSynchronous else { return false }
        return areLate
            ? Devices.isPrompt(file.device) : request.operation == .read && Devices.isPrompt(file.device, atOnce: true)
    }

    /// How many threads more would be of use, besides those that are idle or about to look for a request. Under the lock.
    private static var missingThreads: Int {
        max(0, min(ready - max(idle, total - running), Options.workers - total))
    }

    /// The reactor's part: creates the threads that a signal handler could not, or that could not be had. False: it is to be
    /// tried again.
    static func growIfNeeded() -> Bool {
        waiting.lock()
        let missing = missingThreads
        total += missing
        waiting.unlock()
        guard missing > 0 else { return true }
        let areAllStarted = start(missing)
        var turn = Turn(.reactor)
        runHereIfNobodyElse(&turn)
        turn.finish()
        return areAllStarted
    }

    /// Creates threads that are counted already, as many as can be had. False: that is fewer.
    private static func start(_ count: Int) -> Bool {
        let generation = generation.load(ordering: .relaxed)
        for started in 0..<count {
            let argument = UnsafeMutableRawPointer(bitPattern: UInt(generation) << 1 | 1)
            if Thread.start(
                argument,
                { argument in
                    Workers.run(generation: UInt32(UInt(bitPattern: argument) >> 1))
                    return nil
                })
            {
                continue
            }
            waiting.lock()
            total -= count - started
            waiting.unlock()
            return false
        }
        return true
    }

    /// Takes a request out of its queue. See `Module.cancel`.
    static func withdraw(_ request: RequestIdentity, position: Int, force: Bool) -> CancelOutcome {
        waiting.locked {
            for lane in 0..<laneCount where isOccupied(lane) {
                let outcome = lanes[lane].queue.withdraw(request, at: position, force: force)
                if outcome == .taken { count(-1, in: lane) }
                if outcome != .no { return outcome }
            }
            return .no
        }
    }

    /// A thread of the pool.
    private static func run(generation own: UInt32) {
        Thread.begin("kaio-worker")
        var known = AIOPthread.Knowledge(thread: ThreadState.mine)
        // One that has another policy than the usual one keeps it.
        var mayStepBack = Thread.hasUsualPolicy
        var stepsBack = false
        // Above 0: one of the latest requests took so long that the thread may have slept in it.
        var mayTakeLong = memory
        var mine = -1
        // Since its last request.
        var hasLooked = false
        while true {
            let seen = work.load(ordering: .sequentiallyConsistent)
            waiting.lock()
            if mine >= 0 { countRunning(-1, in: mine) }
            mine = -1
            if let (request, lane) = takeNext() {
                mine = lane
                hasLooked = false
                // What this thread's last request kept others from may be more than one.
                let left = ready
                let wakes = left > woken && idle > woken
                let isShort = missingThreads > 0
                if wakes { woken += 1 }
                waiting.unlock()
                if wakes {
                    work.wrappingAdd(1, ordering: .sequentiallyConsistent)
                    Futex.wake(work, 1)
                } else if isShort {
                    Reactor.ask(.retry)
                }
                if stepsBack, mayTakeLong > 0, Thread.stepBack(false) { stepsBack = false }
                let arrival = request.arrival
                AIOPthread.perform(request, &known)
                if known.began - arrival > late { trusted.store(trust, ordering: .relaxed) }
                mayTakeLong = known.ended - known.began > long ? memory : max(0, mayTakeLong - 1)
                continue
            }
            if generation.load(ordering: .relaxed) != own { break }
            if !hasLooked {
                waiting.unlock()
                hasLooked = !spin.look { work.load(ordering: .sequentiallyConsistent) != seen }
                continue
            }
            if !stepsBack, mayStepBack {
                waiting.unlock()
                if Thread.stepBack(true) { stepsBack = true } else { mayStepBack = false }
                continue
            }
            idle += 1
            waiting.unlock()
            let began = Instant.now
            let result = Futex.wait(work, seen, until: began.advanced(by: patience))
            spin.slept(since: began)
            waiting.lock()
            idle -= 1
            if result == -Int(ETIMEDOUT), woken == 0, ready > 0 {
                Statistics.countHealed("a worker was not told of a request")
            }
            woken = max(0, woken - 1)
            if result == -Int(ETIMEDOUT), ready == 0 { break }
            waiting.unlock()
        }
        total -= 1
        waiting.unlock()
    }

    /// Ends the idle threads; those at work end afterwards.
    static func dismiss() {
        generation.wrappingAdd(1, ordering: .relaxed)
        work.wrappingAdd(1, ordering: .sequentiallyConsistent)
        Futex.wake(work)
    }

    /// In the child of a fork.
    static func reset() {
        if let made {
            for lane in 0..<laneCount {
                made[lane].queue.reset()
                made[lane].running = 0
            }
        }
        occupied = 0
        busy = 0
        queued = 0
        running = 0
        runningOfFiles = 0
        idle = 0
        woken = 0
        total = 0
        generation.wrappingAdd(1, ordering: .relaxed)
    }
}

/// Threads of our own: detached, all signals blocked from the first instruction on.
enum Thread {
    typealias Start = @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?

    /// The caller has all signals blocked, which the new thread inherits. A thread that runs none of the program's
    /// code needs a small stack only. False: no room for another.
    static func start(_ argument: UnsafeMutableRawPointer?, smallStack: Bool = true, _ start: Start) -> Bool {
        var attributes = pthread_attr_t()
        guard !ProcessPage.allowsNoThreads, pthread_attr_init(&attributes) == 0 else { return false }
        Descriptor.makeRoom()
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        if smallStack { pthread_attr_setstacksize(&attributes, smallSize) }
        var thread = pthread_t()
        let error = pthread_create(&thread, &attributes, start, argument)
        // EINVAL: the program's thread-local variables alone are larger.
        if error == EINVAL, smallStack { return Thread.start(argument, smallStack: false, start) }
        return error == 0
    }

    /// The first words of one: its name, shown by ps -L and top -H, and that it is one of ours.
    static func begin(_ name: StaticString) {
        _ = systemCall(SYS_prctl, 15, address(name.utf8Start))
        unlockStack()
        guard let table else { return }
        let me = ThreadState.mine
        for round in 0..<2 {
            for index in 0..<most
            where table[index].compareExchange(expected: 0, desired: me, ordering: .relaxed).exchanged { return }
            if round == 0 { forgetEnded() }
        }
    }

    /// Gives back most of the stack, none of which was used yet: it is resident if the program has all new memory locked.
    private static func unlockStack() {
        var here: UInt8 = 0
        let top = withUnsafePointer(to: &here) { address($0) }
        let start = (top - 96 << 10 + Pages.size - 1) & -Pages.size
        let end = (top - 16 << 10) & -Pages.size
        guard end > start, systemCall(SYS_munlock, start, end - start) == 0 else { return }
        _ = systemCall(SYS_madvise, start, end - start, Int(MADV_DONTNEED))
    }

    // MARK: those that may be there

    /// The kernel's numbers of our threads, until somebody finds that they are gone.
    private static let place = Atomic<UInt>(0)
    private static var table: UnsafeMutablePointer<Atomic<CInt>>? {
        UnsafeMutablePointer(bitPattern: place.load(ordering: .acquiring))
    }
    private static let most = 1024

    static func prepare() -> Bool {
        if table != nil { return true }
        findSmallSize()
        place.store(UInt(bitPattern: Pages.map(most * 4)), ordering: .releasing)
        return table != nil
    }

    static func reset() { if let table { Pages.clear(table, most * 4) } }

    /// How many are left, besides the calling one.
    @discardableResult
    private static func forgetEnded() -> Int {
        guard let table, let process = ProcessPage.current?.number else { return 0 }
        let me = ThreadState.mine
        var left = 0
        for index in 0..<most {
            let thread = table[index].load(ordering: .relaxed)
            if thread == 0 || thread == me { continue }
            if systemCall(SYS_tgkill, Int(process), Int(thread), 0) == -Int(ESRCH) {
                _ = table[index].compareExchange(expected: thread, desired: 0, ordering: .relaxed)
            } else {
                left += 1
            }
        }
        return left
    }

    /// Waits until those that were told to end are gone, as the kernel sees it. False: one is not, after a second.
    static func awaitEnd() -> Bool {
        let end = Instant.now.advanced(by: 1_000_000_000)
        while forgetEnded() > 0 {
            if Instant.now >= end { return false }
            Pause.sleep(100_000)
        }
        return true
    }

    static var hasUsualPolicy: Bool { systemCall(SYS_sched_getscheduler, 0) == usualPolicy }

    /// From now on the calling thread leaves the processor to others when it wakes up, or does not: else the worker that a
    /// call wakes may run in that call's time. False: it can't be said.
    static func stepBack(_ stepsBack: Bool) -> Bool {
        var priority: CInt = 0
        return withUnsafePointer(to: &priority) {
            systemCall(SYS_sched_setscheduler, 0, stepsBack ? batchPolicy : usualPolicy, address($0))
        } == 0
    }

    /// SCHED_OTHER and SCHED_BATCH.
    private static let usualPolicy = 0
    private static let batchPolicy = 3

    /// The C library takes the thread-local variables of all objects out of it.
    nonisolated(unsafe) private static var smallSize = 128 << 10

    private static func findSmallSize() {
        _ = ck_visit_objects(
            { object, _, _ in
                guard let object, let headers = object.pointee.headers else { return 0 }
                for index in 0..<Int(object.pointee.header_count) where headers[index].p_type == PT_TLS {
                    Thread.smallSize += Int(headers[index].p_memsz + headers[index].p_align)
                }
                return 0
            }, nil)
    }
}
