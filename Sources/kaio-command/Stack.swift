// The stack of modules that a program is run with: what the person's file and variables say, checked by the library, and
// the modules on top of it that an option adds.
//
// A configuration gives each service a stack of its own. The library shows how it understands one, with everything spelt
// out, as a configuration of the same meaning; so what an option adds is put into each service of that.

import Glibc

struct Stack {
    /// What the person says; nil: nothing.
    var objects: String?
    var file: String?

    struct Module {
        let name: String
        let parameters: [(name: String, value: String)]
    }

    /// How the library understands it, as a configuration in which everything is spelt out. Fails with its own words if there
    /// is a mistake in what the person says.
    func understood(by library: Library) throws(Failure) -> String {
        if let file { _ = try Stack.understood(file, library) }
        // The variable counts as if it stood in front of the file. KAIO_VFS_PARAMETERS does so by itself.
        var lines = ["[global]"]
        if let objects { lines.append("vfs objects = \(objects)") }
        if let file { lines.append("include = \(file.substituting("%%", for: "%"))") }
        do {
            return try Stack.understood("/dev/stdin", library, input: lines.joined(separator: "\n") + "\n")
        } catch {
            let message = error.message.substituting("--vfs", for: "/dev/stdin:2: vfs objects")
            throw Failure(message: message, code: error.code)
        }
    }

    /// The same with the modules on top of each stack.
    static func adding(_ modules: [Module], to understood: String) -> String {
        var result: [String] = []
        let additions = modules.flatMap { module in
            module.parameters.map { "\t\(module.name):\($0.name) = \"\(Stack.escaped($0.value))\"" }
        }
        for line in understood.split(separator: "\n", omittingEmptySubsequences: false) {
            // A section's own parameters are behind its stack; what is set last counts.
            if line.isEmpty, !result.isEmpty { result += additions }
            result.append(Stack.topped(line, with: modules))
        }
        return result.joined(separator: "\n") + "\n"
    }

    /// A line of a stack, with the modules that are not in it in front.
    private static func topped(_ line: Substring, with modules: [Module]) -> String {
        let key = "\tvfs objects = "
        guard line.hasPrefix(key) else { return String(line) }
        let present = line.dropFirst(key.count).split(separator: " ")
        let names = modules.map(\.name).filter { !present.contains(Substring($0)) }
        return key + (names.map { Substring($0) } + present).joined(separator: " ")
    }

    /// A percent sign, but that of `%p`, stands twice.
    private static func escaped(_ path: String) -> String {
        path.substituting("%%", for: "%").substituting("%p", for: "%%p")
    }

    /// As `kaio testparm` shows it. It runs as a process, since the library writes to stdout, and may load modules.
    private static func understood(
        _ file: String, _ library: Library, input: String? = nil
    ) throws(Failure) -> String {
        let command = [Path.executable, "testparm", "--library", library.path, file]
        guard let result = output(of: command, input: input) else {
            throw Failure(message: "\(Path.executable): \(errorText(errno))", code: Run.ownFailure)
        }
        guard result.status == 0 else {
            let lines = result.errors.split(separator: "\n").map { $0.hasPrefix("kaio: ") ? $0.dropFirst(6) : $0 }
            throw Failure(message: lines.joined(separator: "\nkaio: "), code: Run.ownFailure)
        }
        return result.text
    }
}
