// aio_poll: pipes, FIFOs, sockets, terminals, eventfds and their kin. No thread waits for them: the kernel says when the
// descriptor is ready (IOCB_CMD_POLL, in the same ring as the transfers), and a transfer that does not wait follows.
//
//     vfs objects = ordered aio_linux aio_poll aio_pthread
//
// The descriptor stays in blocking mode: the transfer itself asks not to wait (MSG_DONTWAIT of a socket, else RWF_NOWAIT),
// or a worker does it when it need not, piece by piece, and gives the request back if it would (`takeBack`). On a
// descriptor in non-blocking mode nothing waits either: what would block ends with EAGAIN, as the plain call does. A write
// on a blocking one is written whole. What a blocking call would do next, `StreamStep` says. What can't be polled goes on to
// the workers, to wait there.
//
// The polls get half of the ring, so that the transfers have room too. Beyond that many, and where the kernel has no AIO, or
// must not be asked to give a poll up, the
// reactor watches the descriptors in its epoll. So it does with what the kernel's AIO polls not, since it has two queues
// for those who wait (a terminal, a FIFO opened for both directions), or not rightly (a signalfd); with what waits until a
// time; and with what was ready and gave EAGAIN: polled again it might be ready again, for ever, so only the next change
// counts (EPOLLET). A FIFO or terminal does not know RWF_NOWAIT, so one that a connection opened is in non-blocking mode
// (`Place.open`), and its requests wait all the same (`neverBlocks`).
//
// Invariant: a request that waits here is exposed (see `Exposure`), and `polled`. It belongs to whoever, under `lock`, makes that
// `trying` or `held`: who has its event, or who cancels it, which can't be while it is `registering` or `trying`. So it is over at
// once when it is cancelled: a poll touches no buffer. The kernel, which gives the poll up when it has time to, has a token of the
// request only (`Slab.token`). One that the reactor watches stays in the epoll while it is tried, and what happens meanwhile makes
// it `again`.

import CKernel
import Synchronization

final class AIOPoll: Module {
    private struct State: ~Copyable {
        let lock = Lock()
    }

    /// Polls in the kernel, of all stacks: they must leave room in the ring for the transfers.
    private static let polls = Atomic<Int>(0)

    let name: StaticString = "aio_poll"
    private let position: Int
    private let state: UnsafeMutablePointer<State>

    init(position: Int) {
        self.position = position
        state = .allocate(capacity: 1)
        state.initialize(to: State())
    }

    deinit { state.deallocate() }

    func reset() { state.pointee.lock.reset() }

    /// In the child of a fork, of what all stacks share.
    static func resetAll() { polls.store(0, ordering: .relaxed) }

    // MARK: Module

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        var others = RequestQueue()
        while let request = requests.popFirst() {
            let isTransfer = request.operation == .read || request.operation == .write
            if isTransfer, request.file.isStream {
                // It has waited above: the number may be another file's by now.
                let hasWaited = request.isExposed
                Exposure.begin(request)
                attempt(request, hasWaited ? .turn : .submission, &turn)
            } else {
                others.append(request)
            }
        }
        turn.handOn(&others, below: position)
    }

    /// Has a request's own stack do something, if it is not over.
    private static func visit(_ token: UInt64, _ body: (AIOPoll, RequestIdentity) -> Void) {
        guard let request = Slab.identity(of: token), let stack = request.request.stackIfAny, stack.enter(for: request)
        else { return }
        if let position = stack.position(of: "aio_poll"), let module = stack[position] as? AIOPoll {
            body(module, request)
        }
        stack.leave()
    }

    /// The event of a poll came out of the ring.
    static func harvested(_ token: UInt64, _ result: Int, _ turn: inout Turn) {
        polls.wrappingSubtract(1, ordering: .relaxed)
        visit(token) { $0.arrived($1, result, &turn) }
    }

    /// The reactor saw that the descriptor of a request is ready, or its time came.
    /// - Parameter isLost: it is not in the epoll any more, as its descriptor was closed by a call that did not come by here.
    static func ready(_ token: UInt64, isAlarm: Bool, isLost: Bool = false, _ turn: inout Turn) {
        visit(token) { $0.ready($1, isAlarm: isAlarm, isLost: isLost, &turn) }
    }

    private func ready(_ identity: RequestIdentity, isAlarm: Bool, isLost: Bool, _ turn: inout Turn) {
        let request = identity.request
        state.pointee.lock.lock()
        var isMine = false
        switch identity.state {
        case .polled where request.isWatched, .registering where request.isWatched:
            request.become(.trying)
            isMine = true
        case .trying: request.become(.again)
        default: break
        }
        state.pointee.lock.unlock()
        guard isMine else { return }
        Timers.clearAlarm(request)
        // What has no file can't be told from another under the same number.
        if isLost, request.file.kind == .event { return complete(request, -Int(ECANCELED), &turn) }
        attempt(request, isAlarm ? .turn : .readiness, &turn)
    }

    /// A worker that was to do the transfer step by step would have to wait.
    static func takeBack(_ request: Request, _ turn: inout Turn) {
        let stack = request.stack
        stack.enter()
        if let position = stack.position(of: "aio_poll"), let module = stack[position] as? AIOPoll {
            request.position = UInt8(truncatingIfNeeded: position)
            request.isStepwise = false
            module.attempt(request, .turn, &turn)
        }
        stack.leave()
    }

    private func arrived(_ identity: RequestIdentity, _ result: Int, _ turn: inout Turn) {
        let request = identity.request
        state.pointee.lock.lock()
        let now = identity.state
        let isMine = (now == .polled || now == .registering) && !request.isWatched
        if isMine { request.become(.held) }
        state.pointee.lock.unlock()
        guard isMine else { return }
        if result == -Int(EBADF) {
            complete(request, result, &turn)
        } else if result < 0 {
            // It can't be polled there: a terminal, say.
            request.mustBeWatched = true
            attempt(request, .turn, &turn)
        } else {
            attempt(request, .readiness, &turn)
        }
    }

    func cancel(_ identity: RequestIdentity, force: Bool, _ turn: inout Turn) -> CancelOutcome {
        let request = identity.request
        state.pointee.lock.lock()
        let canBe = identity.whereabouts.map { $0.state == .polled && (force || !$0.isInProgressForGood) } ?? false
        if canBe { request.become(.held) }
        state.pointee.lock.unlock()
        guard canBe else { return .no }
        if request.isWatched { unwatch(request) } else { KernelQueue.giveUp(request) }
        return .taken
    }

    // MARK: transfers

    /// Why a transfer is tried.
    private enum Cause {
        /// By the call that submits it.
        case submission
        /// It is the request's turn, or its time is up.
        case turn
        /// The descriptor is ready, or was a moment ago.
        case readiness
    }

    /// Transfers what can be transferred now; waits for the rest.
    private func attempt(_ request: Request, _ cause: Cause, _ turn: inout Turn) {
        if cause != .submission, case let problem = request.fileProblem, problem != 0 {
            return complete(request, problem, &turn)
        }
        let isNonBlocking = request.file.statusFlags & O_NONBLOCK != 0
        if request.length == 0, request.vectorCount == 0 {
            // The driver may have a word to say: `preadv2` would not ask it.
            if request.file.kind != .socket { return pass(request, &turn) }
            if request.operation == .read { return complete(request, 0, &turn) }
        }
        while true {
            switch isNonBlocking ? .transfer(.max) : request.nextStep() {
            case .over(let result): return complete(request, result, &turn)
            case .unknown: return giveUp(request, &turn)
            case .wait(let time):
                request.beginTimeOfSocket()
                if wait(request, until: min(time, request.deadline), cause, &turn) { return }
            case .transfer(let most):
                if request.needsWorker {
                    if isNonBlocking { return giveUp(request, &turn) }
                    request.isStepwise = true
                    return pass(request, &turn)
                }
                request.most = most
                let result = again { transferNow(request) }
                switch result {
                case -Int(EOPNOTSUPP) where !request.cannotAskNotToWait,
                    -Int(ENOSYS) where !request.cannotAskNotToWait,
                    -Int(EPERM) where !request.cannotAskNotToWait:
                    // Or a sandbox refuses the call.
                    request.cannotAskNotToWait = true
                case -Int(EAGAIN):
                    if isNonBlocking || request.isOverdue { return complete(request, -Int(EAGAIN), &turn) }
                    if cause == .readiness, request.isShutDown {
                        let last = again { transferNow(request) }
                        return complete(request, last == -Int(EAGAIN) ? 0 : last, &turn)
                    }
                    request.beginTimeOfSocket()
                    if wait(request, until: request.deadline, cause, &turn) { return }
                case 1...
                where request.operation == .write && result < request.remainingLength && !isNonBlocking:
                    request.transferred += result
                    request.continueTimeOfSocket()
                    request.beginTimeOfSocket()
                    if request.isWatched { Reactor.watchAnew(request) }
                    if wait(request, until: request.deadline, .turn, &turn) { return }
                default: return complete(request, result, &turn)
                }
            }
        }
    }

    private func complete(_ request: Request, _ result: Int, _ turn: inout Turn) {
        unwatch(request)
        let before = request.transferred
        Statistics.count(Statistics.ranByPoll, by: request)
        turn.complete(request, result >= 0 ? before + result : (before > 0 ? before : result))
    }

    private func giveUp(_ request: Request, _ turn: inout Turn) {
        Decision.cannotPoll.tell()
        pass(request, &turn)
    }

    private func pass(_ request: Request, _ turn: inout Turn) {
        unwatch(request)
        request.most = .max
        turn.handOn(request, below: position)
    }

    /// One transfer that does not wait, at the stream's own place. Raises no SIGPIPE.
    private func transferNow(_ request: Request) -> Int {
        let descriptor = Int(request.descriptor.number)
        let isRead = request.operation == .read
        return request.withRemainingBuffers { buffers, count in
            if request.file.kind == .socket {
                var message = msghdr()
                message.msg_iov = UnsafeMutablePointer(mutating: buffers)
                message.msg_iovlen = count
                if isRead { return systemCall(SYS_recvmsg, descriptor, address(&message), AIOPoll.dontWait) }
                let end = request.socketOption(SO_TYPE) == AIOPoll.sequentialPackets ? AIOPoll.endOfRecord : 0
                return systemCall(
                    SYS_sendmsg, descriptor, address(&message), AIOPoll.dontWait | AIOPoll.noSignal | end)
            }
            let flags = request.neverBlocks ? 0 : AIOPoll.noWait
            if isRead { return systemCall(SYS_preadv2, descriptor, address(buffers), count, -1, -1, flags) }
            let wasPending = SignalMask.isPending(SIGPIPE)
            let result = systemCall(SYS_pwritev2, descriptor, address(buffers), count, -1, -1, flags)
            if result == -Int(EPIPE), !wasPending { SignalMask.takePending(SIGPIPE) }
            return result
        }
    }

    /// RWF_NOWAIT; MSG_DONTWAIT, MSG_NOSIGNAL and MSG_EOR, which `write` has for a SOCK_SEQPACKET too.
    private static let noWait = 8
    private static let (dontWait, noSignal, endOfRecord, sequentialPackets) = (0x40, 0x4000, 0x80, 5)

    // MARK: waiting

    /// Keeps a request until its descriptor is ready, or until a time. False: look again; something happened meanwhile, or it
    /// can't be kept.
    private func wait(_ request: Request, until time: Instant, _ cause: Cause, _ turn: inout Turn) -> Bool {
        if request.isWatched { return settle(request.identity, nil, until: time, &turn) }
        // Ready in vain: the ring might say so for ever.
        if time != .never || cause == .readiness || request.file.kind == .event {
            request.mustBeWatched = true
        }
        let polls = AIOPoll.polls.wrappingAdd(1, ordering: .relaxed).newValue
        guard !request.mustBeWatched, Engine.openKernel(), polls <= KernelQueue.roomForPolls else {
            AIOPoll.polls.wrappingSubtract(1, ordering: .relaxed)
            return watch(request, until: time, &turn)
        }
        let isRead = request.operation == .read
        request.iocb = iocb(polling: request.descriptor, for: isRead ? POLLIN : POLLOUT)
        request.iocb.aio_data = Slab.token(of: request)
        request.setEvent(Reactor.completions)
        let identity = request.identity
        let round = register(request)
        // From here on it may be anybody's, or over.
        let isSubmitted = KernelQueue.submitPoll(request)
        state.pointee.lock.lock()
        if isRegistering(identity, round) { isSubmitted ? becomePolled(request) : request.become(.held) }
        state.pointee.lock.unlock()
        if isSubmitted { return true }
        // No room, or it can't be polled there.
        AIOPoll.polls.wrappingSubtract(1, ordering: .relaxed)
        return watch(request, until: time, &turn)
    }

    private func register(_ request: Request) -> UInt32 {
        state.pointee.lock.lock()
        defer { state.pointee.lock.unlock() }
        request.pollRound &+= 1
        request.become(.registering)
        return request.pollRound
    }

    /// Whether nobody has taken it since this round began. Under the lock.
    private func isRegistering(_ identity: RequestIdentity, _ round: UInt32) -> Bool {
        identity.state == .registering && identity.request.pollRound == round
    }

    /// Under the lock.
    private func becomePolled(_ request: Request) {
        request.become(.polled, level: request.operation == .write ? 1 : 0)
    }

    /// Has the reactor call `ready`; where it can't, a worker waits.
    private func watch(_ request: Request, until time: Instant, _ turn: inout Turn) -> Bool {
        let identity = request.identity
        request.isWatched = true
        let round = register(request)
        if Reactor.watch(request) { return settle(identity, round, until: time, &turn) }
        request.isWatched = false
        request.become(.held)
        giveUp(request, &turn)
        return true
    }

    /// A request that the reactor watches has been tried in vain, or is just watched, since this `round`. False if something
    /// happened meanwhile.
    private func settle(
        _ identity: RequestIdentity, _ round: UInt32?, until time: Instant, _ turn: inout Turn
    ) -> Bool {
        let request = identity.request
        state.pointee.lock.lock()
        // Else the reactor was faster, and has it.
        let isMine = round.map { isRegistering(identity, $0) } ?? (request.state == .trying)
        let isAgain = round == nil && !isMine
        var hasTimer = true
        if isAgain {
            request.become(.trying)
        } else if isMine {
            hasTimer = time == .never || Timers.setAlarm(request, at: time, Slab.token(of: request))
            hasTimer ? becomePolled(request) : request.become(.held)
        }
        state.pointee.lock.unlock()
        if !hasTimer { giveUp(request, &turn) }
        return !isAgain
    }

    /// The request does not wait any more, if it did.
    private func unwatch(_ request: Request) {
        guard request.isWatched else { return }
        state.pointee.lock.lock()
        if request.state != .held { request.become(.held) }
        request.isWatched = false
        state.pointee.lock.unlock()
        Timers.clearAlarm(request)
        Reactor.stopWatching(request)
    }
}

extension AIOPoll {
    static var entry: ModuleEntry {
        ModuleEntry(
            name: "aio_poll", side: .below, make: { position, _ in AIOPoll(position: position) }, reset: resetAll)
    }
}
