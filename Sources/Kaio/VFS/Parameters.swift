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
// and `refused` change afterwards.

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
        /// 0, or for which stack it was that a module could make nothing of the value.
        fileprivate let refused = Atomic<UInt>(0)

        /// That of the module, if it is one of ours; see `Registry.find`.
        fileprivate let bit: UInt32
        fileprivate let isStray: Bool

        init(_ module: Text, _ name: Text, _ value: Text, _ origin: Origin) {
            self.module = module
            self.name = name
            self.value = value
            self.origin = origin
            let ours = Registry.find(module)
            bit = ours?.bit ?? 0
            isStray = ours.map { !Text($0.parameters).hasPiece(name) } ?? false
        }

        var isOurs: Bool { bit != 0 }
        /// Whether the module has no such parameter. One that is not ours has those that it asked for until now.
        var isUnknown: Bool { isOurs ? isStray : !wasAsked }
        var wasAsked: Bool { isAsked.load(ordering: .relaxed) }
        /// Whether a module could make nothing of the value, and said so.
        var wasRefused: Bool { refused.load(ordering: .relaxed) != 0 }
    }

    /// Entries in the order in which they were first set, each found by its names at once, however many there are.
    struct List {
        private(set) var first: UnsafeMutablePointer<Entry>?
        private var last: UnsafeMutablePointer<Entry>?
        private var index = NameIndex<Entry>()
        /// The bits of those modules of ours for which there is a name that they do not have.
        private(set) var strays: UInt32 = 0

        /// The last word on a parameter counts. False without memory.
        mutating func set(_ module: Text, _ name: Text, _ value: Text, _ origin: Origin, _ memory: inout Arena) -> Bool
        {
            if let entry = find(module, name) {
                entry.pointee.value = value
                entry.pointee.origin = origin
                return true
            }
            guard let entry = memory.allocate(Entry.self) else { return false }
            entry.initialize(to: Entry(module, name, value, origin))
            if let last { last.pointee.next = entry } else { first = entry }
            last = entry
            if entry.pointee.isStray { strays |= entry.pointee.bit }
            return index.add(entry, List.hash(module, name), &memory)
        }

        func find(_ module: Text, _ name: Text) -> UnsafeMutablePointer<Entry>? {
            index.find(List.hash(module, name)) {
                $0.pointee.name.isSameName(as: name) && $0.pointee.module.isSameName(as: module)
            }
        }

        private static func hash(_ module: Text, _ name: Text) -> UInt64 { name.nameHash(module.nameHash()) }
    }

    /// In messages; nil if there is none to tell apart.
    let service: Text?
    let own: List
    let inherited: List
    /// Set when something is wrong with them: the stack is not used then. Nil: nobody asks.
    private(set) var fault: Fault?
    /// Whether the module that they are for stands below `ordered`.
    var isBelowOrdered = false

    typealias Fault = UnsafeMutablePointer<Atomic<Bool>>

    var isFaulty: Bool { fault?.pointee.load(ordering: .relaxed) ?? false }

    static var none: Parameters { Parameters(service: nil, own: List(), inherited: List()) }

    init(service: Text?, own: List, inherited: List, fault: Fault? = nil) {
        self.service = service
        self.own = own
        self.inherited = inherited
        self.fault = fault
    }

    /// The same, and `fault` is set when a module refuses one.
    func noting(in fault: Fault) -> Parameters {
        var parameters = self
        parameters.fault = fault
        return parameters
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
            if entries.find(entry.module, entry.name) != nil { return }
            _ = entries.set(entry.module, entry.name, entry.value, entry.origin, &memory)
        }
        self.init(
            service: service ?? base.service, own: entries, inherited: base.inherited, fault: fault)
    }

    /// A module of ours is made with them. Where a name was misspelt, what it was to say is missing.
    func note(straysOf module: Text) {
        let strays = own.strays | inherited.strays
        if strays != 0, strays & (Registry.find(module)?.bit ?? 0) != 0 {
            fault?.pointee.store(true, ordering: .relaxed)
        }
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
        complain(module, name) { $0.add("yes, true, 1, on, no, false, 0 or off") }
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
        }
        return standard
    }

    /// Says on stderr that a parameter's value is bad: where it stands, the service, the value, "not" with what `accepted`
    /// adds. The stack is not used then.
    @inline(never)
    func complain(_ module: Text, _ name: Text, _ accepted: (inout Message) -> Void) {
        guard let entry = entry(module, name), var message = complaint(module, name) else { return }
        message.addWord(entry.pointee.value)
        message.add(": not ")
        accepted(&message)
        message.show()
    }

    /// The beginning of a message about a value, up to it: where it stands, the service, the parameter. The value counts as
    /// refused. Nil where another stack has said it, of which this is one more.
    @inline(never)
    func complaint(_ module: Text, _ name: Text) -> Message? {
        fault?.pointee.store(true, ordering: .relaxed)
        var message = Message()
        message.add("kaio: ")
        if let entry = entry(module, name) {
            let mine = UInt(bitPattern: fault)
            let (isFirst, other) = entry.pointee.refused.compareExchange(
                expected: 0, desired: max(1, mine), ordering: .relaxed)
            if !isFirst, fault != nil, other != mine { return nil }
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
        let found = own.find(module, name) ?? inherited.find(module, name)
        if let found { found.pointee.isAsked.store(true, ordering: .relaxed) }
        return found
    }

    /// Their modules are not put to use, so nobody can tell what they would have asked for.
    func excuse() {
        Parameters.forEach(own) { $0.isAsked.store(true, ordering: .relaxed) }
        // Once: every service has those of [global].
        if Parameters.excused == inherited.first { return }
        Parameters.excused = inherited.first
        Parameters.forEach(inherited) { $0.isAsked.store(true, ordering: .relaxed) }
    }

    nonisolated(unsafe) private static var excused: UnsafeMutablePointer<Entry>?

    static func forEach(_ list: List, _ body: (borrowing Entry) -> Void) {
        var current = list.first
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

    func complain(_ module: StaticString, _ name: StaticString, _ accepted: (inout Message) -> Void) {
        complain(Text(module), Text(name), accepted)
    }
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

    /// The same for two names that are the same, whatever was hashed before them.
    @inline(never)
    func nameHash(_ before: UInt64 = NameSeed.value) -> UInt64 {
        var hash = before ^ 0x9e37_79b9_7f4a_7c15
        for index in 0..<count where !Text.isSpace(self[index]) {
            hash = (hash ^ UInt64(Text.lowercase(self[index]))) &* 0x9fb2_1c65_1e98_df25
            hash ^= hash >> 28
        }
        return hash
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 { (0x41...0x5a).contains(byte) ? byte | 0x20 : byte }
}
