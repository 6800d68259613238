// From a caller's aiocb to a request in the stack.
//
// What is wrong with the call itself is said by the call, and nothing is queued then: an aiocb that is in
// flight already (EBUSY), aio_reqprio or the sigevent out of range (EINVAL), too many requests (EAGAIN). What
// is wrong with the operation (descriptor, offset, length, buffer) is the request's result, as with the C
// library: programs were written and tested there.

import CKaio
import CKernel
import Synchronization

enum Submission {
    /// More than this no call transfers; the kernel's MAX_RW_COUNT.
    private static let mostBytes = 0x7fff_f000

    /// aio_read, aio_write, aio_fsync: one request. Returns 0 or the errno of the call.
    static func submit(_ user: UserBlock, _ operation: Operation, isVector: Bool = false) -> CInt {
        if user.isInProgress { return EBUSY }
        user.touch()
        let length = isVector ? vectorLength(user) : nil
        guard let notification = Notification(user.event) else { return EINVAL }
        let priority = operation.isSynchronize ? 0 : user.priority
        guard (0...CInt(HoldingQueue.lowestPriority)).contains(priority) else { return EINVAL }
        var isKnownToWait = false
        if operation.isSynchronize {
            let flags = user.descriptor.statusFlags
            if flags < 0 { return CInt(-flags) }
        } else if !isVector {
            switch Express.submit(user, operation, notification, priority) {
            case .over(let error): return error
            case .slow(let known): isKnownToWait = known
            case .slowRequest(let request):
                continueSlowly(request)
                return 0
            }
        }
        Engine.prepare()
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        guard let request = make(notification, priority) else { return EAGAIN }
        request.isKnownToWait = isKnownToWait
        var turn = Turn(.submitter)
        var queue = RequestQueue()
        var known = Known()
        take(request, user, operation, 0, vector: length, &known, &queue, &turn)
        if notification.interrupts(mask) { leaveToWorker(request) }
        run(&queue, &turn)
        return 0
    }

    /// Not in the call; see `Notification.interrupts`. What is direct is the kernel's.
    private static func leaveToWorker(_ request: Request) {
        if !request.file.isDirect { request.isKnownToWait = true }
    }

    /// One of several requests on a connection's file.
    struct Member {
        let user: UserBlock
        let operation: Operation
        let notification: Notification
        var isVector = false
        /// Its data is known not to be in the page cache.
        var isKnownToWait = false
    }

    /// The same for a connection's file, through its stack. Where it fails, nothing is left behind.
    ///
    /// - Parameter waits: also where the descriptor is in non-blocking mode, in which the library has put it.
    static func submit(_ member: Member, through stack: Stack, waits: Bool) -> CInt {
        var error: CInt = 0
        _ = submit(1, through: stack, waits: waits, &error) { _ in member }
        return error
    }

    /// The same for several, in one turn, so that the kernel is given all that it is to have at once. Returns how many were taken,
    /// in their order; where that is less than `count`, `error` is what is wrong with the next.
    static func submit(
        _ count: Int, through stack: Stack, waits: Bool, _ error: inout CInt, _ member: (Int) -> Member
    ) -> Int {
        for index in 0..<count where !member(index).user.isInProgress { member(index).user.touch() }
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        var turn = Turn(.submitter)
        var queue = RequestQueue()
        var known = Known()
        var taken = 0
        while taken < count {
            let member = member(taken)
            guard let request = make(member, &error) else { break }
            take(
                request, member.user, member.operation, 0, vector: member.isVector ? vectorLength(member.user) : nil,
                through: stack, &known, &queue, &turn)
            request.isKnownToWait = member.isKnownToWait
            request.neverBlocks = request.file.statusFlags & O_NONBLOCK != 0
            if waits { request.file.statusFlags &= ~O_NONBLOCK }
            taken += 1
        }
        if taken > 0 { run(&queue, &turn) }
        return taken
    }

    private static func make(_ member: Member, _ error: inout CInt) -> Request? {
        let priority = member.operation.isSynchronize ? 0 : member.user.priority
        if member.user.isInProgress {
            error = EBUSY
        } else if !(0...CInt(HoldingQueue.lowestPriority)).contains(priority) {
            error = EINVAL
        } else if member.operation.isSynchronize, case let flags = member.user.descriptor.statusFlags, flags < 0 {
            error = CInt(-flags)
        } else if let request = make(member.notification, priority, isLent: true) {
            return request
        } else {
            error = EAGAIN
        }
        return nil
    }

    /// A new request, counted in. Nil if there can't be another.
    private static func make(_ notification: Notification, _ priority: CInt, isLent: Bool = false) -> Request? {
        guard Engine.enter(1, isLent: isLent, notifies: notification.isForUs) else { return nil }
        guard notification.kind != .function || Notifier.prepareToCall(), let request = Slab.allocate() else {
            Engine.leave(1)
            return nil
        }
        request.notification = notification
        request.priority = priority
        return request
    }

    /// A request that did not get through on the fast path goes on where that ended, with the file as it is now; the modules
    /// above were told of it.
    private static func continueSlowly(_ request: Request) {
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        var turn = Turn(.submitter)
        var queue = RequestQueue()
        var error: CInt = 0
        if let file = FileFacts(request.descriptor, &error) {
            request.file = file
            request.isFileRemembered = false
            noteFile(of: request, &turn)
            if OpenFiles.mayPass(request, &turn) { queue.append(request) }
        } else {
            turn.complete(request, -Int(error))
        }
        run(&queue, &turn, wasRefused: true)
    }

    /// A transfer that was done in the call, and of which somebody is to be notified by way of a new request.
    static func complete(
        _ request: Request, _ user: UserBlock, _ operation: Operation, _ notification: Notification, _ result: Int
    ) {
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        var turn = Turn(.submitter)
        request.notification = notification
        fill(request, user, operation)
        request.stack = Stack.standard.unsafelyUnwrapped
        turn.complete(request, result)
        turn.finish()
    }

    /// Copies what a request of one buffer needs, and stamps the aiocb.
    @inline(__always)
    static func fill(_ request: Request, _ user: UserBlock, _ operation: Operation) {
        request.user = user
        request.operation = operation
        request.descriptor = user.descriptor
        request.buffer = user.buffer
        request.offset = user.offset
        request.length = user.length
        Statistics.countSubmitted(operation)
        request.appear(on: user.descriptor)
        user.begin(slot: Slab.number(of: request), sequence: request.sequence)
    }

    /// lio_listio. Returns 0 or the errno of the call.
    ///
    /// - Parameters:
    ///   - wait: LIO_WAIT: return when all members are done.
    ///   - event: the list's own notification; ignored with `wait`.
    static func submitList(
        _ members: UnsafePointer<UnsafeMutablePointer<aiocb>?>?, _ count: Int, wait: Bool,
        _ event: UnsafePointer<sigevent>?
    ) -> CInt {
        var listNotification = Notification()
        if !wait, let event {
            guard let valid = Notification(event) else { return EINVAL }
            listNotification = valid
        }
        for index in 0..<count {
            guard let member = members?[index], isMember(member) else { continue }
            if !UserBlock(member).isInProgress { UserBlock(member).touch() }
        }
        Engine.prepare()
        let mask = SignalMask.blockAll()
        var held: Request?
        let error = begin(members, count, wait: wait, listNotification, mask, &held)
        mask.restore()
        guard let list = held else { return error }
        return awaitMembers(list, error)
    }

    /// Submits a list's members. With `wait`, `held` is the list, which the caller has a hold of.
    private static func begin(
        _ members: UnsafePointer<UnsafeMutablePointer<aiocb>?>?, _ length: Int, wait: Bool,
        _ notification: Notification, _ mask: SignalMask, _ held: inout Request?
    ) -> CInt {
        var count = 0
        for index in 0..<length where isMember(members?[index]) { count += 1 }
        // All or nothing: the blocks of the members and of the list itself.
        guard Engine.enter(count + 1, notifies: any(of: members, length, notification, { $0.isForUs })) else {
            return EAGAIN
        }
        if any(of: members, length, notification, { $0.kind == .function }), !Notifier.prepareToCall() {
            Engine.leave(count + 1)
            return EAGAIN
        }
        var blocks = RequestQueue()
        for _ in 0...count {
            if let block = Slab.allocate() {
                blocks.append(block)
                continue
            }
            while let block = blocks.popFirst() { Slab.free(block) }
            Engine.leave(count + 1)
            return EAGAIN
        }
        let list = blocks.popFirst()!
        list.operation = .list
        list.stack = Stack.standard.unsafelyUnwrapped
        list.notification = notification
        list.shared.pending.store(1, ordering: .relaxed)
        Exposure.begin(notification.event)
        var turn = Turn(.submitter)
        var queue = RequestQueue()
        var error: CInt = 0
        var known = Known()
        for index in 0..<length {
            guard let member = members?[index], isMember(member) else { continue }
            let request = blocks.popFirst()!
            if UserBlock(member).isInProgress {
                // In flight already: left as it is.
                error = EIO
                Engine.release(request)
                continue
            }
            addMember(request, UserBlock(member), list, &known, &queue, &turn)
        }
        var last: Request?
        for request in queue {
            if request.notification.interrupts(mask) { leaveToWorker(request) }
            last = request
        }
        if let last, notification.interrupts(mask) { leaveToWorker(last) }
        run(&queue, &turn)
        if wait {
            held = list
        } else {
            _ = Engine.hold()
            Publication.leave(list, &turn)
            Exposure.end(notification.event)
            turn.finish()
            Engine.leave(1)
        }
        return error
    }

    /// Whether the list's own notification or a member's is such a one.
    private static func any(
        of members: UnsafePointer<UnsafeMutablePointer<aiocb>?>?, _ length: Int, _ notification: Notification,
        _ isSuch: (Notification) -> Bool
    ) -> Bool {
        for index in 0..<length where isMember(members?[index]) {
            if Notification(UserBlock(members![index]!).event).map(isSuch) ?? false { return true }
        }
        return isSuch(notification)
    }

    private static func isMember(_ control: UnsafeMutablePointer<aiocb>?) -> Bool {
        control.map { UserBlock($0).listOperation != CInt(LIO_NOP) } ?? false
    }

    /// Makes a request of a list's member. What would be an error of the call in aio_read is the member's own
    /// status here.
    private static func addMember(
        _ request: Request, _ user: UserBlock, _ list: Request, _ known: inout Known, _ queue: inout RequestQueue,
        _ turn: inout Turn
    ) {
        var problem: CInt = 0
        var operation = Operation.read
        switch user.listOperation {
        case CInt(LIO_READ): operation = .read
        case CInt(LIO_WRITE): operation = .write
        default: problem = EINVAL
        }
        if let notification = Notification(user.event) {
            request.notification = notification
        } else {
            problem = EINVAL
        }
        if (0...CInt(HoldingQueue.lowestPriority)).contains(user.priority) {
            request.priority = user.priority
        } else {
            problem = EINVAL
        }
        request.list = list
        list.shared.pending.wrappingAdd(1, ordering: .relaxed)
        take(request, user, operation, problem, &known, &queue, &turn)
    }

    /// What a call has found out about the descriptor that it looked at last.
    private struct Known {
        var descriptor = Descriptor.none
        var file: FileFacts?
        /// Why there are none.
        var error: CInt = 0

        mutating func facts(of other: Descriptor) -> FileFacts? {
            if other != descriptor || file == nil {
                descriptor = other
                file = FileFacts(other, &error)
            }
            return file
        }
    }

    /// LIO_WAIT: waits until only the caller's own hold is left. Not a cancellation point, which POSIX leaves open: the C library's <aio.h>
    /// says of lio_listio that it throws nothing, so a caller's frame that was unwound here might not run its handlers.
    private static func awaitMembers(_ list: Request, _ error: CInt) -> CInt {
        ThreadExit.hold(list)
        let outcome = Waiting.wait(
            until: .never, as: .caller, cancellable: false,
            for: { Int(list.shared.pending.load(ordering: .relaxed)) - 1 },
            mark: { list.shared.isAwaited.store(true, ordering: .relaxed) },
            isDone: { list.shared.pending.load(ordering: .acquiring) == 1 })
        let anyFailed = list.shared.anyFailed.load(ordering: .relaxed)
        if ThreadExit.release(list) { giveUp(list) }
        if outcome == .interrupted { return EINTR }
        return error != 0 ? error : (anyFailed ? EIO : 0)
    }

    /// The caller's hold of a list ends, also when its thread does; see `ThreadExit`.
    static func giveUp(_ list: Request) {
        let mask = SignalMask.blockAll()
        var turn = Turn(.caller)
        Publication.leave(list, &turn)
        mask.restore()
    }

    /// Copies what the request needs and stamps the aiocb; `vector`: the bytes of several buffers. What can't work, for a reason already known or found
    /// now, is complete at once.
    private static func take(
        _ request: Request, _ user: UserBlock, _ operation: Operation, _ error: CInt,
        vector: Int? = nil, through stack: Stack? = nil, _ known: inout Known, _ queue: inout RequestQueue,
        _ turn: inout Turn
    ) {
        request.user = user
        request.operation = operation
        request.descriptor = user.descriptor
        Statistics.countSubmitted(operation)
        if !operation.isSynchronize {
            request.buffer = user.buffer
            request.offset = user.offset
        }
        let length = operation.isSynchronize ? 0 : (vector ?? user.length)
        request.length = min(length, mostBytes)
        if vector != nil { request.vectorCount = user.length }
        request.appear(on: request.descriptor)
        user.begin(slot: Slab.number(of: request), sequence: request.sequence)
        let problem = error != 0 ? error : check(request, length: length, &known)
        let file = request.file
        request.stack = stack ?? Services.stack(of: request.descriptor, file)
        if problem == 0 { noteFile(of: request, &turn) }
        // What has several buffers and no byte in them does nothing, as with readv and writev, whatever the file is.
        if problem == 0, vector != 0 {
            if OpenFiles.mayPass(request, &turn) { queue.append(request) }
        } else {
            turn.complete(request, -Int(problem))
        }
    }

    @inline(__always)
    private static func noteFile(of request: Request, _ turn: inout Turn) {
        guard request.stack.hearsOfFiles else { return }
        let file = OpenFiles.use(request.descriptor, request.file, request.stack, &turn)
        request.openFileWord = file?.word ?? 0
    }

    /// The bytes of all buffers; below zero where the count or the sum is out of range.
    private static func vectorLength(_ user: UserBlock) -> Int {
        if user.length == 0 { return 0 }
        guard (1...mostBuffers).contains(user.length), let buffer = user.buffer else { return -1 }
        let vector = buffer.assumingMemoryBound(to: iovec.self)
        var length = 0
        for index in 0..<user.length {
            let (sum, overflow) = length.addingReportingOverflow(vector[index].iov_len)
            if overflow || vector[index].iov_len < 0 { return -1 }
            length = sum
        }
        return length
    }

    /// IOV_MAX.
    private static let mostBuffers = 1024

    private static func check(_ request: Request, length: Int, _ known: inout Known) -> CInt {
        // aio_nbytes is unsigned; beyond SSIZE_MAX it is below zero here.
        if length < 0 || request.offset < 0 { return EINVAL }
        guard let file = known.facts(of: request.descriptor) else { return known.error }
        request.file = file
        KnownFiles.correct(request.descriptor, file)
        // Where the kernel says EINVAL of some kinds of files and these of others.
        if file.kind == .file, length > 0, request.offset.addingReportingOverflow(length).overflow {
            return request.operation == .read ? EOVERFLOW : EFBIG
        }
        switch request.operation {
        case .read: return file.isReadable ? 0 : EBADF
        case .write: return file.isWritable ? 0 : EBADF
        case .synchronize, .synchronizeData, .list, .work: return 0
        }
    }

    private static func run(_ queue: inout RequestQueue, _ turn: inout Turn, wasRefused: Bool = false) {
        _ = Engine.hold()
        if wasRefused {
            if let one = queue.first { turn.handOn(&queue, below: Int(one.position) - 1) }
            KernelQueue.submitOthers(&turn)
        } else {
            turn.begin(&queue)
        }
        turn.finishAndHarvest()
        Engine.leave(1)
    }
}
