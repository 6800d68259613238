// In which order modules may stand: some have to be above `ordered`, some below it, in a stack that has that.
//
// Above `ordered` a module sees requests in the order of the calls, before they wait for each other: an aio_fsync may come
// while the writes before it are under way. Below, no two requests of a file that are in each other's way come at the same
// time, and an aio_fsync comes when every write that it covers is complete.

/// On which side of `ordered` a module belongs.
enum Side {
    case either, above, below
}

struct StackOrder {
    /// The modules' names, with blanks between them.
    let names: Text

    static let divider: StaticString = "ordered"

    private static func side(of name: Text) -> Side { Registry.entry(name)?.side ?? Loader.side(of: name) }

    /// Calls `body` with each name, its side, and whether it is below `ordered`.
    private func visit(_ body: (Text, Side, Bool) -> Void) {
        var rest = names
        var isBelow = false
        while let name = rest.takeWord() {
            if name == StackOrder.divider || Registry.entry(name)?.needsOrder == true { isBelow = true }
            body(name, StackOrder.side(of: name), isBelow)
        }
    }

    private static func isMisplaced(_ side: Side, _ isBelow: Bool) -> Bool { side == (isBelow ? .above : .below) }

    /// The first module that stands on the wrong side, and the side where it belongs.
    @inline(never)
    var fault: (module: Text, side: Side)? {
        var found: (Text, Side)?
        var isDivided = false
        visit { name, side, isBelow in
            if found == nil, StackOrder.isMisplaced(side, isBelow) { found = (name, side) }
            isDivided = isDivided || isBelow
        }
        return isDivided ? found : nil
    }

    /// Says what is wrong, and which order is right.
    @inline(never)
    func explain(_ fault: (module: Text, side: Side), _ message: inout Message) {
        message.add("module ")
        message.addWord(fault.module)
        message.add(fault.side == .above ? " belongs above ordered: " : " belongs below ordered: ")
        func add(_ isMeant: (Bool, Bool) -> Bool) {
            visit { name, side, isBelow in
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
}
