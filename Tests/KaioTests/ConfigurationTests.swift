import CKaio
import CKernel
import Glibc
import Testing

@testable import Kaio

/// A directory with files that is removed with its last reference.
private final class Folder {
    let path: String

    init() {
        var name = Array("/var/tmp/kaio-test-XXXXXX".utf8CString)
        precondition(mkdtemp(&name) != nil, "no directory in /var/tmp")
        path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { Folder.removeAll(path) }

    private static func removeAll(_ path: String) {
        guard remove(path) != 0, let directory = opendir(path) else { return }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(cString: $0.baseAddress!.assumingMemoryBound(to: CChar.self))
            }
            if name != "." && name != ".." { removeAll("\(path)/\(name)") }
        }
        closedir(directory)
        remove(path)
    }

    @discardableResult
    func write(_ name: String, _ text: String) -> String {
        let file = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        precondition(
            file >= 0 && Array(text.utf8).withUnsafeBytes { CKernel.write(file, $0.baseAddress, $0.count) } >= 0)
        close(file)
        return "\(path)/\(name)"
    }
}

/// What a file with this text says; nil if it has errors. What is wrong is not said.
private func configuration(
    _ text: String, objects: String? = nil, parameters: String? = nil, in folder: Folder = Folder()
) -> Configuration? {
    let file = folder.write("main.conf", text)
    var reader = ConfigurationReader(moduleDirectory: Text(strdup(folder.path)), isSilent: true)
    if let parameters { reader.takeList(Text(strdup(parameters)), "KAIO_VFS_PARAMETERS") }
    guard reader.takeFile(Text(strdup(file))) == 0, reader.errors == 0 else { return nil }
    if let objects { reader.takeStandard(objects: Text(strdup(objects)), Origin(Text("KAIO_VFS_OBJECTS"))) }
    return reader.finish()
}

extension Configuration {
    fileprivate var names: [String] { (0..<count).map { String(self[$0].name) } }
    fileprivate var objects: [String] { (0..<count).map { String(self[$0].objects) } }
    fileprivate func patterns(_ position: Int) -> [String] { self[position].patterns.map { String($0.text) } }
    fileprivate func value(_ position: Int, _ module: StaticString, _ name: StaticString) -> String? {
        self[position].parameters.text(module, name).map { String($0) }
    }
    fileprivate func service(_ path: String) -> Int { service(ofPath: Text(strdup(path))) }
}

private let standard = "\(Registry.standardStack)"
private var moduleNames: String {
    var names: [String] = []
    Registry.forEachName { names.append("\($0)") }
    return names.joined(separator: ", ")
}

@Suite struct `A configuration` {
    @Test func `of nothing is the standard stack for all files`() throws {
        for text in ["", "\n\n", "# nothing\n; too", "[global]"] {
            let read = try #require(configuration(text))
            #expect(read.names == ["global"] && read.objects == [standard])
            #expect(read[0].objectsOrigin == nil)
            #expect(read.service("/data/x") == 0)
        }
        #expect(Configuration.current.count == 1 && Configuration.current.objects == [standard])
    }

    @Test func `has its services in the order of the file`() throws {
        let read = try #require(
            configuration(
                """
                [one]
                path = /one/*
                vfs objects = aio_linux
                [global]
                vfs objects = ordered
                aio_linux:all = 1
                [two]
                  path=/two/* /both/*
                  aio_linux:own = 2
                [ three  of them ]
                \tpath\t=\t/both/* /three
                """))
        #expect(read.names == ["global", "one", "two", "three  of them"])
        #expect(read.objects == ["ordered", "aio_linux", "ordered", "ordered"])
        #expect(read.patterns(0) == [] && read.patterns(2) == ["/two/*", "/both/*"])
        #expect(read.value(1, "aio_linux", "all") == "1" && read.value(1, "aio_linux", "own") == nil)
        #expect(read.value(2, "aio_linux", "all") == "1" && read.value(2, "aio_linux", "own") == "2")
        #expect(read.value(0, "aio_linux", "own") == nil)
        #expect(read.service("/one/x") == 1 && read.service("/both/x") == 2 && read.service("/three") == 3)
        #expect(read.service("/else") == 0)
        #expect(read[1].objectsOrigin?.line == 3 && read[2].objectsOrigin?.line == 5)
        #expect(read.position(of: Text("THREE of them")) == 3 && read.position(of: Text("Global")) == 0)
        #expect(read.position(of: Text("four")) == nil)
    }

    @Test func `knows names of sections and options without case and blanks`() throws {
        let read = try #require(
            configuration(
                "[GLOBAL]\nVFSObjects = ordered\n[Data]\nPath = /a\n[global]\nx:y=1\n[data]\nvfs  OBJECTS=aio_poll"))
        #expect(read.names == ["global", "Data"])
        #expect(read.objects == ["ordered", "aio_poll"])
        #expect(read.patterns(1) == ["/a"])
        #expect(read.value(1, "x", "y") == "1")
    }

    @Test func `goes by lines before any section as by [global]`() throws {
        #expect(
            try #require(configuration("vfs objects = aio_poll\n[a]\npath=/a")).objects == ["aio_poll", "aio_poll"])
    }

    @Test func `takes a service back to the standard stack`() throws {
        let read = try #require(configuration("vfs objects = aio_poll\n[a]\npath=/a\nvfs objects ="))
        #expect(read.objects == ["aio_poll", standard])
    }

    @Test func `has a service's parameters before those of [global], wherever they stand`() throws {
        let read = try #require(
            configuration("[a]\npath=/a\naio_poll:x=own\n[global]\naio_poll:x=all\naio_poll:y=all\n[b]\npath=/b"))
        #expect(read.value(1, "aio_poll", "x") == "own" && read.value(1, "aio_poll", "y") == "all")
        #expect(read.value(2, "aio_poll", "x") == "all")
    }

    @Test func `has the last word on an option set twice`() throws {
        let read = try #require(
            configuration(
                "[a]\npath=/a\npath=/b\naio_poll:x=1\nAIO_POLL:X=2\nvfs objects=ordered\nvfs objects=aio_poll"))
        #expect(read.patterns(1) == ["/b"])
        #expect(read.value(1, "aio_poll", "x") == "2")
        #expect(read.objects[1] == "aio_poll")
    }

    @Test func `continues lines that end with a backslash`() throws {
        let read = try #require(
            configuration(
                "[a]\npath = /a \\\n  /b\\\n\t/c  \n# not this \\\n"
                    + "vfs objects = \\\r\naio_linux\\\r\n aio_poll\r\nx:y = z\\"
            ))
        #expect(read.patterns(1) == ["/a", "/b", "/c"])
        #expect(read.objects[1] == "aio_linux aio_poll")
        #expect(read.value(1, "x", "y") == "z")
    }

    @Test func `counts lines rightly behind those that are continued`() throws {
        let read = try #require(configuration("x:y = 1 \\\n \\\n 2\nvfs objects = aio_poll"))
        #expect(read[0].objectsOrigin?.line == 4)
        #expect(read.value(0, "x", "y") == "1 2")
    }

    @Test func `may begin with a byte order mark and have comments and blank lines`() throws {
        let read = try #require(configuration("\u{feff}[a]\n\n  # vfs objects = aio_poll\n\t; nonsense\n \npath=/a#b"))
        #expect(read.objects == [standard, standard])
        #expect(read.patterns(1) == ["/a#b"])
    }

    @Test func `replaces what stands for something else in values`() throws {
        let user = getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? "\(geteuid())"
        var names = utsname()
        uname(&names)
        let host = withUnsafeBytes(of: &names.nodename) {
            String(cString: $0.baseAddress!.assumingMemoryBound(to: CChar.self))
        }
        let read = try #require(configuration("x:y = a%p/%u/%h%%p%%\n[a]\npath = /%u/%p/*\n", parameters: "x:z=%p"))
        // Left to the module: a child has another.
        #expect(read.value(0, "x", "y") == "a%p/\(user)/\(host)%p%")
        #expect(read.value(0, "x", "z") == "%p")
        #expect(read.patterns(1) == ["/\(user)/\(getpid())/*"])
        #expect(configuration("x:y = %q") == nil && configuration("x:y = %P") == nil)
        #expect(configuration("x:y = 5%; 10% 3%")?.value(0, "x", "y") == "5%; 10% 3%")
    }

    @Test func `takes the quotes off values`() throws {
        let read = try #require(configuration("x:y = \" a; \"\nx:z = \"a\" \"b"))
        #expect(read.value(0, "x", "y") == " a; ")
        #expect(read.value(0, "x", "z") == "\"a\" \"b")
    }

    @Test func `includes other files, from its own directory`() throws {
        let folder = Folder()
        mkdir("\(folder.path)/sub", 0o700)
        folder.write("sub/one.conf", "x:one = 1\ninclude = two.conf\n[b]\npath = /b\n")
        folder.write("sub/two.conf", "x:two = 2")
        let read = try #require(
            configuration(
                "[a]\ninclude = sub/one.conf\npath = /a\n[c]\npath=/c\ninclude = \(folder.path)/sub/two.conf",
                in: folder))
        #expect(read.names == ["global", "a", "b", "c"])
        #expect(read.value(1, "x", "one") == "1" && read.value(1, "x", "two") == "2")
        #expect(read.value(3, "x", "two") == "2" && read.value(2, "x", "two") == nil)
        // The section that the include stands in goes on after it.
        #expect(read.patterns(1) == ["/a"] && read.patterns(2) == ["/b"])
    }

    @Test func `may include ten files deep, and not itself`() {
        let folder = Folder()
        for depth in 2...9 { folder.write("\(depth)", "include = \(depth + 1)") }
        folder.write("10", "x:y = 1")
        #expect(configuration("include = 2", in: folder)?.value(0, "x", "y") == "1")
        folder.write("10", "include = 11")
        folder.write("11", "")
        #expect(configuration("include = 2", in: folder) == nil)
        folder.write("10", "include = ./2")
        #expect(configuration("include = 2", in: folder) == nil)
        #expect(configuration("include = main.conf", in: folder) == nil)
        // Twice, one after the other, is no circle.
        #expect(configuration("include = 11\ninclude = 11", in: folder) != nil)
    }

    @Test func `leaves objects to the loader`() {
        let folder = Folder()
        #expect(configuration("vfs objects = mine", in: folder) == nil)
        folder.write("mine.so", "")
        #expect(configuration("vfs objects = mine", in: folder)?.objects == ["mine"])
        #expect(configuration("vfs objects = ./no/such ordered", in: folder)?.objects == ["./no/such ordered"])
    }

    @Test func `takes from the environment what the file does not say`() throws {
        let some = try #require(configuration("x:a=1\n[a]\npath=/a", objects: "aio_poll", parameters: "x:a=2; x:b=3"))
        #expect(some.objects == ["aio_poll", "aio_poll"])
        #expect(some.value(1, "x", "a") == "1" && some.value(1, "x", "b") == "3")
        let other = try #require(configuration("vfs objects=ordered\n[a]\npath=/a\nvfs objects=", objects: "aio_poll"))
        #expect(other.objects == ["ordered", standard])
    }

    @Test func `finds a descriptor's service by its file`() throws {
        let folder = Folder()
        let long = (0..<14).map { _ in String(repeating: "d", count: 250) }
        var deep = folder.path
        for name in long {
            deep += "/" + name
            mkdir(deep, 0o700)
        }
        let read = try #require(
            configuration(
                "[a]\npath = *.db\n[b]\npath = \(folder.path)/*/deep\n[c]\npath = pipe:*\n[d]\npath = \(folder.path)/?")
        )
        func service(_ path: String, _ then: (CInt) -> Void = { _ in }) -> Int {
            let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            precondition(file >= 0, "\(path): \(errno)")
            defer { close(file) }
            then(file)
            return read.service(of: Descriptor(number: file))
        }
        #expect(service("\(folder.path)/x.db") == 1)
        #expect(service("\(folder.path)/x.dbx") == 0)
        #expect(service("\(folder.path)/y") == 4)
        #expect(service("\(deep)/deep") == 2)
        #expect(service("\(folder.path)/y.db") { _ in unlink("\(folder.path)/y.db") } == 1)
        let pipe = TestPipe()
        #expect(read.service(of: Descriptor(number: pipe.reader)) == 3)
        #expect(read.service(of: .none) == 0)
        #expect(read.service(of: Descriptor(number: 1_000_000)) == 0)
        let high = fcntl(pipe.reader, F_DUPFD_CLOEXEC, 1000)
        if high >= 0 {
            #expect(read.service(of: Descriptor(number: high)) == 3)
            close(high)
        }
    }

    @Test(.disabled(if: isUnderThreadSanitizer)) func `finds the service after the first thread has ended`() async {
        await #expect(processExitsWith: .success) {
            let pipe = TestPipe()
            let read = configuration("[a]\npath=pipe:*")!
            // The child's first thread is this one.
            let child = Forking.fork()
            if child == 0 {
                _ = ThreadHandle {
                    usleep(100_000)
                    let found = read.service(of: Descriptor(number: pipe.reader))
                    _ = systemCall(SYS_exit_group, found == 1 ? 7 : 1)
                }
                _ = systemCall(SYS_exit, 0)
            }
            var status: CInt = 0
            check(waitpid(child, &status, 0), is: child)
            check(status, is: 7 << 8)
        }
    }

    @Test func `that is wrong says everything that is`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            let folder = Folder()
            chdir(folder.path)
            folder.write("other", "nonsense here")
            folder.write("binary", "x:y=\0")
            folder.write("self", "include = self")
            folder.write(
                "main",
                """
                [data
                pth = /x
                path = /x
                []
                [a]b]
                [global]
                path = /x
                vfs objects = ordered magic, aio_linux Ordered
                :x = 1
                x: = 1
                nonsense
                include = none
                include =
                include = self
                include = other
                include = binary
                [a]
                path = data
                path = "/x y
                path = /x/ /[a /ok \\
                  /[b-a] # x
                path =
                x:y = %q
                include = a%z
                vfs objects = \(String(repeating: "ordered ", count: 16))
                = 5
                """)
            check(kaio_testparm("main"), is: -1)
            check(errno, is: EINVAL)
        }
        let known =
            "\(moduleNames), those in the directory KAIO_MODULE_DIR, which is not set, those beside the library in kaio/, and shared objects, by a name with a slash"
        let path = "a path begins with / (or *), and that of a pipe or socket with pipe: or socket:"
        let set = "a set is [abc], [a-z] or [!a-z], and needs its ]"
        let section = "not a section's line, which is \"[global]\" or \"[name of a service]\""
        let option = "unknown option; known are path, vfs objects, include, and module:name of a module"
        let equals =
            "no \"=\"; a line is \"name = value\", \"[service]\", or a comment that begins with # or ;"
        let percent = "known are %p (process id), %u (user), %h (host) and %%"
        let expected = [
            "main:1: [data: \(section)",
            "main:2: pth: \(option)",
            "main:4: []: \(section)",
            "main:5: [a]b]: \(section)",
            "main:7: path: [global] has none; it is for all files that no service's path matches",
            "main:8: vfs objects: no module is named magic; known are \(known)",
            "main:8: vfs objects: no module is named Ordered; known are \(known)",
            "main:9: :x: not \"module:name\"",
            "main:10: x:: not \"module:name\"",
            "main:11: nonsense: \(equals)",
            "main:12: include = none: can't be read: No such file or directory",
            "main:13: include: empty; it takes the name of a file, relative to the directory of this one",
            "self:1: include = self: it is being read already: it includes itself",
            "other:1: nonsense here: \(equals)",
            "main:16: include = binary: not a text: it has a byte 0",
            "main:18: path: data: bad pattern: \(path)",
            "main:19: warning: path: set again; this one counts, not that of main:18",
            "main:19: path: /x y: bad pattern: the closing quote is missing",
            "main:20: warning: path: set again; this one counts, not that of main:19",
            "main:20: path: /x/: bad pattern: no file's path ends with /; /* there means all below it",
            "main:20: path: /[a: bad pattern: \(set)",
            "main:20: path: /[b-a]: bad pattern: \(set)",
            "main:20: path: #: bad pattern: \(path)",
            "main:20: path: x: bad pattern: \(path)",
            "main:22: warning: path: set again; this one counts, not that of main:20",
            "main:22: path: empty; patterns are such as /data/* or \"/with blanks/*\", with blanks between",
            "main:23: x:y: unknown %q; \(percent)",
            "main:24: include: unknown %z; \(percent)",
            "main:25: vfs objects: ordered: too many modules; there may be 15",
            "main:26: : \(option)",
        ].map { "kaio: " + $0 }
        #expect(result.lines == expected)
    }

    @Test func `that is strange is warned of`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            let folder = Folder()
            chdir(folder.path)
            folder.write(
                "main",
                """
                aio_linux:aio num events = 1
                readahead:after = 1
                nowhere:x = 1
                [a]
                vfs objects = readahead
                aio_linux:x = 1
                readahead:window = 1M
                [b]
                path = /b
                vfs objects = /bin/true
                what:ever = 1
                """)
            check(kaio_testparm("main"), is: 0)
        }
        #expect(
            result.lines == [
                "kaio: main:4: warning: [a] has no path, so it has no files; only kaio_connect can use it",
                "kaio: main:6: warning: aio_linux:x: the stack of [a] has no module of that name; it is readahead",
            ])
        let other = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            let folder = Folder()
            chdir(folder.path)
            folder.write("main", "nowhere:x = 1\naio_linux:aio num events = 1\n[a]\npath = /a\nvfs objects = ordered")
            check(kaio_testparm("main"), is: 0)
        }
        #expect(other.lines == ["kaio: main:1: warning: nowhere:x: no stack has a module of that name"])
    }

    @Test func `that can't be read is named with the reason`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            let folder = Folder()
            chdir(folder.path)
            folder.write("large", String(repeating: "# comment\n", count: 110_000))
            folder.write("fits", String(repeating: "# comment\n", count: 104_000))
            check(kaio_testparm("none"), is: -1)
            check(errno, is: ENOENT)
            check(kaio_testparm("."), is: -1)
            check(errno, is: EISDIR)
            check(kaio_testparm("large"), is: -1)
            check(errno, is: EFBIG)
            check(kaio_testparm("fits"), is: 0)
            unsetenv("KAIO_CONFIG")
            check(kaio_testparm(nil), is: -1)
            check(errno, is: EINVAL)
            setenv("KAIO_CONFIG", "none", 1)
            check(kaio_testparm(nil), is: -1)
            check(errno, is: ENOENT)
        }
        #expect(
            result.lines == [
                "kaio: none: can't be read: No such file or directory",
                "kaio: .: can't be read: Is a directory",
                "kaio: large: larger than 1M",
                "kaio: kaio_testparm: no file given, and KAIO_CONFIG is not set",
                "kaio: none: can't be read: No such file or directory",
            ])
    }

    @Test func `is what KAIO_CONFIG and the environment say`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            let folder = Folder()
            let file = folder.write("main", "[a]\npath = /a\nvfs objects = ordered\n[b]\npath = /b\nordered:x=1")
            setenv("KAIO_CONFIG", file, 1)
            setenv("KAIO_VFS_OBJECTS", "ordered aio_poll", 1)
            setenv("KAIO_VFS_PARAMETERS", "ordered:x=2; ordered:y=3", 1)
            withRequests(1) { _ in }
            check(Configuration.current.objects, is: ["ordered aio_poll", "ordered", "ordered aio_poll"])
            check(Configuration.current.value(1, "ordered", "x"), is: "2")
            check(Configuration.current.value(2, "ordered", "x"), is: "1")
            check(Configuration.current.value(2, "ordered", "y"), is: "3")
            let file2 = TestFile()
            check(Configuration.service(of: Descriptor(number: file2.descriptor)), is: 0)
        }
        // No module has them.
        #expect(result.lines.count { $0.hasSuffix(": the module has no such parameter; it has none") } == 3)
        #expect(result.lines.count { $0.hasSuffix("refuses a parameter; using \"\(Registry.standardStack)\"") } == 2)
        #expect(result.lines.count == 5)
    }

    @Test func `does not count beside a bad word in the environment`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            let folder = Folder()
            setenv("KAIO_CONFIG", folder.write("main", "[a]\npath = /a"), 1)
            setenv("KAIO_VFS_PARAMETERS", "nonsense; ordered:x=1", 1)
            withRequests(1) { _ in }
            check(Configuration.current.names, is: ["global"])
            check(Configuration.isRefused)
        }
        // What was left out might be what makes the rest harmless.
        #expect(
            result.lines == [
                "kaio: KAIO_VFS_PARAMETERS: nonsense: not \"module:name = value\"; semicolons stand between several",
                "kaio: KAIO_VFS_PARAMETERS: not used, for the error above; using \"\(Registry.standardStack)\"",
            ])
    }

    @Test func `with an error counts as none`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            setenv("KAIO_CONFIG", "/no/such", 1)
            setenv("KAIO_VFS_OBJECTS", "ordered", 1)
            setenv("KAIO_VFS_PARAMETERS", "ordered:x=1", 1)
            withRequests(1) { _ in }
            check(Configuration.current.names, is: ["global"])
            check(Configuration.current.objects, is: ["ordered"])
            check(Configuration.current.value(0, "ordered", "x"), is: "1")
        }
        #expect(
            result.lines == [
                "kaio: /no/such: can't be read: No such file or directory",
                "kaio: KAIO_CONFIG=/no/such: not used, for the error above",
                "kaio: KAIO_VFS_PARAMETERS: ordered:x: the module has no such parameter; it has none",
                "kaio: KAIO_VFS_OBJECTS: a module of \"ordered\" refuses a parameter; using \"\(Registry.standardStack)\"",
            ])
    }

    @Test func `tells which parameters its modules do not have`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            let folder = Folder()
            chdir(folder.path)
            folder.write(
                "main",
                """
                mine:asked=1
                mine:typo=1
                stats:typo=1
                stats:file=a
                [a]
                path=/a
                vfs objects=mine stats ordered
                ordered:typo=
                other:x=1
                mine:not asked=1
                """)
            let text = Text("main")
            var reader = ConfigurationReader(moduleDirectory: nil, isSilent: true)
            _ = reader.takeFile(text)
            let read = reader.finish()!
            _ = read.value(1, "mine", "asked")
            read.tellOfUnknown()
            read.warnOfUnknown()
        }
        #expect(
            result.lines == [
                "kaio: main:3: stats:typo: the module has no such parameter; it has file, format, signal, service",
                "kaio: main:8: ordered:typo: the module has no such parameter; it has none",
                "kaio: main:2: warning: mine:typo: the module has no such parameter",
                "kaio: main:10: warning: mine:not asked: the module has no such parameter",
            ])
    }
}

extension ExitTest.Result? {
    /// What the process wrote on stderr, in lines.
    fileprivate var lines: [String] {
        self.map { String(decoding: $0.standardErrorContent, as: UTF8.self).split(separator: "\n").map { String($0) } }
            ?? ["failed"]
    }
}
