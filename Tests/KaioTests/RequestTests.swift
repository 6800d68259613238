import CKaio
import CKernel
import Testing

@testable import Kaio

extension RequestQueue {
    /// The requests from first to last.
    fileprivate var all: [Request] {
        Array(sequence(first: first) { $0?.next }.prefix { $0 != nil }.map { $0! })
    }
}

@Suite struct `A queue of requests` {
    @Test func `gives requests in the order in which they were appended`() {
        withRequests(3) { requests in
            var queue = RequestQueue()
            #expect(queue.isEmpty)
            #expect(queue.popFirst() == nil)
            for request in requests { queue.append(request) }
            #expect(!queue.isEmpty)
            #expect(queue.all == requests)
            for request in requests {
                #expect(queue.popFirst() == request)
                #expect(request.next == nil)
            }
            #expect(queue.isEmpty)
            queue.append(requests[1])
            #expect(queue.all == [requests[1]])
        }
    }

    @Test(arguments: 0..<4)
    func `gives up one wherever it is`(_ index: Int) {
        withRequests(6) { requests in
            var queue = RequestQueue()
            for request in requests[..<4] { queue.append(request) }
            #expect(queue.remove(requests[index]) == true)
            #expect(requests[index].next == nil)
            var rest = Array(requests[..<4])
            rest.remove(at: index)
            #expect(queue.all == rest)
            #expect(queue.remove(requests[index]) == false)
            #expect(queue.remove(requests[5]) == false)
            queue.append(requests[4])
            #expect(queue.all == rest + [requests[4]])
        }
    }

    @Test func `of one is empty without it`() {
        withRequests(2) { requests in
            var queue = RequestQueue()
            queue.append(requests[0])
            #expect(queue.remove(requests[0]) == true)
            #expect(queue.isEmpty)
            queue.append(requests[1])
            #expect(queue.all == [requests[1]])
        }
    }

    @Test(arguments: 0..<3, 0..<3)
    func `takes all of another, behind or before its own`(_ own: Int, _ others: Int) {
        withRequests(5) { requests in
            let (mine, theirs) = (Array(requests[..<own]), Array(requests[own..<own + others]))
            for isBehind in [true, false] {
                var queue = RequestQueue()
                var other = RequestQueue()
                for request in mine { queue.append(request) }
                for request in theirs { other.append(request) }
                if isBehind { queue.append(contentsOf: &other) } else { queue.prepend(contentsOf: &other) }
                #expect(queue.all == (isBehind ? mine + theirs : theirs + mine))
                #expect(other.isEmpty)
                queue.append(requests[4])
                #expect(queue.all.last == requests[4])
                #expect(queue.all.count == own + others + 1)
            }
        }
    }

    @Test func `behaves as an array does`() {
        var random = SystemRandomNumberGenerator()
        withRequests(12) { requests in
            var queue = RequestQueue()
            var model: [Request] = []
            for _ in 0..<5000 {
                let absent = requests.filter { !model.contains($0) }
                switch Int.random(in: 0..<6, using: &random) {
                case 0, 1:
                    guard let request = absent.randomElement() else { continue }
                    queue.append(request)
                    model.append(request)
                case 2:
                    let popped = queue.popFirst()
                    #expect(popped == model.first)
                    if !model.isEmpty { model.removeFirst() }
                case 3:
                    guard let request = model.randomElement() else { continue }
                    #expect(queue.remove(request) == true)
                    model.removeAll { $0 == request }
                case 4:
                    guard let request = absent.randomElement() else { continue }
                    #expect(queue.remove(request) == false)
                default:
                    var other = RequestQueue()
                    let some = absent.shuffled().prefix(2)
                    for request in some { other.append(request) }
                    if Bool.random() {
                        queue.append(contentsOf: &other)
                        model += some
                    } else {
                        queue.prepend(contentsOf: &other)
                        model = some + model
                    }
                }
                #expect(queue.all == model)
            }
        }
    }
}

/// A buffer, or what is left of it.
private struct Place: Equatable {
    let start: UnsafeMutableRawPointer?
    let length: Int

    init(_ start: UnsafeMutableRawPointer?, _ length: Int) { (self.start, self.length) = (start, length) }
}

extension Request {
    /// What is left to transfer.
    fileprivate var places: [Place] {
        var places: [Place] = []
        _ = withRemainingBuffers { vector, count in
            places = (0..<count).map { Place(vector[$0].iov_base, vector[$0].iov_len) }
            return 0
        }
        return places
    }
}

@Suite struct `A request` {
    @Test func `ends behind its last byte, at most at the end of all offsets`() {
        withRequests(1) { requests in
            let request = requests[0]
            for (offset, length, end) in [
                (0, 0, 0), (5, 10, 15), (Int.max, 1, Int.max), (.max - 5, 5, .max), (.max - 5, 6, .max),
            ] {
                request.offset = offset
                request.length = length
                #expect(request.end == end)
            }
        }
    }

    @Test func `partly done has the rest left`() {
        withRequests(1) { requests in
            let request = requests[0]
            let memory = UnsafeMutableRawPointer(bitPattern: 0x1000)!
            request.buffer = memory
            request.length = 100
            request.offset = 4096
            #expect(request.places == [Place(memory, 100)])
            request.transferred = 30
            #expect(request.places == [Place(memory + 30, 70)])
            #expect(request.remainingLength == 70)
            #expect(request.remainingOffset == 4126)
        }
    }

    @Test func `of several buffers, partly done, has the rest of them left`() {
        let memory = UnsafeMutableRawPointer(bitPattern: 0x10000)!
        let lengths = [10, 0, 20, 0, 5]
        var vector = lengths.enumerated().map { iovec(iov_base: memory + $0 * 0x1000, iov_len: $1) }
        let all = zip(vector, lengths).flatMap { part, length in (0..<length).map { part.iov_base + $0 } }
        vector.withUnsafeMutableBytes { vector in
            withRequests(1) { requests in
                let request = requests[0]
                request.buffer = vector.baseAddress
                request.vectorCount = lengths.count
                request.length = 35
                for done in 0..<35 {
                    request.transferred = done
                    let left = request.places.flatMap { place in (0..<place.length).map { place.start! + $0 } }
                    #expect(left == Array(all[done...]))
                    #expect(request.remainingLength == left.count)
                }
            }
        }
    }

    @Test func `is found again by the address that its iocb carries`() {
        withRequests(1) { requests in
            #expect(Request(data: requests[0].block) == requests[0])
            #expect(Request(data: nil) == nil)
        }
    }
}

@Suite struct `The facts of a file` {
    private func facts(_ path: String, _ flags: CInt) throws -> FileFacts {
        let number = openFile(path, flags)
        try #require(number >= 0)
        defer { close(number) }
        return try #require(FileFacts(Descriptor(number: number)))
    }

    @Test func `say that a regular file is a file, and how long it is`() throws {
        let file = TestFile(size: 12345)
        let facts = try #require(FileFacts(Descriptor(number: file.descriptor)))
        #expect(facts.kind == .file)
        #expect(facts.size == 12345)
        #expect(facts.isReadable && facts.isWritable && !facts.isAppending && !facts.isDirect)
    }

    @Test func `say that what has no offset is a stream`() throws {
        let pipe = TestPipe()
        #expect(FileFacts(Descriptor(number: pipe.reader))?.kind == .pipe)
        var ends: [CInt] = [0, 0]
        socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends)
        #expect(FileFacts(Descriptor(number: ends[0]))?.kind == .socket)
        for end in ends { close(end) }
        #expect(try facts("/dev/ptmx", O_RDWR | O_NOCTTY).kind == .device)
    }

    @Test func `say that all else is something other`() throws {
        #expect(try facts("/dev/zero", O_RDONLY).kind == .other)
        #expect(try facts("/dev/null", O_RDWR).kind == .other)
        #expect(try facts("/", O_RDONLY | O_DIRECTORY).kind == .other)
    }

    @Test func `say that what has no file is a stream of events`() throws {
        let event = try #require(EventDescriptor.make())
        defer { event.descriptor.close() }
        #expect(FileFacts(event.descriptor)?.kind == .event)
    }

    @Test func `are none where nothing is open`() { #expect(FileFacts(.none) == nil) }

    @Test func `tell how it was opened`() throws {
        #expect(try facts("/dev/null", O_RDONLY).isReadable)
        #expect(try !facts("/dev/null", O_RDONLY).isWritable)
        #expect(try !facts("/dev/null", O_WRONLY).isReadable)
        #expect(try facts("/dev/null", O_WRONLY).isWritable)
        #expect(try facts("/dev/null", O_RDWR).isReadable && facts("/dev/null", O_RDWR).isWritable)
        #expect(try !facts("/dev/null", __O_PATH).isReadable && !facts("/dev/null", __O_PATH).isWritable)
        #expect(try facts("/dev/null", O_WRONLY | O_APPEND).isAppending)
        let file = TestFile()
        let direct = file.reopened(O_RDWR | __O_DIRECT)
        try #require(direct >= 0)
        defer { close(direct) }
        #expect(FileFacts(Descriptor(number: direct))?.isDirect == true)
    }

    @Test func `are of the same file through any descriptor of it`() throws {
        let one = TestFile()
        let other = TestFile()
        let again = one.reopened(O_RDONLY)
        let duplicate = dup(one.descriptor)
        defer {
            close(again)
            close(duplicate)
        }
        let facts = try #require(FileFacts(Descriptor(number: one.descriptor)))
        #expect(facts.isSameFile(as: FileFacts(Descriptor(number: again))!))
        #expect(facts.isSameFile(as: FileFacts(Descriptor(number: duplicate))!))
        #expect(!facts.isSameFile(as: FileFacts(Descriptor(number: other.descriptor))!))
    }
}

@Suite struct `A notification` {
    private func event(_ notify: CInt, _ signal: CInt = 0) -> sigevent {
        var event = sigevent()
        event.sigev_notify = notify
        event.sigev_signo = signal
        event.sigev_value.sival_int = 42
        return event
    }

    private func kind(_ event: sigevent) -> Notification.Kind? {
        var event = event
        return Notification(&event)?.kind
    }

    @Test func `of nothing is none`() {
        #expect(kind(sigevent()) == Notification.Kind.none)
        #expect(kind(event(CInt(SIGEV_NONE))) == Notification.Kind.none)
        #expect(kind(event(CInt(SIGEV_NONE), 99)) == Notification.Kind.none)
        #expect(kind(event(CInt(SIGEV_SIGNAL), 0)) == Notification.Kind.none)
        #expect(kind(event(CInt(SIGEV_THREAD_ID), 0)) == Notification.Kind.none)
    }

    @Test(arguments: [1, 10, 34, 63, 64] as [CInt])
    func `by a signal has its number and its value`(_ signal: CInt) throws {
        var event = event(CInt(SIGEV_SIGNAL), signal)
        let notification = try #require(Notification(&event))
        #expect(notification.kind == .signal)
        #expect(notification.signal == signal)
        #expect(notification.value.sival_int == 42)
    }

    @Test(arguments: [-1, 65, 1000, .max, .min] as [CInt])
    func `by what is no signal is invalid`(_ signal: CInt) {
        #expect(kind(event(CInt(SIGEV_SIGNAL), signal)) == nil)
        #expect(kind(event(CInt(SIGEV_THREAD_ID), signal)) == nil)
    }

    @Test func `by a thread's signal has the thread`() throws {
        var event = event(CInt(SIGEV_THREAD_ID), SIGUSR1)
        event._sigev_un._tid = 1234
        let notification = try #require(Notification(&event))
        #expect(notification.kind == .threadSignal)
        #expect(notification.target == 1234)
    }

    @Test func `by a function has it and what it is to know`() throws {
        var event = event(CInt(SIGEV_THREAD))
        #expect(kind(event) == nil)
        event._sigev_un._sigev_thread._function = { _ in }
        var attributes = pthread_attr_t()
        try withUnsafeMutablePointer(to: &attributes) { attributes in
            event._sigev_un._sigev_thread._attribute = attributes
            let notification = try #require(Notification(&event))
            #expect(notification.kind == .function)
            #expect(notification.function != nil)
            #expect(notification.attributes == UnsafeMutableRawPointer(attributes))
            #expect(notification.value.sival_int == 42)
        }
    }

    @Test func `by an eventfd has one that is open, and needs nothing of ours`() throws {
        let open = try #require(EventDescriptor.make())
        defer { open.descriptor.dispose() }
        var event = event(CInt(KAIO_SIGEV_EVENTFD))
        event.sigev_value.sival_int = open.descriptor.number
        let notification = try #require(Notification(&event))
        #expect(notification.kind == .event && notification.target == open.descriptor.number)
        #expect(!notification.needsUs)
        event.sigev_value.sival_int = -1
        #expect(kind(event) == nil)
    }

    @Test(arguments: [-1, 3, 5, 77, .max] as [CInt])
    func `of another kind is invalid`(_ notify: CInt) { #expect(kind(event(notify)) == nil) }

    /// RLIMIT_SIGPENDING, which <sys/resource.h> shows under _GNU_SOURCE only.
    private static let pendingSignals = __rlimit_resource_t(11)

    @Test func `that the queue of signals has no room for is not sent`() async {
        await #expect(processExitsWith: .success) {
            var none = rlimit(rlim_cur: 0, rlim_max: 0)
            setrlimit(`A notification`.pendingSignals, &none)
            _ = SignalMask.blockAll()
            var event = sigevent()
            event.sigev_notify = CInt(SIGEV_SIGNAL)
            event.sigev_signo = 40
            check(Notification(&event)?.sendSignal() == false)
        }
    }
}

private let states = (0...12).map { RequestState(rawValue: UInt8($0))! }

@Suite struct `Where a request is` {
    @Test func `is one word`() {
        for state in states {
            for (sequence, position, level) in [(1, 0, 0), (1 << 51 - 1, 15, 20), (77, 3, 1)] as [(UInt64, Int, Int)] {
                let now = Whereabouts(sequence, state, position, level)
                #expect(now.sequence == sequence && now.state == state)
                #expect(now.position == position && now.level == level)
                #expect(Whereabouts(word: now.word) == now)
            }
        }
        #expect(Whereabouts(word: 0).state == .free)
    }

    @Test func `leads from its block's first owner to nobody, by way of whoever has it`() {
        for state in states {
            #expect(!state.mayBecome(state))
            let next = states.filter(state.mayBecome)
            if state.isInFlight, state != .held { #expect(next.contains(.held)) }
            if state != .held, state != .made { #expect(!next.contains(.free) || state == .published) }
            if !state.isInFlight { #expect(next.count <= 2) }
        }
        #expect(states.filter { $0.mayBecome(.inKernel) } == [.held])
        #expect(states.filter { $0.mayBecome(.running) } == [.held])
        #expect(states.filter { $0.mayBecome(.waiting) } == [.held])
    }

    @Test func `is said of that request alone`() {
        withRequests(2) { requests in
            let identity = requests[0].identity
            #expect(identity.request == requests[0] && identity.state == .held)
            #expect(identity.request(waitingAt: 3) == nil)
            requests[0].become(.waiting, at: 3, level: 5)
            #expect(identity.request(waitingAt: 3) == requests[0])
            #expect(identity.request(waitingAt: 2) == nil)
            let other = RequestIdentity(slot: identity.slot, sequence: identity.sequence + 1)
            #expect(other.whereabouts == nil && other.state == .free && other.request(waitingAt: 3) == nil)
            #expect(requests[0].sequence == identity.sequence)
            requests[0].become(.held)
        }
    }

    @Test func `says what only its completion takes it away from`() {
        for state in states {
            let isForGood = state == .kept || state == .inKernel || state == .running
            #expect(Whereabouts(1, state, 0, 0).isInProgressForGood == isForGood)
        }
        #expect(Whereabouts(1, .polled, 0, 1).isInProgressForGood)
    }
}
