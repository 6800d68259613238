// kaio doctor: what this kernel, container and file system can do for asynchronous I/O, by trying it.
// The file that it tries things on has no name (UnnamedFile.swift).

import ArgumentParser
import CKernel
import Glibc

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what this kernel, container and file system can do, and what kaio does about it.",
        discussion: """
            Tries everything that kaio needs. A check is "ok"; or "workers": kaio runs requests on worker threads because of \
            it, which costs CPU time; or "missing": nothing works without it; or "info": it is only worth knowing. The result \
            for files depends on the file system of PATH.

              kaio doctor /var/lib/data
              kaio doctor --json | jq '.checks[] | select(.verdict != "ok")'

            With --report it prints what to attach to a bug report. It names no machine, person or file, except in the values \
            of KAIO_ variables and the library's path, where your home directory is shown as "~".

              kaio doctor --report /var/lib/data >report.txt

            Exit codes: 0: the kernel can perform kaio's requests here; 1: it cannot (there is no library, or all requests \
            would run on worker threads); 2: the check could not be made (no such directory, no permission to write there, an \
            invalid option).
            """)

    @Argument(help: "The directory or file on which requests will be made.", completion: .directory)
    var path = "."

    @Flag(help: "Print one JSON object.")
    var json = false

    @Flag(help: "Print what to attach to a bug report.")
    var report = false

    @Option(
        help: ArgumentHelp("The library to check instead of the one found.", valueName: "file"),
        completion: .file())
    var library: String?

    func validate() throws {
        if json && report { throw ValidationError("--json and --report can't be used together") }
    }

    func run() throws {
        var examination = try Examination(path: path)
        examination.examineLibrary(library)
        examination.examineKernel()
        let lines = (report ? examination.report : examination.lines(for: .output)).joined(separator: "\n")
        let text = json ? examination.json.description : Terminal.output.cleaned(lines)
        guard write(text + "\n", to: STDOUT_FILENO) else {
            throw Failure(message: "stdout: \(errorText(errno))")
        }
        throw ExitCode(examination.isWell ? 0 : 1)
    }
}

private struct Check {
    enum Verdict: String {
        case ok
        case workers
        case missing
        case info

        var style: Terminal.Style {
            switch self {
            case .ok: .green
            case .workers: .yellow
            case .missing: .red
            case .info: .dim
            }
        }
    }

    let name: String
    let verdict: Verdict
    let found: String
    /// What kaio does about it.
    let kaio: String
    /// What the person could do; nil: nothing.
    var person: String?
}

private struct Examination {
    private var checks: [Check] = []
    private let directory: String
    private let file: CInt
    private let fileSystem: String
    private let kernel: String
    private let hasFilter: Bool
    /// Whether all was tried.
    private var isComplete = true

    /// Without one of these nothing is done by the kernel; the others are about some kinds of requests.
    private static let essential: Set = ["library", "aio-max-nr", "io_setup", "completion ring"]

    var isWell: Bool {
        checks.allSatisfy { $0.verdict == .ok || $0.verdict == .info || !Examination.essential.contains($0.name) }
    }

    init(path: String) throws(Failure) {
        var facts = stat()
        guard stat(path, &facts) == 0, let real = Path.real(path) else {
            throw Failure(message: "\(path): \(errorText(errno))")
        }
        switch facts.st_mode & S_IFMT {
        case S_IFDIR: directory = real
        case S_IFREG: directory = Path.directory(of: real)
        default: throw Failure(message: "\(path): neither a directory nor a file in one")
        }
        file = try UnnamedFile.make(in: directory)
        fileSystem = UnnamedFile.fileSystem(of: file)
        kernel = text(of: "/proc/sys/kernel/osrelease") ?? "unknown"
        let status = text(of: "/proc/self/status") ?? ""
        hasFilter = status.split(separator: "\n").contains { $0.hasPrefix("Seccomp:") && $0.hasSuffix("2") }
    }

    // MARK: - What is tried

    private mutating func add(
        _ name: String, _ verdict: Check.Verdict, _ found: String, kaio: String, person: String? = nil
    ) {
        checks.append(Check(name: name, verdict: verdict, found: found, kaio: kaio, person: person))
    }

    mutating func examineLibrary(_ named: String?) {
        let nothing = "does nothing without it"
        do {
            let library = try Library.find(named)
            let (version, preload) = (try library.version, try library.preload)
            // The loader warns on stderr, and runs the program without the library.
            let before = environmentVariable("LD_PRELOAD")
            setenv("LD_PRELOAD", preload, 1)
            let result = output(of: [Path.executable, "--help"])
            if let before { setenv("LD_PRELOAD", before, 1) } else { unsetenv("LD_PRELOAD") }
            if let result, result.status == 0, result.errors.isEmpty {
                add("library", .ok, "\(library.path), version \(version), can be preloaded", kaio: "is there")
            } else {
                let reason = result?.errors.split(separator: "\n").first.map(String.init) ?? errorText(errno)
                add("library", .missing, reason, kaio: nothing, person: "rebuild or reinstall it for this system")
            }
        } catch {
            add("library", .missing, error.message, kaio: nothing, person: "make install, or --library FILE")
        }
    }

    mutating func examineKernel() {
        // Before this process takes its share.
        examineBudget()
        do {
            let kernelAIO = try KernelAIO(requests: 256)
            examineCalls(kernelAIO)
            if kernelAIO.hasMappedRing { examineIdleTime() }
            examineTransfers(kernelAIO)
            examineStreams(kernelAIO)
            examineDirect(directRefusal(kernelAIO))
            examineOverwrites(kernelAIO)
            examineDirectReads(kernelAIO)
            examineDeviceQueue(kernelAIO)
        } catch {
            add(
                "io_setup", .workers, refusal(error.number), kaio: "runs every request on worker threads",
                person: advice(error.number, calls: "io_setup, io_submit, io_pgetevents, io_cancel and io_destroy"))
            examineDirect("without io_setup")
        }
        examineNewerCalls()
        examineUring()
    }

    /// An errno by its name where it has a meaning here.
    private func refusal(_ error: CInt) -> String {
        switch error {
        case ENOSYS: "ENOSYS: the kernel does not have it, or a sandbox hides it"
        case EPERM: "EPERM: a seccomp filter or a security module refuses it"
        case EACCES: "EACCES: a security module refuses it"
        case EAGAIN: "EAGAIN: fs.aio-max-nr is used up"
        case EOPNOTSUPP: "EOPNOTSUPP: \(fileSystem) refuses it"
        default: errorText(error)
        }
    }

    private func advice(_ error: CInt, calls: String) -> String? {
        switch error {
        case ENOSYS, EPERM: "have the container's seccomp profile allow \(calls)"
        case EAGAIN: "as root: sysctl fs.aio-max-nr=1048576"
        default: nil
        }
    }

    private mutating func examineCalls(_ kernelAIO: borrowing KernelAIO) {
        if let (call, error) = kernelAIO.refusedCall {
            add(
                "io_setup", .workers, "works, but \(call) does not: \(refusal(error))",
                kaio: "runs requests on worker threads when that happens", person: advice(error, calls: call))
        } else {
            add("io_setup", .ok, "works, and so do the calls that belong to it", kaio: "submits requests to the kernel")
        }
        if kernelAIO.hasMappedRing, !kernelAIO.leavesEvents {
            add(
                "completion ring", .workers, "is mapped, but a sleep takes events out of it",
                kaio: "runs every request on worker threads")
        } else if kernelAIO.hasMappedRing {
            add("completion ring", .ok, "is mapped", kaio: "takes completions without a system call")
        } else {
            add(
                "completion ring", .workers, "is not mapped, as in some sandboxes",
                kaio: "runs every request on worker threads", person: "run on a kernel of its own (not gVisor)")
        }
    }

    private mutating func examineIdleTime() {
        if KernelAIO.isGivenBack {
            let part =
                switch KernelAIO.partialMove {
                case .renames: "a part of it too, with which the context moves"
                case .keepsName: "a part of it too"
                case .refused: "but no part of it, as from Linux 7.1 on"
                }
            add(
                "idle time", .ok, "the ring can be moved away, \(part)",
                kaio: "moves the whole of it, and gives its io context back when a process is idle")
        } else {
            add("idle time", .info, "the ring can't be moved away", kaio: "keeps its io context until the process ends")
        }
    }

    /// What a process asks for, unless KAIO_RING says otherwise.
    private static let ring = 256

    /// Before this process takes its share.
    private mutating func examineBudget() {
        guard let used = text(of: "/proc/sys/fs/aio-nr").flatMap({ Int($0) }),
            let most = text(of: "/proc/sys/fs/aio-max-nr").flatMap({ Int($0) })
        else {
            add("aio-max-nr", .info, "/proc/sys/fs/aio-max-nr can't be read", kaio: "asks for \(Examination.ring)")
            return
        }
        let room = max(most - used, 0) / Examination.ring
        let found = "\(Format.count(used)) of \(Format.count(most)) are used in the whole system"
        if room > 0 {
            add("aio-max-nr", .ok, found, kaio: "asks for \(Examination.ring) in each process: room for \(room) more")
        } else {
            add(
                "aio-max-nr", .workers, found,
                kaio: "asks for \(Examination.ring) in each process, and uses worker threads until it gets them",
                person: "as root: sysctl fs.aio-max-nr=1048576; or KAIO_RING=64")
        }
    }

    private mutating func examineTransfers(_ kernelAIO: borrowing KernelAIO) {
        let size = 4096
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: size)
        defer { buffer.deallocate() }
        buffer.initializeMemory(as: UInt8.self, repeating: 0x6b)
        // What was just written is in the page cache.
        let written = pwrite(file, buffer.baseAddress, size, 0)
        guard written == size else {
            isComplete = false
            add(
                "buffered transfers", .info, "no room for \(size) bytes: \(errorText(errno))", kaio: "was not tried",
                person: "make room on it, or name another place")
            return
        }
        let alternatives = "O_DIRECT, or another file system (XFS takes them)"
        addTransfer("buffered reads", kernelAIO.transfer(.read, file, buffer), "a read from the page cache", nil)
        addTransfer("buffered writes", kernelAIO.transfer(.write, file, buffer), "a write over old data", alternatives)

        examineShortReads()

        let result = kernelAIO.synchronize(file)
        if result == 0 {
            add("aio_fsync", .ok, "IOCB_CMD_FSYNC works", kaio: "has the kernel do it")
        } else {
            add("aio_fsync", .workers, refusal(CInt(-result)), kaio: "calls fsync on a worker thread")
        }
    }

    /// Reads that must not wait, one after the other, of what is not in the page cache: some kernels end them early.
    private mutating func examineShortReads() {
        let (size, blocks) = (4096, 256)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: size)
        defer { buffer.deallocate() }
        buffer.initializeMemory(as: UInt8.self, repeating: 0x6b)
        for block in 0..<blocks where pwrite(file, buffer.baseAddress, size, block * size) != size { return }
        fsync(file)
        posix_fadvise(file, 0, 0, Int32(POSIX_FADV_DONTNEED))
        var short = 0
        for block in 0..<blocks {
            var vector = iovec(iov_base: buffer.baseAddress, iov_len: size)
            let result = systemCall(SYS_preadv2, Int(file), address(&vector), 1, block * size, 0, 8)
            if result >= 0, result < size { short += 1 }
            if result < size { pread(file, buffer.baseAddress, size, block * size) }
        }
        var vector = iovec(iov_base: buffer.baseAddress, iov_len: size)
        let behind = systemCall(SYS_preadv2, Int(file), address(&vector), 1, blocks * size, 0, 8)
        ftruncate(file, size)
        if behind == -Int(EAGAIN) {
            add(
                "reads at the end", .info, "one that must not wait is refused, though there is nothing to wait for",
                kaio: "makes it on a worker thread")
        } else {
            add("reads at the end", .ok, "one that must not wait says that it is the end", kaio: "hands that on")
        }
        let kaio = "compares each short count with the file's size"
        if short == 0 {
            add("short reads", .ok, "no RWF_NOWAIT read ends early in the middle of a file", kaio: kaio)
        } else {
            add(
                "short reads", .info,
                "\(short) of \(blocks) RWF_NOWAIT reads ended early, in the middle of the file",
                kaio: kaio)
        }
    }

    /// Direct overwrites with a tick of the clock between them.
    private mutating func examineOverwrites(_ kernelAIO: borrowing KernelAIO) {
        let flags = fcntl(file, F_GETFL)
        guard fcntl(file, F_SETFL, flags | __O_DIRECT) == 0 else { return }
        defer { _ = fcntl(file, F_SETFL, flags) }
        let (size, tries) = (4096, 5)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: size)
        defer { buffer.deallocate() }
        buffer.initializeMemory(as: UInt8.self, repeating: 0x6b)
        guard pwrite(file, buffer.baseAddress, size, 0) == size else { return }
        var refused = 0
        for _ in 0..<tries {
            usleep(20_000)
            if kernelAIO.transfer(.write, file, buffer, once: true) == -Int(EAGAIN) { refused += 1 }
        }
        let options = UnnamedFile.mountFlags(of: file)?.split(separator: ",") ?? []
        // Which is another rule of the time stamps.
        let mount = options.contains("lazytime") ? "; mounted with lazytime" : ""
        if refused == 0 {
            add("overwrites", .ok, "direct ones are taken at any time\(mount)", kaio: "has the kernel do them")
        } else {
            add(
                "overwrites", .info,
                "\(refused) of \(tries) direct ones that were 20 ms apart would wait: for a time stamp, on XFS, and on ext4 from Linux 7.3 on\(mount)",
                kaio: "gives those to the kernel a second time, from a worker thread")
        }
    }

    /// Direct reads of what the page cache has too, and across the end.
    private mutating func examineDirectReads(_ kernelAIO: borrowing KernelAIO) {
        let (size, room) = (4096, 65536)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: size)
        defer { buffer.deallocate() }
        buffer.initializeMemory(as: UInt8.self, repeating: 0x6b)
        // Its pages are clean then, and in the page cache.
        let end = size + 1000
        guard pwrite(file, buffer.baseAddress, end, 0) == end, fsync(file) == 0 else { return }
        let flags = fcntl(file, F_GETFL)
        guard fcntl(file, F_SETFL, flags | __O_DIRECT) == 0 else { return }
        defer { _ = fcntl(file, F_SETFL, flags) }
        let block = UnsafeMutableRawBufferPointer(rebasing: buffer[..<size])
        let isRefused = kernelAIO.transfer(.read, file, block) == -Int(EAGAIN)
        buffer.initializeMemory(as: UInt8.self, repeating: 0x6b)
        // Waiting, if it has to be: what it leaves behind its count is the question.
        guard pread(file, buffer.baseAddress, room, 0) == end else { return }
        let zeroes = buffer[end...].prefix { $0 == 0 }.count
        let change =
            zeroes == room - end
            ? "one across the end zeroes the whole buffer behind its count"
            : "one across the end zeroes \(zeroes) of \(room - end) bytes behind its count"
        if !isRefused {
            add("direct reads", .ok, "are taken at any time; \(change)", kaio: "has the kernel do them")
        } else {
            add(
                "direct reads", .info, "those of what the page cache has too would wait; \(change)",
                kaio: "makes those on a worker thread")
        }
    }

    /// More direct reads at once than most devices' queues have room for.
    private mutating func examineDeviceQueue(_ kernelAIO: borrowing KernelAIO) {
        let (size, reads, part) = (4096, 512, 65536)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: part, alignment: size)
        defer { buffer.deallocate() }
        buffer.initializeMemory(as: UInt8.self, repeating: 0x6b)
        defer { ftruncate(file, size) }
        for offset in stride(from: 0, to: 2 * reads * size, by: part)
        where pwrite(file, buffer.baseAddress, part, offset) != part { return }
        fsync(file)
        posix_fadvise(file, 0, 0, Int32(POSIX_FADV_DONTNEED))
        let flags = fcntl(file, F_GETFL)
        guard fcntl(file, F_SETFL, flags | __O_DIRECT) == 0 else { return }
        defer { _ = fcntl(file, F_SETFL, flags) }
        // What is refused alone too waits for something else.
        let block = UnsafeMutableRawBufferPointer(rebasing: buffer[..<size])
        guard kernelAIO.transfer(.read, file, block) == size,
            let refused = KernelAIO.refusedReads(of: file, count: reads, size: size)
        else { return }
        if refused == 0 {
            add(
                "device queue", .ok, "none of \(reads) direct reads at once was refused", kaio: "has the kernel do them"
            )
        } else {
            add(
                "device queue", .info,
                "\(refused) of \(reads) direct reads at once would wait for room in it, and were refused, as from Linux 7.3 on",
                kaio: "makes those on a worker thread")
        }
    }

    /// What was added to the kernel after Linux 5.10.
    private mutating func examineNewerCalls() {
        // The numbers are the same on all machines: close_range of nothing with CLOSE_RANGE_CLOEXEC, cachestat of no descriptor,
        // and a write with RWF_NOSIGNAL.
        var missing: [String] = []
        if systemCall(SYS_close_range, Int(Int32.max), Int(Int32.max), 4) < 0 { missing.append("CLOSE_RANGE_CLOEXEC") }
        if systemCall(451, -1, 0, 0, 0) == -Int(ENOSYS) { missing.append("cachestat") }
        var nothing: UInt8 = 0
        let written = withUnsafeMutablePointer(to: &nothing) { byte in
            var vector = iovec(iov_base: byte, iov_len: 1)
            return systemCall(SYS_pwritev2, Int(file), address(&vector), 1, 0, 0, 0x100)
        }
        if written < 0 { missing.append("RWF_NOSIGNAL") }
        let kaio = "uses cachestat for files in memory, where it is there, and needs none of them"
        if missing.isEmpty {
            add("newer calls", .ok, "CLOSE_RANGE_CLOEXEC, cachestat and RWF_NOSIGNAL are there", kaio: kaio)
        } else {
            add("newer calls", .info, "there is no \(missing.joined(separator: ", no "))", kaio: kaio)
        }
    }

    private mutating func addTransfer(_ name: String, _ result: Int, _ what: String, _ person: String?) {
        if result > 0 {
            add(name, .ok, "\(what) that must not wait (RWF_NOWAIT) works", kaio: "has the kernel do them at once")
        } else {
            let refused = result == -Int(EAGAIN) ? "EAGAIN: it would wait" : refusal(CInt(-result))
            let found = "\(what) that must not wait (RWF_NOWAIT): \(refused)"
            if isInMemory {
                add(name, .info, found, kaio: "makes them in the call, after a few on worker threads")
            } else {
                add(name, .workers, found, kaio: "runs them on worker threads", person: person)
            }
        }
    }

    /// A file system without a device, whose pages the kernel tells of by cachestat (451 on all machines), from Linux 6.5 on.
    private var isInMemory: Bool {
        var range: (UInt64, UInt64) = (0, 4096)
        var pages: (UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0)
        return ["tmpfs", "ramfs"].contains(fileSystem)
            && systemCall(451, Int(file), address(&range), address(&pages), 0) == 0 && pages.0 == 1
    }

    private mutating func examineStreams(_ kernelAIO: borrowing KernelAIO) {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { return }
        defer { for end in ends { close(end) } }
        let result = kernelAIO.poll(ends[1], Int32(POLLOUT))
        var byte: UInt8 = 0
        let knowsNoWait = withUnsafeMutablePointer(to: &byte) { byte in
            var vector = iovec(iov_base: byte, iov_len: 1)
            return systemCall(SYS_preadv2, Int(ends[0]), address(&vector), 1, -1, -1, 8) != -Int(EOPNOTSUPP)
        }
        if result < 0 {
            add("pipes, sockets", .workers, refusal(CInt(-result)), kaio: "has a worker thread wait for each request")
        } else if knowsNoWait {
            add("pipes, sockets", .ok, "IOCB_CMD_POLL works", kaio: "waits for any number of them without a thread")
        } else {
            add(
                "pipes, sockets", .ok,
                "IOCB_CMD_POLL works, transfers that must not wait (RWF_NOWAIT) are unknown, as before Linux 6.5",
                kaio: "waits for any number of them without a thread, and transfers what is ready")
        }
    }

    /// Why the kernel's AIO takes no direct transfers that must not wait; nil if it does, or there are none.
    private func directRefusal(_ kernelAIO: borrowing KernelAIO) -> String? {
        let flags = fcntl(file, F_GETFL)
        guard fcntl(file, F_SETFL, flags | __O_DIRECT) == 0 else { return nil }
        defer { _ = fcntl(file, F_SETFL, flags) }
        let size = 4096
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: size)
        defer { buffer.deallocate() }
        buffer.initializeMemory(as: UInt8.self, repeating: 0x6b)
        // Any other error is that of this transfer, such as EAGAIN for what is in the page cache.
        let results = [kernelAIO.transfer(.read, file, buffer), kernelAIO.transfer(.write, file, buffer)]
        guard results.contains(-Int(EOPNOTSUPP)) else { return nil }
        return "transfers that must not wait (RWF_NOWAIT): \(refusal(EOPNOTSUPP))"
    }

    /// - Parameter refusal: why the kernel does not do it.
    private mutating func examineDirect(_ refusal: String?) {
        let name = "O_DIRECT"
        let flags = fcntl(file, F_GETFL)
        guard fcntl(file, F_SETFL, flags | __O_DIRECT) == 0 else {
            add(
                name, .info, "\(fileSystem) has none: \(errorText(errno))",
                kaio: "has nothing to do: the program's open fails")
            return
        }
        defer { _ = fcntl(file, F_SETFL, flags) }
        let units: String
        if let (memory, offset) = statedAlignment {
            units = "offsets and lengths in units of \(offset) bytes, memory of \(memory)"
        } else if let alignment = triedAlignment {
            units = "everything in units of \(alignment) bytes (tried)"
        } else {
            add(name, .info, "a read of 4096 bytes fails: \(errorText(errno))", kaio: "passes the error to the program")
            return
        }
        if let refusal {
            add(name, .workers, "\(units); \(refusal)", kaio: "runs them on worker threads")
        } else {
            add(
                name, .ok, units,
                kaio: "has the kernel do reads and overwrites; writes past the end go to worker threads")
        }
    }

    /// As statx tells (STATX_DIOALIGN), on newer kernels and some file systems.
    private var statedAlignment: (memory: UInt32, offset: UInt32)? {
        var words = [UInt32](repeating: 0, count: 64)
        let (emptyPath, mask) = (0x1000, 0x2000)  // AT_EMPTY_PATH, STATX_DIOALIGN
        let result = words.withUnsafeMutableBytes { words in
            "".withCString {
                systemCall(SYS_statx, Int(file), address($0), emptyPath, mask, address(words.baseAddress!))
            }
        }
        guard result == 0, words[0] & UInt32(mask) != 0, words[39] > 0 else { return nil }
        return (words[38], words[39])
    }

    private var triedAlignment: Int? {
        let most = 4096
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * most, alignment: most)
        defer { buffer.deallocate() }
        // Not better aligned than it says.
        return [512, 1024, 2048, most].first { pread(file, buffer.baseAddress! + $0 % most, $0, $0 % most) >= 0 }
    }

    private mutating func examineUring() {
        // io_uring_setup with a ring of 1. The number is the same on all machines.
        var parameters = [UInt32](repeating: 0, count: 30)
        let result = parameters.withUnsafeMutableBytes { systemCall(425, 1, address($0.baseAddress!)) }
        if result >= 0 {
            close(CInt(result))
            add("io_uring", .info, "works", kaio: "does not use it; a program of your own could")
            return
        }
        let setting = text(of: "/proc/sys/kernel/io_uring_disabled").flatMap { Int($0) } ?? 0
        let reason: String
        switch CInt(-result) {
        case ENOSYS: reason = "ENOSYS: the kernel does not have it, or a sandbox hides it"
        case EPERM where setting > 0: reason = "EPERM: kernel.io_uring_disabled is \(setting)"
        case EPERM: reason = "EPERM: a seccomp filter refuses it"
        default: reason = errorText(CInt(-result))
        }
        add("io_uring", .info, reason, kaio: "does not need it")
    }

    // MARK: - What is said

    private var machine: String {
        #if arch(x86_64)
            "x86-64"
        #else
            "AArch64"
        #endif
    }

    func lines(for terminal: Terminal) -> [String] {
        let filter = hasFilter ? "under a seccomp filter" : "no seccomp filter"
        let title = "\(directory) (\(fileSystem)), Linux \(kernel) on \(machine), \(filter)"
        var table = Table([.left, .left, .left, .left])
        for check in checks {
            table.add([Table.Cell(check.verdict.rawValue, check.verdict.style), "\(check.name)", "", "\(check.found)"])
            table.add(["", "", "kaio", "\(check.kaio)"])
            if let person = check.person { table.add(["", "", "you", Table.Cell(person, .bold)]) }
        }
        let problems = checks.filter { $0.verdict == .workers || $0.verdict == .missing }
        let names = problems.map(\.name).joined(separator: ", ")
        let end =
            problems.isEmpty
            ? isComplete ? "Nothing makes kaio use worker threads here." : "Not everything could be tried here."
            : problems.contains { $0.verdict == .missing }
                ? "Programs do not run on kaio here: \(names)."
                : isWell
                    ? "Not everything is done in the kernel here: \(names)."
                    : "Every request would run on worker threads here: \(names)."
        return [terminal.styled(title, .bold), ""] + table.lines(for: terminal) + ["", end]
    }

    // MARK: - What is attached to the report of a fault

    /// For strangers to read: no path but the library's and those in variables of kaio's, and these without the home directory.
    var report: [String] {
        let home = ReportedText(home: environmentVariable("HOME"))
        let filter = hasFilter ? "seccomp filter" : "no seccomp filter"
        var lines = [
            "This is for a bug report about kaio. Read it before you attach it: it names no machine, person or file,",
            "except for the library's path and KAIO_ variables, where the home directory is shown as \"~\".",
            "",
        ]
        var facts = Table([.left, .left])
        func add(_ name: String, _ value: String?) {
            facts.add([Table.Cell(name), Table.Cell(home.cleaned(value ?? "unknown"))])
        }
        add("kaio", Kaio.version)
        add("kernel", "Linux \(kernel) on \(machine), \(filter)")
        add("C library", cLibrary)
        add("system", value(of: "PRETTY_NAME", in: "/etc/os-release"))
        add("container", ["/.dockerenv", "/run/.containerenv"].contains(where: Path.exists) ? "yes" : "none seen")
        add("file system", "\(fileSystem), mounted with \(UnnamedFile.mountFlags(of: file) ?? "unknown")")
        add("CPUs", "\(sysconf(CInt(_SC_NPROCESSORS_ONLN))), pages of \(sysconf(CInt(_SC_PAGESIZE))) bytes")
        add("memory", text(of: "/proc/meminfo")?.split(separator: "\n").first.map(String.init))
        // The numbers of Linux; of some Swift sees no name.
        let limits: [(String, CInt)] = [
            ("descriptors", 7), ("processes", 6), ("locked memory", 8), ("addresses", 9), ("queued signals", 11),
        ]
        for (name, resource) in limits { add("limit of " + name, Examination.limit(resource)) }
        lines += facts.lines(for: .output) + [""]

        let variables = environmentEntries.filter { $0.hasPrefix("KAIO_") }.sorted()
        lines += variables.map { home.cleaned($0) }
        // Of what else is preloaded the names of the objects alone.
        let preloads = (environmentVariable("LD_PRELOAD") ?? "").split { $0 == " " || $0 == ":" }
        if !preloads.isEmpty {
            lines.append("LD_PRELOAD has " + preloads.map { Path.name(of: String($0)) }.joined(separator: ", "))
        }
        lines.append(variables.isEmpty ? "No KAIO_ variable is set." : "")
        if !variables.isEmpty || !preloads.isEmpty { lines.append("") }

        var table = Table([.left, .left, .left])
        for check in checks {
            table.add([
                Table.Cell(check.verdict.rawValue), Table.Cell(check.name), Table.Cell(home.cleaned(check.found)),
            ])
        }
        return lines + table.lines(for: .output)
    }

    private static func limit(_ resource: CInt) -> String {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return "unknown" }
        func word(_ number: rlim_t) -> String { number == rlim_t.max ? "unlimited" : "\(number)" }
        return "\(word(limit.rlim_cur)), \(word(limit.rlim_max)) at most"
    }

    private var cLibrary: String? {
        var name = [UInt8](repeating: 0, count: 64)
        let length = name.withUnsafeMutableBytes {
            confstr(CInt(_CS_GNU_LIBC_VERSION), $0.bindMemory(to: CChar.self).baseAddress, $0.count)
        }
        return length > 0 ? String(decoding: name.prefix { $0 != 0 }, as: UTF8.self) : nil
    }

    private func value(of name: String, in path: String) -> String? {
        let lines = text(of: path)?.split(separator: "\n") ?? []
        let line = lines.first { $0.hasPrefix(name + "=") }
        return line.map { String($0.dropFirst(name.count + 1)).filter { $0 != "\"" } }
    }

    // MARK: - For scripts

    var json: JSON {
        let list = checks.map { check in
            JSON.object([
                ("name", .string(check.name)), ("verdict", .string(check.verdict.rawValue)),
                ("found", .string(check.found)), ("kaio", .string(check.kaio)),
                ("you", check.person.map { .string($0) } ?? .null),
            ])
        }
        return .object([
            ("version", .string(Kaio.version)), ("path", .string(directory)), ("file_system", .string(fileSystem)),
            ("kernel", .string(kernel)), ("machine", .string(machine)), ("seccomp_filter", .boolean(hasFilter)),
            ("well", .boolean(isWell)), ("checks", .array(list)),
        ])
    }
}

/// Without the home directory, whose name is a person's.
private struct ReportedText {
    let home: String?

    init(home: String?) {
        var home = home ?? ""
        while home.hasSuffix("/") { home.removeLast() }
        self.home = home.hasPrefix("/") ? home : nil
    }

    func cleaned(_ text: String) -> String {
        var result = home.map { ReportedText.replacing($0, in: text) } ?? text
        // Of whoever else: /home/NAME.
        while let start = result.position(of: "/home/") {
            let name = result.index(start, offsetBy: "/home/".count)
            let end = result[name...].firstIndex { "/ :;,\"'\n".contains($0) } ?? result.endIndex
            result.replaceSubrange(start..<end, with: "~")
        }
        return result
    }

    /// Where it is the whole of a directory's name.
    private static func replacing(_ directory: String, in text: String) -> String {
        var (result, rest) = ("", text[...])
        while let start = rest.position(of: directory) {
            let end = rest.index(start, offsetBy: directory.count)
            let isWhole =
                end == rest.endIndex || !(rest[end].isLetter || rest[end].isNumber || "_-.".contains(rest[end]))
            result += rest[..<start] + (isWhole ? "~" : directory)
            rest = rest[end...]
        }
        return result + rest
    }
}
