// A program that is to be run: where it is, and why a preload may have no effect on it.

import CKernel
import Glibc

struct Program {
    /// As it was called.
    let name: String
    let path: String

    /// As execvp(3) looks for it: in PATH, unless the name has a slash. Fails with the codes of env(1).
    init(_ name: String) throws(Failure) {
        self.name = name
        if name.contains("/") {
            path = name
            return
        }
        if name.isEmpty { throw Program.failure("''", ENOENT) }
        var isForbidden = false
        for directory in Program.directories {
            let candidate = directory.isEmpty ? name : "\(directory)/\(name)"
            if Program.isExecutable(candidate) {
                // The loader and the kernel take a name without a slash for another.
                path = candidate.contains("/") ? candidate : "./\(candidate)"
                return
            }
            if errno == EACCES { isForbidden = true }
        }
        throw Program.failure(name, isForbidden ? EACCES : ENOENT)
    }

    private static var directories: [Substring] {
        (environmentVariable("PATH") ?? "/bin:/usr/bin").split(separator: ":", omittingEmptySubsequences: false)
    }

    /// For completions.
    static func names(startingWith prefix: String) -> [String] {
        let slash = prefix.lastIndex(of: "/")
        let places = slash.map { [String(prefix[...$0])] } ?? directories.map { $0.isEmpty ? "./" : "\($0)/" }
        var names: Set<String> = []
        for place in places {
            for name in Path.names(in: place) {
                let word = slash == nil ? name : place + name
                if word.hasPrefix(prefix), isExecutable(place + name) { names.insert(word) }
            }
        }
        return names.sorted()
    }

    static func failure(_ name: String, _ error: CInt) -> Failure {
        let isMissing = error == ENOENT || error == ENOTDIR
        return Failure(message: "\(name): \(errorText(error))", code: isMissing ? 127 : 126)
    }

    private static func isExecutable(_ path: String) -> Bool {
        var facts = stat()
        guard access(path, X_OK) == 0, stat(path, &facts) == 0 else { return false }
        if facts.st_mode & S_IFMT == S_IFREG { return true }
        errno = EACCES
        return false
    }

    /// The words that the kernel puts in front of a script: its interpreter, and at most one argument. Nil if the file
    /// does not begin with `#!`.
    private static func interpreter(of path: String) -> [String]? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        if file < 0 { return nil }
        defer { close(file) }
        var head = [UInt8](repeating: 0, count: 256)
        let count = read(file, &head, head.count)
        guard count > 2, head[0] == UInt8(ascii: "#"), head[1] == UInt8(ascii: "!") else { return nil }
        let line = head[2..<count].prefix { $0 != 0x0a }
        let words = String(decoding: line, as: UTF8.self).split(maxSplits: 1) { $0 == " " || $0 == "\t" }
        return words.isEmpty ? nil : words.map { $0.trimmed }
    }

    /// Why the preload, or the library, may do nothing; each is one line. The program is run all the same.
    func doubts() -> [String] { doubts(depth: 0) }

    private func doubts(depth: Int) -> [String] {
        if depth < 4, let words = Program.interpreter(of: path) {
            // `#!/usr/bin/env python3` names another program; env itself hands the preload on.
            var interpreter = words[0]
            if Path.name(of: interpreter) == "env", words.count > 1 {
                let arguments = words[1].split(separator: " ").filter { !$0.hasPrefix("-") && !$0.contains("=") }
                if let first = arguments.first { interpreter = String(first) }
            }
            guard let program = try? Program(interpreter) else { return [] }
            return program.doubts(depth: depth + 1).map { "\(name) is a script: \($0)" }
        }
        // What can't be read may be run all the same.
        guard let elf = Elf(path: path) else { return [] }
        if !elf.isOfThisMachine {
            let machines = "for \(elf.machineName), and the library for \(Elf.ownMachineName)"
            return ["\(name) is \(machines): it can't be preloaded"]
        }
        if !elf.isDynamic || elf.interpreter == nil {
            return [
                "\(name) is a static program, on which LD_PRELOAD has no effect: it runs on kaio if it is linked with libkaio.a"
            ]
        }
        if let privilege {
            return ["\(name) \(privilege), so the loader ignores the preload"]
        }
        return callsAIO(elf)
    }

    /// What makes the loader careful (AT_SECURE).
    private var privilege: String? {
        var facts = stat()
        var system = statvfs()
        guard stat(path, &facts) == 0, statvfs(path, &system) == 0, Int(system.f_flag) & Int(ST_NOSUID) == 0
        else { return nil }
        if facts.st_mode & S_ISUID != 0, facts.st_uid != getuid() { return "is set-user-ID" }
        if facts.st_mode & S_ISGID != 0, facts.st_mode & S_IXGRP != 0, facts.st_gid != getgid() {
            return "is set-group-ID"
        }
        // Those of root are no more than it has.
        let length = path.withCString { path in
            "security.capability".withCString { name in systemCall(SYS_getxattr, address(path), address(name)) }
        }
        return getuid() != 0 && length > 0 ? "has file capabilities" : nil
    }

    private static let calls: Set<String> = Set(
        ["aio_read", "aio_write", "aio_fsync", "lio_listio"].flatMap { [$0, $0 + "64"] } + ["aio_readv", "aio_writev"])
    private static let loadsMore: Set<String> = ["dlopen", "dlmopen"]
    private static let startsOthers: Set<String> = [
        "execve", "execv", "execvp", "execvpe", "execl", "execlp", "execle", "fexecve", "execveat", "posix_spawn",
        "posix_spawnp", "system", "popen",
    ]

    /// Whether the program, or an object that it is linked with, calls what the library replaces.
    private func callsAIO(_ elf: Elf) -> [String] {
        guard let interpreter = elf.interpreter, var symbols = elf.undefined else { return [] }
        // The program's own loader knows where the libraries are: with --list it maps and names them, and runs nothing.
        guard let list = output(of: [interpreter, "--list", path]), list.status == 0 else { return [] }
        var isOfTheCLibrary = true
        for line in list.text.split(separator: "\n") {
            guard let begin = line.firstIndex(of: "/"), let end = line.range(ofLast: " (0x") else { continue }
            let library = String(line[begin..<end])
            if Path.name(of: library).hasPrefix("ld-musl-") { isOfTheCLibrary = false }
            // The C library's own calls of dlopen and exec are others'.
            let isSystems = ["libc.so", "ld-linux", "ld-musl"].contains { Path.name(of: library).hasPrefix($0) }
            if !isSystems, let undefined = Elf(path: library)?.undefined { symbols.formUnion(undefined) }
        }
        if !isOfTheCLibrary { return ["\(name) uses musl, and the library needs glibc: it can't be preloaded"] }
        if !symbols.isDisjoint(with: Program.calls) { return [] }
        var exceptions: [String] = []
        if !symbols.isDisjoint(with: Program.loadsMore) { exceptions.append("a module that it loads") }
        if !symbols.isDisjoint(with: Program.startsOthers) { exceptions.append("a program that it starts") }
        let rest = exceptions.isEmpty ? "kaio has nothing to do" : "\(exceptions.joined(separator: ", or ")), may"
        return ["\(name) and its libraries do not call POSIX AIO; \(rest)"]
    }
}

extension StringProtocol {
    fileprivate var trimmed: String {
        var rest = self[...]
        while let last = rest.last, last == " " || last == "\t" || last == "\r" { rest.removeLast() }
        while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
        return String(rest)
    }

    /// Where the last of these stands.
    fileprivate func range(ofLast part: String) -> Index? {
        var end = endIndex
        while end > startIndex {
            if self[end...].hasPrefix(part) { return end }
            end = index(before: end)
        }
        return nil
    }
}
