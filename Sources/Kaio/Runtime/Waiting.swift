// How a thread waits for completions: whoever needs one harvests it.
//
// One thread at a time, the leader, sleeps in the kernel's ring; the others, the followers, sleep on a futex
// that counts publications. While a leader sleeps, it alone takes events out of the ring: each event wakes it, and
// would be lost as a wake-up if another thread were faster. While nobody leads, anyone may harvest, under a lock
// that is held for a few instructions with all signals blocked, and never while asleep.
//
// Invariant: nobody sleeps through a publication. A thread reads the count before it looks at its requests, and
// goes to sleep only if the count is still the same: as a follower the futex sees to that; a leader says that it
// is one, blocks all signals, and looks once more (the call that sleeps unblocks them in one step). Before that it
// marks the requests that it waits for. Whoever publishes a marked one counts, then wakes the followers and kicks the
// leader (an event of our own in the ring). Whoever took a kick that was meant for another, since it looked at the ring before that one led, kicks again.
// Who stops leading harvests what is there, since others left it to him.
//
// A sleeping thread holds nothing. A signal handler that runs on top of it may call any of this in its turn; if
// it jumps out of the wait, or the thread is cancelled, nothing is left locked. What that can leave behind is a
// follower too many, which costs a wake-up, and a leader that is none: it steps down when its thread ends, its own
// thread leads again at its next wait, and others take over when the ring has had events for a while that nobody
// takes. A leader that was only very slow looks again twice a second. (There is no cleanup handler for the
// cancellation: a jump would leave it behind on a stack that is gone.)

import CKernel
import Synchronization

enum Waiting {
    private static let publications = Atomic<UInt32>(0)
    private static let followers = Atomic<Int32>(0)
    /// How many threads wait for any completion of the process.
    private static let collectors = Atomic<Int32>(0)
    /// The thread that sleeps in the ring, or is about to; 0 for none.
    private static let leader = Atomic<UInt>(0)
    /// The number of that thread, as the kernel has it.
    private static let leaderNumber = Atomic<Int32>(0)
    /// When a thread first saw events that it had to leave to the leader; 0 if none did since one led.
    private static let unattendedSince = Atomic<Int64>(0)

    private static let followersLook: Int64 = 100_000_000
    private static let leaderLooks: Int64 = 500_000_000
    /// How long events may lie there before somebody looks what the leader does, and until it is gone in any case.
    private static let leaderIsLate: Int64 = 50_000_000
    private static let leaderIsGone: Int64 = 1_000_000_000
    /// How long a leader sleeps that can't be kicked, since the ring had no room for the kick's poll.
    private static let kickMissing: Int64 = 1_000_000

    enum Outcome {
        case done, timedOut, interrupted
    }

    private static var thisThread: UInt { UInt(pthread_self()) }

    /// Makes everyone who waits look again. Called when nothing is locked.
    static func tellAll() {
        publications.wrappingAdd(1, ordering: .sequentiallyConsistent)
        if followers.load(ordering: .sequentiallyConsistent) != 0 { Futex.wake(publications) }
        if leader.load(ordering: .sequentiallyConsistent) != 0 { KernelQueue.kick() }
    }

    /// The same for a publication that only those can wait for who wait for any.
    @inline(__always)
    static func tellCollectors() {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        if isForAny { tellAll() }
    }

    /// Whether a thread waits for any completion of the process, whichever comes.
    @inline(__always)
    static var isForAny: Bool { collectors.load(ordering: .sequentiallyConsistent) != 0 }

    /// The calling thread waits for any completion of the process. If it never says the second, publications cost
    /// a little more from then on.
    static func beginCollecting() { collectors.wrappingAdd(1, ordering: .sequentiallyConsistent) }
    static func endCollecting() { collectors.wrappingSubtract(1, ordering: .sequentiallyConsistent) }

    // MARK: harvesting

    /// Whether a thread sleeps in the ring, or is about to.
    @inline(__always)
    static var hasLeader: Bool { leader.load(ordering: .relaxed) != 0 }

    /// Whether this thread may take events out of the ring.
    static var mayHarvest: Bool {
        let current = leader.load(ordering: .sequentiallyConsistent)
        return current == 0 || current == thisThread || isLeaderGone
    }

    /// The ring has events and the leader does not come. Called by threads that would like to harvest.
    private static var isLeaderGone: Bool {
        let now = Instant.roughlyNow.nanoseconds
        let (first, since) = unattendedSince.compareExchange(expected: 0, desired: now, ordering: .relaxed)
        let late = first ? 0 : now - since
        guard late > leaderIsLate else { return false }
        switch ThreadState.of(leaderNumber.load(ordering: .relaxed)) {
        case .asleep(SYS_io_pgetevents, _) where late < leaderIsGone: return false
        case .running where late < leaderIsGone, .unknown where late < leaderIsGone: return false
        default: break
        }
        unattendedSince.store(0, ordering: .relaxed)
        leader.store(0, ordering: .sequentiallyConsistent)
        return true
    }

    /// A kick was taken out of the ring. If there is a leader, it was for that one.
    static func passKickOn() {
        let current = leader.load(ordering: .sequentiallyConsistent)
        if current != 0, current != thisThread { KernelQueue.kick() }
    }

    /// Takes what the ring has, if anything. Costs a few loads if it has nothing.
    @inline(__always)
    static func harvest(as role: Turn.Role) {
        if KernelQueue.hasEvents, mayHarvest { harvestNow(as: role) }
    }

    private static func harvestNow(as role: Turn.Role) {
        let mask = SignalMask.blockAll()
        harvestBlocked(as: role)
        mask.restore()
    }

    /// By the call that submitted the request `own`: the kernel was done with something at once.
    static func harvestSubmitted(_ own: UInt64) {
        guard mayHarvest else { return }
        let mask = SignalMask.blockAll()
        Turn.visit(as: .submitter, own: own) { KernelQueue.harvest(&$0) }
        mask.restore()
    }

    /// The same with all signals blocked already.
    private static func harvestBlocked(as role: Turn.Role) {
        Turn.visit(as: role) { KernelQueue.harvest(&$0) }
    }

    /// Waits until `isDone`, the deadline, or a signal handler ran. Never early.
    ///
    /// - Parameters:
    ///   - role: how a harvest counts that needed no sleep; one after a sleep counts as the leader's.
    ///   - cancellable: whether pthread_cancel may end the calling thread in here.
    ///   - list: what the thread must then give up.
    ///   - events: at least so many completions have to come before it is done.
    ///   - mark: marks (`isAwaited`) the requests whose completion may make it done; called before it sleeps.
    static func wait(
        until deadline: Instant, as role: Turn.Role, cancellable: Bool, holding list: Request? = nil,
        for events: () -> Int = { 1 }, mark: () -> Void = {}, isDone: () -> Bool
    ) -> Outcome {
        var isPatient = true
        var isMarked = false
        while true {
            let seen = publications.load(ordering: .sequentiallyConsistent)
            harvest(as: role)
            if isDone() { return .done }
            if deadline != .never, Instant.now >= deadline { return .timedOut }
            if !isMarked {
                mark()
                atomicMemoryFence(ordering: .sequentiallyConsistent)
                isMarked = true
                continue
            }
            if publications.load(ordering: .sequentiallyConsistent) != seen { continue }
            let result: Int
            if isPatient, case let count = events(), maySleep(for: count) {
                result = sleep(for: count, seen, until: deadline, cancellable: cancellable, list)
                isPatient = result == -Int(EFAULT)
            } else {
                result = sleep(seen, until: deadline, as: role, cancellable: cancellable, list)
            }
            if result == -Int(EINTR) {
                return isDone() ? .done : .interrupted
            }
        }
    }

    /// Sleeps as leader or follower, as it comes. Returns early whenever it likes, -EINTR for a signal.
    private static func sleep(
        _ seen: UInt32, until deadline: Instant, as role: Turn.Role, cancellable: Bool, _ list: Request?
    ) -> Int {
        guard let context = KernelQueue.context else {
            return follow(seen, until: deadline, cancellable: cancellable, list)
        }
        let me = thisThread
        let (exchanged, original) = leader.compareExchange(
            expected: 0, desired: me, ordering: .sequentiallyConsistent)
        // A signal handler on top of the leader's own wait leads in its turn; that wait resumes afterwards.
        guard exchanged || original == me else {
            return follow(seen, until: deadline, cancellable: cancellable, list)
        }
        // From here on a handler of this thread can only run inside the call that sleeps, which it ends.
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        leaderNumber.store(ThreadExit.watch(), ordering: .relaxed)
        var result = 0
        if leader.load(ordering: .sequentiallyConsistent) == me,
            publications.load(ordering: .sequentiallyConsistent) == seen, !KernelQueue.hasEvents
        {
            let limit = min(
                deadline, Instant.now.advanced(by: KernelQueue.isKickArmed ? leaderLooks : kickMissing))
            result = context.sleep(
                until: limit, mask,
                cancellable: cancellable, cleanup: list == nil ? nil : { Waiting.giveUp($0) }, argument: list?.block)
        }
        if exchanged { stepDown() }
        if KernelQueue.hasEvents { harvestBlocked(as: role == .caller ? .leader : role) }
        return result
    }

    // MARK: sleeping for several at once

    /// Whether a thread that needs several completions may sleep until all are there, instead of leading: these are all
    /// that is in flight, so nobody else waits for one.
    private static func maySleep(for count: Int) -> Bool {
        count > 1 && KernelQueue.isAll(count) && leader.load(ordering: .sequentiallyConsistent) == 0
            && followers.load(ordering: .sequentiallyConsistent) == 0
    }

    /// The kernel wakes the thread once, when all are there. Who comes meanwhile, with other requests, leads, and may
    /// take what was meant for this one; so it does not sleep for long, and not twice.
    private static func sleep(
        for count: Int, _ seen: UInt32, until deadline: Instant, cancellable: Bool, _ list: Request?
    ) -> Int {
        guard let context = KernelQueue.context else { return 0 }
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        var result = 0
        if publications.load(ordering: .sequentiallyConsistent) == seen, !KernelQueue.hasEvents {
            result = context.sleep(
                until: min(deadline, Instant.now.advanced(by: patience)), mask, for: count, cancellable: cancellable,
                cleanup: list == nil ? nil : { Waiting.giveUp($0) }, argument: list?.block)
        }
        if KernelQueue.hasEvents { harvestBlocked(as: .leader) }
        return result
    }

    private static let patience: Int64 = 2_000_000

    /// A thread ends: if it was cancelled, or left by a jump, while it led, it leads no more.
    static func threadEnds() {
        if leader.load(ordering: .sequentiallyConsistent) == thisThread {
            stepDown()
            harvest(as: .caller)
        }
    }

    private static func stepDown() {
        unattendedSince.store(0, ordering: .relaxed)
        _ = leader.compareExchange(expected: thisThread, desired: 0, ordering: .sequentiallyConsistent)
        // Somebody else leads from here on, if anybody waits.
        if followers.load(ordering: .sequentiallyConsistent) != 0 {
            publications.wrappingAdd(1, ordering: .sequentiallyConsistent)
            Futex.wake(publications)
        }
    }

    private static func giveUp(_ list: UnsafeMutableRawPointer?) {
        if let list = Request(data: list) { Submission.giveUp(list) }
    }

    private static func follow(
        _ seen: UInt32, until deadline: Instant, cancellable: Bool, _ list: Request?
    ) -> Int {
        followers.wrappingAdd(1, ordering: .sequentiallyConsistent)
        var result = 0
        // The leader may have stepped down before it could see this follower.
        if leader.load(ordering: .sequentiallyConsistent) != 0 || KernelQueue.context == nil {
            let look = min(deadline, Instant.now.advanced(by: followersLook))
            if cancellable {
                result = Futex.waitCancellable(
                    publications, seen, until: look, cleanup: list == nil ? nil : { Waiting.giveUp($0) },
                    argument: list?.block)
            } else {
                result = Futex.wait(publications, seen, until: look)
            }
        }
        stopFollowing()
        return result
    }

    private static func stopFollowing() { followers.wrappingSubtract(1, ordering: .sequentiallyConsistent) }

    /// In the child of a fork.
    static func reset() {
        followers.store(0, ordering: .relaxed)
        collectors.store(0, ordering: .relaxed)
        leader.store(0, ordering: .relaxed)
        unattendedSince.store(0, ordering: .relaxed)
    }
}
