import CKernel
import Glibc
import Testing

@testable import Kaio

/// A directory of a test's own.
private struct TestDirectory: ~Copyable {
    let path: String

    init() {
        var template = Array("/var/tmp/kaio-test-XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil, "no directory in /var/tmp")
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { system("rm -rf \(path)") }
}

private func contents(_ path: String) -> String? {
    let descriptor = openFile(path, O_RDONLY)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return readAll(descriptor)
}

private func readAll(_ descriptor: CInt) -> String {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = read(descriptor, &buffer, buffer.count), count > 0 { all += buffer[..<count] }
    return String(decoding: all, as: UTF8.self)
}

private func makeLog(_ destination: String, isJSON: Bool = false, size: Int = 1 << 20) -> Log {
    var bytes = Array(destination.utf8CString)
    return bytes.withUnsafeMutableBufferPointer {
        Log.open(Text(UnsafePointer($0.baseAddress!)), isJSON: isJSON, size: size, owner: "test")!
    }
}

extension Log {
    fileprivate func add(_ text: String, mayCreateThreads: Bool = true) {
        let mask = SignalMask.blockAll()
        var text = text
        text.withUTF8 { bytes in
            add(bytes.count, mayCreateThreads: mayCreateThreads) { line in
                for byte in bytes { line.add(byte: byte) }
            }
        }
        mask.restore()
    }

    fileprivate func finished() {
        let mask = SignalMask.blockAll()
        finish()
        mask.restore()
    }
}

/// How many threads of this process have the name.
private func countThreads(_ name: String) -> Int {
    var count = 0
    guard let tasks = opendir("/proc/self/task") else { return -1 }
    defer { closedir(tasks) }
    while let entry = readdir(tasks) {
        let task = withUnsafeBytes(of: entry.pointee.d_name) { String(cString: Array($0.prefix { $0 != 0 } + [0])) }
        if contents("/proc/self/task/\(task)/comm") == name + "\n" { count += 1 }
    }
    return count
}

/// The lines of a log, but for those that say how many were lost; and how many were.
private func taken(_ text: String) -> (lines: [Substring], lost: Int, gaps: Int) {
    var lines: [Substring] = []
    var (lost, gaps) = (0, 0)
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
        if let range = line.firstRange(of: " lines lost: ") {
            lost += Int(line[range.upperBound...])!
            gaps += 1
        } else {
            lines.append(line)
        }
    }
    return (lines, lost, gaps)
}

private func listener(_ path: String) -> CInt? {
    let number = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
    var location = sockaddr_un()
    location.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &location.sun_path) { bytes in bytes.copyBytes(from: path.utf8) }
    let result = withUnsafePointer(to: &location) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
    var patience = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    return result == 0 ? number : nil
}

private func receive(_ socket: CInt) -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = recv(socket, &buffer, buffer.count, 0)
    return count < 0 ? "nothing" : String(decoding: buffer[..<count], as: UTF8.self)
}

@Suite struct `A log` {
    @Test func `appends lines to a file that its group may read`() throws {
        let directory = TestDirectory()
        let path = directory.path + "/log"
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        write(file, "before\n", 7)
        close(file)
        let log = makeLog(path)
        for number in 0..<1000 { log.add("line \(number)") }
        log.finished()
        let expected = "before\n" + (0..<1000).map { "line \($0)\n" }.joined()
        #expect(contents(path) == expected)

        let other = directory.path + "/other"
        let second = makeLog(other)
        second.add("x")
        second.finished()
        var status = stat()
        #expect(stat(other, &status) == 0 && status.st_mode & 0o777 == 0o640 & ~currentMask())
    }

    private func currentMask() -> mode_t {
        let mask = umask(0o22)
        umask(mask)
        return mask
    }

    @Test func `has the process id for %p, and a percent sign for what else`() {
        let directory = TestDirectory()
        let log = makeLog(directory.path + "/%p-%%d-%p%")
        log.add("x")
        log.finished()
        #expect(contents(directory.path + "/\(getpid())-%%d-\(getpid())%") == "x\n")
    }

    @Test func `is shared by all who name the same place and format`() {
        let directory = TestDirectory()
        let path = directory.path + "/log"
        #expect(makeLog(path).isSame(as: makeLog(path)))
        #expect(!makeLog(path).isSame(as: makeLog(path, isJSON: true)))
        #expect(!makeLog(path).isSame(as: makeLog(path + "2")))
    }

    @Test func `in a place relative to a directory stays there`() async {
        await #expect(processExitsWith: .success) {
            let directory = TestDirectory()
            mkdir(directory.path + "/%p", 0o700)
            chdir(directory.path + "/%p")
            let log = makeLog("log")
            chdir("/")
            log.add("x")
            log.finished()
            check(contents(directory.path + "/%p/log"), is: "x\n")
        }
    }

    @Test func `keeps nobody waiting for a FIFO that nobody reads, and tells how many lines were lost`() throws {
        let directory = TestDirectory()
        let path = directory.path + "/fifo"
        #expect(mkfifo(path, 0o600) == 0)
        let log = makeLog(path, size: 64 << 10)
        let begin = Instant.now
        for number in 0..<20_000 { log.add("line \(number)") }
        #expect(Instant.now.nanoseconds - begin.nanoseconds < 5_000_000_000)
        let reader = open(path, O_RDONLY | O_CLOEXEC)
        defer { close(reader) }
        // Until the last line of all is there: a second one, sent when there is room again.
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while !text.contains(" lines lost: ") {
            let count = read(reader, &buffer, buffer.count)
            try #require(count > 0)
            text += String(decoding: buffer[..<count], as: UTF8.self)
        }
        let (lines, lost, gaps) = taken(text)
        #expect(lines.count > 1000 && lost > 1000 && gaps == 1)
        #expect(lines.count + lost == 20_000)
        #expect(lines == (0..<lines.count).map { "line \($0)" })
    }

    @Test func `of several threads has each line whole, in each thread's order, or counts it as lost`() throws {
        let directory = TestDirectory()
        let path = directory.path + "/log"
        let log = makeLog(path, size: 64 << 10)
        let each = 20_000
        concurrently(4) { thread in
            for number in 0..<each {
                log.add("\(thread) \(number) " + String(repeating: "x", count: (thread * 1000 + number) % 300))
            }
        }
        log.finished()
        let (lines, lost, _) = taken(try #require(contents(path)))
        #expect(lines.count + lost == 4 * each)
        #expect(lines.count > 1000)
        var last = [-1, -1, -1, -1]
        for line in lines {
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            guard words.count == 3, let thread = Int(words[0]), let number = Int(words[1]) else {
                Issue.record("\(line)")
                continue
            }
            if number <= last[thread] || words[2].count != (thread * 1000 + number) % 300 { Issue.record("\(line)") }
            last[thread] = number
        }
    }

    /// The gap is told where it is: what comes after it was written after it.
    @Test func `says where lines are missing`() throws {
        let directory = TestDirectory()
        let path = directory.path + "/fifo"
        #expect(mkfifo(path, 0o600) == 0)
        let log = makeLog(path, size: 64 << 10)
        let long = String(repeating: "x", count: 1000)
        for _ in 0..<100 { log.add(long) }
        // A short one still fits behind the gap.
        log.add("y")
        let reader = open(path, O_RDONLY | O_CLOEXEC)
        defer { close(reader) }
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while !text.hasSuffix("y\n") {
            let count = read(reader, &buffer, buffer.count)
            try #require(count > 0)
            text += String(decoding: buffer[..<count], as: UTF8.self)
        }
        let lines = text.split(separator: "\n")
        let (whole, lost, gaps) = taken(text)
        #expect(gaps == 1 && whole.count + lost == 101)
        #expect(lines.last == "y" && lines.dropLast().last!.contains(" lines lost: "))
    }

    @Test func `that can't be opened is named once, and its lines are there when it can be`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            let directory = TestDirectory()
            let log = makeLog(directory.path + "/missing/log")
            log.add("one")
            pause(milliseconds: 1300)
            log.add("two")
            pause(milliseconds: 1000)
            mkdir(directory.path + "/missing", 0o700)
            check(eventually { contents(directory.path + "/missing/log") == "one\ntwo\n" })
        }
        let said = result.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } ?? ""
        #expect(said.split(separator: "\n").count == 1)
        #expect(said.hasPrefix("kaio: test: the log /var/tmp/kaio-test-"))
        #expect(said.contains("/missing/log can't be opened (ENOENT)"))
    }

    @Test func `goes to stderr`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            let log = makeLog("stderr")
            log.add("to stderr")
            log.finished()
        }
        #expect(result.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } == "to stderr\n")
    }

    @Test func `goes to syslog, a datagram for each line`() throws {
        let directory = TestDirectory()
        let path = directory.path + "/socket"
        let daemon = try #require(listener(path))
        let log = makeLog("syslog:" + path)
        log.add("one")
        log.add("two")
        log.finished()
        let first = receive(daemon)
        #expect(first.hasPrefix("<14>"))
        #expect(first.hasSuffix(" kaio[\(getpid())]: one"))
        // <14>Nov  7 09:17:15, by the clock on the wall here.
        var (now, parts, text) = (time(nil), tm(), [CChar](repeating: 0, count: 32))
        localtime_r(&now, &parts)
        strftime(&text, 32, "<14>%b %e %H:", &parts)
        let expected = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        #expect(first.hasPrefix(expected) || parts.tm_min == 0)
        #expect(receive(daemon).hasSuffix("]: two"))
        close(daemon)
    }

    @Test func `finds a syslog that was started anew, and says nothing of it`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            let directory = TestDirectory()
            let path = directory.path + "/socket"
            var daemon = listener(path)!
            let log = makeLog("syslog:" + path)
            log.add("one")
            log.finished()
            close(daemon)
            unlink(path)
            daemon = listener(path)!
            log.add("two")
            check(receive(daemon).hasSuffix("]: two"))
            close(daemon)
        }
        #expect(result.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } == "")
    }

    @Test func `gives its thread and its file back when it is idle, and takes them again`() async {
        await #expect(processExitsWith: .success) {
            let directory = TestDirectory()
            let path = directory.path + "/log"
            let log = makeLog(path)
            check(countThreads("kaio-log"), is: 0)
            log.add("one")
            check(eventually { contents(path) == "one\n" })
            check(countThreads("kaio-log"), is: 1)
            check(eventually { countThreads("kaio-log") == 0 })
            // Renamed meanwhile, as logrotate does.
            rename(path, path + ".1")
            log.add("two")
            check(eventually { contents(path) == "two\n" })
            check(contents(path + ".1"), is: "one\n")
        }
    }

    @Test func `waits for who may start a thread`() async {
        await #expect(processExitsWith: .success) {
            let directory = TestDirectory()
            let path = directory.path + "/log"
            let log = makeLog(path)
            log.add("one", mayCreateThreads: false)
            check(countThreads("kaio-log"), is: 0)
            // The reactor, once there is one.
            check(Engine.enter(1))
            check(eventually { contents(path) == "one\n" })
            Engine.leave(1)
        }
    }

    @Test func `is whole when it is finished, thread or not`() async {
        await #expect(processExitsWith: .success) {
            let directory = TestDirectory()
            let path = directory.path + "/log"
            let log = makeLog(path)
            for number in 0..<100 { log.add("\(number)", mayCreateThreads: false) }
            // Not one thread more, for an ordinary user.
            chmod(directory.path, 0o777)
            var limit = rlimit(rlim_cur: 0, rlim_max: 0)
            withUnsafePointer(to: &limit) { _ = systemCall(SYS_prlimit64, 0, 6, address($0), 0) }
            // This thread alone: the raw call. (The C library's would be for all threads.)
            if getuid() == 0 { _ = systemCall(SYS_setresuid, 65534, 65534, 0) }
            check(!Thread.start(nil) { $0 })
            log.finished()
            _ = systemCall(SYS_setresuid, 0, 0, 0)
            check(contents(path), is: (0..<100).map { "\($0)\n" }.joined())
        }
    }

    @Test func `does not hold up the end for a place that takes nothing`() async {
        await #expect(processExitsWith: .success) {
            let directory = TestDirectory()
            let path = directory.path + "/fifo"
            mkfifo(path, 0o600)
            let log = makeLog(path)
            log.add("x")
            let begin = Instant.now
            log.finished()
            check(Instant.now.nanoseconds - begin.nanoseconds < 3_000_000_000)

            // Not even a second for one that is known to take nothing.
            let other = makeLog(directory.path + "/missing/log")
            other.add("x")
            pause(milliseconds: 500)
            let again = Instant.now
            other.finished()
            check(Instant.now.nanoseconds - again.nanoseconds < 700_000_000)
        }
    }

    @Test func `tells in JSON what was lost in JSON`() throws {
        let directory = TestDirectory()
        let path = directory.path + "/fifo"
        #expect(mkfifo(path, 0o600) == 0)
        let log = makeLog(path, isJSON: true, size: 64 << 10)
        for _ in 0..<100 { log.add(String(repeating: "x", count: 1000)) }
        let reader = open(path, O_RDONLY | O_CLOEXEC)
        defer { close(reader) }
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while !text.hasSuffix("}\n") {
            let count = read(reader, &buffer, buffer.count)
            try #require(count > 0)
            text += String(decoding: buffer[..<count], as: UTF8.self)
        }
        let last = try #require(text.split(separator: "\n").last)
        let lost = 101 - text.split(separator: "\n").count
        #expect(last.hasPrefix("{\"time\":\"20") && last.hasSuffix("Z\",\"lost\":\(lost)}"))
    }
}

extension Log {
    fileprivate func isSame(as other: Log) -> Bool {
        withUnsafeBytes(of: self) { mine in withUnsafeBytes(of: other) { mine.elementsEqual($0) } }
    }
}
