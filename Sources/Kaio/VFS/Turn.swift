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
    private var published = false

    init(_ role: Role) { self.role = role }

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

    /// The same, once the completion that is climbing is published: who sees the result of a request also sees
    /// those of the requests that it waited for.
    mutating func handOnLater(_ requests: inout RequestQueue, below position: Int) {
        setPosition(requests, position + 1)
        later.append(contentsOf: &requests)
    }

    /// Gives requests to the top of their stack.
    mutating func begin(_ requests: inout RequestQueue) { give(&requests, to: 0) }

    private mutating func give(_ requests: inout RequestQueue, to position: Int) {
        guard !requests.isEmpty else { return }
        setPosition(requests, position)
        Stack.standard.unsafelyUnwrapped[position].submit(&requests, &self)
    }

    private func setPosition(_ requests: RequestQueue, _ position: Int) {
        var current = requests.first
        while let request = current {
            request.block.pointee.position = UInt8(truncatingIfNeeded: position)
            current = request.block.pointee.next
        }
    }

    /// The module at `position` is to see the completion of this request, which it is about to hand on.
    func watch(_ request: Request, at position: Int) {
        request.block.pointee.watchers |= 1 << UInt16(truncatingIfNeeded: position)
    }

    /// The request is complete: `result` is a count of bytes or a negated errno. It climbs the stack and is
    /// published when the turn comes to it.
    mutating func complete(_ request: Request, _ result: Int) {
        request.block.pointee.result = result
        finished.append(request)
    }

    /// Brings every completion to its end, and wakes those who wait for one. The caller sees to it that the
    /// engine stays up meanwhile: its requests are over before those who wait are woken.
    mutating func finish() {
        while let request = finished.popFirst() {
            if climb(request) {
                Publication.publish(request, &self)
                published = true
            }
            giveLater()
        }
        if published {
            published = false
            Waiting.tellPublished()
        }
    }

    private mutating func giveLater() {
        while let request = later.popFirst() {
            var run = RequestQueue()
            let position = request.block.pointee.position
            run.append(request)
            while let next = later.first, next.block.pointee.position == position {
                _ = later.popFirst()
                run.append(next)
            }
            give(&run, to: Int(position))
        }
    }

    private mutating func climb(_ request: Request) -> Bool {
        while request.block.pointee.watchers != 0 {
            // From the bottom: the highest position first.
            let position = 15 - request.block.pointee.watchers.leadingZeroBitCount
            request.block.pointee.watchers &= ~(1 << UInt16(position))
            request.block.pointee.position = UInt8(position)
            if !Stack.standard.unsafelyUnwrapped[position].completed(request, &self) { return false }
        }
        return true
    }
}
