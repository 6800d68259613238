// The services of the process, each with its stack: which one a descriptor's requests pass.
//
// Invariant: made once, before the first request, and never changed: anyone may ask at any time, in a signal handler
// too.

import CKernel
import Synchronization

enum Services {
    /// In the order of `Configuration.current`; the first is that of all descriptors of which nothing else is said.
    nonisolated(unsafe) private static var stacks: UnsafeMutablePointer<Stack>?
    nonisolated(unsafe) private static var count = 0
    /// Whether a request may take a fast path past its modules.
    @inline(__always)
    static var mayBeFast: Bool { fast.load(ordering: .relaxed) }
    private static let fast = Atomic<Bool>(false)
    nonisolated(unsafe) private static var anyIsFast = false
    /// One for each service, for as long as its modules may read parameters.
    nonisolated(unsafe) private static var faults: Parameters.Fault?

    /// Builds the stacks. One that can't be is the standard one instead; what is wrong with it is said on stderr.
    static func make() { Message.bound { makeAll() } }

    private static func makeAll() {
        let configuration = Configuration.current
        let stacks = UnsafeMutablePointer<Stack>.allocate(capacity: configuration.count)
        let faults = Parameters.Fault.allocate(capacity: configuration.count)
        Services.faults = faults
        configuration.tellOfUnknown()
        for position in 0..<configuration.count {
            let service = configuration[position]
            let fault = faults + position
            fault.initialize(to: Atomic(false))
            let parameters = service.parameters.noting(in: fault)
            var stack = Stack(names: service.objects, parameters: parameters) { complain(service, of: $0) }
            if let made = stack, !connect(made, service, parameters) { stack = nil }
            if parameters.isFaulty { complain(service, CInt(0)) }
            if stack == nil { service.parameters.excuse() }
            (stacks + position).initialize(to: stack ?? Stack(names: Text(Registry.standardStack)) { _ in }!)
            for operation in [Operation.read, .write] where stacks[position].fastPath(of: operation).asked != 0 {
                anyIsFast = true
            }
        }
        configuration.warnOfUnknown()
        Services.stacks = stacks
        count = configuration.count
        // A test may have one of its own.
        if Stack.standard == nil { Stack.standard = stacks[0] } else { anyIsFast = true }
        decide()
    }

    /// While the reactor is lent to connections, an ordinary request takes the slow path, where it is started.
    static func decide() { fast.store(anyIsFast && !Reactor.isLent, ordering: .relaxed) }

    /// Tells the modules whose they are. False if one refuses, or could make nothing of a parameter.
    private static func connect(_ stack: Stack, _ service: Configuration.Service, _ parameters: Parameters) -> Bool {
        let error = Place(stack, 0).connect(service.name)
        if error != 0 {
            complain(service, error)
            return false
        }
        // Modules from elsewhere ask when they are connected.
        if parameters.isFaulty { Place(stack, 0).disconnect() }
        return !parameters.isFaulty
    }

    /// - Parameter error: 0 where a parameter is refused.
    private static func complain(_ service: Configuration.Service, _ error: CInt) {
        guard var message = beginning(service) else { return }
        message.add("a module of \"")
        message.addWord(service.objects)
        message.add("\" refuses")
        message.add(error == 0 ? " a parameter" : ": ")
        if error != 0 { message.add(Text(strerror(error))) }
        message.add("; using \"")
        message.add(Registry.standardStack)
        message.add("\"")
        message.show()
    }

    /// Of which stack it was said last that it is not used, and whether of that of [global].
    nonisolated(unsafe) private static var saidOf: UnsafePointer<UInt8>?
    nonisolated(unsafe) private static var saidOfGlobal = false

    /// Nil where it was said: several services may have one stack.
    private static func beginning(_ service: Configuration.Service) -> Message? {
        let isGlobal = service.objects.start == Configuration.current[0].objects.start
        if isGlobal ? saidOfGlobal : saidOf == service.objects.start { return nil }
        if isGlobal { saidOfGlobal = true } else { saidOf = service.objects.start }
        var message = Message()
        message.add("kaio: ")
        if let origin = service.objectsOrigin {
            message.add(origin)
            message.add(": ")
        }
        return message
    }

    private static func complain(_ service: Configuration.Service, of module: Text) {
        guard var message = beginning(service) else { return }
        Loader.explain(module, of: service.objects, &message)
        message.add("; using \"")
        message.add(Registry.standardStack)
        message.add("\"")
        message.show()
    }

    /// The stack for a descriptor of which it is known what it is.
    @inline(__always)
    static func stack(of descriptor: Descriptor, _ file: FileFacts) -> Stack {
        if count <= 1 { return Stack.standard.unsafelyUnwrapped }
        let service = KnownFiles.service(of: descriptor, file)
        return service == 0 ? Stack.standard.unsafelyUnwrapped : stacks.unsafelyUnwrapped[service]
    }

    /// In the child of a fork.
    static func reset() {
        Loader.reset()
        Stack.resetLock()
        Stack.standard?.reset()
        for position in 1..<max(1, count) { stacks![position].reset() }
    }
}
