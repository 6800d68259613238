// A connection's modules, top to bottom. Built once and never changed, so that anyone may walk it at any time.
//
// Invariant: the stack of a service is never freed. One for kaio_connect has an end, at which it has no request and
// nobody is in it: who calls its modules is counted, from before the call until it has returned (`enter`, `leave`).
// Its `Contents` stay, to be used again: who comes too late finds memory of the same kind, and goes.

import CKernel
import Synchronization

struct Stack: Equatable {
    private struct Contents: ~Copyable {
        var modules: UnsafeMutablePointer<any Module>
        var count: Int
        let reads: FastPath
        let writes: FastPath
        /// By position; nothing in a stack without a fast path.
        let fast: UnsafeMutablePointer<FastCalls>
        let hasEnd: Bool
        var hearsOfFiles: Bool
        var prepares: Bool
        let visitors = Atomic<Int>(0)
        /// Requests of the modules' own.
        let own = Atomic<Int>(0)
        /// Of those that are not in use.
        var next: UnsafeMutablePointer<Contents>?
    }

    /// The fast path of an operation past the modules; see `Express`. One bit for each position.
    struct FastPath {
        /// Those that are asked; none: there is no fast path.
        private(set) var asked: UInt16 = 0
        /// Of these, those whose watch of a completion ends just before it is published.
        private(set) var guards: UInt16 = 0
        /// Those above these that observe.
        private var observing: UInt16 = 0
        /// Those that observe while somebody looks.
        private var showing: UInt16 = 0

        /// The modules that observe a request that comes by now.
        @inline(__always)
        var observers: UInt16 { showing != 0 && Live.isWatched ? observing | showing : observing }

        init() {}

        /// As far as the last module that may answer, above the first that wants each request itself.
        init(_ operation: Operation, _ modules: UnsafeMutablePointer<any Module>, _ count: Int) {
            var path = FastPath()
            for position in 0..<count {
                let bit = UInt16(1) << UInt16(position)
                switch modules[position].passage(of: operation) {
                case .intercepts: return
                case .passesThrough: break
                case .observes:
                    if path.asked != 0 { return }
                    path.observing |= bit
                case .observesIfShown:
                    if path.asked != 0 { return }
                    path.showing |= bit
                case .guards:
                    path.asked |= bit
                    path.guards |= bit
                case .answers:
                    path.asked |= bit
                    self = path
                }
            }
        }
    }

    private static let lock = Lock()
    nonisolated(unsafe) private static var unused: UnsafeMutablePointer<Contents>?

    private let contents: UnsafeMutablePointer<Contents>

    /// The stack as a number, 0 for none, and back.
    @inline(__always)
    var bits: UInt { UInt(bitPattern: contents) }
    @inline(__always)
    init?(bits: UInt) {
        guard let contents = UnsafeMutablePointer<Contents>(bitPattern: bits) else { return nil }
        self.contents = contents
    }

    var count: Int { contents.pointee.count }
    /// The fast path past its modules, if there is one.
    @inline(__always)
    func fastPath(of operation: Operation) -> FastPath {
        operation == .read ? contents.pointee.reads : contents.pointee.writes
    }

    @inline(__always)
    func fast(_ position: Int) -> UnsafePointer<FastCalls> { UnsafePointer(contents.pointee.fast) + position }

    static let greatestCount = 16

    /// The stack of every descriptor that nothing else is said of. Nil until the engine's first start.
    nonisolated(unsafe) static var standard: Stack?

    /// Builds a stack from names with blanks between them.
    ///
    /// The last module must be one that takes everything, so `aio_pthread` is put there if it is not named.
    /// Nil if a name is unknown, there are too many, or one is on the wrong side of `ordered`; `problem` is then called with
    /// the name. Nil too if a module refuses a parameter, which it has said.
    /// Without `mayBeFast` every request passes every module, and the stack has an end.
    init?(names: Text, parameters: Parameters = .none, mayBeFast: Bool = true, problem: (Text) -> Void) {
        let modules = UnsafeMutablePointer<any Module>.allocate(capacity: Stack.greatestCount)
        var count = 0
        var rest = names
        var endsWell = false
        var parameters = parameters
        let wasFaulty = parameters.isFaulty
        if let live = Live.make(above: names.countOfWords + 1) {
            modules.initialize(to: live)
            count = 1
        }
        while let name = rest.takeWord() {
            let entry = Registry.entry(name)
            if let entry, entry.isOnce, Stack.has(entry.name, modules, count) { continue }
            if let entry, entry.needsOrder, !Stack.has(StackOrder.divider, modules, count),
                count < Stack.greatestCount - 1, let ordered = Registry.make(Text(StackOrder.divider), position: count)
            {
                (modules + count).initialize(to: ordered)
                count += 1
            }
            guard count < Stack.greatestCount - 1,
                let module = Registry.make(name, position: count, parameters: parameters)
            else {
                problem(name)
                Stack.free(modules, count)
                return nil
            }
            (modules + count).initialize(to: module)
            count += 1
            if name == StackOrder.divider { parameters.isBelowOrdered = true }
            if parameters.isFaulty, !wasFaulty {
                Stack.free(modules, count)
                return nil
            }
            endsWell = name == Registry.last
        }
        if let fault = StackOrder(names: names).fault {
            problem(fault.module)
            Stack.free(modules, count)
            return nil
        }
        if !endsWell {
            (modules + count).initialize(
                to: Registry.make(Text(Registry.last), position: count, parameters: parameters)!)
            count += 1
        }
        self.init(modules, count, mayBeFast: mayBeFast, hasEnd: !mayBeFast)
    }

    /// A stack of a test's own modules has no fast path, unless it asks for one.
    init(_ modules: UnsafeMutablePointer<any Module>, count: Int, mayBeFast: Bool = false) {
        self.init(modules, count, mayBeFast: mayBeFast)
    }

    private init(
        _ modules: UnsafeMutablePointer<any Module>, _ count: Int, mayBeFast: Bool, hasEnd: Bool = false
    ) {
        if hasEnd, let unused = Stack.takeUnused() {
            contents = unused
            contents.pointee.modules = modules
            contents.pointee.count = count
            contents.pointee.hearsOfFiles = Stack.any(of: modules, count) { $0.hearsOfFiles }
            contents.pointee.prepares = Stack.any(of: modules, count) { $0.prepares }
            return
        }
        contents = .allocate(capacity: 1)
        let fast = UnsafeMutablePointer<FastCalls>.allocate(capacity: count)
        fast.initialize(repeating: FastCalls(), count: count)
        for position in 0..<count where mayBeFast { fast[position] = modules[position].fastCalls }
        contents.initialize(
            to: Contents(
                modules: modules, count: count,
                reads: mayBeFast ? FastPath(.read, modules, count) : FastPath(),
                writes: mayBeFast ? FastPath(.write, modules, count) : FastPath(), fast: fast, hasEnd: hasEnd,
                hearsOfFiles: Stack.any(of: modules, count) { $0.hearsOfFiles },
                prepares: Stack.any(of: modules, count) { $0.prepares }, next: nil))
    }

    private static func any(
        of modules: UnsafeMutablePointer<any Module>, _ count: Int, _ isSuch: (any Module) -> Bool
    ) -> Bool {
        for position in 0..<count where isSuch(modules[position]) { return true }
        return false
    }

    /// Whether a module has something to do with a file before it is used, which may take long; see `Module.prepare`.
    var prepares: Bool { contents.pointee.prepares }

    /// Whether a module keeps something of open files.
    var hearsOfFiles: Bool { contents.pointee.hearsOfFiles }

    @inline(__always)
    subscript(position: Int) -> any Module { contents.pointee.modules[position] }

    /// In the child of a fork.
    func reset() {
        contents.pointee.visitors.store(0, ordering: .relaxed)
        contents.pointee.own.store(0, ordering: .relaxed)
        for position in 0..<count { self[position].reset() }
    }

    /// Whether one of its modules is still to be used when nothing uses the stack; see `Module.isLasting`.
    var isLasting: Bool {
        for position in 0..<count where self[position].isLasting { return true }
        return false
    }

    /// The position of the module with this name, or nil.
    func position(of name: StaticString) -> Int? {
        for position in 0..<count where Text(self[position].name) == name { return position }
        return nil
    }

    private static func has(
        _ name: StaticString, _ modules: UnsafeMutablePointer<any Module>, _ count: Int
    ) -> Bool {
        for position in 0..<count where Text(modules[position].name) == name { return true }
        return false
    }

    // MARK: the end

    /// A thread is about to call one of the modules, with a request of the stack in its hands.
    @inline(__always)
    func enter() {
        if contents.pointee.hasEnd { contents.pointee.visitors.wrappingAdd(1, ordering: .acquiringAndReleasing) }
    }

    @inline(__always)
    func leave() {
        if contents.pointee.hasEnd { contents.pointee.visitors.wrappingSubtract(1, ordering: .releasing) }
    }

    /// The same where another may have the request: false if it is over by now, and the stack perhaps too.
    func enter(for request: RequestIdentity) -> Bool {
        enter()
        if request.state.isInFlight { return true }
        leave()
        return false
    }

    var hasEnd: Bool { contents.pointee.hasEnd }
    func addOwn(_ change: Int) { contents.pointee.own.wrappingAdd(change, ordering: .sequentiallyConsistent) }
    var hasOwn: Bool { contents.pointee.own.load(ordering: .sequentiallyConsistent) != 0 }

    /// Waits until nobody is in it. It has no request, and gets none meanwhile; the caller is not in it.
    func awaitVisitors() {
        // Not a load: who comes later is to see that the requests are over.
        while contents.pointee.visitors.wrappingAdd(0, ordering: .acquiringAndReleasing).newValue != 0 {
            Instant.sleep(for: 1_000_000)
        }
    }

    /// Gives back what belongs to it. `awaitVisitors` has returned. All signals are blocked.
    func end() {
        Stack.free(contents.pointee.modules, count)
        Stack.lock.lock()
        contents.pointee.next = Stack.unused
        Stack.unused = contents
        Stack.lock.unlock()
    }

    private static func takeUnused() -> UnsafeMutablePointer<Contents>? {
        lock.lock()
        defer { lock.unlock() }
        let contents = unused
        unused = contents?.pointee.next
        return contents
    }

    private static func free(_ modules: UnsafeMutablePointer<any Module>, _ count: Int) {
        modules.deinitialize(count: count)
        modules.deallocate()
    }

    /// In the child of a fork.
    static func resetLock() { lock.reset() }
}
