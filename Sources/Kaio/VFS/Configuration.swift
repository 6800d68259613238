// Which stack of modules a file's requests go through: what KAIO_CONFIG's file and the environment say, as services.
//
//     [global]
//         vfs objects = ordered aio_linux aio_poll aio_pthread
//
//     [slow disk]
//         path = /data/* "/mnt/with blanks/*"
//         vfs objects = time_audit ordered aio_linux aio_poll aio_pthread
//         time_audit:limit = 20ms
//
// Position 0 is what [global] says, for the files that no service's pattern matches; the services follow in the order
// of the file. The first that matches a file's path is the file's.
//
// Invariant: a configuration that is `current` never changes and is never freed, so anyone may look at it at any time,
// in a signal handler too.

import CKernel

struct Configuration {
    struct Service {
        let name: Text
        let patterns: UnsafeBufferPointer<PathPattern>
        /// The names of its modules.
        let objects: Text
        /// Where that was said; nil: nowhere, it is the standard stack.
        let objectsOrigin: Origin?
        let parameters: Parameters

        /// What there is without a file and a word in the environment.
        static var standard: Service {
            Service(
                name: Text("global"), patterns: UnsafeBufferPointer(start: nil, count: 0),
                objects: Text(Registry.standardStack), objectsOrigin: nil, parameters: .none)
        }

        func matches(_ path: Text) -> Bool {
            for pattern in patterns where pattern.matches(path) { return true }
            return false
        }
    }

    private let services: UnsafeMutablePointer<Service>?
    /// At least 1.
    let count: Int
    private let modules: ModuleNames

    nonisolated(unsafe) private(set) static var current = Configuration(services: nil, count: 1)

    /// KAIO_CONFIG names a file that has errors, and `current` is without it.
    nonisolated(unsafe) private(set) static var isRefused = false

    nonisolated(unsafe) private static var isRead = false

    init(services: UnsafeMutablePointer<Service>?, count: Int, modules: ModuleNames = ModuleNames()) {
        self.services = services
        self.count = count
        self.modules = modules
    }

    /// Whether a module is in a stack that has the parameters of this service: of [global], any.
    func hasModule(_ module: Text, forParametersOf position: Int) -> ConfigurationReader.Membership {
        guard position == 0 else { return ConfigurationReader.hasModule(module, in: self[position].objects) }
        return modules.has(module)
    }

    subscript(position: Int) -> Service { services.map { $0[position] } ?? .standard }

    /// Reads the file that KAIO_CONFIG names. Once, after the options, by one thread; not in a signal handler. With
    /// an error, which is then on stderr, it is as if KAIO_CONFIG were not set.
    static func read() {
        if isRead { return }
        defer { isRead = true }
        var reader = ConfigurationReader(moduleDirectory: Options.moduleDirectory)
        if let list = Options.vfsParameters { Message.bound { reader.takeList(list, "KAIO_VFS_PARAMETERS") } }
        if reader.errors > 0 {
            isRefused = Options.configurationFile != nil
            if isRefused || Options.vfsObjects != nil {
                // What was left out might be what makes the rest harmless.
                var message = Message()
                message.add("kaio: KAIO_VFS_PARAMETERS: not used, for the error above; using \"")
                message.add(Registry.standardStack)
                message.add("\"")
                message.show()
                return reader.discard()
            }
        }
        reader.forgetErrors()
        if let file = Options.configurationFile {
            _ = Message.bound { reader.takeFile(file) }
            if reader.errors > 0 {
                isRefused = true
                var message = Message()
                message.add("kaio: KAIO_CONFIG=")
                message.add(file)
                message.add(": not used, for the error above")
                message.show()
                reader.discard()
                reader = ConfigurationReader(moduleDirectory: Options.moduleDirectory, isSilent: true)
                if let list = Options.vfsParameters { reader.takeList(list, "KAIO_VFS_PARAMETERS") }
            }
        }
        if let names = Options.vfsObjects { reader.takeStandard(objects: names, Origin(Text("KAIO_VFS_OBJECTS"))) }
        if let configuration = Message.bound({ reader.finish() }) { current = configuration }
    }

    /// The position of the service whose pattern matches the file that a descriptor refers to: 0 if none does, or the
    /// file has no path. Without allocation; async-signal-safe.
    static func service(of descriptor: Descriptor) -> Int {
        let configuration = current
        guard configuration.count > 1 else { return 0 }
        return configuration.service(of: descriptor)
    }

    func service(of descriptor: Descriptor) -> Int {
        guard descriptor.isOpen else { return 0 }
        // Not /proc/self: that is the first thread, which may have ended.
        let prefix: StaticString = "/proc/thread-self/fd/"
        return withUnsafeTemporaryAllocation(byteCount: 48, alignment: 1) { link in
            let name = link.baseAddress!.assumingMemoryBound(to: UInt8.self)
            memcpy(name, prefix.utf8Start, prefix.utf8CodeUnitCount)
            var end = prefix.utf8CodeUnitCount
            var divisor = 1
            while Int(descriptor.number) / divisor >= 10 { divisor *= 10 }
            while divisor > 0 {
                name[end] = UInt8(truncatingIfNeeded: Int(descriptor.number) / divisor % 10) + UInt8(ascii: "0")
                end += 1
                divisor /= 10
            }
            name[end] = 0
            return service(ofLink: name)
        }
    }

    /// The longest path that the kernel tells is one page.
    private static let longestPath = 4096

    private func service(ofLink name: UnsafePointer<UInt8>) -> Int {
        let position = withUnsafeTemporaryAllocation(byteCount: 512, alignment: 1) { buffer -> Int? in
            service(ofLink: name, buffer.baseAddress!, buffer.count)
        }
        if let position { return position }
        guard let pages = Pages.map(Configuration.longestPath + 1) else { return 0 }
        defer { Pages.unmap(pages, Configuration.longestPath + 1) }
        return service(ofLink: name, pages, Configuration.longestPath + 1) ?? 0
    }

    /// Nil: the buffer is too small.
    private func service(ofLink name: UnsafePointer<UInt8>, _ buffer: UnsafeMutableRawPointer, _ size: Int) -> Int? {
        let length = systemCall(SYS_readlinkat, Int(AT_FDCWD), address(name), address(buffer), size)
        if length <= 0 { return 0 }
        if length == size { return nil }
        return service(ofPath: Text(buffer.assumingMemoryBound(to: UInt8.self), count: length))
    }

    /// The same for a path as the kernel tells it: " (deleted)" is behind that of a file without a name.
    func service(ofPath path: Text) -> Int {
        let deleted: StaticString = " (deleted)"
        let rest = path.count - deleted.utf8CodeUnitCount
        let isDeleted = rest > 0 && path.dropFirst(rest) == deleted
        let plain = isDeleted ? path.prefix(rest) : path
        for position in 1..<max(count, 1) where self[position].matches(plain) { return position }
        return 0
    }

    /// The position of the service of this name, 0 for "global"; nil if there is none.
    func position(of name: Text) -> Int? {
        for position in 0..<count where self[position].name.isSameName(as: name) { return position }
        return nil
    }

    // MARK: parameters

    /// Calls `body` with each parameter that its module, which is in a stack of those that it is for, does not have: that is one
    /// of ours, or not. To be called, for those that are not, when every stack is made.
    private func forEachUnknown(ofOurs: Bool, _ body: (borrowing Parameters.Entry) -> Void) {
        for position in 0..<count {
            Parameters.forEach(self[position].parameters.own) { entry in
                if entry.isOurs == ofOurs, entry.isUnknown, hasModule(entry.module, forParametersOf: position) == .yes {
                    body(entry)
                }
            }
        }
    }

    /// Names those on stderr. Without what one of ours would have said no stack is made that has its module; others may ask
    /// for theirs later.
    func tellOfUnknown() { forEachUnknown(ofOurs: true) { Configuration.tell($0, "") } }
    func warnOfUnknown() { forEachUnknown(ofOurs: false) { Configuration.tell($0, "warning: ") } }

    private static func tell(_ entry: borrowing Parameters.Entry, _ kind: StaticString) {
        var message = Message()
        message.add("kaio: ")
        message.add(entry.origin)
        message.add(": ")
        message.add(kind)
        message.addUnknown(entry)
        message.show()
    }

    /// Has our own modules look at their parameters, which say on stderr what they refuse, and names there those that they
    /// do not have. True: all is good. Modules from elsewhere are not loaded: only they know theirs. But their files are there.
    func check() -> Bool {
        var isGood = true
        for position in 0..<count {
            var rest = self[position].objects
            let isInherited = position > 0 && rest.start == self[0].objects.start
            var place = 0
            while let name = rest.takeWord() {
                if !isInherited, Loader.isMissing(name), let origin = self[position].objectsOrigin {
                    isGood = false
                    var message = Message()
                    message.add("kaio: ")
                    message.add(origin)
                    message.add(": vfs objects: there is no file ")
                    message.addWord(name)
                    message.add("; a name with a slash is the path of a shared object")
                    message.show()
                }
                if !isInherited, let reason = Loader.refusal(of: name) {
                    isGood = false
                    var message = Message()
                    message.add("kaio: ")
                    message.add(self[position].objectsOrigin ?? Origin(Text("vfs objects")))
                    message.add(": vfs objects: ")
                    message.addWord(name)
                    message.add(": not loaded with root's or another user's rights: ")
                    message.add(reason)
                    message.show()
                }
                if Registry.has(name),
                    Registry.make(name, position: place, parameters: self[position].parameters) == nil
                {
                    isGood = false
                }
                place += 1
            }
            if !isInherited { isGood = isInOrder(self[position]) && isGood }
        }
        for position in 0..<count {
            Parameters.forEach(self[position].parameters.own) { if $0.wasRefused { isGood = false } }
        }
        forEachUnknown(ofOurs: true) { entry in
            isGood = false
            Configuration.tell(entry, "")
        }
        return isGood
    }

    private func isInOrder(_ service: Service) -> Bool {
        let order = StackOrder(names: service.objects)
        guard let fault = order.fault else { return true }
        var message = Message()
        message.add("kaio: ")
        if let origin = service.objectsOrigin {
            message.add(origin)
            message.add(": ")
        }
        order.explain(fault, &message)
        message.show()
        return false
    }
}
