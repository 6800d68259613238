// The modules by name: the one place that names them all.

enum Registry {
    static let standardStack: StaticString = "ordered aio_linux aio_poll aio_pthread"
    static let last: StaticString = "aio_pthread"
    static let names: StaticString =
        """
        ordered, aio_linux, aio_poll, aio_pthread, full_audit, time_audit, stats, error_inject, delay_inject, \
        aio_ratelimit, readonly, readahead
        """

    /// Whether a module has this name.
    static func has(_ name: Text) -> Bool {
        var rest = Text(names)
        while let known = rest.takeWord() { if known == name { return true } }
        return false
    }

    /// The names of the parameters of a module of ours, with commas between; nil if it is none.
    static func parameters(of module: Text) -> StaticString? {
        func isNamed(_ name: StaticString) -> Bool { module.isSameName(as: Text(name)) }
        if isNamed("ordered") || isNamed("aio_poll") || isNamed("aio_pthread") { return "" }
        if isNamed("aio_linux") { return AIOLinux.parameters }
        if isNamed("error_inject") { return ErrorInject.parameters }
        if isNamed("delay_inject") { return DelayInject.parameters }
        if isNamed("aio_ratelimit") { return RateLimit.parameters }
        if isNamed("readonly") { return ReadOnly.parameters }
        if isNamed("readahead") { return ReadAhead.parameters }
        if isNamed("full_audit") { return FullAudit.parameters }
        if isNamed("time_audit") { return TimeAudit.parameters }
        if isNamed("stats") { return Stats.parameters }
        return nil
    }

    /// What the instances of a module share, once in the life of the process. False without memory.
    static func prepare() -> Bool { Ordered.prepare() }

    /// In the child of a fork, before any request: what the instances of a module share.
    static func resetAll() {
        Ordered.resetAll()
        AIOPoll.resetAll()
        Stats.resetAll()
    }

    static func make(_ name: Text, position: Int, parameters: Parameters = .none) -> (any Module)? {
        if name == "ordered" { return Ordered(position: position) }
        if name == "aio_linux" { return AIOLinux(position: position, parameters: parameters) }
        if name == "aio_poll" { return AIOPoll(position: position) }
        if name == "aio_pthread" { return AIOPthread(position: position) }
        if name == "error_inject" { return ErrorInject(position: position, parameters: parameters) }
        if name == "delay_inject" { return DelayInject.make(position: position, parameters: parameters) }
        if name == "aio_ratelimit" { return RateLimit(position: position, parameters: parameters) }
        if name == "readonly" { return ReadOnly(position: position, parameters: parameters) }
        if name == "readahead" { return ReadAhead(position: position, parameters: parameters) }
        if name == "full_audit" { return FullAudit(position: position, parameters: parameters) }
        if name == "time_audit" { return TimeAudit(position: position, parameters: parameters) }
        if name == "stats" { return Stats(position: position, parameters: parameters) }
        return Loader.make(name, position: position, parameters: parameters)
    }
}
