// Reads configuration files in the form of smb.conf and says on stderr what is wrong with them, each with its file
// and line: all errors, and warnings of what does no harm.
//
//     # A comment, on a line of its own; so is what begins with a semicolon.
//     include = other.conf
//     [service]
//         path = /data/* \
//                /more/*
//         module:parameter = value
//
// Invariant: what a reader makes lies in its arena, with nothing outside pointing into it before `finish`.

import CKernel

struct ConfigurationReader: ~Copyable {
    private struct Section {
        let name: Text
        let origin: Origin
        /// The path as it was set, and where; nil until then.
        var pathOrigin: Origin?
        var patterns = UnsafeBufferPointer<PathPattern>(start: nil, count: 0)
        var objects: Text?
        var objectsOrigin: Origin?
        var parameters = Parameters.List()
        var next: UnsafeMutablePointer<Section>?
    }

    /// A file that is being read, and the one that includes it.
    private struct OpenFile {
        let device: UInt64
        let inode: UInt64
        let includer: UnsafeMutablePointer<OpenFile>?
    }

    private static let greatestDepth = 10
    private static let mostFiles = 1000
    /// Of all files together.
    private static let mostBytes = 16 << 20

    private(set) var errors = 0
    /// Memory was short: one of the errors.
    private(set) var isShort = false
    private let moduleDirectory: Text?
    /// Says nothing: it was said before.
    private let isSilent: Bool
    private var memory: Arena
    private let global: UnsafeMutablePointer<Section>?
    private var section: UnsafeMutablePointer<Section>?
    private var openFile: UnsafeMutablePointer<OpenFile>?
    private var depth = 0
    private var filesLeft = mostFiles
    private var bytesLeft = mostBytes
    private var isTooMuch = false
    private var sections = NameIndex<Section>()
    private var lastSection: UnsafeMutablePointer<Section>?
    /// Where the reader is.
    private var origin = Origin(Text("kaio"))

    init(moduleDirectory: Text?, isSilent: Bool = false) {
        self.moduleDirectory = moduleDirectory
        self.isSilent = isSilent
        var memory = Arena()
        let global = memory.allocate(Section.self)
        global?.initialize(to: Section(name: Text("global"), origin: Origin(Text("global"))))
        self.memory = memory
        self.global = global
        section = global
        lastSection = global
        if let global, !sections.add(global, global.pointee.name.nameHash(), &self.memory) { sayShort() }
        if global == nil { sayShort() }
    }

    /// Gives back everything, also what `finish` returned.
    mutating func discard() { memory.free() }

    mutating func forgetErrors() { errors = 0 }

    // MARK: what it reads

    /// Reads a file. Returns 0, or the errno with which it could not be opened or read, which is an error too.
    mutating func takeFile(_ path: Text) -> CInt {
        guard let name = memory.copy(path) else {
            sayShort()
            return ENOMEM
        }
        let before = origin
        defer { origin = before }
        if filesLeft == 0 || bytesLeft <= 0 {
            // Once, and not for each line that follows.
            if !isTooMuch { sayOfFile(name, "too much: at most 1000 files are read, and 16M in all") }
            isTooMuch = true
            return EFBIG
        }
        filesLeft -= 1
        switch FileContents.read(name, isGuarded: Options.isPrivileged) {
        case .failed(let error):
            var message = problem(ofFile: name)
            message.add("can't be read: ")
            message.add(Text(strerror(error)))
            show(&message)
            return error
        case .tooLarge:
            sayOfFile(name, "larger than 1M")
            return EFBIG
        case .noFile:
            sayOfFile(name, "not a regular file, so it is not read")
            return EOPNOTSUPP
        case .untrusted(let reason):
            sayOfFile(name, "not used, as others can change it: ", reason)
            return EPERM
        case .text(let contents):
            defer { contents.unmap() }
            if contents.text.firstIndex(of: 0) != nil {
                sayOfFile(name, "not a text: it has a byte 0")
                return 0
            }
            takeContents(contents, name)
            return 0
        }
    }

    private mutating func takeContents(_ contents: FileContents, _ name: Text) {
        var current = openFile
        while let file = current {
            if file.pointee.device == contents.device, file.pointee.inode == contents.inode {
                return sayOfFile(name, "it is being read already: it includes itself")
            }
            current = file.pointee.includer
        }
        if depth == ConfigurationReader.greatestDepth {
            return sayOfFile(name, "too deep: at most 10 files, each included by the one before")
        }
        bytesLeft -= contents.text.count
        guard let text = memory.allocate(UInt8.self, count: contents.text.count + 1),
            let file = memory.allocate(OpenFile.self)
        else { return sayShort() }
        memcpy(text, contents.text.start, contents.text.count)
        file.initialize(to: OpenFile(device: contents.device, inode: contents.inode, includer: openFile))
        openFile = file
        depth += 1
        takeLines(text, contents.text.count, name)
        depth -= 1
        openFile = file.pointee.includer
    }

    /// `module:name = value`, with semicolons between several. A file read later counts more.
    mutating func takeList(_ list: Text, _ source: StaticString) {
        let before = origin
        defer { origin = before }
        origin = Origin(Text(source))
        var rest = list
        while let piece = Parameters.takePiece(&rest) {
            guard let (module, name, value) = Parameters.parts(piece) else {
                errors += 1
                if !isSilent { Parameters.complainOfPiece(piece, source) }
                continue
            }
            set(module, name, value)
        }
    }

    /// The modules of those for whom nothing was said.
    mutating func takeStandard(objects: Text, _ origin: Origin) {
        guard let global, global.pointee.objects == nil else { return }
        global.pointee.objects = objects
        global.pointee.objectsOrigin = origin
    }

    // MARK: lines

    private mutating func takeLines(_ text: UnsafeMutablePointer<UInt8>, _ count: Int, _ file: Text) {
        var at = Text(text, count: count).hasPrefix("\u{feff}") ? 3 : 0
        var number = 0
        while at < count {
            number += 1
            let first = number
            let start = at
            var end = ConfigurationReader.takeRow(text, &at, count, to: start)
            let beginning = Text(text + start, count: end - start).trimmed
            if beginning.isEmpty || beginning[0] == UInt8(ascii: "#") || beginning[0] == UInt8(ascii: ";") { continue }
            // A backslash at the end: the line and the next one are one, with a blank between.
            while end > start, text[end - 1] == UInt8(ascii: "\\") {
                end = start + Text(text + start, count: end - 1 - start).withoutBlanksBehind.count
                guard at < count else { break }
                text[end] = 0x20
                while at < count, Text.isSpace(text[at]) { at += 1 }
                end = ConfigurationReader.takeRow(text, &at, count, to: end + 1)
                number += 1
            }
            origin = Origin(file, line: first)
            take(Text(text + start, count: end - start).trimmed)
        }
    }

    /// Moves the row at `at` to `end`, without its newline, and `at` behind it. Returns the row's new end.
    private static func takeRow(_ text: UnsafeMutablePointer<UInt8>, _ at: inout Int, _ count: Int, to end: Int) -> Int
    {
        let length = Text(text + at, count: count - at).firstIndex(of: 0x0a) ?? count - at
        memmove(text + end, text + at, length)
        at += length + 1
        return end + length - (length > 0 && text[end + length - 1] == 0x0d ? 1 : 0)
    }

    private mutating func take(_ line: Text) {
        if line.isEmpty { return }
        if line[0] == UInt8(ascii: "[") { return beginSection(line) }
        guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else {
            var message = problem()
            message.addWord(line)
            message.add(": no \"=\"; a line is \"name = value\", \"[service]\", or a comment that begins with # or ;")
            return show(&message)
        }
        let key = line.prefix(equals).trimmed
        let value = line.dropFirst(equals + 1).trimmed
        if key.firstIndex(of: UInt8(ascii: ":")) != nil {
            guard let (module, name) = Parameters.names(key) else {
                var message = problem()
                message.addWord(key)
                message.add(": not \"module:name\"")
                return show(&message)
            }
            return set(module, name, value.withoutQuotes)
        }
        guard
            key.isSameName(as: Text("path")) || key.isSameName(as: Text("vfs objects"))
                || key.isSameName(as: Text("include"))
        else {
            var message = problem()
            message.addWord(key)
            message.add(": unknown option; known are path, vfs objects, include, and module:name of a module")
            return show(&message)
        }
        guard let value = expand(key, value) else {
            // It was meant to have one.
            if key.isSameName(as: Text("path")) { section?.pointee.pathOrigin = origin }
            return
        }
        if key.isSameName(as: Text("path")) {
            setPath(value)
        } else if key.isSameName(as: Text("include")) {
            include(value.withoutQuotes)
        } else {
            setObjects(value)
        }
    }

    private mutating func beginSection(_ line: Text) {
        let name = line.dropFirst(1).prefix(max(0, line.count - 2)).trimmed
        let isGood =
            line[line.count - 1] == UInt8(ascii: "]") && !name.isEmpty
            && name.firstIndex(of: UInt8(ascii: "[")) == nil && name.firstIndex(of: UInt8(ascii: "]")) == nil
        if !isGood {
            var message = problem()
            message.addWord(line)
            message.add(": not a section's line, which is \"[global]\" or \"[name of a service]\"")
            show(&message)
        }
        let hash = name.nameHash()
        if isGood, let found = sections.find(hash, where: { $0.pointee.name.isSameName(as: name) }) {
            section = found
            return
        }
        // What follows a bad line goes into a section that nobody finds.
        section = memory.allocate(Section.self)
        guard let section else { return sayShort() }
        section.initialize(to: Section(name: name, origin: origin))
        guard isGood else { return }
        lastSection?.pointee.next = section
        lastSection = section
        if !sections.add(section, hash, &memory) { sayShort() }
    }

    private mutating func include(_ value: Text) {
        guard !value.isEmpty else {
            var message = problem()
            message.add("include: empty; it takes the name of a file, relative to the directory of this one")
            return show(&message)
        }
        var path = value
        if value[0] != UInt8(ascii: "/"), let slash = origin.source.lastIndex(of: UInt8(ascii: "/")) {
            let directory = origin.source.prefix(slash + 1)
            guard let joined = memory.allocate(UInt8.self, count: directory.count + value.count) else {
                return sayShort()
            }
            memcpy(joined, directory.start, directory.count)
            memcpy(joined + directory.count, value.start, value.count)
            path = Text(joined, count: directory.count + value.count)
        }
        let includer = section
        _ = takeFile(path)
        section = includer
    }

    // MARK: options

    private mutating func setPath(_ value: Text) {
        guard let section else { return }
        if section == global {
            var message = problem()
            message.add("path: [global] has none; it is for all files that no service's path matches")
            return show(&message)
        }
        if let earlier = section.pointee.pathOrigin {
            var message = warning()
            message.add("path: set again; this one counts, not that of ")
            message.add(earlier)
            show(&message)
        }
        section.pointee.pathOrigin = origin
        var count = 0
        var rest = value
        while let (pattern, isClosed) = PathPattern.take(&rest) {
            count += 1
            guard let wrong = isClosed ? PathPattern.problem(pattern) : "the closing quote is missing" else { continue }
            var message = problem()
            message.add("path: ")
            message.addWord(pattern)
            message.add(": bad pattern: ")
            message.add(wrong)
            show(&message)
        }
        if count == 0 {
            var message = problem()
            message.add("path: empty; patterns are such as /data/* or \"/with blanks/*\", with blanks between")
            return show(&message)
        }
        guard let patterns = memory.allocate(PathPattern.self, count: count) else { return sayShort() }
        rest = value
        for index in 0..<count {
            guard let (pattern, _) = PathPattern.take(&rest) else { break }
            (patterns + index).initialize(to: PathPattern(text: pattern))
        }
        section.pointee.patterns = UnsafeBufferPointer(start: patterns, count: count)
    }

    private mutating func setObjects(_ value: Text) {
        guard let section else { return }
        section.pointee.objects = value.isEmpty ? Text(Registry.standardStack) : value
        section.pointee.objectsOrigin = value.isEmpty ? nil : origin
        var rest = value
        var count = 0
        while let name = rest.takeWord() {
            count += 1
            if count == Stack.greatestCount {
                var message = problem()
                message.add("vfs objects: ")
                message.addWord(name)
                message.add(": too many modules; there may be ")
                message.add(Stack.greatestCount - 1)
                show(&message)
                section.pointee.objects = Text(Registry.standardStack)
                return
            }
            if isKnown(name) { continue }
            var message = problem()
            message.add("vfs objects: no module is named ")
            message.addWord(name)
            message.add("; known are ")
            message.addModuleNames()
            if let moduleDirectory {
                message.add(", those in KAIO_MODULE_DIR (")
                message.addWord(moduleDirectory)
                message.add(")")
            } else {
                message.add(", those in the directory KAIO_MODULE_DIR, which is not set")
            }
            message.add(", those beside the library in kaio/, and shared objects, by a name with a slash")
            show(&message)
        }
    }

    /// One of ours, or an object that the loader will look for.
    private func isKnown(_ name: Text) -> Bool {
        Registry.has(name) || Loader.isThere(name, moduleDirectory)
    }

    @inline(never)
    private mutating func set(_ module: Text, _ name: Text, _ value: Text) {
        guard let section, let value = expand(name, value, of: module) else { return }
        if !section.pointee.parameters.set(module, name, value, origin, &memory) { sayShort() }
    }

    @inline(never)
    private mutating func expand(_ name: Text, _ value: Text, of module: Text? = nil) -> Text? {
        switch Substitution.expand(value, process: module == nil, &memory) {
        case .text(let text):
            return text
        case .noMemory:
            sayShort()
            return nil
        case .unknown(let word):
            var message = problem()
            if let module {
                message.addWord(module)
                message.add(":")
            }
            message.addWord(name)
            message.add(": unknown ")
            message.add(word)
            message.add("; known are ")
            message.add(Substitution.known)
            show(&message)
            return nil
        }
    }

    // MARK: the end

    /// What was read, in memory that lasts until `discard`. Nil without memory.
    mutating func finish() -> Configuration? {
        guard let global else { return nil }
        var count = 0
        var current = Optional(global)
        while let section = current {
            count += 1
            current = section.pointee.next
        }
        guard let services = memory.allocate(Configuration.Service.self, count: count) else {
            sayShort()
            return nil
        }
        let inherited = global.pointee.parameters
        current = global
        for position in 0..<count {
            guard let section = current else { break }
            let source = section.pointee.objects == nil ? global : section
            (services + position).initialize(
                to: Configuration.Service(
                    name: section.pointee.name, patterns: section.pointee.patterns,
                    objects: source.pointee.objects ?? Text(Registry.standardStack),
                    objectsOrigin: source.pointee.objectsOrigin,
                    parameters: Parameters(
                        service: section.pointee.name, own: section.pointee.parameters,
                        inherited: position == 0 ? Parameters.List() : inherited)))
            if position > 0, section.pointee.pathOrigin == nil {
                origin = section.pointee.origin
                var message = warning()
                message.add("[")
                message.addWord(section.pointee.name)
                message.add("] has no path, so it has no files; only kaio_connect can use it")
                show(&message)
            }
            current = section.pointee.next
        }
        guard let modules = ModuleNames(services, count, &memory) else {
            sayShort()
            return nil
        }
        let configuration = Configuration(services: services, count: count, modules: modules)
        for position in 0..<count { warnOfStrangers(configuration, position) }
        return configuration
    }

    /// Parameters of modules that are in no stack which would see them.
    private mutating func warnOfStrangers(_ configuration: Configuration, _ position: Int) {
        var current = configuration[position].parameters.own.first
        while let entry = current {
            current = entry.pointee.next
            if configuration.hasModule(entry.pointee.module, forParametersOf: position) != .no { continue }
            origin = entry.pointee.origin
            var message = warning()
            message.addWord(entry.pointee.module)
            message.add(":")
            message.addWord(entry.pointee.name)
            if position == 0 {
                message.add(": no stack has a module of that name")
            } else {
                message.add(": the stack of [")
                message.addWord(configuration[position].name)
                message.add("] has no module of that name; it is ")
                message.addWord(configuration[position].objects)
            }
            show(&message)
        }
    }

    enum Membership {
        case yes
        case no
        /// An object named by its path says only when it is loaded which module it is.
        case unknown
    }

    static func hasModule(_ module: Text, in objects: Text) -> Membership {
        if module.isSameName(as: Text(Registry.last)) { return .yes }
        var rest = objects
        var result = Membership.no
        while let name = rest.takeWord() {
            if name.isSameName(as: module) { return .yes }
            if name.firstIndex(of: UInt8(ascii: "/")) != nil { result = .unknown }
        }
        return result
    }

    // MARK: messages

    /// The beginning of an error's line, which counts it.
    @inline(never)
    private mutating func problem() -> Message {
        errors += 1
        var message = Message()
        message.add("kaio: ")
        message.add(origin)
        message.add(": ")
        return message
    }

    private mutating func problem(ofFile name: Text) -> Message {
        if depth == 0 {
            origin = Origin(name)
            return problem()
        }
        var message = problem()
        message.add("include = ")
        message.addWord(name)
        message.add(": ")
        return message
    }

    @inline(never)
    private func warning() -> Message {
        var message = Message()
        message.add("kaio: ")
        message.add(origin)
        message.add(": warning: ")
        return message
    }

    private func show(_ message: inout Message) { if !isSilent { message.show() } }

    private mutating func sayOfFile(_ name: Text, _ what: StaticString, _ reason: StaticString = "") {
        var message = problem(ofFile: name)
        message.add(what)
        message.add(reason)
        show(&message)
    }

    @inline(never)
    private mutating func sayShort() {
        errors += 1
        if isShort { return }
        isShort = true
        var message = Message()
        message.add("kaio: no memory for the configuration")
        show(&message)
    }
}

extension Text {
    fileprivate var withoutBlanksBehind: Text {
        var text = self
        while !text.isEmpty, Text.isSpace(text[text.count - 1]) { text = text.prefix(text.count - 1) }
        return text
    }

    fileprivate func lastIndex(of byte: UInt8) -> Int? {
        var index = count - 1
        while index >= 0, self[index] != byte { index -= 1 }
        return index < 0 ? nil : index
    }
}
