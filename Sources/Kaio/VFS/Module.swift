import CKernel

/// A module in a connection's stack: it takes a request, changes it, or hands it to the module below.
///
/// A module is called with all signals blocked, by any thread, and by several at once: it guards its own state
/// with a `Lock`, which it never holds while it calls the turn or another module. It may call neither the
/// allocator nor pthread_create, unless `turn.mayCreateThreads`: the thread may be in a signal handler that
/// interrupted them.
protocol Module: AnyObject {
    var name: StaticString { get }
    /// What a person calls it.
    var title: Text { get }

    /// What the module has to see of reads, or writes, that could take the fast path past it (Request/Express.swift).
    func passage(of operation: Operation) -> Passage

    /// Takes requests from above. For each, the module does one of three things: hands it on
    /// (`turn.handOn`), completes it (`turn.complete`), or keeps it and does one of the two later.
    func submit(_ requests: inout RequestQueue, _ turn: inout Turn)

    /// What the kernel says of a request that the module gave to the `KernelQueue`: the event's result, or the
    /// negated errno with which io_submit refused it.
    func harvested(_ request: Request, _ result: Int, _ turn: inout Turn)

    /// A request that the module observes (`turn.observe`) was completed below. False: the module keeps it, and
    /// completes it later.
    func completed(_ request: Request, _ turn: inout Turn) -> Bool

    /// The time is up of a request that the module gave to `Timers`. It is the module's again.
    func expired(_ request: Request, _ turn: inout Turn)

    /// All requests that the module made for one of the caller's are complete. That one is the module's again; the own are
    /// gone when this returns.
    func joined(_ parent: Request, _ own: OwnRequests, _ turn: inout Turn)

    /// The same for a request of the module's own that was made for none.
    func finished(_ own: Request, _ turn: inout Turn)

    /// What an own request asks for that was given to a worker (`turn.handToWorker`); returns its result. This may wait.
    func work(_ own: Request, _ turn: inout Turn) -> Int

    /// Whether the module keeps something of open files. If one of a stack does, all of its modules are called for these, in
    /// turns; see Runtime/OpenFiles.swift.
    var hearsOfFiles: Bool { get }
    /// A file is new here, by this descriptor: from the bottom up, before its first request comes.
    func opened(_ file: OpenFile, _ descriptor: Descriptor, _ facts: FileFacts, _ turn: inout Turn)
    /// Whether it opens files once more, or asks their servers, before they are used.
    var prepares: Bool { get }
    /// The same for the first request by a descriptor of each `FileFacts.way`, on a worker, where it may wait: before any such
    /// request comes. The number may be another file's by then.
    func prepare(_ file: OpenFile, _ target: Target)
    /// Its last descriptor is about to be closed, or was closed behind the library's back. The module sees to what it has to
    /// do with it, with requests of its own if need be, and may `hold` it until that is done. It may go on being used.
    func closes(_ file: OpenFile, _ turn: inout Turn)
    /// It has no descriptor any more, but the modules' own.
    func closed(_ file: OpenFile)

    /// Takes the request out of the module's own queue, if it waits there (`request(waitingAt:)`): its block may be another's by now.
    /// `force`: its descriptor is about to be closed, so a request that counts as being in progress, but does no transfer at the moment,
    /// must end too.
    func cancel(_ request: RequestIdentity, force: Bool, _ turn: inout Turn) -> CancelOutcome

    /// In the child of a fork: forgets every request. Of the module's own memory alone: the child may use other stacks
    /// by then, so what instances share is reset by the entry.
    func reset()

    /// Whether it is still to be used when its connection is no more; else it may be freed then.
    var isLasting: Bool { get }

    // For a module that observes (`Passage`). These two are called with signals open, and a signal handler may do the same
    // on top of them, so they take a lock only with all signals blocked.

    /// A request that is given to the kernel at once. `completed` is called for it, and must say true.
    func begins(_ request: Request)
    /// A transfer that was done in the call, and is about to be published.
    func isOver(_ outcome: Outcome, since begin: Instant)

    /// For a module whose `passage` is `.guards` or `.answers`.
    var fastCalls: FastCalls { get }

    // What a program asks of a connection; see Place.swift. These are called with signals open, outside of turns.

    func connect(_ service: Text, below: Place) -> CInt
    func disconnect(below: Place)
    func open(_ path: UnsafePointer<CChar>, _ flags: CInt, _ mode: mode_t, below: Place) -> Int
    func close(_ descriptor: Descriptor, below: Place) -> Int
    func error(_ user: UserBlock, below: Place) -> CInt
    func result(_ user: UserBlock, below: Place) -> Int?
    func cancel(_ descriptor: Descriptor, _ user: UserBlock?, below: Place) -> CInt
    func suspend(
        _ list: UnsafePointer<UnsafePointer<aiocb>?>, _ count: Int, until deadline: Instant, below: Place
    ) -> CInt
}

enum Passage {
    /// Each request: there is no fast path past such a module.
    case intercepts
    /// None.
    case passesThrough
    /// That it comes by, and how it ends.
    case observes
    /// The same, while somebody looks (`Live.isWatched`).
    case observesIfShown
    /// Each: it is asked, and may say that it has to have the request itself.
    case guards
    /// The same, and it may do it at once.
    case answers
}

/// What a module says when asked to cancel a request.
enum CancelOutcome {
    /// It does not wait here.
    case no
    /// Nobody will run it; the caller completes it.
    case taken
    /// It waits here, and a part of it has been transferred.
    case begun
}

extension Module {
    var title: Text { Text(name) }
    func passage(of operation: Operation) -> Passage { .intercepts }
    var fastCalls: FastCalls { FastCalls() }
    func begins(_ request: Request) {}
    func isOver(_ outcome: Outcome, since begin: Instant) {}
    func harvested(_ request: Request, _ result: Int, _ turn: inout Turn) {}
    func completed(_ request: Request, _ turn: inout Turn) -> Bool { true }
    func expired(_ request: Request, _ turn: inout Turn) {}
    func joined(_ parent: Request, _ own: OwnRequests, _ turn: inout Turn) { turn.complete(parent, own.result) }
    func finished(_ own: Request, _ turn: inout Turn) {}
    func work(_ own: Request, _ turn: inout Turn) -> Int { -Int(EIO) }
    var hearsOfFiles: Bool { false }
    func opened(_ file: OpenFile, _ descriptor: Descriptor, _ facts: FileFacts, _ turn: inout Turn) {}
    var prepares: Bool { false }
    func prepare(_ file: OpenFile, _ target: Target) {}
    func closes(_ file: OpenFile, _ turn: inout Turn) {}
    func closed(_ file: OpenFile) {}
    func cancel(_ request: RequestIdentity, force: Bool, _ turn: inout Turn) -> CancelOutcome { .no }
    func reset() {}
    var isLasting: Bool { false }
}
