// In which order modules may stand: some have to be above `ordered`, some below it, in a stack that has that.
//
// Above `ordered` a module sees requests in the order of the calls, before they wait for each other: an aio_fsync may come
// while the writes before it are under way. Below, no two requests of a file that overlap come at the same
// time, and an aio_fsync comes when every write that it covers is complete.
//
// And a module that keeps something of a file must not stand below one that makes several files of it.

/// On which side of `ordered` a module belongs.
enum Side {
    case either, above, below
}

struct StackOrder {
    /// The modules' names, with blanks between them.
    let names: Text

    static let divider: StaticString = "ordered"

    /// Calls `body` with each name, the library's own module of that name, its side, and whether it is below `ordered`.
    private func visit(_ body: (Text, ModuleEntry?, Side, Bool) -> Void) {
        var rest = names
        var isBelow = false
        while let name = rest.takeWord() {
            let entry = Registry.entry(name)
            if name == StackOrder.divider || entry?.needsOrder == true { isBelow = true }
            body(name, entry, entry?.side ?? Loader.side(of: name), isBelow)
        }
    }

    private static func isMisplaced(_ side: Side, _ isBelow: Bool) -> Bool { side == (isBelow ? .above : .below) }

    /// A module that stands where it does not belong: it belongs on that side of the other.
    struct Fault {
        let module: Text
        let side: Side
        var other = StackOrder.divider
    }

    /// The first.
    @inline(never)
    var fault: Fault? {
        var found: Fault?
        var inversion: Fault?
        var isDivided = false
        visit { name, entry, side, isBelow in
            if found == nil, StackOrder.isMisplaced(side, isBelow) { found = Fault(module: name, side: side) }
            isDivided = isDivided || isBelow
            if inversion == nil, let other = entry?.belongsAbove, has(other, before: name) {
                inversion = Fault(module: name, side: .above, other: other)
            }
        }
        return (isDivided ? found : nil) ?? inversion
    }

    private func has(_ other: StaticString, before name: Text) -> Bool {
        var rest = names
        while let earlier = rest.takeWord(), earlier.start != name.start { if earlier == other { return true } }
        return false
    }

    /// Says what is wrong, and which order is right.
    @inline(never)
    func explain(_ fault: Fault, _ message: inout Message) {
        message.add("module ")
        message.addWord(fault.module)
        message.add(fault.side == .above ? " belongs above " : " belongs below ")
        message.add(fault.other)
        message.add(": ")
        if !(Text(fault.other) == StackOrder.divider) { return move(fault.module, above: fault.other, &message) }
        func add(_ isMeant: (Bool, Bool) -> Bool) {
            visit { name, _, side, isBelow in
                if !(name == StackOrder.divider), isMeant(isBelow, StackOrder.isMisplaced(side, isBelow)) {
                    message.addWord(name)
                    message.add(" ")
                }
            }
        }
        add { isBelow, isMisplaced in isBelow == isMisplaced }
        message.add(StackOrder.divider)
        message.add(" ")
        add { isBelow, isMisplaced in !isBelow && isMisplaced }
        add { isBelow, isMisplaced in isBelow && !isMisplaced }
        message.add("is right")
    }

    private func move(_ module: Text, above other: StaticString, _ message: inout Message) {
        var rest = names
        var isThere = false
        while let name = rest.takeWord() {
            if name.start == module.start { continue }
            if name == other, !isThere {
                message.addWord(module)
                message.add(" ")
                isThere = true
            }
            message.addWord(name)
            message.add(" ")
        }
        message.add("is right")
    }
}
