// The connections of the process, and the stacks that they use.
//
// Invariant: the list and the pool are changed under `lock`. A stack that its connection gave back is used again by the
// next with the same modules and parameters, if it comes soon: `mostIdle` are kept, and then the one that was not used
// for the longest time ends. One with a module that is still to be used (`Module.isLasting`) stays. In the child of a
// fork a stack of the parent's is reset when it is used again, or ends: others of the child's may have requests by then.

import CKernel
import Synchronization

enum Connections {
    fileprivate struct Pooled {
        let names: Text
        let parameters: Text
        let service: Text
        let stack: Stack
        let own: Parameters.List
        /// All that the stack was made of, this too.
        var memory: Arena
        var isUsed: Bool
        var isLasting = false
        var lastUse = 0
        var secret: UInt64
        var next: UnsafeMutablePointer<Pooled>?
    }

    /// What a connection has of the pool.
    struct Loan {
        let stack: Stack
        fileprivate let place: UnsafeMutablePointer<Pooled>
    }

    private static let lock = Lock()
    /// While a stack is made, which may be slow; one at a time, so that each hears of its own modules from `Loader`.
    private static let making = Lock()
    nonisolated(unsafe) private static var first: Connection?
    /// Changed under the lock.
    private static let count = Atomic<Int>(0)
    nonisolated(unsafe) private static var pool: UnsafeMutablePointer<Pooled>?
    nonisolated(unsafe) private static var uses = 0

    static let mostIdle = 16
    private static let source: StaticString = "kaio_connect"

    // MARK: the list; all signals are blocked

    static func add(_ connection: Connection) {
        lock.lock()
        connection.state.pointee.next.pointee = first
        first = connection
        count.wrappingAdd(1, ordering: .sequentiallyConsistent)
        Reactor.lend(to: connection)
        lock.unlock()
    }

    /// True: it was the last one.
    static func remove(_ connection: Connection) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        count.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        if first == connection {
            first = connection.state.pointee.next.pointee
        } else {
            var current = first
            while let candidate = current {
                if candidate.state.pointee.next.pointee == connection {
                    candidate.state.pointee.next.pointee = connection.state.pointee.next.pointee
                    break
                }
                current = candidate.state.pointee.next.pointee
            }
        }
        return first == nil
    }

    static var areSeveral: Bool { count.load(ordering: .sequentiallyConsistent) > 1 }

    static func visitAll(_ body: (Connection) -> Void) {
        lock.lock()
        var current = first
        while let connection = current {
            body(connection)
            current = connection.state.pointee.next.pointee
        }
        lock.unlock()
    }

    /// Whether it is the eventfd of one. Also in a signal handler.
    static func have(_ descriptor: Descriptor) -> Bool {
        let mask = SignalMask.blockAll()
        var isTheirs = false
        visitAll { isTheirs = isTheirs || $0.has(descriptor) }
        mask.restore()
        return isTheirs
    }

    /// In the child of a fork: the connections are the parent's.
    static func reset() {
        lock.reset()
        making.reset()
        first = nil
        count.store(0, ordering: .relaxed)
    }

    // MARK: stacks

    /// Before signals are blocked: the modules that `borrow` needs. Returns 0 or an errno, which is explained on stderr.
    static func load(_ service: Text, _ objects: Text?) -> CInt {
        if objects == nil, Configuration.isRefused { return 0 }
        let configuration = Configuration.current
        let names = objects ?? configuration[configuration.position(of: service) ?? 0].objects
        var message = beginning(service)
        let error = Loader.load(all: names, &message)
        if error != 0 { message.show() }
        return error
    }

    /// A stack of these modules, `objects`, or where that is nil of those of the configuration's service. Nil: it can't
    /// be made, which is said on stderr. All signals are blocked.
    static func borrow(
        _ service: Text, _ objects: Text?, _ list: Text, _ secret: UInt64, _ error: inout CInt
    ) -> Loan? {
        making.lock()
        defer { making.unlock() }
        if objects == nil, Configuration.isRefused {
            var message = beginning(service)
            message.add("KAIO_CONFIG, which would say what its stack is, has an error")
            message.show()
            error = EINVAL
            return nil
        }
        let configuration = Configuration.current
        let said = configuration[configuration.position(of: service) ?? 0]
        let names = objects ?? said.objects
        lock.lock()
        var current = pool
        while let place = current {
            if !place.pointee.isUsed, place.pointee.names == names, place.pointee.parameters == list,
                place.pointee.service == service
            {
                place.pointee.isUsed = true
                lock.unlock()
                if place.pointee.secret != secret { place.pointee.stack.reset() }
                place.pointee.secret = secret
                return Loan(stack: place.pointee.stack, place: place)
            }
            current = place.pointee.next
        }
        lock.unlock()
        var memory = Arena()
        var isMade = false
        defer { if !isMade { memory.free() } }
        guard let keptNames = memory.copy(names), let keptList = memory.copy(list),
            let keptService = memory.copy(service), let place = memory.allocate(Pooled.self),
            let fault = memory.allocate(Atomic<Bool>.self)
        else {
            error = ENOMEM
            return nil
        }
        fault.initialize(to: Atomic(false))
        let parameters = Parameters(
            keptList, from: source, before: said.parameters, of: keptService, fault: fault, &memory)
        error = EINVAL
        let stack = Stack(names: keptNames, parameters: parameters, mayBeFast: false) { module in
            complain(service, of: module, in: names)
            if !Registry.has(module) { error = Loader.error(of: module) }
        }
        guard let stack, !fault.pointee.load(ordering: .relaxed) else {
            stack?.end()
            complain(service, ofStrays: parameters.own, in: names)
            complain(service, ofStrays: parameters.inherited, in: names)
            return nil
        }
        isMade = true
        if let position = stack.position(of: "aio_linux"), let module = stack[position] as? AIOLinux {
            module.bound()
        }
        lock.lock()
        place.initialize(
            to: Pooled(
                names: keptNames, parameters: keptList, service: keptService, stack: stack, own: parameters.own,
                memory: memory, isUsed: true, secret: secret, next: pool))
        pool = place
        lock.unlock()
        return Loan(stack: stack, place: place)
    }

    /// Nobody is in the stack any more.
    static func giveBack(_ loan: Loan) {
        let isLasting = loan.stack.isLasting
        // Once it is given back the place is anybody's, and may be gone.
        let secret = loan.place.pointee.secret
        lock.lock()
        uses += 1
        loan.place.pointee.isLasting = isLasting
        loan.place.pointee.lastUse = uses
        loan.place.pointee.isUsed = false
        let oldest = takeOldest()
        lock.unlock()
        guard let oldest else { return }
        // It may be the parent's, with a thread that does not exist here.
        if oldest.pointee.secret != secret { oldest.pointee.stack.reset() }
        oldest.pointee.stack.end()
        var memory = oldest.pointee.memory
        memory.free()
    }

    /// Takes the idle stack that was not used for the longest time out of the pool, if there are too many. Under the lock.
    private static func takeOldest() -> UnsafeMutablePointer<Pooled>? {
        var count = 0
        var oldest: UnsafeMutablePointer<Pooled>?
        var beforeOldest: UnsafeMutablePointer<Pooled>?
        var previous: UnsafeMutablePointer<Pooled>?
        var current = pool
        while let place = current {
            if !place.pointee.isUsed, !place.pointee.isLasting {
                count += 1
                if oldest.map({ place.pointee.lastUse < $0.pointee.lastUse }) ?? true {
                    oldest = place
                    beforeOldest = previous
                }
            }
            previous = place
            current = place.pointee.next
        }
        guard count > mostIdle, let oldest else { return nil }
        if let beforeOldest {
            beforeOldest.pointee.next = oldest.pointee.next
        } else {
            pool = oldest.pointee.next
        }
        return oldest
    }

    private static func complain(_ service: Text, of module: Text, in names: Text) {
        var message = beginning(service)
        Loader.explain(module, of: names, &message)
        message.show()
    }

    private static func complain(_ service: Text, ofStrays list: Parameters.List, in names: Text) {
        Parameters.forEach(list) { entry in
            guard entry.isOurs, entry.isUnknown, ConfigurationReader.hasModule(entry.module, in: names) == .yes else {
                return
            }
            var message = beginning(service)
            message.addUnknown(entry)
            message.show()
        }
    }

    private static func beginning(_ service: Text) -> Message {
        var message = Message()
        message.add("kaio: kaio_connect: service ")
        message.add(service)
        message.add(": ")
        return message
    }

    /// Whether the modules of the stack have each of the caller's own parameters, and could make something of it. What one of ours
    /// does not have was refused before. A module that is not ours may wait for its connect to ask, so theirs are looked at when
    /// it is connected, all others before.
    static func isUnderstood(_ loan: Loan, _ service: Text, isConnected: Bool) -> Bool {
        var all = true
        Parameters.forEach(loan.place.pointee.own) { entry in
            if entry.wasRefused { all = false }
            guard entry.origin.source == source else { return }
            let isStranger = ConfigurationReader.hasModule(entry.module, in: loan.place.pointee.names) == .no
            let isOurs = isStranger || Registry.parameters(of: entry.module) != nil
            guard isOurs != isConnected, entry.isUnknown || isStranger else { return }
            all = false
            var message = beginning(service)
            if isStranger {
                message.addWord(entry.module)
                message.add(":")
                message.addWord(entry.name)
                message.add(": the stack has no module of that name; it is ")
                message.addWord(loan.place.pointee.names)
            } else {
                message.addUnknown(entry)
            }
            message.show()
        }
        return all
    }
}
