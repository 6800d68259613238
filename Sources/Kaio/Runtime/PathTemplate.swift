// The path of a file that is written later, perhaps from another directory and in another process than the one in which
// it was named: `%p` in it is the process id of who writes.

import CKernel

struct PathTemplate {
    /// From the root.
    let text: Text
    /// So many bytes of it are the directory that the program was in; a %p there is just that.
    private let directory: Int

    private static let longest = 8192

    /// May allocate. Nil without memory.
    init?(_ path: Text) {
        let directory = path.hasPrefix("/") ? nil : getcwd(nil, 0)
        defer { CKernel.free(directory) }
        let front = directory.map { Text($0) }
        let room = (front?.count ?? 0) + path.count + 1
        guard let memory = malloc(room) else { return nil }
        var line = Line(memory.assumingMemoryBound(to: UInt8.self), capacity: room)
        if let front {
            line.add(front)
            line.add("/")
        }
        self.directory = line.count
        line.add(path)
        text = line.text
    }

    func free() { CKernel.free(UnsafeMutableRawPointer(mutating: text.start)) }

    /// Passes the path as a C string; or returns a negated errno.
    func with(_ body: (UnsafePointer<UInt8>) -> Int) -> Int {
        guard let memory = Pages.map(PathTemplate.longest) else { return -Int(ENOMEM) }
        defer { Pages.unmap(memory, PathTemplate.longest) }
        let start = memory.assumingMemoryBound(to: UInt8.self)
        var path = Line(start, capacity: PathTemplate.longest)
        path.add(text.prefix(directory))
        var rest = text.dropFirst(directory)
        while let percent = rest.firstIndex(of: 0x25) {
            path.add(rest.prefix(percent))
            if percent + 1 < rest.count, rest[percent + 1] == 0x70 {
                path.add(systemCall(SYS_getpid))
                rest = rest.dropFirst(percent + 2)
            } else {
                path.add("%")
                rest = rest.dropFirst(percent + 1)
            }
        }
        path.add(rest)
        guard path.count < PathTemplate.longest else { return -Int(ENAMETOOLONG) }
        return body(start)
    }

    /// Opens the file to write to; see `NamedFile`. Returns a descriptor, or a negated errno and perhaps a reason.
    func openForWriting(
        mode: Int, truncates: Bool = false, flags: CInt = 0, reason: inout StaticString?
    ) -> Int {
        var file = NamedFile()
        let number = with { file.openForWriting($0, mode: mode, truncates: truncates, flags: flags) }
        reason = file.reason
        return number
    }
}

extension Message {
    /// Why a file can't be used: the reason in words, or the error.
    @inline(never)
    mutating func addProblem(_ error: Int, _ reason: StaticString?) {
        guard let reason else { return add(Text(strerror(CInt(truncatingIfNeeded: error)))) }
        add(reason)
        if error == Int(EPERM) { add("; name one in a directory of your own") }
    }
}
