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
        let reads: ShortWay
        let writes: ShortWay
        let kernel: Int
        let hasEnd: Bool
        let visitors = Atomic<Int>(0)
        /// Of those that are not in use.
        var next: UnsafeMutablePointer<Contents>?
    }

    /// The way of an operation past the modules down to `aio_linux`, if the request is in nobody's way.
    struct ShortWay {
        var lane = Express.Lane.none
        /// The first module that takes part: `ordered`, or `aio_linux`.
        var first = 0
        /// The bit of `ordered`, if that is on the way.
        var ordered: UInt16 = 0
        /// The modules above these that watch, one bit for each position.
        private var watching: UInt16 = 0
        /// Those that watch while somebody looks.
        private var showing: UInt16 = 0

        /// The modules that watch a request that comes by now.
        @inline(__always)
        var watchers: UInt16 { showing != 0 && Live.isWatched ? watching | showing : watching }

        init() {}

        /// None if a module stops the requests, or one of the two that know it is missing.
        init(_ operation: Operation, _ modules: UnsafeMutablePointer<any Module>, _ count: Int) {
            var way = ShortWay()
            for position in 0..<count {
                let module = modules[position]
                let bit = UInt16(1) << UInt16(position)
                if Text(module.name) == "aio_linux" {
                    if way.ordered == 0 { way.first = position }
                    way.lane = way.ordered == 0 ? .kernel : .orderedKernel
                    self = way
                    return
                }
                if Text(module.name) == "ordered", way.ordered == 0 {
                    way.ordered = bit
                    way.first = position
                    continue
                }
                switch module.passage(of: operation) {
                case .stops: return
                case .passes: break
                case .watches:
                    if way.ordered != 0 { return }
                    way.watching |= bit
                case .shows:
                    if way.ordered != 0 { return }
                    way.showing |= bit
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
    /// The short way past its modules, if there is one.
    @inline(__always)
    func shortWay(of operation: Operation) -> ShortWay {
        operation == .read ? contents.pointee.reads : contents.pointee.writes
    }
    /// Where `aio_linux` is, if its requests may be completed without asking it; else -1.
    @inline(__always)
    var kernel: Int { contents.pointee.kernel }

    static let greatestCount = 16

    /// The stack of every descriptor that nothing else is said of. Nil until the engine's first start.
    nonisolated(unsafe) static var standard: Stack?

    /// Builds a stack from names with blanks between them.
    ///
    /// The last module must be one that takes everything, so `aio_pthread` is put there if it is not named.
    /// Nil if a name is unknown or there are too many; `problem` is then called with the name.
    /// Without `mayBeShort` every request passes every module, and the stack has an end.
    init?(names: Text, parameters: Parameters = .none, mayBeShort: Bool = true, problem: (Text) -> Void) {
        let modules = UnsafeMutablePointer<any Module>.allocate(capacity: Stack.greatestCount)
        var count = 0
        var rest = names
        var endsWell = false
        var isOrdered = false
        if let live = Live.make(above: names.countOfWords + 1) {
            modules.initialize(to: live)
            count = 1
        }
        while let name = rest.takeWord() {
            guard count < Stack.greatestCount - 1,
                let module = Registry.make(name, position: count, parameters: parameters)
            else {
                problem(name)
                Stack.free(modules, count)
                return nil
            }
            (modules + count).initialize(to: module)
            count += 1
            if let ordered = module as? Ordered {
                ordered.isBelowAnother = isOrdered
                isOrdered = true
            }
            endsWell = name == Registry.last
        }
        if !endsWell {
            (modules + count).initialize(to: Registry.make(Text(Registry.last), position: count)!)
            count += 1
        }
        self.init(modules, count, mayBeShort: mayBeShort, hasEnd: !mayBeShort)
    }

    /// A stack of a test's own modules has no short way.
    init(_ modules: UnsafeMutablePointer<any Module>, count: Int) { self.init(modules, count, mayBeShort: false) }

    private init(
        _ modules: UnsafeMutablePointer<any Module>, _ count: Int, mayBeShort: Bool, hasEnd: Bool = false
    ) {
        if hasEnd, let unused = Stack.takeUnused() {
            contents = unused
            contents.pointee.modules = modules
            contents.pointee.count = count
            return
        }
        contents = .allocate(capacity: 1)
        var kernel = -1
        if mayBeShort {
            for position in 0..<count where kernel < 0 && Text(modules[position].name) == "aio_linux" {
                kernel = position
            }
        }
        contents.initialize(
            to: Contents(
                modules: modules, count: count,
                reads: kernel < 0 ? ShortWay() : ShortWay(.read, modules, count),
                writes: kernel < 0 ? ShortWay() : ShortWay(.write, modules, count), kernel: kernel, hasEnd: hasEnd,
                next: nil))
    }

    @inline(__always)
    subscript(position: Int) -> any Module { contents.pointee.modules[position] }

    /// In the child of a fork.
    func reset() {
        contents.pointee.visitors.store(0, ordering: .relaxed)
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
    func enter(for request: Request, _ sequence: UInt64) -> Bool {
        enter()
        if !request.block.pointee.isPublished.load(ordering: .acquiring), request.sequence == sequence { return true }
        leave()
        return false
    }

    /// Waits until nobody is in it. It has no request, and gets none meanwhile; the caller is not in it.
    func awaitVisitors() {
        // Not a load: who comes later is to see that the requests are over.
        while contents.pointee.visitors.wrappingAdd(0, ordering: .acquiringAndReleasing).newValue != 0 {
            _ = systemCall(SYS_poll, 0, 0, 1)
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
