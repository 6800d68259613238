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
        /// It returned and has done nothing with it: the module keeps it. (`isInKernel` is set: in progress for good.)
        case kept = 2
        /// Somebody is just changing that; a few instructions.
        case busy = 3
        /// Kept, but its descriptor is closed: it ends when it is passed on.
        case cancelled = 4
        /// Passed on.
        case below = 5
        /// The module has its completion. (`isInKernel` is set, and no one uses the descriptor any more.)
        case up = 6

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
    /// Nil before the first connect.
    var stack: Stack?
    /// Connected: `disconnect_fn` is to be called, once.
    var isConnected = false
    var service: UnsafePointer<CChar>
    let data = Atomic<UInt>(0)
    var free: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?
    /// Guards `free` and `texts`.
    let lock = Lock()
    var texts: UnsafeMutablePointer<CopiedText>?
}

typealias CHandlePointer = UnsafeMutablePointer<CHandle>

/// What a module has done so far in a call of one of its functions.
private struct CCall {
    let outer: UnsafeMutablePointer<CCall>?
    /// Passed on, each by the module at its `position`.
    var passedOn = RequestQueue()
    var completed = RequestQueue()
}

final class CModule: Module {
    /// No name that the short way knows.
    let name: StaticString = "(C module)"
    var title: Text { Text(handle.pointee.name) }

    let handle: CHandlePointer
    /// It has no function for requests.
    private let isIdle: Bool
    func passage(of operation: Operation) -> Passage {
        functions.aio_done_fn == nil && function(for: operation) == nil ? .passes : .stops
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
                service: service))
        isIdle =
            functions.aio_read_fn == nil && functions.aio_write_fn == nil && functions.aio_fsync_fn == nil
            && functions.aio_done_fn == nil
    }

    deinit {
        Pages.unmap(handle.pointee.slots, CModule.slotsLength)
        handle.pointee.values.free()
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
        case .synchronize, .synchronizeData, .list: return functions.aio_fsync_fn
        }
    }

    private func take(_ request: Request, _ call: UnsafeMutablePointer<CCall>) {
        let slot = handle.pointee.slots + Int(Slab.number(of: request))
        let sequence = request.sequence
        handle.pointee.values[request] = nil
        guard let function = function(for: request.block.pointee.operation) else {
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
        request.block.pointee.isInKernel.store(true, ordering: .sequentiallyConsistent)
        slot.pointee.store(CHandle.State.kept.word(sequence), ordering: .releasing)
    }

    func completed(_ request: Request, _ turn: inout Turn) -> Bool {
        guard let function = functions.aio_done_fn else { return true }
        let slot = handle.pointee.slots + Int(Slab.number(of: request))
        let sequence = request.sequence
        let result = request.block.pointee.result
        // Who cancels waits for that to be seen.
        let isCancelled = result == -Int(ECANCELED)
        if !isCancelled {
            Exposure.end(request)
            request.block.pointee.isInKernel.store(true, ordering: .releasing)
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
            request.block.pointee.isInKernel.store(false, ordering: .releasing)
            request.block.pointee.result = CModule.sound(answer, request)
        }
        return goesOn
    }

    func cancel(_ request: Request, _ sequence: UInt64, force: Bool, _ turn: inout Turn) -> CancelOutcome {
        let slot = handle.pointee.slots + Int(Slab.number(of: request))
        let kept = CHandle.State.kept.word(sequence)
        guard slot.pointee.load(ordering: .acquiring) == kept else { return .no }
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
                        turn.watch(request, at: handle.pointee.position)
                    }
                    turn.handOn(request, below: handle.pointee.position)
                }
            }
            return true
        }
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
        _ request: Request, _ sequence: UInt64, _ handle: CHandlePointer, fromUp: Bool
    ) -> Taking {
        let slot = handle.pointee.slots + Int(Slab.number(of: request))
        let new = fromUp ? CHandle.State.none : .below
        while true {
            let word = slot.pointee.load(ordering: .acquiring)
            guard word >> 3 == sequence, sequence != 0, let state = CHandle.State(rawValue: word & 7) else {
                return .refused
            }
            switch state {
            case .none, .below: return .refused
            case .up where !fromUp: return .refused
            case .busy:
                ck_pause()
                continue
            case .called, .kept, .cancelled, .up: break
            }
            guard
                slot.pointee.compareExchange(
                    expected: word, desired: new.word(sequence), ordering: .acquiringAndReleasing
                ).exchanged
            else { continue }
            if state != .called { request.block.pointee.isInKernel.store(false, ordering: .sequentiallyConsistent) }
            return state == .cancelled ? .cancelled : .taken
        }
    }

    @inline(never)
    private static func end(_ request: Request, _ result: Int) {
        request.block.pointee.result = result
        if let call = currentCall { return call.pointee.completed.append(request) }
        inTurn { $0.complete(request, result) }
    }

    /// What may be shown to a program.
    private static func sound(_ result: Int, _ request: Request) -> Int {
        let isCount = (0...request.block.pointee.length).contains(result)
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
        request.block.pointee.position = UInt8(truncatingIfNeeded: position)
        if handle.pointee.functions.aio_done_fn != nil { request.block.pointee.watchers |= 1 << UInt16(position) }
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
            let (stack, position) = (request.stack, request.block.pointee.position)
            var run = RequestQueue()
            run.append(request)
            while let next = call.passedOn.first, next.stack == stack, next.block.pointee.position == position {
                _ = call.passedOn.popFirst()
                run.append(next)
            }
            if later {
                var current = run.first
                while let request = current {
                    request.block.pointee.position = position + 1
                    current = request.block.pointee.next
                }
                turn.handOnLater(&run)
            } else {
                turn.handOn(&run, below: Int(position))
            }
        }
        while let request = call.completed.popFirst() { turn.complete(request, request.block.pointee.result) }
    }

    /// A turn of a thread that is in none; perhaps in a signal handler. All signals are blocked.
    @inline(never)
    private static func inTurn(_ body: (inout Turn) -> Void) {
        guard Engine.hold() else { return }
        var turn = Turn(.caller)
        body(&turn)
        turn.finish()
        // What the kernel did or refused at once is brought further at once.
        if KernelQueue.hasEvents { KernelQueue.harvest(&turn) }
        Engine.leave(1)
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
