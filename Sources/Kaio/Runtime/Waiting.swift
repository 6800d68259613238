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
// A sleeping thread holds nothing, and is counted nowhere: that somebody follows, or waits for any completion, is a bit
// that whoever publishes takes away, and that those who go back to sleep set again. A signal handler that runs on top of
// the sleep may call any of this in its turn. If the thread is cancelled, it steps down while its frames are unwound
// (`ThreadExit`), in the mask that the program gave it: it blocks signals after it has said that it may be cancelled, and
// the call that sleeps has the program's mask. If a handler jumps out of the wait, a leader may be left that is none: it
// steps down when its thread ends, its own thread leads again at its next wait, and others take over when the ring has
// had events for a while that nobody takes. A leader that was only very slow looks again twice a second.

import CKernel
import Synchronization

enum Waiting {
    /// Counted in twos; the lowest bit says that somebody may sleep as a follower.
    private static let publications = Atomic<UInt32>(0)
    private static let followed: UInt32 = 1
    /// Some thread may wait for any completion of the process.
    private static let collecting = Atomic<Bool>(false)
    /// The thread that sleeps in the ring, or is about to; 0 for none.
    private static let leader = Atomic<UInt>(0)
    /// The number of that thread, as the kernel has it.
    private static let leaderNumber = Atomic<Int32>(0)
    /// When a thread first saw events that it had to leave to the leader; 0 if none did since one led.
    private static let unattendedSince = Atomic<Int64>(0)

    /// When everyone who waited was told last, by a thread that kept the processor meanwhile.
    private static let toldAt = Atomic<Int64>(0)

    private static let spin = Spin()

    private static let followersLook: Int64 = 100_000_000
    private static let leaderLooks: Int64 = 500_000_000
    /// A sleep of no more than this may begin anew.
    private static let exactEnough: Int64 = 1_000_000
    /// How long events may lie there before somebody looks what the leader does, and until it is gone in any case.
    private static let leaderIsLate: Int64 = 50_000_000
    private static let leaderIsGone: Int64 = 1_000_000_000

    enum Outcome {
        case done, timedOut, interrupted
    }

    private static var thisThread: UInt { UInt(pthread_self()) }

    /// Makes everyone who waits look again.
    static func tellAll() {
        // Who waits for any says so again before it sleeps again; it has read the count before that.
        collecting.store(false, ordering: .sequentiallyConsistent)
        let began = Instant.roughlyNow.nanoseconds
        tellFollowers()
        if leader.load(ordering: .sequentiallyConsistent) != 0 { KernelQueue.kick() }
        if Instant.roughlyNow.nanoseconds == began { toldAt.store(began, ordering: .relaxed) }
    }

    private static func tellFollowers() {
        var word = publications.load(ordering: .relaxed)
        while true {
            let (exchanged, original) = publications.weakCompareExchange(
                expected: word, desired: (word & ~followed) &+ 2, ordering: .sequentiallyConsistent)
            if exchanged { break }
            word = original
        }
        if word & followed != 0 { Futex.wake(publications) }
    }

    private static var hasFollowers: Bool { publications.load(ordering: .sequentiallyConsistent) & followed != 0 }

    private static var count: UInt32 { publications.load(ordering: .sequentiallyConsistent) & ~followed }

    /// The same for a publication that only those can wait for who wait for any.
    @inline(__always)
    static func tellCollectors() {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        if isForAny { tellAll() }
    }

    /// Whether a thread waits for any completion of the process, whichever comes.
    @inline(__always)
    static var isForAny: Bool { collecting.load(ordering: .sequentiallyConsistent) }

    /// The calling thread is about to wait for any completion of the process.
    static func markCollecting() { collecting.store(true, ordering: .sequentiallyConsistent) }

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
        Statistics.countHealed("the leader was gone")
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
    ///   - events: at least so many completions have to come before it is done.
    ///   - mark: marks (`isAwaited`) the requests whose completion may make it done; called before it sleeps.
    ///   - marksAgain: before each sleep.
    static func wait(
        until deadline: Instant, as role: Turn.Role, cancellable: Bool, for events: () -> Int = { 1 },
        mark: () -> Void = {}, marksAgain: Bool = false, isDone: () -> Bool
    ) -> Outcome {
        assert(Lock.held == 0)
        ck_gives_up_when_unwound()
        var isPatient = true
        var isMarked = false
        var hasLooked = false
        while true {
            let seen = count
            harvest(as: role)
            if isDone() { return .done }
            if deadline != .never, Instant.now >= deadline { return .timedOut }
            // What threads do may be over in a moment. Not marked yet, so who completes it need not wake anybody.
            let isForThreads = !KernelQueue.hasTransfers
            if !hasLooked {
                hasLooked = true
                if isForThreads, role != .reactor, spin.look(isDone) { continue }
            }
            if !isMarked {
                mark()
                atomicMemoryFence(ordering: .sequentiallyConsistent)
                isMarked = true
                continue
            }
            isMarked = !marksAgain
            if count != seen { continue }
            let began = isForThreads ? Instant.now : .never
            let result: Int
            if isPatient, case let number = events(), maySleep(for: number) {
                result = sleep(for: number, seen, until: deadline, cancellable: cancellable)
                isPatient = result == -Int(EFAULT)
            } else {
                result = sleep(seen, until: deadline, as: role, cancellable: cancellable)
            }
            if isForThreads { spin.slept(since: began) }
            if result == -Int(EINTR) {
                return isDone() ? .done : .interrupted
            }
        }
    }

    /// Sleeps as leader or follower, as it comes. Returns early whenever it likes, -EINTR for a signal.
    private static func sleep(
        _ seen: UInt32, until deadline: Instant, as role: Turn.Role, cancellable: Bool
    ) -> Int {
        guard let context = KernelQueue.context else {
            return follow(seen, until: deadline, cancellable: cancellable)
        }
        let me = thisThread
        let (exchanged, original) = leader.compareExchange(
            expected: 0, desired: me, ordering: .sequentiallyConsistent)
        // A signal handler on top of the leader's own wait leads in its turn; that wait resumes afterwards.
        guard exchanged || original == me else {
            return follow(seen, until: deadline, cancellable: cancellable)
        }
        let type = cancellable ? ck_begin_cancellable() : 0
        // From here on a handler of this thread can only run inside the call that sleeps, which it ends.
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        leaderNumber.store(ThreadExit.watch(), ordering: .relaxed)
        var result = 0
        let now = Instant.now
        let end = min(deadline, now.advanced(by: leaderLooks))
        if deadline > now.advanced(by: exactEnough), deadline != .never {
            KernelQueue.setAlarm(for: deadline, now: now)
        }
        if leader.load(ordering: .sequentiallyConsistent) == me, count == seen, !KernelQueue.hasEvents {
            assert(Lock.held == 0 && SignalMask.areAllBlocked)
            result = context.sleep(until: end, mask)
        }
        if cancellable { ck_end_cancellable(type) }
        // The kernel also gives 0 to who was woken by an event that another thread took.
        if result == 0, wasTold(from: now, until: end, atLeast: kickTakes), Instant.now >= end {
            Statistics.countHealed("the leader slept through a publication")
        }
        if exchanged { stepDown() }
        assert(!exchanged || leader.load(ordering: .relaxed) != me)
        if KernelQueue.hasEvents { harvestBlocked(as: role == .caller ? .leader : role) }
        return result
    }

    // MARK: sleeping for several at once

    /// Whether a thread that needs several completions may sleep until all are there, instead of leading: these are all
    /// that is in flight, so nobody else waits for one.
    private static func maySleep(for count: Int) -> Bool {
        count > 1 && KernelQueue.isAll(count) && leader.load(ordering: .sequentiallyConsistent) == 0 && !hasFollowers
    }

    /// The kernel wakes the thread once, when all are there. Who comes meanwhile, with other requests, leads, and may
    /// take what was meant for this one; so it does not sleep for long, and not twice.
    private static func sleep(for number: Int, _ seen: UInt32, until deadline: Instant, cancellable: Bool) -> Int {
        guard let context = KernelQueue.context else { return 0 }
        let type = cancellable ? ck_begin_cancellable() : 0
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        var result = 0
        if count == seen, !KernelQueue.hasEvents {
            result = context.sleep(until: min(deadline, Instant.now.advanced(by: patience)), mask, for: number)
        }
        if cancellable { ck_end_cancellable(type) }
        if KernelQueue.hasEvents { harvestBlocked(as: .leader) }
        return result
    }

    private static let patience: Int64 = 2_000_000

    /// A thread ends, or leaves its waits unwound: if it led, it leads no more.
    static func threadLeaves() {
        if leader.load(ordering: .sequentiallyConsistent) == thisThread {
            stepDown()
            harvest(as: .caller)
        }
    }

    private static func stepDown() {
        unattendedSince.store(0, ordering: .relaxed)
        _ = leader.compareExchange(expected: thisThread, desired: 0, ordering: .sequentiallyConsistent)
        // Somebody else leads from here on, if anybody waits.
        if hasFollowers { tellFollowers() }
    }

    /// Whether everyone was told while a thread slept from one time to another that was not: so long before the end, as it may have come
    /// to that and not to a processor.
    private static func wasTold(from begin: Instant, until end: Instant, atLeast before: Int64) -> Bool {
        let told = toldAt.load(ordering: .relaxed)
        return told > begin.nanoseconds && told < end.nanoseconds - before
    }

    private static let wakeTakes: Int64 = 50_000_000
    /// On a busy machine: another thread may be about to send it, or to pass it on.
    private static let kickTakes: Int64 = 250_000_000

    private static func follow(_ seen: UInt32, until deadline: Instant, cancellable: Bool) -> Int {
        assert(seen & followed == 0)
        let expected = seen | followed
        let (exchanged, original) = publications.compareExchange(
            expected: seen, desired: expected, ordering: .sequentiallyConsistent)
        guard exchanged || original == expected else { return 0 }
        // The leader may have stepped down before it could see this follower.
        let isLed = leader.load(ordering: .sequentiallyConsistent) != 0
        guard isLed || KernelQueue.context == nil else { return 0 }
        let type = cancellable ? ck_begin_cancellable() : 0
        let now = Instant.now
        let end = min(deadline, now.advanced(by: isLed ? followersLook : leaderLooks))
        let result = Futex.wait(publications, expected, until: end)
        if cancellable { ck_end_cancellable(type) }
        if result == -Int(ETIMEDOUT), count != seen, wasTold(from: now, until: end, atLeast: wakeTakes) {
            Statistics.countHealed("a follower slept through a publication")
        }
        return result
    }

    /// In the child of a fork.
    static func reset() {
        collecting.store(false, ordering: .relaxed)
        leader.store(0, ordering: .relaxed)
        unattendedSince.store(0, ordering: .relaxed)
    }
}
