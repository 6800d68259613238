// The page of a process that runs on kaio, read from outside: CKernel/live.h has its layout.
//
// Invariant: nothing that the process wrote there is trusted. It is read with pread and never mapped, so that a file cut
// short harms nobody; counters may be anything; text is cleaned before a person sees it.

import CKernel
import Glibc

/// Why a process can't be looked at.
enum LiveProblem: Error {
    /// It may be looked at later. What is known of its children.
    case noRequestYet(hint: String)
    case other(String)
}

struct LiveReader {
    private let file: CInt
    private let page: UnsafeMutableRawPointer
    let version: String

    /// Finds the page of a process among what it has mapped.
    init(process: pid_t) throws(LiveProblem) {
        guard let bytes = contents(of: "/proc/\(process)/maps"), !bytes.isEmpty else {
            throw .other(LiveReader.reason(process, errno))
        }
        let maps = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(Mapping.init)
        let name = String(cString: live_name())
        guard let mapping = maps.last(where: { $0.isShared && Path.name(of: $0.path).hasPrefix(name) }) else {
            throw LiveReader.withoutPage(process, maps)
        }
        file = try LiveReader.open(mapping, of: process)
        page = .allocate(byteCount: live_size(), alignment: 8)
        memset(page, 0, live_size())
        do throws(LiveProblem) {
            version = try LiveReader.readHead(page, file, mapping.path, process)
        } catch {
            Glibc.close(file)
            page.deallocate()
            throw error
        }
    }

    /// Returns the version of the library that made the page.
    private static func readHead(
        _ page: UnsafeMutableRawPointer, _ file: CInt, _ path: String, _ process: pid_t
    ) throws(LiveProblem) -> String {
        guard pread(file, page, Int(LIVE_HEAD), 0) == Int(LIVE_HEAD),
            live_word(page, CInt(LIVE_WORD_MAGIC)).pointee == LIVE_MAGIC
        else { throw .other("\(path): not a kaio page") }
        let version = live_word(page, CInt(LIVE_WORD_VERSION)).pointee
        guard version == UInt64(LIVE_VERSION) else {
            throw .other(
                "process \(process) runs on a kaio whose page has layout \(version); this command knows layout "
                    + "\(LIVE_VERSION)")
        }
        let words = LIVE_WORD_RELEASE_END - LIVE_WORD_RELEASE
        let release = UnsafeRawBufferPointer(start: live_word(page, CInt(LIVE_WORD_RELEASE)), count: Int(words) * 8)
        return printable(String(decoding: release.prefix { $0 != 0 }, as: UTF8.self))
    }

    func close() {
        Glibc.close(file)
        page.deallocate()
    }

    // MARK: finding it

    /// A line of /proc/PID/maps.
    private struct Mapping {
        let isShared: Bool
        let device: Substring
        let inode: UInt64
        let path: String

        init(_ line: Substring) {
            let fields = line.split(separator: " ", maxSplits: 5)
            isShared = fields.count == 6 && fields[1].hasSuffix("s")
            device = fields.count == 6 ? fields[3] : ""
            inode = fields.count == 6 ? UInt64(fields[4]) ?? 0 : 0
            path = fields.count == 6 ? String(fields[5].drop { $0 == " " }) : ""
        }
    }

    private static func reason(_ process: pid_t, _ error: CInt) -> String {
        var status = stat()
        guard kill(process, 0) == 0 || errno != ESRCH, stat("/proc/\(process)", &status) == 0 else {
            return "there is no process \(process)"
        }
        if status.st_uid != geteuid(), error == EACCES || error == EPERM {
            let name = getpwuid(status.st_uid).map { String(cString: $0.pointee.pw_name) } ?? "\(status.st_uid)"
            let who = status.st_uid == 0 ? name : "\(name) and root"
            return "process \(process) belongs to \(name): only \(who) can inspect it"
        }
        // A zombie, or a thread of the kernel's, has no maps.
        return error == 0
            ? "process \(process) has no memory: it has ended, or is a kernel thread"
            : "process \(process) can't be inspected: \(errorText(error))"
    }

    private static func withoutPage(_ process: pid_t, _ maps: [Mapping]) -> LiveProblem {
        let hint = hint(below: process)
        guard maps.contains(where: { Path.name(of: $0.path).hasPrefix("libkaio") }) else {
            return .other(
                "process \(process) does not run on kaio"
                    + (hint.isEmpty ? "; `kaio run PROGRAM` starts one that does" : hint))
        }
        let variables = contents(of: "/proc/\(process)/environ") ?? []
        if variables.split(separator: 0).contains(where: { $0.starts(with: "KAIO_LIVE_DIR=".utf8) }) {
            return .noRequestYet(hint: hint)
        }
        return .other(
            "process \(process) runs on kaio, but KAIO_LIVE_DIR is not set in its environment; `kaio run` sets it")
    }

    /// The processes below this one that can be looked at, in words; empty if there are none.
    private static func hint(below process: pid_t) -> String {
        let name = String(cString: live_name())
        let busy = descendants(of: process).filter { process in
            text(of: "/proc/\(process)/maps")?.position(of: "/\(name)") != nil
        }
        let named = busy.prefix(8).map { "\($0) (\(programName(of: $0)))" }
        return named.isEmpty ? "" : "; try its child \(named.joined(separator: ", "))"
    }

    private static func descendants(of process: pid_t, depth: Int = 0) -> [pid_t] {
        let children = Path.names(in: "/proc/\(process)/task").flatMap { thread in
            (text(of: "/proc/\(process)/task/\(thread)/children") ?? "").split(separator: " ").compactMap { pid_t($0) }
        }
        return depth > 8 ? [] : children.flatMap { [$0] + descendants(of: $0, depth: depth + 1) }
    }

    private static func open(_ mapping: Mapping, of process: pid_t) throws(LiveProblem) -> CInt {
        // First it is only named: to open what it is not might do something.
        let flags = byName | O_CLOEXEC | O_NOFOLLOW
        var named = Glibc.open("/proc/\(process)/root\(mapping.path)", flags)
        if named < 0 { named = Glibc.open(mapping.path, flags) }
        guard named >= 0 else {
            throw .other(
                "\(mapping.path): \(errorText(errno)); process \(process) can't be inspected without this file")
        }
        defer { Glibc.close(named) }
        var facts = stat()
        guard fstat(named, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_ino == mapping.inode else {
            throw .other("\(mapping.path): not the file that process \(process) has")
        }
        let file = Glibc.open("/proc/self/fd/\(named)", O_RDWR | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else {
            throw .other(
                "\(mapping.path): \(errorText(errno)); process \(process) can't be inspected without this file")
        }
        guard device(of: file) == mapping.device else {
            Glibc.close(file)
            throw .other("\(mapping.path): not the file that process \(process) has")
        }
        return file
    }

    /// O_PATH.
    private static let byName: CInt = 0o10_000_000

    /// As /proc/PID/maps has it, which on some file systems is not what fstat says: so the file is mapped, and looked for there.
    private static func device(of file: CInt) -> Substring? {
        let memory = mmap(nil, 1, PROT_NONE, MAP_SHARED, file, 0)
        guard let memory, memory != UnsafeMutableRawPointer(bitPattern: -1) else { return nil }
        defer { munmap(memory, 1) }
        let start = String(UInt(bitPattern: memory), radix: 16) + "-"
        let maps = String(decoding: contents(of: "/proc/self/maps") ?? [], as: UTF8.self).split(separator: "\n")
        return maps.first { $0.drop { $0 == "0" }.hasPrefix(start) }.map { Mapping($0).device }
    }

    /// Whether the process made another page since, for a program that it became.
    var isReplaced: Bool {
        var status = stat()
        return fstat(file, &status) != 0 || status.st_nlink == 0
    }

    // MARK: looking

    /// How often `look` must be called, in milliseconds.
    static let heartbeat = Int(LIVE_LOOK / 3_000_000)

    /// How often the lock is tried, 10 ms apart: who looks too has it for less.
    private static let patience = 100

    /// Tells the process that somebody looks. The first one who comes makes room for the files, and clears them.
    func look() throws(Failure) {
        var tries = 0
        while until < Int64(Clock.now), flock(file, LOCK_EX | LOCK_NB) != 0 {
            tries += 1
            // The process itself may hold it, for ever.
            guard errno == EWOULDBLOCK, tries < LiveReader.patience else {
                throw Failure(message: "the page of the process is locked: it can't be inspected", code: 1)
            }
            usleep(10_000)
        }
        defer { flock(file, LOCK_UN) }
        if until < Int64(Clock.now) {
            set(LIVE_WORD_WATCH, word(LIVE_WORD_WATCH) &+ 1)
            let error = posix_fallocate(file, 0, off_t(live_size()))
            guard error == 0 else { throw Failure(message: "no room for the page: \(errorText(error))") }
            let zeroes = [UInt8](repeating: 0, count: live_size() - Int(LIVE_HEAD))
            guard pwrite(file, zeroes, zeroes.count, off_t(LIVE_HEAD)) == zeroes.count else {
                throw Failure(message: "no room for the page: \(errorText(errno))")
            }
        }
        set(LIVE_WORD_UNTIL, UInt64(Int64(Clock.now) + LIVE_LOOK))
    }

    /// What the process is to take as the size of bufio's cache; at its next request, if somebody looks.
    func wish(_ size: Int) { set(LIVE_WORD_BUFIO_SIZE, UInt64(size)) }

    private var until: Int64 { Int64(bitPattern: word(LIVE_WORD_UNTIL)) }

    private func word(_ number: Int) -> UInt64 {
        var value: UInt64 = 0
        _ = pread(file, &value, 8, off_t(number * 8))
        return value
    }

    private func set(_ number: Int, _ value: UInt64) {
        var value = value
        _ = pwrite(file, &value, 8, off_t(number * 8))
    }

    // MARK: reading

    /// What was counted up to now.
    func sample() -> LiveSample {
        _ = pread(file, page, live_size(), 0)
        var sample = LiveSample(time: Int64(Clock.now), watch: live_word(page, CInt(LIVE_WORD_WATCH)).pointee)
        for number in 0..<CInt(LIVE_FILES) {
            let file = live_file(page, number)!
            let isOthers = number == CInt(LIVE_FILES) - 1
            guard file.pointee.key != 0 || isOthers else { continue }
            for operation in 0..<CInt(LIVE_OPERATIONS) {
                let counts = LiveCounts(
                    counters: (0..<CInt(LIVE_COUNTERS)).map { live_counter(file, operation, $0).pointee },
                    latencies: (0..<CInt(LIVE_BUCKETS)).map { live_latency(file, operation, $0).pointee })
                if counts[LIVE_BEGUN] == 0 { continue }
                let key = LiveSample.Key(file: number, identity: file.pointee.key, operation: operation)
                sample.rows[key] = (isOthers ? "(other files)" : LiveReader.path(file), counts)
            }
        }
        for number in 0..<CInt(LIVE_MODULES) {
            if let module = LiveModule(live_module(page, number)!) { sample.modules.append(module) }
        }
        return sample
    }

    private static func path(_ file: UnsafeMutablePointer<live_file>) -> String {
        let length = file.pointee.path_length
        guard length > 0, length <= UInt64(LIVE_PATH) + 1 else { return "?" }
        let text = UnsafeRawBufferPointer(start: live_path(file), count: Int(length) - 1)
        return (length > UInt64(LIVE_PATH) ? "..." : "") + printable(String(decoding: text, as: UTF8.self))
    }
}

/// What was counted of one operation on one file. From 0 up, whatever stood in the page, and sums end at the greatest number.
struct LiveCounts {
    private var counters: [Int]
    private var latencies: [Int]

    static let none = LiveCounts(
        counters: Array(repeating: 0, count: Int(LIVE_COUNTERS)),
        latencies: Array(repeating: 0, count: Int(LIVE_BUCKETS)))

    private init(counters: [Int], latencies: [Int]) {
        self.counters = counters
        self.latencies = latencies
    }

    init(counters: [UInt64], latencies: [UInt32]) {
        self.init(counters: counters.map { Int(clamping: $0) }, latencies: latencies.map { Int($0) })
    }

    subscript(counter: Int) -> Int { counters[counter] }

    var inFlight: Int { max(0, counters[LIVE_BEGUN] - counters[LIVE_OVER]) }

    /// What came since.
    func since(_ earlier: LiveCounts) -> LiveCounts {
        LiveCounts(
            counters: zip(counters, earlier.counters).map { max(0, $0 - $1) },
            latencies: zip(latencies, earlier.latencies).map { max(0, $0 - $1) })
    }

    mutating func add(_ other: LiveCounts) {
        counters = zip(counters, other.counters).map { .saturatingSum([$0, $1]) }
        latencies = zip(latencies, other.latencies).map { .saturatingSum([$0, $1]) }
    }

    /// In nanoseconds, at most an eighth too high: what this part of all is not above. Nil if there was none.
    func latency(_ part: Double) -> Int? {
        let total = Int.saturatingSum(latencies)
        let wanted = max(1, Int((Double(total) * part).rounded(.up)))
        var seen = 0
        for (bucket, count) in latencies.enumerated() where total > 0 {
            seen += count
            if seen >= wanted { return Int(live_bound(CInt(bucket))) }
        }
        return nil
    }

    var meanLatency: Int? {
        let total = Int.saturatingSum(latencies)
        return total == 0 ? nil : self[LIVE_NANOSECONDS] / total
    }
}

/// What a module counts itself.
struct LiveModule {
    let title: String
    /// Those that may fall are as they are; the others have counted since the process began.
    let numbers: [(name: String, value: Int, mayFall: Bool)]

    fileprivate init?(_ module: UnsafeMutablePointer<live_module>) {
        title = LiveModule.text(live_title(module), Int(LIVE_TITLE))
        if title.isEmpty { return nil }
        let names = LiveModule.text(live_names(module), Int(LIVE_NAMES)).split(separator: " ").prefix(Int(LIVE_NUMBERS))
        numbers = names.enumerated().map { index, name in
            let mayFall = name.hasPrefix("=")
            return (
                String(name.dropFirst(mayFall ? 1 : 0)), Int(clamping: live_number(module, CInt(index)).pointee),
                mayFall
            )
        }
    }

    private static func text(_ start: UnsafeMutablePointer<CChar>, _ size: Int) -> String {
        let bytes = UnsafeRawBufferPointer(start: start, count: size).prefix { $0 != 0 }
        return printable(String(decoding: bytes, as: UTF8.self))
    }

    func value(_ name: String) -> Int? { numbers.first { $0.name == name }?.value }
}

struct LiveSample {
    struct Key: Hashable {
        let file: CInt
        let identity: UInt64
        let operation: CInt
    }

    /// In nanoseconds.
    let time: Int64
    let watch: UInt64
    var rows: [Key: (path: String, counts: LiveCounts)] = [:]
    var modules: [LiveModule] = []
}
