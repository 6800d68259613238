// Modules that are not the library's own: those that were registered (kaio_vfs_register), and shared objects that
// register themselves when they are loaded.
//
//     vfs objects = /opt/modules/mine.so other ordered aio_linux aio_poll aio_pthread
//
// A name with a slash is an object's path. Another, if no module has it, is looked for as KAIO_MODULE_DIR/NAME.so and
// then as kaio/NAME.so beside the library. Objects are never unloaded: their threads and functions may be at work.
//
// Invariant: `registrations` and `objects` only grow, at the front, under `lock` and `loading`; so a walk needs no
// lock. Nothing is loaded in a signal handler: it happens in the call that makes the process's first request, or
// connects.

import CKaio
import CKernel
import Synchronization

enum Loader {
    struct Registration {
        let name: UnsafePointer<CChar>
        let functions: kaio_vfs_fns
        /// Who registered it.
        let thread: CInt
        let next: UnsafeMutablePointer<Registration>?
    }

    private struct Object {
        let handle: UnsafeMutableRawPointer
        /// As it was named.
        let path: Text
        /// What the object is by its path; nil if it registered nothing.
        let registration: UnsafeMutablePointer<Registration>?
        /// For which it was loaded first.
        let name: UnsafePointer<CChar>?
        let next: UnsafeMutablePointer<Object>?
    }

    enum Problem {
        case none
        /// There is no such file.
        case missing
        /// A static program, in which nothing can be loaded.
        case noLoader
        /// What the dynamic loader says.
        case notLoaded(Text)
        case initialization(CInt)
        case registersNothing
        /// Another name than that by which it was looked for.
        case registersOther(Text)
        /// The process has more rights than who set its environment.
        case isSecure
        /// Who else can change it.
        case untrusted(StaticString)
    }

    private static let lock = Lock()
    nonisolated(unsafe) private static var registrations: UnsafeMutablePointer<Registration>?
    /// Held while an object is loaded, which registers its modules meanwhile; that may take long, so signals are not blocked
    /// for it. Never taken by a signal handler.
    private static let loading = Lock()
    nonisolated(unsafe) private static var objects: UnsafeMutablePointer<Object>?
    /// With the latest name that `make` made nothing of. Its text is freed by the next `make`.
    nonisolated(unsafe) private static var problem = Problem.none

    // MARK: registration

    /// Returns 0 or an errno; what is wrong is said on stderr.
    static func register(
        _ version: CInt, _ name: UnsafePointer<CChar>?, _ functions: UnsafePointer<kaio_vfs_fns>?
    ) -> CInt {
        let text = name.map { Text($0) } ?? Text("")
        if version != KAIO_VFS_INTERFACE_VERSION {
            return refuse(text, EINVAL) {
                $0.add("is for version ")
                $0.add(Int(version))
                $0.add(" of the interface; this library has version ")
                $0.add(Int(KAIO_VFS_INTERFACE_VERSION))
            }
        }
        guard let functions else { return refuse(text, EINVAL) { $0.add("has no table of functions") } }
        guard isName(text) else {
            return refuse(text, EINVAL) { $0.add("has no name, or one with a blank or one of / : = ; , \"") }
        }
        if Registry.has(text) { return refuse(text, EEXIST) { $0.add("has the name of one of kaio's own modules") } }
        guard let copy = CModule.copy(text), let memory = malloc(MemoryLayout<Registration>.stride) else {
            return refuse(text, ENOMEM) { $0.add("finds no memory") }
        }
        let registration = memory.bindMemory(to: Registration.self, capacity: 1)
        let thread = ThreadState.mine
        let mask = SignalMask.blockAll()
        lock.lock()
        let isTaken = find(text) != nil
        if !isTaken {
            registration.initialize(
                to: Registration(name: copy, functions: functions.pointee, thread: thread, next: registrations))
            // Who walks the list takes no lock.
            atomicMemoryFence(ordering: .releasing)
            registrations = registration
        }
        lock.unlock()
        mask.restore()
        if !isTaken { return 0 }
        free(memory)
        free(UnsafeMutablePointer(mutating: copy))
        return refuse(text, EEXIST) { $0.add("has the name of a module that is registered already") }
    }

    @inline(never)
    private static func refuse(_ name: Text, _ error: CInt, _ reason: (inout Message) -> Void) -> CInt {
        var message = Message()
        message.add("kaio: module \"")
        message.addWord(name)
        message.add("\" is refused: it ")
        reason(&message)
        message.show()
        return error
    }

    private static func isName(_ text: Text) -> Bool {
        for index in 0..<text.count {
            switch text[index] {
            case 0...0x20, 0x7f, UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "="), UInt8(ascii: ";"),
                UInt8(ascii: ","), UInt8(ascii: "\""):
                return false
            default: break
            }
        }
        return !text.isEmpty
    }

    @inline(never)
    private static func find(_ name: Text) -> UnsafeMutablePointer<Registration>? {
        var current = registrations
        while let registration = current {
            if Text(registration.pointee.name) == name { return registration }
            current = registration.pointee.next
        }
        return nil
    }

    /// In the child of a fork.
    static func reset() {
        lock.reset()
        loading.reset()
    }

    /// Of a module that is registered, or was loaded by its path.
    static func side(of name: Text) -> Side {
        var registration = find(name)
        var current = objects
        while registration == nil, let object = current {
            if let known = object.pointee.name, Text(known) == name { registration = object.pointee.registration }
            current = object.pointee.next
        }
        switch registration?.pointee.functions.side {
        case KAIO_VFS_ABOVE_ORDERED: return .above
        case KAIO_VFS_BELOW_ORDERED: return .below
        default: return .either
        }
    }

    // MARK: making

    /// Nil: `explain` says why.
    @inline(never)
    static func make(_ name: Text, position: Int, parameters: Parameters) -> (any Module)? {
        loading.lock()
        forgetProblem()
        let registration = find(name) ?? load(name)
        loading.unlock()
        guard let registration else { return nil }
        return CModule(
            name: registration.pointee.name, functions: registration.pointee.functions, position: position,
            parameters: parameters)
    }

    /// Loads those of a stack that are not the library's own, before the caller blocks signals to make it. Returns 0, or of the
    /// first that can't be had an errno, and why.
    static func load(all names: Text, _ message: inout Message) -> CInt {
        var rest = names
        while let name = rest.takeWord() {
            if Registry.has(name) { continue }
            loading.lock()
            defer { loading.unlock() }
            if find(name) != nil { continue }
            forgetProblem()
            if load(name) != nil { continue }
            explain(name, of: names, &message)
            return error(of: name)
        }
        return 0
    }

    private static func forgetProblem() {
        if case .notLoaded(let reason) = problem { free(UnsafeMutableRawPointer(mutating: reason.start)) }
        problem = .none
    }

    /// Whether a file would have to be loaded for a name, or looked for.
    static func needsFile(for name: Text) -> Bool { !Registry.has(name) && find(name) == nil }

    /// Whether a module of that name is registered, or there is a file to look into for it.
    static func isThere(_ name: Text, _ directory: Text?) -> Bool {
        if isPath(name) || find(name) != nil { return true }
        var path = Message()
        return findFile(name, directory, &path)
    }

    /// Whether it is an absolute path of a file that does not exist. Others depend on the program's directory.
    static func isMissing(_ name: Text) -> Bool {
        guard !name.isEmpty, name[0] == UInt8(ascii: "/") else { return false }
        var path = Message()
        path.add(name)
        return !exists(&path)
    }

    /// What is wrong with the latest name that `make` made nothing of, as an errno.
    @inline(never)
    static func error(of name: Text) -> CInt {
        switch problem {
        case .missing: return ENOENT
        case .notLoaded:
            var path = Message()
            path.add(name)
            return isPath(name) && !exists(&path) ? ENOENT : ELIBBAD
        case .noLoader: return ENOSYS
        case .isSecure, .untrusted: return EPERM
        case .none, .initialization, .registersNothing, .registersOther: return EINVAL
        }
    }

    /// The same as text; `names` is the whole stack.
    @inline(never)
    static func explain(_ name: Text, of names: Text, _ message: inout Message) {
        let order = StackOrder(names: names)
        if let fault = order.fault, fault.module.start == name.start { return order.explain(fault, &message) }
        switch Registry.has(name) ? .none : problem {
        case .none:
            message.add("module ")
            message.addWord(name)
            message.add(" can't be used")
        case .missing:
            message.add("no module is named ")
            message.addWord(name)
            message.add("; known are ")
            message.addModuleNames()
            message.add("; looked for ")
            if let directory = Options.moduleDirectory {
                addPath(name, in: directory, &message)
                message.add(" and ")
            }
            addPathBeside(name, &message)
        case .noLoader:
            message.add("module ")
            message.addWord(name)
            message.add(" does not load: a static program can't load objects")
        case .notLoaded(let reason):
            message.add("module ")
            message.addWord(name)
            message.add(" does not load: ")
            message.addWord(reason)
        case .initialization(let result):
            message.add("module ")
            message.addWord(name)
            message.add(" does not load: its kaio_module_init returns ")
            message.add(Int(result))
            addFile(of: name, &message)
        case .registersNothing:
            message.add("module ")
            message.addWord(name)
            message.add(": the object registers no module")
            addFile(of: name, &message)
        case .registersOther(let other):
            message.add("module ")
            message.addWord(name)
            message.add(": the object registers no module of that name, but ")
            message.addWord(other)
            addFile(of: name, &message)
        case .untrusted(let reason):
            message.add("module ")
            message.addWord(name)
            message.add(" is not loaded with root's or another user's rights: ")
            message.add(reason)
            addFile(of: name, &message)
        case .isSecure:
            message.add("module ")
            message.addWord(name)
            message.add(" is not loaded by its path in a process that runs with another user's rights")
        }
    }

    // MARK: files

    /// Which file it is that a name stood for; a path says so itself.
    @inline(never)
    private static func addFile(of name: Text, _ message: inout Message) {
        var path = Message()
        if !isPath(name), findFile(name, Options.moduleDirectory, &path), let path = path.terminated() {
            message.add(" (")
            message.add(Text(path))
            message.add(")")
        }
    }

    private static func isPath(_ name: Text) -> Bool { name.firstIndex(of: UInt8(ascii: "/")) != nil }

    @inline(never)
    private static func addPath(_ name: Text, in directory: Text, _ path: inout Message) {
        path.add(directory)
        path.add("/")
        path.add(name)
        path.add(".so")
    }

    /// Where `make install` has modules: PREFIX/lib/kaio.
    @inline(never)
    private static func addPathBeside(_ name: Text, _ path: inout Message) {
        let file = ck_object_of(UnsafeRawPointer(ck_version())).map { Text($0) } ?? Text("")
        var length = file.count
        while length > 0, file[length - 1] != UInt8(ascii: "/") { length -= 1 }
        path.add(file.prefix(length))
        path.add("kaio/")
        path.add(name)
        path.add(".so")
    }

    private static func exists(_ path: inout Message) -> Bool {
        guard let path = path.terminated() else { return false }
        return systemCall(SYS_faccessat, Int(AT_FDCWD), address(path), Int(F_OK)) == 0
    }

    /// Makes `path` the file that a name stands for; false if there is none.
    @inline(never)
    private static func findFile(_ name: Text, _ directory: Text?, _ path: inout Message) -> Bool {
        if let directory {
            addPath(name, in: directory, &path)
            if exists(&path) { return true }
        }
        path = Message()
        addPathBeside(name, &path)
        return exists(&path)
    }

    @inline(never)
    private static func load(_ name: Text) -> UnsafeMutablePointer<Registration>? {
        var path = Message()
        if isPath(name) {
            if Options.isSecure {
                problem = .isSecure
                return nil
            }
            path.add(name)
        } else if !findFile(name, Options.moduleDirectory, &path) {
            problem = .missing
            return nil
        }
        guard let file = path.terminated() else { return nil }
        if let known = find(path: Text(file)) { return answer(known.pointee.registration, name) }
        if !isFile(file) {
            // dlopen would wait for the other end of a FIFO.
            problem =
                CModule.copy(Text("it is not a regular file" as StaticString)).map { .notLoaded(Text($0)) } ?? .none
            return nil
        }
        if let reason = distrust(file) {
            if Options.isPrivileged {
                problem = .untrusted(reason)
                return nil
            }
            var message = Message()
            message.add("kaio: warning: module ")
            message.addWord(Text(file))
            message.add(": ")
            message.add(reason)
            message.show()
        }
        guard let dlopen = ck_dlopen() else {
            problem = .noLoader
            return nil
        }
        let before = registrations
        guard let handle = dlopen(file, RTLD_NOW | RTLD_LOCAL) else {
            let reason = dlerror().flatMap { CModule.copy(Text($0)) }
            problem = reason.map { .notLoaded(Text($0)) } ?? .none
            return nil
        }
        let known = find(handle)
        let registration = known?.pointee.registration ?? initialize(handle, name, since: before)
        if let copy = CModule.copy(Text(file)), let memory = malloc(MemoryLayout<Object>.stride) {
            let object = memory.bindMemory(to: Object.self, capacity: 1)
            object.initialize(
                to: Object(
                    handle: handle, path: Text(copy), registration: registration,
                    name: known?.pointee.name ?? CModule.copy(name), next: objects))
            objects = object
        }
        return answer(registration, name)
    }

    /// True too where there is nothing, of which dlopen tells.
    private static func isFile(_ path: UnsafePointer<CChar>) -> Bool {
        var status = stat()
        let result = withUnsafeMutablePointer(to: &status) {
            systemCall(SYS_newfstatat, Int(AT_FDCWD), address(path), address($0), 0)
        }
        return result < 0 || status.st_mode & mode_t(S_IFMT) == mode_t(S_IFREG)
    }

    /// Why others could have their code run in the place of a module's; nil if they can't.
    private static func distrust(_ path: UnsafePointer<CChar>) -> StaticString? {
        if path[0] != CChar(bitPattern: UInt8(ascii: "/")) {
            return "its path is relative, so it is another file in another directory"
        }
        var file = NamedFile(decides: true)
        let result = file.examine(UnsafeRawPointer(path).assumingMemoryBound(to: UInt8.self))
        if let reason = file.reason { return reason }
        // Where there is no such file, nobody else can make one; dlopen tells of it.
        let isKnown = result == 0 || result == -Int(ENOENT) || result == -Int(ENOTDIR)
        return isKnown || !Options.isPrivileged ? nil : "who else can change it can't be found out"
    }

    /// The same of what a name stands for, where it would be refused.
    static func refusal(of name: Text) -> StaticString? {
        guard !Registry.has(name), Options.isPrivileged, find(name) == nil else { return nil }
        var path = Message()
        if isPath(name) { path.add(name) } else if !findFile(name, Options.moduleDirectory, &path) { return nil }
        return path.terminated().flatMap { distrust($0) }
    }

    /// The module that a name stands for, if the object is that of its registration.
    private static func answer(
        _ registration: UnsafeMutablePointer<Registration>?, _ name: Text
    ) -> UnsafeMutablePointer<Registration>? {
        guard let registration else {
            if case .none = problem { problem = .registersNothing }
            return nil
        }
        if isPath(name) { return registration }
        if let named = find(name) { return named }
        problem = .registersOther(Text(registration.pointee.name))
        return nil
    }

    private static func find(path: Text) -> UnsafeMutablePointer<Object>? {
        var current = objects
        while let object = current {
            if object.pointee.path == path { return object }
            current = object.pointee.next
        }
        return nil
    }

    private static func find(_ handle: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Object>? {
        var current = objects
        while let object = current {
            if object.pointee.handle == handle { return object }
            current = object.pointee.next
        }
        return nil
    }

    /// Has an object register its modules, if its constructors did not. Returns the first.
    private static func initialize(
        _ handle: UnsafeMutableRawPointer, _ name: Text, since before: UnsafeMutablePointer<Registration>?
    ) -> UnsafeMutablePointer<Registration>? {
        if let symbol = dlsym(handle, "kaio_module_init") {
            typealias Function = @convention(c) () -> CInt
            let result = unsafeBitCast(symbol, to: Function.self)()
            if result != 0 {
                problem = .initialization(result)
                return nil
            }
        }
        let thread = ThreadState.mine
        var first: UnsafeMutablePointer<Registration>?
        var current = registrations
        while let registration = current, registration != before {
            if registration.pointee.thread == thread { first = registration }
            current = registration.pointee.next
        }
        return first
    }
}
