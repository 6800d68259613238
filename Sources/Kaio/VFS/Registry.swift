// The library's own modules: one line each. All else about a module stands in its own file, which ends with its entry.

/// What is known of a module before there is one.
struct ModuleEntry {
    let name: StaticString
    /// The names of its parameters, with commas between.
    var parameters: StaticString = ""
    var side = Side.either
    /// Named twice it stands once, where it is named first.
    var isOnce = false
    /// It needs `ordered` above it, which is put there where it is named later, or not at all.
    var needsOrder = false
    /// It may not stand below this one.
    var belongsAbove: StaticString?
    let make: (Int, Parameters) -> (any Module)?
    /// Once in the life of the process: what its instances share. False without memory.
    var prepare: () -> Bool = { true }
    /// In the child of a fork, before any request: the same.
    var reset: () -> Void = {}
    /// Somebody who looks at the process has written there what he wants. May be called in a signal handler.
    var hear: () -> Void = {}
}

enum Registry {
    static let standardStack: StaticString = "ordered aio_linux aio_poll aio_pthread"
    static let last: StaticString = "aio_pthread"

    private static func entry(at index: Int) -> ModuleEntry? {
        switch index {
        case 0: Ordered.entry
        case 1: AIOLinux.entry
        case 2: AIOPoll.entry
        case 3: AIOPthread.entry
        case 4: FullAudit.entry
        case 5: TimeAudit.entry
        case 6: Stats.entry
        case 7: ErrorInject.entry
        case 8: DelayInject.entry
        case 9: RateLimit.entry
        case 10: ReadOnly.entry
        case 11: ReadAhead.entry
        case 12: Bufio.entry
        case 13: GroupSync.entry
        case 14: Follow.entry
        case 15: Priority.entry
        case 16: Mirror.entry
        default: nil
        }
    }

    private static func first(where isMeant: (ModuleEntry) -> Bool) -> ModuleEntry? {
        var index = 0
        while let entry = entry(at: index) {
            if isMeant(entry) { return entry }
            index += 1
        }
        return nil
    }

    private static func visit(_ body: (ModuleEntry) -> Void) {
        _ = first {
            body($0)
            return false
        }
    }

    /// The module of exactly this name. Each service of a configuration asks for each of its modules; the usual ones come first.
    @inline(never)
    static func entry(_ name: Text) -> ModuleEntry? { first { name == $0.name } }

    static func has(_ name: Text) -> Bool { entry(name) != nil }

    /// A module of ours, however its name is spelled: a bit of its own, and the names of its parameters.
    static func find(_ module: Text) -> (bit: UInt32, parameters: StaticString)? {
        var bit: UInt32 = 1
        var found: (UInt32, StaticString)?
        visit { entry in
            if module.isSameName(as: Text(entry.name)) { found = (bit, entry.parameters) }
            bit <<= 1
        }
        return found
    }

    static func parameters(of module: Text) -> StaticString? { find(module)?.parameters }

    static func prepare() -> Bool {
        var isReady = true
        visit { isReady = isReady && $0.prepare() }
        return isReady
    }

    static func hear() { visit { $0.hear() } }

    static func resetAll() { visit { $0.reset() } }

    /// Calls `body` with the names, in the order of the table.
    static func forEachName(_ body: (StaticString) -> Void) { visit { body($0.name) } }

    static func make(_ name: Text, position: Int, parameters: Parameters = .none) -> (any Module)? {
        guard let entry = entry(name) else { return Loader.make(name, position: position, parameters: parameters) }
        parameters.note(straysOf: name)
        return entry.make(position, parameters)
    }
}

extension Message {
    /// The names of the library's own modules.
    mutating func addModuleNames() {
        var isFirst = true
        Registry.forEachName {
            if !isFirst { add(", ") }
            add($0)
            isFirst = false
        }
    }
}
