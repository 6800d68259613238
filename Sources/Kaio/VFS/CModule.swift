// A module written in C (include/kaio_vfs.h), in its place of a stack: what stands between its functions and the turns.
//
// Invariant: a request's slot says, with the sequence of the request that is meant, whether this module has it
// (`State`). Who wants to pass a request on, or to complete it, changes that in one step; of several who try one
// succeeds, and the others, like those who come when the request is long over, are refused. So a module's mistake
// with a request touches no other, and a C pointer to a request is no address, but the control block's number and the
// sequence.
//
// In a call of the module's functions, what it passes on and completes is collected and goes on when the function has
// returned: a chain of requests that complete each other does not nest. Anywhere else it begins a turn of its own.
//
// A request is counted in `Exposure` before the module sees it, since another thread may pass it on at once.

import CKaio
import CKernel
import Synchronization

/// What a kaio_vfs_handle points to; freed with the module.
struct CHandle: ~Copyable {
    enum State: UInt64 {
        /// Not here.
        case none = 0
        /// The module's function for its way down was called, and has not returned.
        case called = 1
        /// It returned and has done nothing with it: the module keeps it, and so it is `kept`.
        case kept = 2
        /// Somebody is just changing that; a few instructions.
        case busy = 3
        /// Kept, but its descriptor is closed: it ends when it is passed on.
        case cancelled = 4
        /// Passed on.
        case below = 5
        /// The module has its completion. It is `kept`, and no one uses the descriptor any more.
        case up = 6
        /// In the handle's queue.
        case held = 7

        func word(_ sequence: UInt64) -> UInt64 { sequence << 3 | rawValue }
    }

    /// A text that a module was given, with a zero behind it.
    struct CopiedText {
        let of: Text
        let copy: UnsafePointer<CChar>
        let next: UnsafeMutablePointer<CopiedText>?
    }

    let functions: kaio_vfs_fns
    let name: UnsafePointer<CChar>
    let position: Int
    let parameters: Parameters
    /// For each control block, the request's sequence, and below it a `State`.
    let slots: UnsafeMutablePointer<Atomic<UInt64>>
    let values: PerRequest<UnsafeMutableRawPointer?>
    let queue: HoldingQueue
    /// Nil before the first connect.
    var stack: Stack?
    /// Connected: `disconnect_fn` is to be called, once.
    var isConnected = false
    var service: UnsafePointer<CChar>
    var numbers: ModuleNumbers?
    let data = Atomic<UInt>(0)
    var free: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?
    /// Guards `free` and `texts`.
    let lock = Lock()
    var texts: UnsafeMutablePointer<CopiedText>?
}

private typealias CNowFunction = @convention(c) (OpaquePointer?, UnsafePointer<kaio_attempt>?) -> Int

typealias CHandlePointer = UnsafeMutablePointer<CHandle>

/// What a module has done so far in a call of one of its functions.
private struct CCall {
    let outer: UnsafeMutablePointer<CCall>?
    /// Passed on, each by the module at its `position`.
    var passedOn = RequestQueue()
    var completed = RequestQueue()
    /// Those that wait for requests that the module made for them, which are now to be started.
    var started = RequestQueue()
    /// In `joined_fn`.
    var joined: OwnRequests?
    var released = InlineArray<16, UInt64>(repeating: 0)
    var releasedCount = 0
}

final class CModule: Module {
    /// Of all of them; see `title`.
    let name: StaticString = "(C module)"
    var title: Text { Text(handle.pointee.name) }

    let handle: CHandlePointer
    /// It has no function for requests.
    private let isIdle: Bool
    func passage(of operation: Operation) -> Passage {
        if nowFunction(operation) != nil { return .answers }
        return functions.aio_done_fn == nil && function(for: operation) == nil ? .passesThrough : .intercepts
    }

    var fastCalls: FastCalls {
        FastCalls(
            UnsafeRawPointer(handle),
            ask: { module, attempt in
                FastCalls.answer(attempt) {
                    CModule.ask(CHandlePointer(OpaquePointer(module.unsafelyUnwrapped)), $0)
                }
            })
    }

    private func nowFunction(_ operation: Operation) -> CNowFunction? {
        operation == .read ? functions.aio_read_now_fn : operation == .write ? functions.aio_write_now_fn : nil
    }

    /// KAIO_VFS_GO_ON.
    private static let goOn = Int.min + 1

    private static func ask(_ handle: CHandlePointer, _ attempt: Attempt) -> FastAnswer {
        let functions = handle.pointee.functions
        guard let function = attempt.isWrite ? functions.aio_write_now_fn : functions.aio_read_now_fn,
            attempt.isStillOnItsFile
        else { return .slow }
        var shown = kaio_attempt(
            file: CModule.token(attempt.openFile), fd: attempt.descriptor.number, buffer: attempt.buffer,
            length: attempt.length, offset: off_t(attempt.offset))
        let result = function(OpaquePointer(handle), &shown)
        if (0...attempt.length).contains(result) { return .done(result) }
        return result == goOn ? .goOn : .slow
    }

    private var functions: kaio_vfs_fns { handle.pointee.functions }

    private static var slotsLength: Int { Options.maxRequests * MemoryLayout<Atomic<UInt64>>.stride }

    init?(name: UnsafePointer<CChar>, functions: kaio_vfs_fns, position: Int, parameters: Parameters) {
        guard let memory = Pages.map(CModule.slotsLength) else { return nil }
        guard let values = PerRequest<UnsafeMutableRawPointer?>() else {
            Pages.unmap(memory, CModule.slotsLength)
            return nil
        }
        guard let service = CModule.copy(parameters.service ?? Text("global")) else {
            Pages.unmap(memory, CModule.slotsLength)
            values.free()
            return nil
        }
        handle = .allocate(capacity: 1)
        handle.initialize(
            to: CHandle(
                functions: functions, name: name, position: position, parameters: parameters,
                slots: memory.bindMemory(to: Atomic<UInt64>.self, capacity: Options.maxRequests), values: values,
                queue: HoldingQueue(parameters.isBelowOrdered ? .byPriority() : .inOrder), service: service))
        isIdle =
            functions.aio_read_fn == nil && functions.aio_write_fn == nil && functions.aio_fsync_fn == nil
            && functions.aio_done_fn == nil
    }

    deinit {
        Pages.unmap(handle.pointee.slots, CModule.slotsLength)
        handle.pointee.values.free()
        handle.pointee.queue.free()
        free(UnsafeMutablePointer(mutating: handle.pointee.service))
        while let text = handle.pointee.texts {
            handle.pointee.texts = text.pointee.next
            free(UnsafeMutablePointer(mutating: text.pointee.copy))
            free(text)
        }
        handle.deinitialize(count: 1)
        handle.deallocate()
    }

    /// With a zero behind it; from malloc. Nil without memory.
    @inline(never)
    static func copy(_ text: Text) -> UnsafePointer<CChar>? {
        guard let memory = malloc(text.count + 1) else { return nil }
        memcpy(memory, text.start, text.count)
        memory.storeBytes(of: 0, toByteOffset: text.count, as: UInt8.self)
        return UnsafePointer(memory.assumingMemoryBound(to: CChar.self))
    }

    func reset() {
        handle.pointee.lock.reset()
        handle.pointee.queue.reset()
        functions.forked_fn?(OpaquePointer(handle))
    }

    // MARK: requests

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        if isIdle { return turn.handOn(&requests, below: handle.pointee.position) }
        CModule.call(&turn) { call in
            while let request = requests.popFirst() { take(request, call) }
        }
    }

    private func function(for operation: Operation) -> (@convention(c) (OpaquePointer?, OpaquePointer?) -> Void)? {
        switch operation {
        case .read: return functions.aio_read_fn
        case .write: return functions.aio_write_fn
        case .synchronize, .synchronizeData, .list, .work: return functions.aio_fsync_fn
        }
    }

    private func take(_ request: Request, _ call: UnsafeMutablePointer<CCall>) {
        let slot = handle.pointee.slots + Int(Slab.number(of: request))
        let sequence = request.sequence
        handle.pointee.values[request] = nil
        guard let function = function(for: request.operation) else {
            slot.pointee.store(CHandle.State.below.word(sequence), ordering: .relaxed)
            return CModule.passOn(request, handle, call)
        }
        Exposure.begin(request)
        slot.pointee.store(CHandle.State.called.word(sequence), ordering: .releasing)
        function(OpaquePointer(handle), CModule.token(request, sequence))
        let called = CHandle.State.called.word(sequence)
        guard slot.pointee.load(ordering: .relaxed) == called,
            slot.pointee.compareExchange(
                expected: called, desired: CHandle.State.busy.word(sequence), ordering: .acquiringAndReleasing
            ).exchanged
        else { return }
        request.become(.kept, isFenced: true)
        slot.pointee.store(CHandle.State.kept.word(sequence), ordering: .releasing)
    }

    func completed(_ request: Request, _ turn: inout Turn) -> Bool {
        guard let function = functions.aio_done_fn else { return true }
        let slot = handle.pointee.slots + Int(Slab.number(of: request))
        let sequence = request.sequence
        let result = request.result
        // Who cancels waits for that to be seen.
        let isCancelled = result == -Int(ECANCELED)
        if !isCancelled {
            Exposure.end(request)
            request.become(.kept)
            slot.pointee.store(CHandle.State.up.word(sequence), ordering: .releasing)
        }
        var goesOn = true
        CModule.call(&turn, later: true) { _ in
            let answer = function(OpaquePointer(handle), CModule.token(request, sequence), result)
            if isCancelled { return }
            goesOn =
                answer != CModule.keep
                && slot.pointee.compareExchange(
                    expected: CHandle.State.up.word(sequence), desired: CHandle.State.none.word(sequence),
                    ordering: .acquiringAndReleasing
                ).exchanged
            if !goesOn { return }
            request.become(.held)
            request.result = CModule.sound(answer, request)
        }
        return goesOn
    }

    func cancel(_ identity: RequestIdentity, force: Bool, _ turn: inout Turn) -> CancelOutcome {
        let (request, sequence) = (identity.request, identity.sequence)
        let slot = handle.pointee.slots + Int(identity.slot)
        let kept = CHandle.State.kept.word(sequence)
        let word = slot.pointee.load(ordering: .acquiring)
        if word == CHandle.State.held.word(sequence) {
            let (queue, position) = (handle.pointee.queue, handle.pointee.position)
            return queue.locked { queue.withdraw(identity, at: position, force: force) }
        }
        guard word == kept else { return .no }
        if let function = functions.aio_withdraw_fn {
            var isWithdrawn = false
            CModule.call(&turn) { _ in
                // Then nobody else will end it, whatever who closes its descriptor made of it meanwhile.
                isWithdrawn =
                    function(OpaquePointer(handle), CModule.token(request, sequence), force ? 1 : 0) != 0
                    && CModule.take(request, sequence, handle, fromUp: false) != .refused
            }
            if isWithdrawn { return .taken }
        }
        if force,
            slot.pointee.compareExchange(
                expected: kept, desired: CHandle.State.busy.word(sequence), ordering: .acquiringAndReleasing
            ).exchanged
        {
            Exposure.end(request)
            slot.pointee.store(CHandle.State.cancelled.word(sequence), ordering: .releasing)
        }
        return .no
    }

    // MARK: requests of its own

    /// Nil: there can't be another, or `request` is not the module's.
    static func make(_ handle: CHandlePointer, _ parent: OpaquePointer?, _ what: kaio_own) -> OpaquePointer? {
        guard let stack = handle.pointee.stack, let operation = operation(what.operation) else { return nil }
        let request = request(parent)
        if parent != nil, request == nil || !isHere(request.unsafelyUnwrapped, handle) { return nil }
        var target = request?.target
        if what.fd >= 0, what.fd != target?.descriptor.number {
            let descriptor = Descriptor(number: what.fd)
            target = FileFacts(descriptor).map { Target(descriptor: descriptor, file: $0) }
        }
        guard let target else { return nil }
        let isTransfer = operation == .read || operation == .write
        let isWhole = isTransfer && what.buffer == nil && request != nil
        let own = Own.make(
            operation, on: target, isWhole ? request?.buffer : what.buffer,
            length: isWhole ? request.unsafelyUnwrapped.length : what.length,
            offset: isWhole ? request.unsafelyUnwrapped.offset : Int(what.offset),
            priority: min(max(what.priority, 0), Int32(HoldingQueue.lowestPriority)), in: stack,
            at: handle.pointee.position,
            for: request)
        if isWhole { own?.vectorCount = request.unsafelyUnwrapped.vectorCount }
        own?.isUnordered = what.flags & KAIO_OWN_UNORDERED != 0
        return own.flatMap { token($0, $0.sequence) }
    }

    private static func operation(_ operation: kaio_operation) -> Operation? {
        switch operation {
        case KAIO_OPERATION_READ: return .read
        case KAIO_OPERATION_WRITE: return .write
        case KAIO_OPERATION_FSYNC: return .synchronize
        case KAIO_OPERATION_FDATASYNC: return .synchronizeData
        default: return nil
        }
    }

    /// Whether the module may make requests for this one.
    private static func isHere(_ request: Request, _ handle: CHandlePointer) -> Bool {
        let word = handle.pointee.slots[Int(Slab.number(of: request))].load(ordering: .acquiring)
        guard word >> 3 == request.sequence, let state = CHandle.State(rawValue: word & 7) else { return false }
        return state == .called || state == .kept || state == .up
    }

    /// Starts what was made for a request, or one that was made for none. False if it is not the module's.
    static func start(_ handle: CHandlePointer, _ token: OpaquePointer?) -> Bool {
        withoutSignals {
            guard let request = request(token) else { return false }
            let position = handle.pointee.position
            if Int(request.owner) == position + 1, request.parent == nil,
                request.stackIfAny == handle.pointee.stack
            {
                request.position = UInt8(position)
                if let call = currentCall {
                    call.pointee.passedOn.append(request)
                } else {
                    inTurn { $0.handOn(request, below: position) }
                }
                return true
            }
            guard request.firstOwn != nil else { return false }
            switch take(request, request.sequence, handle, fromUp: true, to: .below) {
            case .refused: return false
            case .cancelled:
                inTurn { $0.dropOwn(for: request) }
                end(request, -Int(ECANCELED))
            case .taken:
                request.position = UInt8(position)
                if let call = currentCall {
                    call.pointee.started.append(request)
                } else {
                    inTurn { $0.start(for: request, at: position) }
                }
            }
            return true
        }
    }

    static func setNumbers(_ handle: CHandlePointer, _ names: UnsafePointer<CChar>) -> Bool {
        guard let names = copy(Text(names)) else { return false }
        handle.pointee.numbers = ModuleNumbers(
            module: Text(handle.pointee.name), Text(handle.pointee.service), names: Text(names))
        return handle.pointee.numbers != nil
    }

    static func drop(_ handle: CHandlePointer, _ token: OpaquePointer?) {
        guard let request = request(token), isHere(request, handle) else { return }
        _ = withoutSignals {
            inTurn { $0.dropOwn(for: request) }
            return true
        }
    }

    /// In `joined_fn`.
    static func own(_ index: CInt) -> OpaquePointer? {
        currentCall?.pointee.joined?[Int(index)].flatMap { token($0, $0.sequence) }
    }

    func joined(_ parent: Request, _ own: OwnRequests, _ turn: inout Turn) {
        let result = own.result
        guard let function = functions.joined_fn else { return turn.complete(parent, CModule.sound(result, parent)) }
        let slot = handle.pointee.slots + Int(Slab.number(of: parent))
        let sequence = parent.sequence
        parent.become(.kept)
        slot.pointee.store(CHandle.State.up.word(sequence), ordering: .releasing)
        var answer: Int?
        CModule.call(&turn) { call in
            call.pointee.joined = own
            let said = function(OpaquePointer(handle), CModule.token(parent, sequence), result)
            let isOver =
                said != CModule.keep
                && slot.pointee.compareExchange(
                    expected: CHandle.State.up.word(sequence), desired: CHandle.State.none.word(sequence),
                    ordering: .acquiringAndReleasing
                ).exchanged
            if isOver { answer = said }
        }
        guard let answer else { return }
        parent.become(.held)
        turn.complete(parent, CModule.sound(answer, parent))
    }

    func finished(_ own: Request, _ turn: inout Turn) {
        guard let function = functions.own_done_fn else { return }
        let token = CModule.token(own, own.sequence)
        CModule.call(&turn) { _ in function(OpaquePointer(handle), token, own.result) }
    }

    // MARK: files

    var hearsOfFiles: Bool {
        functions.file_opened_fn != nil || functions.file_closes_fn != nil || functions.file_closed_fn != nil
    }

    static func token(_ file: OpenFile?) -> OpaquePointer? { OpaquePointer(bitPattern: UInt(file?.word ?? 0)) }
    static func file(_ token: OpaquePointer?) -> OpenFile? { OpenFile(word: UInt64(UInt(bitPattern: token))) }

    func opened(_ file: OpenFile, _ descriptor: Descriptor, _ facts: FileFacts, _ turn: inout Turn) {
        guard let function = functions.file_opened_fn else { return }
        CModule.call(&turn) { _ in function(OpaquePointer(handle), CModule.token(file), descriptor.number) }
    }

    func closes(_ file: OpenFile, _ turn: inout Turn) {
        guard let function = functions.file_closes_fn else { return }
        CModule.call(&turn) { _ in function(OpaquePointer(handle), CModule.token(file)) }
    }

    func closed(_ file: OpenFile) {
        guard let function = functions.file_closed_fn else { return }
        var turn = Turn(.caller)
        CModule.call(&turn) { _ in function(OpaquePointer(handle), CModule.token(file)) }
        turn.finish()
    }

    static func release(_ token: OpaquePointer?) {
        guard let file = file(token) else { return }
        if let call = currentCall, call.pointee.releasedCount < call.pointee.released.count {
            call.pointee.released[call.pointee.releasedCount] = file.word
            call.pointee.releasedCount += 1
            return
        }
        _ = withoutSignals {
            inTurn { file.release(&$0) }
            return true
        }
    }

    // MARK: what the module does with them

    /// KAIO_VFS_KEEP.
    private static let keep = Int.min

    /// Passes a request on. False if it is not the module's.
    static func next(_ handle: CHandlePointer, _ token: OpaquePointer?) -> Bool {
        withoutSignals {
            guard let request = request(token) else { return false }
            switch take(request, request.sequence, handle, fromUp: false) {
            case .refused: return false
            case .cancelled: end(request, -Int(ECANCELED))
            case .taken:
                if let call = currentCall {
                    passOn(request, handle, call)
                    return true
                }
                inTurn { turn in
                    if handle.pointee.functions.aio_done_fn != nil {
                        turn.observe(request, at: handle.pointee.position)
                    }
                    turn.handOn(request, below: handle.pointee.position)
                }
            }
            return true
        }
    }

    /// Puts a request into the handle's queue. False if it is not the module's.
    static func hold(_ handle: CHandlePointer, _ token: OpaquePointer?) -> Bool {
        withoutSignals {
            guard let request = request(token) else { return false }
            switch take(request, request.sequence, handle, fromUp: false, to: .held) {
            case .refused: return false
            case .cancelled: end(request, -Int(ECANCELED))
            case .taken: handle.pointee.queue.locked { handle.pointee.queue.hold(request) }
            }
            return true
        }
    }

    /// The next of the handle's queue, which the module keeps from here on; nil: there is none.
    static func takeHeld(_ handle: CHandlePointer) -> OpaquePointer? {
        var taken: OpaquePointer?
        _ = withoutSignals {
            guard let request = handle.pointee.queue.locked({ handle.pointee.queue.takeNext() }) else { return false }
            let sequence = request.sequence
            taken = token(request, sequence)
            request.become(.kept, isFenced: true)
            let slot = handle.pointee.slots + Int(Slab.number(of: request))
            slot.pointee.store(CHandle.State.kept.word(sequence), ordering: .releasing)
            return true
        }
        return taken
    }

    /// Completes a request. False if it is not the module's.
    static func complete(_ handle: CHandlePointer, _ token: OpaquePointer?, _ result: Int) -> Bool {
        withoutSignals {
            guard let request = request(token), take(request, request.sequence, handle, fromUp: true) != .refused
            else { return false }
            end(request, sound(result, request))
            return true
        }
    }

    /// From before a request is taken: a handler that closes its descriptor would wait for who has it.
    private static func withoutSignals(_ body: () -> Bool) -> Bool {
        // In a call they are blocked already.
        if currentCall != nil { return body() }
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        return body()
    }

    /// The place of the module's own value for a request.
    static func data(
        _ handle: CHandlePointer, _ token: OpaquePointer?
    ) -> UnsafeMutablePointer<UnsafeMutableRawPointer?>? {
        guard let request = request(token) else { return nil }
        let slot = handle.pointee.slots + Int(Slab.number(of: request))
        guard slot.pointee.load(ordering: .acquiring) >> 3 == request.sequence else { return nil }
        return handle.pointee.values.place(of: request)
    }

    private enum Taking {
        case taken, cancelled, refused
    }

    /// Takes a request from the module. `fromUp`: also one whose completion it has; that can't be passed on again.
    @inline(never)
    private static func take(
        _ request: Request, _ sequence: UInt64, _ handle: CHandlePointer, fromUp: Bool, to state: CHandle.State? = nil
    ) -> Taking {
        let slot = handle.pointee.slots + Int(Slab.number(of: request))
        let new = state ?? (fromUp ? CHandle.State.none : .below)
        var pause = Pause()
        while true {
            let word = slot.pointee.load(ordering: .acquiring)
            guard word >> 3 == sequence, sequence != 0, let state = CHandle.State(rawValue: word & 7) else {
                return .refused
            }
            switch state {
            case .none, .below, .held: return .refused
            case .up where !fromUp: return .refused
            case .busy:
                pause.next()
                continue
            case .called, .kept, .cancelled, .up: break
            }
            guard
                slot.pointee.compareExchange(
                    expected: word, desired: new.word(sequence), ordering: .acquiringAndReleasing
                ).exchanged
            else { continue }
            if state != .called { request.become(.held, isFenced: true) }
            return state == .cancelled ? .cancelled : .taken
        }
    }

    @inline(never)
    private static func end(_ request: Request, _ result: Int) {
        request.result = result
        if let call = currentCall { return call.pointee.completed.append(request) }
        inTurn { $0.complete(request, result) }
    }

    /// What may be shown to a program.
    private static func sound(_ result: Int, _ request: Request) -> Int {
        let isCount = (0...request.length).contains(result)
        let isError = (-4095..<0).contains(result) && result != -Int(EINPROGRESS)
        return isCount || isError ? result : -Int(EIO)
    }

    // MARK: turns

    // Each object file that has this inlined would have a variable of its own.
    private static var currentCall: UnsafeMutablePointer<CCall>? {
        @inline(never)
        get { ck_current_call().pointee?.assumingMemoryBound(to: CCall.self) }
        @inline(never)
        set { ck_current_call().pointee = UnsafeMutableRawPointer(newValue) }
    }

    private static func passOn(_ request: Request, _ handle: CHandlePointer, _ call: UnsafeMutablePointer<CCall>) {
        let position = handle.pointee.position
        request.position = UInt8(truncatingIfNeeded: position)
        if handle.pointee.functions.aio_done_fn != nil { request.observers |= 1 << UInt16(position) }
        call.pointee.passedOn.append(request)
    }

    /// Calls a module's function, and then does what it wanted. `later`: a completion is climbing, and goes first.
    @inline(never)
    private static func call(
        _ turn: inout Turn, later: Bool = false, _ body: (UnsafeMutablePointer<CCall>) -> Void
    ) {
        var call = CCall(outer: currentCall)
        withUnsafeMutablePointer(to: &call) { call in
            let error = ck_errno()
            // In the middle of a turn the thread must not end.
            let cancelState = ck_disable_cancellation()
            currentCall = call
            body(call)
            currentCall = call.pointee.outer
            _ = ck_set_cancellable(cancelState)
            ck_set_errno(error)
        }
        while let request = call.passedOn.popFirst() {
            let (stack, position) = (request.stack, request.position)
            var run = RequestQueue()
            run.append(request)
            while let next = call.passedOn.first, next.stack == stack, next.position == position {
                _ = call.passedOn.popFirst()
                run.append(next)
            }
            if later {
                var current = run.first
                while let request = current {
                    request.position = position + 1
                    current = request.next
                }
                turn.handOnLater(&run)
            } else {
                turn.handOn(&run, below: Int(position))
            }
        }
        while let request = call.started.popFirst() {
            turn.start(for: request, at: Int(request.position))
        }
        while let request = call.completed.popFirst() { turn.complete(request, request.result) }
        for index in 0..<call.releasedCount { OpenFile(word: call.released[index])?.release(&turn) }
    }

    /// A turn of a thread that is in none; perhaps in a signal handler. All signals are blocked.
    @inline(never)
    private static func inTurn(_ body: (inout Turn) -> Void) {
        Turn.visit(as: .caller) { turn in
            body(&turn)
            turn.finishAndHarvest()
        }
    }

    // MARK: a request's name in C

    private static let numberBits: UInt64 = 25

    private static func token(_ request: Request, _ sequence: UInt64) -> OpaquePointer? {
        let number = UInt64(Slab.number(of: request)) + 1
        return OpaquePointer(bitPattern: UInt(sequence << numberBits | number))
    }

    /// Nil if it is over, or the parent's.
    @inline(never)
    static func request(_ token: OpaquePointer?) -> Request? {
        let bits = UInt64(UInt(bitPattern: token))
        let number = bits & (1 << numberBits - 1)
        guard number > 0, Engine.isPrepared, number - 1 < Slab.used else { return nil }
        let request = Slab.request(number: UInt32(number - 1))
        let sequence = request.sequence
        return sequence != 0 && (sequence << numberBits) >> numberBits == bits >> numberBits ? request : nil
    }

    // MARK: a connection's calls

    private func errno(of result: CInt) -> CInt { result >= 0 ? 0 : max(1, ck_errno()) }

    func connect(_ service: Text, below: Place) -> CInt {
        handle.pointee.stack = below.stack
        if !(Text(handle.pointee.service) == service) {
            guard let name = CModule.copy(service) else { return ENOMEM }
            free(UnsafeMutablePointer(mutating: handle.pointee.service))
            handle.pointee.service = name
        }
        guard let function = functions.connect_fn else {
            let error = below.connect(service)
            handle.pointee.isConnected = error == 0
            return error
        }
        ck_set_errno(0)
        let error = errno(of: function(OpaquePointer(handle), handle.pointee.service))
        handle.pointee.isConnected = error == 0
        if error != 0 {
            // Those that it had connected, if it did not disconnect them.
            below.disconnect()
            CModule.setData(handle, nil, nil)
        }
        return error
    }

    func disconnect(below: Place) {
        if handle.pointee.isConnected {
            handle.pointee.isConnected = false
            if let function = functions.disconnect_fn { function(OpaquePointer(handle)) }
        }
        // Also where the function did not hand on: who is disconnected already is not called again.
        below.disconnect()
        CModule.setData(handle, nil, nil)
    }

    static func setData(
        _ handle: CHandlePointer, _ data: UnsafeMutableRawPointer?,
        _ free: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?
    ) {
        let mask = SignalMask.blockAll()
        handle.pointee.lock.lock()
        let old = UnsafeMutableRawPointer(
            bitPattern: handle.pointee.data.exchange(UInt(bitPattern: data), ordering: .acquiringAndReleasing))
        let oldFree = handle.pointee.free
        handle.pointee.free = free
        handle.pointee.lock.unlock()
        mask.restore()
        if let old { oldFree?(old) }
    }

    func open(_ path: UnsafePointer<CChar>, _ flags: CInt, _ mode: mode_t, below: Place) -> Int {
        guard let function = functions.open_fn else { return below.open(path, flags, mode) }
        ck_set_errno(0)
        let result = function(OpaquePointer(handle), path, flags, mode)
        return result >= 0 ? Int(result) : -Int(errno(of: result))
    }

    func close(_ descriptor: Descriptor, below: Place) -> Int {
        guard let function = functions.close_fn else { return below.close(descriptor) }
        ck_set_errno(0)
        return -Int(errno(of: function(OpaquePointer(handle), descriptor.number)))
    }

    func error(_ user: UserBlock, below: Place) -> CInt {
        guard let function = functions.aio_error_fn else { return below.error(user) }
        return function(OpaquePointer(handle), user.base.assumingMemoryBound(to: aiocb.self))
    }

    func result(_ user: UserBlock, below: Place) -> Int? {
        guard let function = functions.aio_return_fn else { return below.result(user) }
        ck_set_errno(0)
        let result = function(OpaquePointer(handle), user.base.assumingMemoryBound(to: aiocb.self))
        return result == -1 && ck_errno() == EINVAL ? nil : result
    }

    func cancel(_ descriptor: Descriptor, _ user: UserBlock?, below: Place) -> CInt {
        guard let function = functions.aio_cancel_fn else { return below.cancel(descriptor, user) }
        ck_set_errno(0)
        let result = function(
            OpaquePointer(handle), descriptor.number, user?.base.assumingMemoryBound(to: aiocb.self))
        return result >= 0 ? result : -errno(of: result)
    }

    func suspend(
        _ list: UnsafePointer<UnsafePointer<aiocb>?>, _ count: Int, until deadline: Instant, below: Place
    ) -> CInt {
        guard let function = functions.aio_suspend_fn else { return below.suspend(list, count, until: deadline) }
        ck_set_errno(0)
        if deadline == .never { return errno(of: function(OpaquePointer(handle), list, CInt(count), nil)) }
        var time = timespec(interval: deadline.remaining)
        return errno(of: function(OpaquePointer(handle), list, CInt(count), &time))
    }
}
