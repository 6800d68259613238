// The modules by name: the one place that names them all.

enum Registry {
    static let standardStack: StaticString = "ordered aio_linux aio_poll aio_pthread"
    static let last: StaticString = "aio_pthread"
    static let names: StaticString = "ordered, aio_linux, aio_poll, aio_pthread"

    static func make(_ name: Text, position: Int) -> (any Module)? {
        if name == "ordered" { return Ordered(position: position) }
        if name == "aio_linux" { return AIOLinux(position: position) }
        if name == "aio_poll" { return AIOPoll(position: position) }
        if name == "aio_pthread" { return AIOPthread(position: position) }
        return nil
    }
}
