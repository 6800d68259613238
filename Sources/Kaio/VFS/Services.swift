// The services of the process, each with its stack: which one a descriptor's requests pass.
//
// Invariant: made once, before the first request, and never changed: anyone may ask at any time, in a signal handler
// too.

import CKernel

enum Services {
    /// In the order of `Configuration.current`; the first is that of all descriptors of which nothing else is said.
    nonisolated(unsafe) private static var stacks: UnsafeMutablePointer<Stack>?
    nonisolated(unsafe) private static var count = 0
    /// Whether a request may have a short way past its modules.
    nonisolated(unsafe) private(set) static var mayBeShort = false
    nonisolated(unsafe) private static var anyIsShort = false

    /// Builds the stacks. One that can't be is the standard one instead; what is wrong with it is said on stderr.
    static func make() {
        let configuration = Configuration.current
        let stacks = UnsafeMutablePointer<Stack>.allocate(capacity: configuration.count)
        for position in 0..<configuration.count {
            let service = configuration[position]
            var stack = Stack(names: service.objects, parameters: service.parameters) { complain(service, of: $0) }
            if let made = stack, !connect(made, service) { stack = nil }
            if stack == nil { service.parameters.excuse() }
            (stacks + position).initialize(to: stack ?? Stack(names: Text(Registry.standardStack)) { _ in }!)
            for operation in [Operation.read, .write] where stacks[position].shortWay(of: operation).lane != .none {
                anyIsShort = true
            }
        }
        configuration.warnOfUnknown()
        Services.stacks = stacks
        count = configuration.count
        // A test may have one of its own.
        if Stack.standard == nil { Stack.standard = stacks[0] } else { anyIsShort = true }
        decide()
    }

    /// While the reactor is lent to connections, an ordinary request goes the ordinary way, where it is started.
    static func decide() { mayBeShort = anyIsShort && !Reactor.isLent }

    /// Tells the modules whose they are. False, and said on stderr, if one refuses.
    private static func connect(_ stack: Stack, _ service: Configuration.Service) -> Bool {
        let error = Place(stack, 0).connect(service.name)
        if error == 0 { return true }
        var message = beginning(service)
        message.add("a module of \"")
        message.addWord(service.objects)
        message.add("\" refuses: ")
        message.add(Text(strerror(error)))
        message.add("; using \"")
        message.add(Registry.standardStack)
        message.add("\"")
        message.show()
        return false
    }

    private static func beginning(_ service: Configuration.Service) -> Message {
        var message = Message()
        message.add("kaio: ")
        if let origin = service.objectsOrigin {
            message.add(origin)
            message.add(": ")
        }
        return message
    }

    private static func complain(_ service: Configuration.Service, of module: Text) {
        var message = beginning(service)
        if Registry.has(module) {
            message.add("module ")
            message.add(module)
            message.add(" can't be used")
        } else {
            Loader.explain(module, &message)
        }
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
