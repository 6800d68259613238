// What the configuration says to the modules of one service:
//
//     delay_inject:delay = 10ms
//
// The case of letters and blanks mean nothing in the names: `aio_linux:aio num events` is
// `AIO_Linux:AioNumEvents`. A service's own entries come before those of [global]. In one line, as in
// KAIO_VFS_PARAMETERS, entries have semicolons between them, and a value with a semicolon has quotes around it:
//
//     delay_inject:delay = 10ms; full_audit:prefix = "a;b"
//
// Invariant: entries are complete before anyone looks them up, and last as long as who may look them up; only `isAsked`
// and `isRefused` change afterwards.

import CKernel
import Synchronization

/// Where something was said, for messages about it: a file and a line, or a variable of the environment.
struct Origin {
    let source: Text
    /// 0: the source has no lines.
    let line: Int

    init(_ source: Text, line: Int = 0) {
        self.source = source
        self.line = line
    }
}

struct Parameters {
    struct Entry: ~Copyable {
        let module: Text
        let name: Text
        fileprivate(set) var value: Text
        fileprivate(set) var origin: Origin
        fileprivate(set) var next: UnsafeMutablePointer<Entry>?
        /// Whether a module looked it up, however it ended.
        fileprivate let isAsked = Atomic<Bool>(false)
        fileprivate let isRefused = Atomic<Bool>(false)

        /// Whether the module has no such parameter. One that is not ours has those that it asked for until now.
        var isUnknown: Bool {
            if let known = Registry.parameters(of: module) { return !Text(known).hasPiece(name) }
            return !wasAsked
        }
        var wasAsked: Bool { isAsked.load(ordering: .relaxed) }
        /// Whether a module could make nothing of the value, and said so.
        var wasRefused: Bool { isRefused.load(ordering: .relaxed) }
    }

    /// Entries in the order in which they were first set.
    struct List {
        private(set) var first: UnsafeMutablePointer<Entry>?
        private var last: UnsafeMutablePointer<Entry>?

        /// The last word on a parameter counts. False without memory.
        mutating func set(_ module: Text, _ name: Text, _ value: Text, _ origin: Origin, _ memory: inout Arena) -> Bool
        {
            if let entry = Parameters.find(first, module, name) {
                entry.pointee.value = value
                entry.pointee.origin = origin
                return true
            }
            guard let entry = memory.allocate(Entry.self) else { return false }
            entry.initialize(to: Entry(module: module, name: name, value: value, origin: origin, next: nil))
            if let last { last.pointee.next = entry } else { first = entry }
            last = entry
            return true
        }
    }

    /// In messages; nil if there is none to tell apart.
    let service: Text?
    let own: UnsafeMutablePointer<Entry>?
    let inherited: UnsafeMutablePointer<Entry>?
    /// Set when something is wrong with them, for who gets an error then. Nil: what is no parameter is left out, and the
    /// default stands in for a value that a module refuses.
    let fault: Fault?

    typealias Fault = UnsafeMutablePointer<Atomic<Bool>>

    static var none: Parameters { Parameters(service: nil, own: nil, inherited: nil) }

    init(
        service: Text?, own: UnsafeMutablePointer<Entry>?, inherited: UnsafeMutablePointer<Entry>?,
        fault: Fault? = nil
    ) {
        self.service = service
        self.own = own
        self.inherited = inherited
        self.fault = fault
    }

    /// Entries with semicolons between them. What is none is named on stderr, and left out. The text must stay.
    init(_ list: Text) {
        var memory = Arena()
        self.init(list, from: "parameters", before: .none, &memory)
    }

    /// The same, as coming from `source`, before those of `base`, and as long as `memory`. What they say of themselves is said
    /// of `service`, or where that is nil of that of `base`.
    init(
        _ list: Text, from source: StaticString, before base: Parameters, of service: Text? = nil, fault: Fault? = nil,
        _ memory: inout Arena
    ) {
        var entries = List()
        var rest = list
        while let piece = Parameters.takePiece(&rest) {
            guard let (module, name, value) = Parameters.parts(piece) else {
                fault?.pointee.store(true, ordering: .relaxed)
                Parameters.complainOfPiece(piece, source)
                continue
            }
            switch Substitution.expand(value, process: false, &memory) {
            case .text(let text): _ = entries.set(module, name, text, Origin(Text(source)), &memory)
            case .unknown(let word):
                fault?.pointee.store(true, ordering: .relaxed)
                Parameters.complain(ofUnknown: word, in: piece, source)
            case .noMemory: sayNoMemory(for: source)
            }
        }
        Parameters.forEach(base.own) { entry in
            if Parameters.find(entries.first, entry.module, entry.name) != nil { return }
            _ = entries.set(entry.module, entry.name, entry.value, entry.origin, &memory)
        }
        self.init(
            service: service ?? base.service, own: entries.first, inherited: base.inherited, fault: fault)
    }

    // MARK: what modules ask

    /// Nil: not set, or set to nothing.
    @inline(never)
    func text(_ module: Text, _ name: Text) -> Text? {
        entry(module, name).flatMap { $0.pointee.value.isEmpty ? nil : $0.pointee.value }
    }

    /// yes, true, 1, on; no, false, 0, off.
    @inline(never)
    func flag(_ module: Text, _ name: Text, default standard: Bool) -> Bool {
        guard let value = text(module, name) else { return standard }
        if value.isWord("yes") || value.isWord("true") || value.isWord("1") || value.isWord("on") { return true }
        if value.isWord("no") || value.isWord("false") || value.isWord("0") || value.isWord("off") { return false }
        complain(module, name) {
            $0.add("yes, true, 1, on, no, false, 0 or off")
        } using: {
            $0.add(standard ? "yes" : "no")
        }
        return standard
    }

    /// A decimal number, which may have a minus sign.
    @inline(never)
    func number(
        _ module: Text, _ name: Text, default standard: Int, in range: ClosedRange<Int>
    ) -> Int {
        value(module, name, standard, range, "a number from ", { $0.signedNumber }, { $0.add($1) })
    }

    /// Bytes: 512, 64k, 1M, 2G, 1T.
    @inline(never)
    func size(
        _ module: Text, _ name: Text, default standard: Int, in range: ClosedRange<Int>
    ) -> Int {
        value(
            module, name, standard, range, "a size such as 512, 64k, 1M or 2G, from ", { $0.bytes }, { $0.addSize($1) })
    }

    /// Nanoseconds, of 250us, 10ms, 2s, 1m: ns, us, ms, s, m (minutes) and h; only 0 needs no unit.
    @inline(never)
    func interval(
        _ module: Text, _ name: Text, default standard: Int64, in range: ClosedRange<Int64>
    ) -> Int64 {
        value(
            module, name, standard, range, "a time such as 250us, 10ms, 2s or 1m, from ", { $0.interval },
            { $0.addInterval($1) })
    }

    private func value<Value: Comparable>(
        _ module: Text, _ name: Text, _ standard: Value, _ range: ClosedRange<Value>, _ kind: StaticString,
        _ parse: (Text) -> Value?, _ add: (inout Message, Value) -> Void
    ) -> Value {
        guard let text = text(module, name) else { return standard }
        if let value = parse(text), range.contains(value) { return value }
        complain(module, name) {
            $0.add(kind)
            add(&$0, range.lowerBound)
            $0.add(" to ")
            add(&$0, range.upperBound)
        } using: {
            add(&$0, standard)
        }
        return standard
    }

    /// Says on stderr that a parameter's value is bad: where it stands, the service, the value, "not" with what `accepted`
    /// adds, and what stands in for it.
    @inline(never)
    func complain(
        _ module: Text, _ name: Text, _ accepted: (inout Message) -> Void, using standard: (inout Message) -> Void
    ) {
        guard let entry = entry(module, name) else { return }
        var message = complaint(module, name)
        message.addWord(entry.pointee.value)
        message.add(": not ")
        accepted(&message)
        if fault == nil {
            message.add("; using ")
            standard(&message)
        }
        message.show()
    }

    /// The beginning of a message about a value, up to it: where it stands, the service, the parameter. The value counts as
    /// refused.
    @inline(never)
    func complaint(_ module: Text, _ name: Text) -> Message {
        fault?.pointee.store(true, ordering: .relaxed)
        var message = Message()
        message.add("kaio: ")
        if let entry = entry(module, name) {
            entry.pointee.isRefused.store(true, ordering: .relaxed)
            message.add(entry.pointee.origin)
            message.add(": ")
        }
        if let service {
            message.add("[")
            message.add(service)
            message.add("] ")
        }
        message.add(module)
        message.add(":")
        message.add(name)
        message.add(" = ")
        return message
    }

    @inline(never)
    private func entry(_ module: Text, _ name: Text) -> UnsafeMutablePointer<Entry>? {
        let found = Parameters.find(own, module, name) ?? Parameters.find(inherited, module, name)
        if let found { found.pointee.isAsked.store(true, ordering: .relaxed) }
        return found
    }

    /// Their modules are not put to use, so nobody can tell what they would have asked for.
    func excuse() {
        for list in [own, inherited] {
            Parameters.forEach(list) { $0.isAsked.store(true, ordering: .relaxed) }
        }
    }

    fileprivate static func find(
        _ first: UnsafeMutablePointer<Entry>?, _ module: Text, _ name: Text
    ) -> UnsafeMutablePointer<Entry>? {
        var current = first
        while let entry = current {
            if entry.pointee.name.isSameName(as: name), entry.pointee.module.isSameName(as: module) { return entry }
            current = entry.pointee.next
        }
        return nil
    }

    static func forEach(_ first: UnsafeMutablePointer<Entry>?, _ body: (borrowing Entry) -> Void) {
        var current = first
        while let entry = current {
            body(entry.pointee)
            current = entry.pointee.next
        }
    }

    // MARK: a list in one line

    /// Takes what stands before the next semicolon off the front, blanks left out at both ends; semicolons in quotes
    /// do not count, and empty pieces are passed over. Nil at the end.
    static func takePiece(_ rest: inout Text) -> Text? {
        while !rest.isEmpty {
            var isQuoted = false
            var length = 0
            while length < rest.count, isQuoted || rest[length] != UInt8(ascii: ";") {
                if rest[length] == UInt8(ascii: "\"") { isQuoted.toggle() }
                length += 1
            }
            let piece = rest.prefix(length).trimmed
            rest = rest.dropFirst(length + 1)
            if !piece.isEmpty { return piece }
        }
        return nil
    }

    /// The parts of `module:name = value`; nil if it is none.
    static func parts(_ piece: Text) -> (module: Text, name: Text, value: Text)? {
        guard let equals = piece.firstIndex(of: UInt8(ascii: "=")),
            let (module, name) = names(piece.prefix(equals))
        else { return nil }
        return (module, name, piece.dropFirst(equals + 1).trimmed.withoutQuotes)
    }

    /// The parts of `module:name`; nil if it is none.
    static func names(_ key: Text) -> (module: Text, name: Text)? {
        guard let colon = key.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let module = key.prefix(colon).trimmed
        let name = key.dropFirst(colon + 1).trimmed
        return module.isEmpty || name.isEmpty ? nil : (module, name)
    }

    private static func complain(ofUnknown word: Text, in piece: Text, _ source: StaticString) {
        var message = Message()
        message.add("kaio: ")
        message.add(source)
        message.add(": ")
        message.addWord(piece)
        message.add(": unknown ")
        message.add(word)
        message.add("; known are ")
        message.add(Substitution.known)
        message.show()
    }

    static func complainOfPiece(_ piece: Text, _ source: StaticString) {
        var message = Message()
        message.add("kaio: ")
        message.add(source)
        message.add(": ")
        message.addWord(piece)
        message.add(": not \"module:name = value\"; semicolons stand between several")
        message.show()
    }
}

/// The same for names that stand in the code.
extension Parameters {
    func text(_ module: StaticString, _ name: StaticString) -> Text? { text(Text(module), Text(name)) }

    func flag(_ module: StaticString, _ name: StaticString, default standard: Bool) -> Bool {
        flag(Text(module), Text(name), default: standard)
    }

    func number(
        _ module: StaticString, _ name: StaticString, default standard: Int, in range: ClosedRange<Int>
    ) -> Int { number(Text(module), Text(name), default: standard, in: range) }

    func size(
        _ module: StaticString, _ name: StaticString, default standard: Int, in range: ClosedRange<Int>
    ) -> Int { size(Text(module), Text(name), default: standard, in: range) }

    func interval(
        _ module: StaticString, _ name: StaticString, default standard: Int64, in range: ClosedRange<Int64>
    ) -> Int64 { interval(Text(module), Text(name), default: standard, in: range) }

    func complain(
        _ module: StaticString, _ name: StaticString, _ accepted: (inout Message) -> Void,
        using standard: (inout Message) -> Void
    ) { complain(Text(module), Text(name), accepted, using: standard) }
}

extension Message {
    @inline(never)
    mutating func add(_ origin: Origin) {
        add(origin.source)
        if origin.line > 0 {
            add(":")
            add(origin.line)
        }
    }

    /// That a module has no such parameter, and which ones it has, if it is one of ours.
    @inline(never)
    mutating func addUnknown(_ entry: borrowing Parameters.Entry) {
        addWord(entry.module)
        add(":")
        addWord(entry.name)
        add(": the module has no such parameter")
        guard let known = Registry.parameters(of: entry.module) else { return }
        add("; it has ")
        add(known.utf8CodeUnitCount == 0 ? "none" : known)
    }

    /// A word of the user's; the middle of a long one is left out.
    @inline(never)
    mutating func addWord(_ word: Text) {
        guard word.count > 300 else { return add(word) }
        add(word.prefix(250))
        add("...")
        add(word.dropFirst(word.count - 40))
    }

    /// In the largest unit that shows it whole.
    mutating func addSize(_ bytes: Int) {
        var rest = bytes
        var unit = 0
        while rest != 0, rest % 1024 == 0, unit < 4 {
            rest /= 1024
            unit += 1
        }
        add(rest)
        switch unit {
        case 1: add("k")
        case 2: add("M")
        case 3: add("G")
        case 4: add("T")
        default: break
        }
    }

    mutating func addInterval(_ nanoseconds: Int64) {
        var rest = Int(nanoseconds)
        var unit = 0
        while rest != 0, rest % (unit < 3 ? 1000 : 60) == 0, unit < 5 {
            rest /= unit < 3 ? 1000 : 60
            unit += 1
        }
        add(rest)
        guard rest != 0 else { return }
        switch unit {
        case 0: add("ns")
        case 1: add("us")
        case 2: add("ms")
        case 3: add("s")
        case 4: add("m")
        default: add("h")
        }
    }
}

extension Text {
    /// Without blanks at both ends.
    @inline(never)
    var trimmed: Text {
        var text = self
        while !text.isEmpty, Text.isSpace(text[0]) { text = text.dropFirst(1) }
        while !text.isEmpty, Text.isSpace(text[text.count - 1]) { text = text.prefix(text.count - 1) }
        return text
    }

    /// Without the quotes around it, if there are any.
    var withoutQuotes: Text {
        let isQuoted = count >= 2 && self[0] == UInt8(ascii: "\"") && self[count - 1] == UInt8(ascii: "\"")
        return isQuoted ? prefix(count - 1).dropFirst(1) : self
    }

    /// Whether it is this word, in any case of letters.
    @inline(never)
    func isWord(_ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        for index in 0..<count where Text.lowercase(self[index]) != word.utf8Start[index] { return false }
        return true
    }

    /// Whether a list with commas in it has this name.
    @inline(never)
    func hasPiece(_ name: Text) -> Bool {
        var rest = self
        while !rest.isEmpty {
            let piece = rest.prefix(rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.count)
            if piece.isSameName(as: name) { return true }
            rest = rest.dropFirst(piece.count + 1)
        }
        return false
    }

    /// Whether both are the same but for the case of letters and blanks.
    @inline(never)
    func isSameName(as other: Text) -> Bool {
        var (a, b) = (0, 0)
        while true {
            while a < count, Text.isSpace(self[a]) { a += 1 }
            while b < other.count, Text.isSpace(other[b]) { b += 1 }
            if a == count || b == other.count { return a == count && b == other.count }
            if Text.lowercase(self[a]) != Text.lowercase(other[b]) { return false }
            a += 1
            b += 1
        }
    }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d }

    private static func lowercase(_ byte: UInt8) -> UInt8 { (0x41...0x5a).contains(byte) ? byte | 0x20 : byte }
}
