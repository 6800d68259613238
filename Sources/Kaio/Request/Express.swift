// The short way of a request: what the kernel can do at once, or can be given at once, where nothing is in the way.
//
// Most requests are such: a read of what is in the page cache is done in the call, like a plain read that may not wait
// (preadv2 with RWF_NOWAIT); a transfer of an O_DIRECT file that overlaps no other goes into the ring. No lock is taken
// and no memory allocated, so no signal has to be blocked, and the descriptor is not asked for again each time
// (`KnownFiles`). All else goes the ordinary way, through the modules. The modules of the standard stack have a word in
// this: what `ordered` would hold is not taken (`OrderedCells`), and `aio_linux` says what the kernel is asked. Modules
// that only watch are told (`Passage.watches`), and those that have nothing to do with requests are passed by; a stack
// with any other module above `aio_linux` has no short way.

import CKernel

enum Express {
    /// Which of a stack's modules are passed this way.
    enum Lane {
        /// None: there is no short way.
        case none
        /// `aio_linux` at the top.
        case kernel
        /// `ordered`, then `aio_linux`.
        case orderedKernel
    }

    /// What is done in the call is no longer than this, so that what takes long is in progress meanwhile; nor has
    /// `OrderedCells` room for more.
    private static let most = 128 << 10

    enum Answer {
        /// The call is over: 0 or its errno.
        case over(CInt)
        /// The ordinary way; a read whose data is known not to be in the cache need not be tried without waiting.
        case ordinary(isKnownToWait: Bool)
        /// The same for a request that was made already.
        case ordinaryRequest(Request)
    }

    /// Submits a read or write of one buffer, of which all that the call must check is checked.
    @inline(__always)
    static func submit(
        _ user: UserBlock, _ operation: Operation, _ notification: Notification, _ priority: CInt
    ) -> Answer {
        guard Engine.isPrepared, Services.mayBeShort else { return .ordinary(isKnownToWait: false) }
        let (length, offset) = (user.length, user.offset)
        guard length > 0, length <= most, offset >= 0, offset <= Int.max - length,
            let file = KnownFiles.facts(of: user.descriptor), file.kind == .file,
            case let stack = Services.stack(of: user.descriptor, file), case let way = stack.shortWay(of: operation),
            way.lane != .none
        else { return .ordinary(isKnownToWait: false) }
        let isWrite = operation == .write
        if AIOLinux.isDoneInCall(file, length, isWrite: isWrite) {
            guard isWrite ? file.isWritable : file.isReadable,
                way.lane == .kernel || OrderedCells.isClear(file, offset, offset + length, isWrite: isWrite)
            else { return .ordinary(isKnownToWait: false) }
            return transfer(user, operation, file, notification, stack, way)
        }
        guard file.isDirect, isWrite ? AIOLinux.mayWrite(file, user.descriptor, offset + length) : file.isReadable,
            AIOLinux.knowsNoWait(file, operation), KernelQueue.hasRoom,
            // Where a leader gets what the kernel refuses, what is remembered can't be put right.
            !Waiting.hasLeader || FileFacts(user.descriptor).map({ $0.isSameFile(as: file) }) ?? false,
            !notification.needsUs || Reactor.isRunning, let request = allocate()
        else { return .ordinary(isKnownToWait: false) }
        request.block.pointee.notification = notification
        request.block.pointee.priority = priority
        request.block.pointee.file = file
        request.block.pointee.isFileRemembered = true
        request.block.pointee.stack = stack
        Submission.fill(request, user, operation)
        return give(request, way)
    }

    // MARK: into the ring

    @inline(__always)
    private static func give(_ request: Request, _ way: Stack.ShortWay) -> Answer {
        request.block.pointee.position = UInt8(truncatingIfNeeded: request.stack.kernel)
        let watchers = way.watchers
        if watchers != 0 { begin(request, watchers) }
        if way.lane == .orderedKernel {
            request.block.pointee.watchers |= way.ordered
            guard OrderedCells.enter(request) else { return .ordinaryRequest(request) }
        }
        AIOLinux.prepare(request)
        let sequence = request.sequence
        let before = KernelQueue.tail
        guard KernelQueue.submitOne(request) else { return .ordinaryRequest(request) }
        // What the kernel did or refused at once is brought further at once.
        if KernelQueue.tail != before { Waiting.harvestSubmitted(sequence) }
        return .over(0)
    }

    @inline(never)
    private static func begin(_ request: Request, _ watchers: UInt16) {
        request.block.pointee.watchers |= watchers
        for position in 0..<request.stack.kernel where watchers & 1 << UInt16(position) != 0 {
            request.stack[position].begins(request)
        }
    }

    /// Whether a request of which the kernel transferred as much as its length was `aio_linux`'s, and all of it.
    @inline(__always)
    static func isAllDone(_ request: Request) -> Bool {
        Int(request.block.pointee.position) == request.stack.kernel
            && request.block.pointee.transferred == 0
    }

    // MARK: in the call

    private static func transfer(
        _ user: UserBlock, _ operation: Operation, _ file: FileFacts, _ notification: Notification, _ stack: Stack,
        _ way: Stack.ShortWay
    ) -> Answer {
        // Who is to be notified needs a control block. Where there is none, nothing may be done: the call fails.
        let messenger = notification.kind == .none ? nil : allocate()
        if notification.kind != .none, messenger == nil { return .ordinary(isKnownToWait: false) }
        var buffer = iovec(iov_base: user.buffer, iov_len: user.length)
        let watchers = way.watchers
        let started = file.isDirect || watchers != 0 ? Instant.now : .never
        let result = systemCall(
            operation == .read ? SYS_preadv2 : SYS_pwritev2, Int(user.descriptor.number), address(&buffer), 1,
            user.offset, 0, file.isDirect ? 0 : Int(AIOLinux.noWait))
        if file.isDirect { Devices.tookInCall(file.device, Instant.now.nanoseconds - started.nanoseconds) }
        // Once for each device, so the descriptor may be looked at.
        if result == -Int(EOPNOTSUPP), let now = FileFacts(user.descriptor), now.isSameFile(as: file) {
            AIOLinux.learn(now, operation)
        }
        guard result == user.length || result >= 0 && isAtEnd(user, result) else {
            if let messenger { Engine.release(messenger) }
            return .ordinary(isKnownToWait: result == -Int(EAGAIN))
        }
        Statistics.count(Statistics.ranInKernel)
        if watchers != 0 {
            let outcome = Outcome(
                operation: operation, descriptor: user.descriptor, file: file, offset: user.offset,
                length: user.length, result: result)
            tell(outcome, since: started, stack, watchers)
        }
        if let messenger {
            Submission.complete(messenger, user, operation, notification, result)
            return .over(0)
        }
        Engine.stampRequest()
        Statistics.countSubmitted(operation)
        Statistics.countInFlight(1)
        Statistics.countCompleted(operation, result)
        user.publishAtOnce(result)
        Waiting.tellCollectors()
        return .over(0)
    }

    /// A request that is counted in; nil where the engine is down, or there is no room.
    @inline(__always)
    private static func allocate() -> Request? {
        guard Engine.enterIfUp() else { return nil }
        if let request = Slab.allocate() { return request }
        Engine.leave(1)
        return nil
    }

    @inline(never)
    private static func tell(_ outcome: Outcome, since begin: Instant, _ stack: Stack, _ watchers: UInt16) {
        for position in 0..<stack.kernel where watchers & 1 << UInt16(position) != 0 {
            stack[position].isOver(outcome, since: begin)
        }
    }

    /// Whether a read that gave less than was asked for gave all there is.
    private static func isAtEnd(_ user: UserBlock, _ result: Int) -> Bool {
        result == 0 || FileFacts(user.descriptor).map { user.offset + result >= $0.size } ?? false
    }
}
