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

    static func make(_ name: Text, position: Int, parameters: Parameters = .none) -> (any Module)? {
        if name == "ordered" { return Ordered(position: position) }
        if name == "aio_linux" {
            // Put to use by connections; see `Connections`.
            _ = parameters.text("aio_linux", "aio num events")
            return AIOLinux(position: position)
        }
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
