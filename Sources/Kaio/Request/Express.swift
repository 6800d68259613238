// The fast path of a request: what a module can do at once, in the call, or the kernel can be given at once, where nothing is in
// the way.
//
// Most requests are such: a read of what is in the page cache is done in the call, like a plain read that may not wait
// (preadv2 with RWF_NOWAIT); a transfer of an O_DIRECT file that overlaps no other goes into the ring. No lock is taken
// and no memory allocated, so no signal has to be blocked, and the descriptor is not asked for again each time
// (`KnownFiles`). All else takes the slow path, through the modules. Which modules have a word in this, they say themselves
// (`Module.passage`): from the top each that answers is asked, those that observe are told, those that let requests pass are
// passed by, and with one that wants each request itself the fast path ends.

import CKernel

/// A read or write of one buffer of a file that might be done at once, before there is a request. Signals are open.
struct Attempt {
    let user: UserBlock
    let descriptor: Descriptor
    let operation: Operation
    /// Of the completion somebody has to be notified by the library.
    let needsUs: Bool
    /// As it was a few milliseconds ago; the number may be another file's by now.
    let file: FileFacts
    let buffer: UnsafeMutableRawPointer?
    let offset: Int
    let length: Int
    /// When `file` was known.
    let time: Instant

    var isWrite: Bool { operation == .write }
    var end: Int { offset + length }
    /// For a module that answers from its own memory.
    var isStillOnItsFile: Bool { file.isStill(descriptor) }
    /// See `Request.openFile`.
    var openFile: OpenFile? { OpenFile(word: KnownFiles.file(of: descriptor)) }
}

/// What a module says to an `Attempt`.
struct FastAnswer {
    fileprivate let value: Int

    /// Nothing of this module's is in the way.
    static var goOn: FastAnswer { FastAnswer(value: -1) }
    /// The kernel is to have it: a request is made, those that were asked before `admit` it, and this module prepares it.
    static var give: FastAnswer { FastAnswer(value: -2) }
    static var slow: FastAnswer { FastAnswer(value: -3) }
    /// The slow path, on which data that is known not to be in the page cache need not be looked for once more.
    static var slowAndWaits: FastAnswer { FastAnswer(value: -4) }
    /// It is done, with so many bytes.
    static func done(_ count: Int) -> FastAnswer { FastAnswer(value: count) }
}

/// What a module does on the fast path. Plain functions: a call of an object would count references.
struct FastCalls {
    typealias Module = UnsafeRawPointer?

    /// Given to the functions; the module stays as long as the stack.
    var module: Module = nil
    /// Of an `Attempt`: whether it can be done at once, in the call.
    fileprivate var ask: (@convention(c) (Module, UnsafeRawPointer) -> Int)?
    /// A request that the kernel is to have at once; the module may watch it. False: it comes by `submit` after all.
    fileprivate var admit: (@convention(c) (Module, UnsafeMutableRawPointer) -> Bool)?
    /// The module has said `give`: makes the request ready for the kernel. It comes back by `harvested`, or by `submit` where
    /// the kernel did not take it.
    fileprivate var prepare: (@convention(c) (Module, UnsafeMutableRawPointer) -> Void)?
    /// What it watches is about to be published. False: `completed` is called.
    private(set) var leave: (@convention(c) (Module, UnsafeMutableRawPointer) -> Bool)?
    /// What it prepared, and the kernel did to the last byte, is complete; the module need not hear of it.
    private(set) var isOverWhenWhole = false

    init() {}

    /// - Parameter ask: takes the module and an `UnsafePointer<Attempt>`, and returns a `FastAnswer`'s value.
    init(
        _ module: Module = nil, ask: @escaping @convention(c) (Module, UnsafeRawPointer) -> Int,
        admit: (@convention(c) (Module, UnsafeMutableRawPointer) -> Bool)? = nil,
        prepare: (@convention(c) (Module, UnsafeMutableRawPointer) -> Void)? = nil,
        leave: (@convention(c) (Module, UnsafeMutableRawPointer) -> Bool)? = nil, isOverWhenWhole: Bool = false
    ) {
        self.module = module
        self.ask = ask
        self.admit = admit
        self.prepare = prepare
        self.leave = leave
        self.isOverWhenWhole = isOverWhenWhole
    }

    /// For `ask`.
    @inline(__always)
    static func answer(_ attempt: UnsafeRawPointer, _ body: (Attempt) -> FastAnswer) -> Int {
        body(attempt.assumingMemoryBound(to: Attempt.self).pointee).value
    }
}

enum Express {
    /// What is done in the call is no longer than this, so that what takes long is in progress meanwhile; nor has
    /// `OrderedCells` room for more.
    private static let most = 128 << 10

    enum Answer {
        /// The call is over: 0 or its errno.
        case over(CInt)
        /// The slow path.
        case slow(isKnownToWait: Bool)
        /// The same for a request that was made already, from its `position` on.
        case slowRequest(Request)
    }

    /// Submits a read or write of one buffer, of which all that the call must check is checked.
    @inline(__always)
    static func submit(
        _ user: UserBlock, _ operation: Operation, _ notification: Notification, _ priority: CInt
    ) -> Answer {
        guard Engine.isPrepared, Services.mayBeFast else { return .slow(isKnownToWait: false) }
        let (length, offset, time) = (user.length, user.offset, Instant.roughlyNow)
        guard length > 0, length <= most, offset >= 0, offset <= Int.max - length,
            let file = KnownFiles.facts(of: user.descriptor, at: time), file.kind == .file,
            operation == .write ? file.isWritable : file.isReadable,
            case let stack = Services.stack(of: user.descriptor, file), case let path = stack.fastPath(of: operation),
            path.asked != 0, !stack.hearsOfFiles || isInUse(user.descriptor, file, stack),
            file.isDirect || !notification.interrupts(.current)
        else { return .slow(isKnownToWait: false) }
        // Who is to be notified needs a control block. Where there is none, nothing may be done: the call fails.
        let request =
            notification.kind == .none ? nil : notification.kind == .function && !Notifier.canCall ? nil : allocate()
        if notification.kind != .none, request == nil { return .slow(isKnownToWait: false) }
        var attempt = Attempt(
            user: user, descriptor: user.descriptor, operation: operation, needsUs: notification.needsUs, file: file,
            buffer: user.buffer, offset: offset, length: length, time: time)
        let observers = path.observers
        let started = observers != 0 ? Instant.now : .never
        var rest = path.asked
        var answer = FastAnswer.goOn.value
        var position = 0
        while answer == FastAnswer.goOn.value, rest != 0 {
            position = rest.trailingZeroBitCount
            rest &= rest &- 1
            answer = stack.fast(position).pointee.ask.unsafelyUnwrapped(stack.fast(position).pointee.module, &attempt)
        }
        if answer >= 0 {
            finish(attempt, answer, notification, request)
            if observers != 0 { tell(attempt, answer, since: started, stack, observers) }
            return .over(0)
        }
        if answer == FastAnswer.give.value, case let course = Devices.course(file.device), course != .held,
            let request = request ?? allocate()
        {
            request.notification = notification
            request.priority = priority
            request.stack = stack
            return give(attempt, request, position, path.asked & ~rest, observers, course)
        }
        if let request { Engine.release(request) }
        return .slow(isKnownToWait: answer == FastAnswer.slowAndWaits.value)
    }

    /// Whether the modules know the descriptor's file, and not one that had the number before.
    private static func isInUse(_ descriptor: Descriptor, _ file: FileFacts, _ stack: Stack) -> Bool {
        guard let open = OpenFile(word: KnownFiles.file(of: descriptor)) else { return false }
        return open.device == file.device && open.inode == file.inode
            && (!stack.prepares || open.isPrepared(for: file.way))
    }

    /// A request that is counted in; nil where the engine is down, or there is no room.
    @inline(__always)
    private static func allocate() -> Request? {
        guard Engine.enterIfUp() else { return nil }
        if let request = Slab.allocate() { return request }
        Engine.leave(1)
        return nil
    }

    // MARK: into the ring

    /// By the module at `position`, the last of those that were asked.
    @inline(__always)
    private static func give(
        _ attempt: Attempt, _ request: Request, _ position: Int, _ asked: UInt16, _ observers: UInt16,
        _ course: Devices.Course
    ) -> Answer {
        request.file = attempt.file
        request.isFileRemembered = true
        Submission.fill(request, attempt.user, attempt.operation)
        let stack = request.stack
        if observers != 0 { begin(request, observers) }
        var rest = asked & (1 << UInt16(position) - 1)
        while rest != 0 {
            let above = rest.trailingZeroBitCount
            rest &= rest &- 1
            request.position = UInt8(truncatingIfNeeded: above)
            if let admit = stack.fast(above).pointee.admit, !admit(stack.fast(above).pointee.module, request.block) {
                return .slowRequest(request)
            }
        }
        request.position = UInt8(truncatingIfNeeded: position)
        stack.fast(position).pointee.prepare?(stack.fast(position).pointee.module, request.block)
        let sequence = request.sequence
        let before = KernelQueue.tail
        let watch = course == .watched ? Watch() : nil
        let isTaken = KernelQueue.submitOne(request)
        Devices.submitted(attempt.file.device, since: attempt.time, watch)
        guard isTaken else { return .slowRequest(request) }
        // What the kernel did or refused at once is brought further at once.
        if KernelQueue.tail != before { Waiting.harvestSubmitted(sequence) }
        return .over(0)
    }

    @inline(never)
    private static func begin(_ request: Request, _ observers: UInt16) {
        request.observers |= observers
        var rest = observers
        while rest != 0 {
            request.stack[rest.trailingZeroBitCount].begins(request)
            rest &= rest &- 1
        }
    }

    // MARK: in the call

    @inline(__always)
    private static func finish(
        _ attempt: Attempt, _ result: Int, _ notification: Notification, _ request: Request?
    ) {
        if let request {
            return Submission.complete(request, attempt.user, attempt.operation, notification, result)
        }
        Engine.stampRequest()
        Statistics.countSubmitted(attempt.operation)
        Statistics.countInFlight(1)
        Statistics.countCompleted(attempt.operation, result)
        attempt.user.publishAtOnce(result)
        Waiting.tellCollectors()
    }

    @inline(never)
    private static func tell(
        _ attempt: Attempt, _ result: Int, since begin: Instant, _ stack: Stack, _ observers: UInt16
    ) {
        let outcome = Outcome(
            operation: attempt.operation, descriptor: attempt.descriptor, file: attempt.file, offset: attempt.offset,
            length: attempt.length, result: result)
        var rest = observers
        while rest != 0 {
            stack[rest.trailingZeroBitCount].isOver(outcome, since: begin)
            rest &= rest &- 1
        }
    }
}
