// The connections of the process, and the stacks that they use.
//
// Invariant: the list and the pool are changed under `lock`. A stack is never freed (see `Stack`), so one that its
// connection gave back is used again by the next with the same modules and parameters.

import CKernel
import Synchronization

enum Connections {
    fileprivate struct Pooled {
        let names: Text
        let parameters: Text
        let service: Text
        let stack: Stack
        var isUsed: Bool
        var secret: UInt64
        let next: UnsafeMutablePointer<Pooled>?
    }

    /// What a connection has of the pool.
    struct Loan {
        let stack: Stack
        fileprivate let place: UnsafeMutablePointer<Pooled>
    }

    private static let lock = Lock()
    /// While a stack is made, which may be slow; one at a time, so that each sees its own complaints.
    private static let making = Lock()
    nonisolated(unsafe) private static var first: Connection?
    nonisolated(unsafe) private static var pool: UnsafeMutablePointer<Pooled>?

    static let defaultEvents = 128

    // MARK: the list; all signals are blocked

    static func add(_ connection: Connection) {
        lock.lock()
        connection.state.pointee.next = first
        first = connection
        Reactor.lend(to: connection)
        lock.unlock()
    }

    /// True: it was the last one.
    static func remove(_ connection: Connection) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        if first == connection {
            first = connection.state.pointee.next
        } else {
            var current = first
            while let candidate = current {
                if candidate.state.pointee.next == connection {
                    candidate.state.pointee.next = connection.state.pointee.next
                    break
                }
                current = candidate.state.pointee.next
            }
        }
        return first == nil
    }

    static func visitAll(_ body: (Connection) -> Void) {
        lock.lock()
        var current = first
        while let connection = current {
            body(connection)
            current = connection.state.pointee.next
        }
        lock.unlock()
    }

    /// In the child of a fork: the connections are the parent's.
    static func reset() {
        lock.reset()
        making.reset()
        first = nil
    }

    // MARK: stacks

    /// A stack of these modules, `objects`, or where that is nil of those of the configuration's service. Nil: it can't
    /// be made, which is said on stderr. All signals are blocked.
    static func borrow(
        _ service: Text, _ objects: Text?, _ list: Text, _ secret: UInt64, _ error: inout CInt
    ) -> Loan? {
        making.lock()
        defer { making.unlock() }
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
        guard let keptNames = memory.copy(names), let keptList = memory.copy(list),
            let keptService = memory.copy(service), let place = memory.allocate(Pooled.self)
        else {
            memory.free()
            error = ENOMEM
            return nil
        }
        let before = Parameters.complaints.load(ordering: .relaxed)
        let parameters = Parameters(keptList, from: "kaio_connect", before: said.parameters)
        let limit = parameters.number(
            "aio_linux", "aio num events", default: defaultEvents, in: 1...65536)
        let stack = Stack(names: keptNames, parameters: parameters, mayBeShort: false) { complain(service, of: $0) }
        guard let stack, Parameters.complaints.load(ordering: .relaxed) == before, allAsked(parameters, service) else {
            // What a module was made of stays: it may have kept the text.
            error = EINVAL
            return nil
        }
        if let position = stack.position(of: "aio_linux"), let module = stack[position] as? AIOLinux {
            module.bound(limit)
        }
        lock.lock()
        place.initialize(
            to: Pooled(
                names: keptNames, parameters: keptList, service: keptService, stack: stack, isUsed: true,
                secret: secret, next: pool))
        pool = place
        lock.unlock()
        return Loan(stack: stack, place: place)
    }

    static func giveBack(_ loan: Loan) {
        lock.lock()
        loan.place.pointee.isUsed = false
        lock.unlock()
    }

    private static func complain(_ service: Text, of module: Text) {
        var message = Message()
        message.add("kaio: kaio_connect: service ")
        message.add(service)
        if Registry.has(module) {
            message.add(": module ")
            message.add(module)
            message.add(" can't be used")
        } else {
            message.add(": ")
            Loader.explain(module, &message)
        }
        message.show()
    }

    /// Whether some module asked for each of the caller's own parameters; else it has a wrong name.
    private static func allAsked(_ parameters: Parameters, _ service: Text) -> Bool {
        var all = true
        Parameters.forEach(parameters.own) { entry in
            if entry.wasAsked { return }
            all = false
            var message = Message()
            message.add("kaio: kaio_connect: service ")
            message.add(service)
            message.add(": ")
            message.addWord(entry.module)
            message.add(":")
            message.addWord(entry.name)
            message.add(": no module of the stack has such a parameter")
            message.show()
        }
        return all
    }
}
