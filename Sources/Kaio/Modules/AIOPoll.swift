// aio_poll: pipes, FIFOs, sockets, terminals, eventfds. No thread waits for them: the kernel says when the
// descriptor is ready (IOCB_CMD_POLL, in the same ring as the transfers), and a transfer that does not wait follows.
//
//     vfs objects = ordered aio_linux aio_poll aio_pthread
//
// The descriptor stays in blocking mode: the transfer itself asks not to wait (RWF_NOWAIT). On a descriptor in
// non-blocking mode nothing waits either: what would block ends with EAGAIN, as the plain call does. A write on a
// blocking one is written whole. What can't be polled, or can't be asked not to wait, goes on to the workers.
//
// The polls get half of the ring, so that the transfers have room too; beyond that many, the reactor watches the
// descriptors in its epoll, and so it does with what the kernel's AIO polls not, since it has two queues for those who wait:
// a terminal, a FIFO opened for both directions. A FIFO or terminal does not know RWF_NOWAIT, so one that a connection
// opened is in non-blocking mode (`Place.open`), and its requests poll all the same (`neverBlocks`).
//
// Invariant: a request that waits here is in the kernel as a poll, exposed (see `Exposure`), and its `pollState`
// is `waiting`; who cancels it makes that `cancelling`, under `lock`, and asks the kernel to give the poll up. Its
// event then brings it back in any case, and only then its control block is free. One that the reactor watches
// instead belongs to whoever, under `lock`, makes its state `none`: the reactor, or who cancels it, which can't be while it
// is `registering`.

import CKernel
import Synchronization

/// Where a request is between its poll and its event. `registering`: the reactor's epoll is about to have it.
enum PollState: UInt8 {
    case none, waiting, cancelling, registering
}

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
            let isTransfer = request.block.pointee.operation == .read || request.block.pointee.operation == .write
            if isTransfer, request.block.pointee.file.kind == .stream, KernelQueue.context != nil {
                // It has waited above: the number may be another file's by now.
                let hasWaited = request.block.pointee.isExposed
                Exposure.begin(request)
                request.block.pointee.staysExposed = true
                attempt(request, isFirst: !hasWaited, &turn)
            } else {
                others.append(request)
            }
        }
        turn.handOn(&others, below: position)
    }

    func harvested(_ request: Request, _ result: Int, _ turn: inout Turn) {
        AIOPoll.polls.wrappingSubtract(1, ordering: .relaxed)
        state.pointee.lock.lock()
        let isCancelled = request.pollState == .cancelling
        // Who cancels waits until that is published, and till then sees it here.
        if !isCancelled { request.pollState = .none }
        state.pointee.lock.unlock()
        arrived(request, result, isCancelled, &turn)
    }

    /// The reactor saw that the descriptor of a request is ready. The request may be gone by now.
    func ready(_ request: Request, _ sequence: UInt64, _ turn: inout Turn) {
        state.pointee.lock.lock()
        let isThere = request.pollState == .waiting || request.pollState == .registering
        let isMeant = request.sequence == sequence && isThere && request.block.pointee.isWatched
        if isMeant { request.pollState = .none }
        state.pointee.lock.unlock()
        guard isMeant else { return }
        Reactor.stopWatching(request)
        arrived(request, 0, false, &turn)
    }

    private func arrived(_ request: Request, _ result: Int, _ isCancelled: Bool, _ turn: inout Turn) {
        if isCancelled {
            complete(request, -Int(ECANCELED), &turn)
        } else if result == -Int(EBADF) {
            complete(request, result, &turn)
        } else if result < 0 {
            // It can't be polled: a terminal, say.
            if !watch(request) { giveUp(request, &turn) }
        } else {
            attempt(request, isFirst: false, &turn)
        }
    }

    func cancel(_ request: Request, _ sequence: UInt64, force: Bool, _ turn: inout Turn) -> CancelOutcome {
        if KernelQueue.withdraw(request, sequence, position: position) {
            AIOPoll.polls.wrappingSubtract(1, ordering: .relaxed)
            request.pollState = .none
            return .taken
        }
        state.pointee.lock.lock()
        // The write at the head of a stream's queue is in progress: part of it may be on its way.
        let canBe =
            request.sequence == sequence && request.pollState == .waiting
            && (force || request.block.pointee.operation == .read)
        let isWatched = canBe && request.block.pointee.isWatched
        if canBe { request.pollState = isWatched ? .none : .cancelling }
        state.pointee.lock.unlock()
        guard canBe else { return .no }
        if isWatched {
            Reactor.stopWatching(request)
            return .taken
        }
        // If its event is on its way already, that one ends it.
        KernelQueue.giveUp(request)
        return .soon
    }

    // MARK: transfers

    /// Transfers what can be transferred now; polls for the rest.
    private func attempt(_ request: Request, isFirst: Bool, _ turn: inout Turn) {
        if !isFirst {
            guard request.isOnItsFile else { return complete(request, -Int(ECANCELED), &turn) }
            if request.block.pointee.cannotAskNotToWait { return giveUp(request, &turn) }
        }
        let result = transferNow(request)
        let isNonBlocking = request.block.pointee.file.statusFlags & O_NONBLOCK != 0
        switch result {
        case -Int(EOPNOTSUPP):
            request.block.pointee.cannotAskNotToWait = true
            if isNonBlocking { giveUp(request, &turn) } else { poll(request, &turn) }
        case -Int(EAGAIN), -Int(EINTR):
            if isNonBlocking { complete(request, -Int(EAGAIN), &turn) } else { poll(request, &turn) }
        case 1... where request.block.pointee.operation == .write && result < request.remainingLength && !isNonBlocking:
            request.block.pointee.transferred += result
            poll(request, &turn)
        default:
            complete(request, result, &turn)
        }
    }

    private func complete(_ request: Request, _ result: Int, _ turn: inout Turn) {
        let before = request.block.pointee.transferred
        Statistics.count(Statistics.ranByPoll)
        turn.complete(request, result >= 0 ? before + result : (before > 0 ? before : result))
    }

    private func giveUp(_ request: Request, _ turn: inout Turn) {
        Decision.cannotPoll.tell()
        request.block.pointee.staysExposed = false
        turn.handOn(request, below: position)
    }

    /// One transfer that does not wait, at the stream's own place. Raises no SIGPIPE.
    private func transferNow(_ request: Request) -> Int {
        let descriptor = Int(request.block.pointee.descriptor.number)
        let flags = request.block.pointee.neverBlocks ? 0 : AIOPoll.noWait
        return request.withRemainingBuffers { buffers, count in
            if request.block.pointee.operation == .read {
                return systemCall(SYS_preadv2, descriptor, address(buffers), count, -1, -1, flags)
            }
            let wasPending = SignalMask.isPending(SIGPIPE)
            let result = systemCall(SYS_pwritev2, descriptor, address(buffers), count, -1, -1, flags)
            if result == -Int(EPIPE), !wasPending { SignalMask.takePending(SIGPIPE) }
            return result
        }
    }

    private static let noWait = 8

    private func poll(_ request: Request, _ turn: inout Turn) {
        let isRead = request.block.pointee.operation == .read
        let polls = AIOPoll.polls.wrappingAdd(1, ordering: .relaxed).newValue
        guard polls <= KernelQueue.roomForPolls else {
            AIOPoll.polls.wrappingSubtract(1, ordering: .relaxed)
            if !watch(request) { giveUp(request, &turn) }
            return
        }
        request.block.pointee.isWatched = false
        request.block.pointee.iocb = iocb(polling: request.block.pointee.descriptor, for: isRead ? POLLIN : POLLOUT)
        request.block.pointee.iocb.data = UnsafeMutableRawPointer(request.block)
        // Data is to flow whether or not a caller looks.
        request.signalCompletionEvent()
        request.pollState = .waiting
        var one = RequestQueue()
        one.append(request)
        KernelQueue.submit(&one, &turn)
    }

    /// Has the reactor call `ready`. False where it can't: the request is still the caller's then.
    private func watch(_ request: Request) -> Bool {
        let isRead = request.block.pointee.operation == .read
        let sequence = request.sequence
        request.block.pointee.isWatched = true
        request.pollState = .registering
        let isWatched = Reactor.watch(request, for: isRead ? EPOLLIN.rawValue : EPOLLOUT.rawValue)
        state.pointee.lock.lock()
        // Else the reactor was faster.
        if request.sequence == sequence, request.pollState == .registering {
            request.pollState = isWatched ? .waiting : .none
        }
        state.pointee.lock.unlock()
        return isWatched
    }
}

extension Request {
    fileprivate(set) var pollState: PollState {
        get { PollState(rawValue: block.pointee.poll.load(ordering: .acquiring)) ?? .none }
        nonmutating set { block.pointee.poll.store(newValue.rawValue, ordering: .releasing) }
    }
}
