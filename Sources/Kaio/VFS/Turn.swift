// A turn is one visit of a thread to the stack: a submission, a harvest, a worker's finished request. It
// collects what is complete, so that completions climb one after the other and not inside each other: a chain
// of 10,000 requests that wait for each other takes no more stack than one.
//
// Invariant: all signals are blocked from the turn's beginning to the end of `finish`, and no lock is held when
// a turn's functions are called.

struct Turn: ~Copyable {
    /// Who is at work; told apart for the statistics, and for what the thread may do.
    enum Role {
        /// A call that submits; never inside a signal handler.
        case submitter
        /// A call that looks (aio_error) or is about to wait, perhaps inside a signal handler.
        case caller
        /// A thread that slept in the ring.
        case leader
        case reactor
        case worker
    }

    let role: Role
    private var finished = RequestQueue()
    /// Those that go on only after the completion they waited for was published.
    private var later = RequestQueue()
    /// Somebody waits for what was published.
    var mustTell = false

    /// The sequence of the request that the turn's thread is just submitting; 0 if there is none.
    let own: UInt64

    init(_ role: Role, own: UInt64 = 0) {
        self.role = role
        self.own = own
    }

    /// One visit of the calling thread, which has all signals blocked, while the engine is kept up. If it is down, nothing
    /// is done.
    static func visit(as role: Role, own: UInt64 = 0, _ body: (inout Turn) -> Void) {
        guard Engine.hold() else { return }
        var turn = Turn(role, own: own)
        body(&turn)
        turn.finish()
        Engine.leave(1)
    }

    /// pthread_create may be called: this thread did not interrupt it.
    var mayCreateThreads: Bool { role == .submitter || role == .reactor || role == .worker }

    /// Gives requests to the module below `position`.
    mutating func handOn(_ requests: inout RequestQueue, below position: Int) {
        give(&requests, to: position + 1)
    }

    mutating func handOn(_ request: Request, below position: Int) {
        var one = RequestQueue()
        one.append(request)
        handOn(&one, below: position)
    }

    /// Has a worker call the module of an own request (`Module.work`), where it may wait for what files' servers do. Nobody
    /// cancels it. Where no thread can be had it ends with EAGAIN.
    mutating func handToWorker(_ own: Request) {
        own.operation = .work
        handOn(own, below: own.stack.count - 2)
    }

    /// The same, once the completion that is climbing is published: who sees the result of a request also sees
    /// those of the requests that it waited for. Each goes on where its own `position` says.
    mutating func handOnLater(_ requests: inout RequestQueue) { later.append(contentsOf: &requests) }

    /// Gives requests to the top of their stacks.
    mutating func begin(_ requests: inout RequestQueue) {
        setPosition(requests, 0)
        goOn(&requests)
    }

    /// Gives requests, all of one stack, to one of its modules.
    private mutating func give(_ requests: inout RequestQueue, to position: Int) {
        assert(Lock.held == 0)
        guard let first = requests.first else { return }
        setPosition(requests, position)
        let stack = first.stack
        stack.enter()
        stack[position].submit(&requests, &self)
        stack.leave()
    }

    /// Gives each request to the module that it is at: those in a row for the same one together.
    mutating func goOn(_ requests: inout RequestQueue) {
        assert(Lock.held == 0)
        while let request = requests.popFirst() {
            var run = RequestQueue()
            let (stack, position) = (request.stack, request.position)
            run.append(request)
            while let next = requests.first, next.stack == stack, next.position == position {
                _ = requests.popFirst()
                run.append(next)
            }
            stack.enter()
            stack[Int(position)].submit(&run, &self)
            stack.leave()
        }
    }

    private func setPosition(_ requests: RequestQueue, _ position: Int) {
        for request in requests { request.position = UInt8(truncatingIfNeeded: position) }
    }

    /// The module at `position` is to see the completion of this request, which it is about to hand on.
    func observe(_ request: Request, at position: Int) {
        request.observers |= 1 << UInt16(truncatingIfNeeded: position)
    }

    /// The request is complete: `result` is a count of bytes or a negated errno. It climbs the stack and is
    /// published when the turn comes to it.
    mutating func complete(_ request: Request, _ result: Int) {
        assert(request.state == .held)
        request.result = result
        finished.append(request)
    }

    /// Brings every completion to its end, and wakes those who wait for one. The caller sees to it that the
    /// engine stays up meanwhile: its requests are over before those who wait are woken.
    mutating func finish() {
        assert(Lock.held == 0)
        while let request = finished.popFirst() {
            if climb(request) {
                if request.isOwn { giveBack(request) } else { Publication.publish(request, &self) }
            }
            giveLater()
        }
        if mustTell {
            mustTell = false
            Waiting.tellAll()
        }
    }

    /// The same; and what the kernel did or refused at once is brought further at once.
    mutating func finishAndHarvest() {
        finish()
        if KernelQueue.hasEvents { KernelQueue.harvest(&self) }
    }

    private mutating func giveLater() {
        while !later.isEmpty {
            var requests = RequestQueue()
            swap(&requests, &later)
            goOn(&requests)
        }
    }

    private mutating func climb(_ request: Request) -> Bool {
        if request.observers == 0 { return true }
        // Those that guard the fast path come last, just before the publication: of `ordered`, an aio_fsync in between would
        // end before a write that it covers.
        let last =
            request.stack.fastPath(of: request.operation).guards & request.observers
        while request.observers != last { if !climbOne(request, except: last) { return false } }
        while case let left = request.observers, left != 0 {
            let fast = request.stack.fast(left.trailingZeroBitCount)
            if let leave = fast.pointee.leave, leave(fast.pointee.module, request.block) {
                request.observers = left & (left - 1)
            } else if !climbOne(request, except: left & (left - 1)) {
                return false
            }
        }
        return true
    }

    /// From the bottom: the highest position first.
    private mutating func climbOne(_ request: Request, except last: UInt16) -> Bool {
        let observers = request.observers & ~last
        let position = 15 - observers.leadingZeroBitCount
        request.observers &= ~(1 << UInt16(position))
        request.position = UInt8(position)
        let stack = request.stack
        stack.enter()
        defer { stack.leave() }
        return stack[position].completed(request, &self)
    }
}
