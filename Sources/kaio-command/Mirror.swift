// kaio mirror: what the copies of a mirrored file are like, and what is to become of them.
//
// The command runs on the library itself (it becomes itself once more, with LD_PRELOAD set), which finds the service and the log of
// the file. Where no program has the file in use, the command has, for as long as it works.

import ArgumentParser
import CKernel
import Glibc

struct Mirror: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows, compares and changes the copies of a file that the module mirror keeps.",
        discussion: """
            The file's service, and where its log is, is what the configuration says (KAIO_CONFIG, or --config). All of them \
            work while a program uses the file, and while none does: then a program that begins to use it meanwhile has EBUSY.

              kaio mirror status /data/x
              kaio mirror check --repair /data/x
              kaio mirror replace /data/x /disk2/copy/x /disk4/copy/x

            Exit codes: 0 all legs are there and in sync (check: and equal), 1 they are not, 2 it can't be done.
            """,
        subcommands: [Status.self, Check.self, Resync.self, Add.self, Remove.self, Replace.self])
}

struct MirrorOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The configuration (default: KAIO_CONFIG).", valueName: "file"), completion: .file())
    var config: String?

    @Option(
        help: ArgumentHelp("The library to use instead of the one found.", valueName: "file"), completion: .file())
    var library: String?

    @Flag(help: "Print JSON.")
    var json = false
}

/// A mirrored file, for the commands.
private struct MirroredFile {
    let path: String
    let json: Bool
    var log: MirrorReader
    /// The command itself has it in use.
    private(set) var isOurs = false

    private static let marker = "KAIO_MIRROR_COMMAND"

    init(_ path: String, _ options: MirrorOptions) throws {
        if getenv(MirroredFile.marker) == nil { try MirroredFile.becomePreloaded(options) }
        unsetenv(MirroredFile.marker)
        self.path = path
        json = options.json
        typealias Function = @convention(c) (UnsafePointer<CChar>, UnsafeMutablePointer<CChar>, Int) -> CInt
        guard let address = dlsym(nil, "kaio_mirror_log") else {
            throw Failure(message: "the library could not be preloaded, or is too old")
        }
        var buffer = [CChar](repeating: 0, count: 8192)
        errno = 0
        guard unsafeBitCast(address, to: Function.self)(path, &buffer, buffer.count) == 0 else {
            switch errno {
            case EINVAL: throw Failure(message: "\(path): is not mirrored according to the configuration")
            case ENXIO:
                throw Failure(message: "\(path): its log is in memory (mirror:log = core), so nobody else can see it")
            default: throw Failure(message: "\(path): \(errorText(errno))")
            }
        }
        let log = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if access(log, F_OK) != 0 {
            try MirroredFile.use(path)
            isOurs = true
        }
        self.log = try MirrorReader(log)
        if access(log, F_OK) != 0 { throw Failure(message: "\(path): has no log at \(log)") }
        try self.log.read()
    }

    private static func becomePreloaded(_ options: MirrorOptions) throws {
        try Preload(library: try Library.find(options.library), configuration: options.config).apply()
        // No file of KAIO_STATS_FILE's is this command's.
        unsetenv("KAIO_STATS_FILE")
        unsetenv("KAIO_VFS_OBJECTS_ADDED")
        setenv(marker, "1", 1)
        var arguments: CStrings = CommandLine.arguments.map { strdup($0) }
        arguments.append(nil)
        execv("/proc/self/exe", &arguments)
        throw Failure(message: "/proc/self/exe: \(errorText(errno))")
    }

    /// A request, and the mirror is there until this process ends.
    private static func use(_ path: String) throws {
        let file = open(path, O_RDWR | O_CLOEXEC)
        guard file >= 0 else { throw Failure(message: "\(path): \(errorText(errno))") }
        let control = UnsafeMutablePointer<aiocb>.allocate(capacity: 1)
        control.initialize(to: aiocb())
        let byte = UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1)
        control.pointee.aio_fildes = file
        control.pointee.aio_buf = byte
        control.pointee.aio_nbytes = 1
        guard aio_read(control) == 0 else { throw Failure(message: "\(path): \(errorText(errno))") }
        while aio_error(control) == EINPROGRESS {
            var one: UnsafePointer<aiocb>? = UnsafePointer(control)
            _ = aio_suspend(&one, 1, nil)
        }
        let error = aio_error(control)
        _ = aio_return(control)
        descriptor = file
        if error != 0 { throw Failure(message: "\(path): \(errorText(error))") }
    }

    nonisolated(unsafe) private static var descriptor: CInt = -1

    /// Sees to it that somebody has it in use.
    mutating func beInUse() throws {
        if log.isInUse { return }
        try MirroredFile.use(path)
        isOurs = true
        try log.read()
    }

    /// What is safe on all legs by then.
    func end() { if MirroredFile.descriptor >= 0 { close(MirroredFile.descriptor) } }

    func ask(_ question: MirrorReader.Question, leg: Int = 0, first: Int = 0, last: Int = 0, path: String = "") throws {
        let error = log.ask(question, leg: leg, first: first, last: last, path: path)
        switch error {
        case 0: return
        case ETIMEDOUT:
            throw Failure(message: "\(self.path): process \(log.process), which has it in use, does not answer")
        case EBUSY: throw Failure(message: "\(self.path): no other leg has all of this one's data")
        case EEXIST: throw Failure(message: "\(path): is a leg already")
        case ENOSPC where question == .add:
            throw Failure(message: "\(self.path): has four legs already, which is the maximum")
        case EFBIG: throw Failure(message: "\(path): is longer than the file; remove it first, if nobody needs it")
        default: throw Failure(message: "\(path.isEmpty ? self.path : path): \(errorText(error))")
        }
    }

    func number(of leg: String) throws -> Int {
        let named = Path.absolute(leg)
        for known in log.legs where known.path == named || known.path == leg { return known.number }
        throw Failure(
            message: "\(leg): not a leg of \(path); these are: \(log.legs.map { $0.path }.joined(separator: ", "))")
    }

    // MARK: what is shown

    func show(_ extra: [(name: String, value: JSON)] = []) {
        if json {
            let legs = log.legs.map { leg -> JSON in
                .object([
                    ("path", .string(leg.path)), ("state", .string(MirroredFile.word(leg))),
                    ("error", leg.error == 0 ? .null : .string(errorText(leg.error))),
                    ("stale_regions", .integer(leg.stale)),
                ])
            }
            let members: [(name: String, value: JSON)] = [
                ("file", .string(path)), ("log", .string(log.path)), ("size", .integer(log.size)),
                ("region_size", .integer(log.regionSize)), ("regions", .integer(log.regions)),
                ("in_sync", .integer(log.inSync)), ("dirty", .integer(log.dirty)),
                ("process", log.isInUse && !isOurs ? .integer(log.process) : .null), ("legs", .array(legs)),
            ]
            return Terminal.output.say(JSON.object(members + extra).description)
        }
        var table = Table([.left, .left, .right, .left])
        for leg in log.legs {
            let word = MirroredFile.word(leg)
            let style: Terminal.Style = word == "in sync" ? .green : leg.state == .failed ? .red : .yellow
            let share = log.regions == 0 ? 100 : Double(log.regions - leg.stale) * 100 / Double(log.regions)
            table.add([
                "\(leg.path)", Table.Cell(word, style), "\(Format.fixed(share, 1)) %",
                Table.Cell(leg.error == 0 ? "" : errorText(leg.error)),
            ])
        }
        for line in table.lines(for: Terminal.output) { Terminal.output.say(line) }
        let user = log.isInUse && !isOurs ? ", in use by process \(log.process)" : ""
        Terminal.output.say(
            "\(Format.count(log.inSync)) of \(Format.count(log.regions)) regions of \(Format.bytes(log.regionSize)) in sync, "
                + "\(Format.count(log.dirty)) dirty\(user)")
    }

    private static func word(_ leg: MirrorReader.Leg) -> String {
        leg.state == .failed ? "failed" : leg.stale > 0 ? "resyncing" : "in sync"
    }

    /// Shows how recovery goes on, until it is over, or does not any more.
    mutating func awaitSync() throws {
        var (best, seen, begin) = (-1, Clock.now, Clock.now)
        let first = missing
        while true {
            try log.read()
            let left = missing
            if best < 0 || left < best {
                best = left
                seen = Clock.now
            }
            if left == 0 { break }
            drawProgress(first, left, since: begin)
            if first == 0 { begin = Clock.now }
            if Clock.now - seen > 30_000_000_000 {
                clearProgress()
                throw Failure(message: "\(path): recovery makes no progress; see `kaio mirror status`", code: 1)
            }
            if !isOurs, !log.isInUse { break }
            usleep(100_000)
        }
        clearProgress()
    }

    /// Of live legs.
    private var missing: Int { log.legs.reduce(0) { $0 + ($1.state == .used ? $1.stale : 0) } }

    private func drawProgress(_ first: Int, _ left: Int, since begin: Int) {
        guard Terminal.error.isInteractive, first > 0 else { return }
        let part = Double(first - left) / Double(first)
        let width = max(10, min(40, Terminal.error.width - 50))
        let filled = Int(part * Double(width))
        let seconds = max(0.001, Double(Clock.now - begin) / 1e9)
        let rate = Double(max(0, first - left) * log.regionSize) / seconds
        let rest = rate > 0 ? Double(left * log.regionSize) / rate : 0
        write(
            "\r[" + String(repeating: "#", count: filled) + String(repeating: " ", count: width - filled)
                + "] \(Format.fixed(part * 100, 1)) %  \(Format.bytes(Int(rate)))/s  \(Format.fixed(rest, 0)) s left \u{1b}[K",
            to: STDERR_FILENO)
    }

    private func clearProgress() { if Terminal.error.isInteractive { write("\r\u{1b}[K", to: STDERR_FILENO) } }

    // MARK: comparing

    struct Difference {
        let leg: Int
        let offset: Int
        let length: Int
    }

    private static let (piece, block) = (256 << 10, 4096)

    /// Calls `body` with what differs: of each block of 4096 bytes, the legs that differ from most others, or from the first.
    func compare(_ body: (Difference) -> Void) throws {
        let files = try log.legs.filter { $0.state == .used }.map { leg -> (number: Int, file: CInt) in
            (leg.number, try MirrorReader.open(leg.path, O_RDONLY))
        }
        defer { for (_, file) in files { close(file) } }
        var offset = 0
        while offset < log.size {
            let data = files.map { MirroredFile.read($0.file, offset, MirroredFile.piece) }
            if data.contains(where: { $0 != data[0] }) {
                for block in stride(from: 0, to: MirroredFile.piece, by: MirroredFile.block) {
                    compareBlock(files, offset + block, body)
                }
            }
            offset += MirroredFile.piece
        }
    }

    private func compareBlock(
        _ files: [(number: Int, file: CInt)], _ offset: Int, _ body: (Difference) -> Void
    ) {
        guard offset < log.size else { return }
        let region = min(offset / log.regionSize, max(0, log.stale.count - 1))
        // What is not in sync is known to differ.
        let stale = log.stale.isEmpty ? 0 : log.stale[region]
        let members = files.filter { stale >> UInt8($0.number) & 1 == 0 }
        var last: [[UInt8]] = []
        // A write may be under way: what differs stays as it is.
        for attempt in 0..<20 {
            let data = members.map { MirroredFile.read($0.file, offset, MirroredFile.block) }
            if !data.contains(where: { $0 != data[0] }) { return }
            if attempt > 2, data == last { break }
            last = data
            if log.isInUse, !isOurs { usleep(50_000) }
        }
        guard let first = last.first else { return }
        let most = last.max { left, right in
            last.filter { $0 == left }.count < last.filter { $0 == right }.count
        }
        let right = last.filter { $0 == most }.count * 2 > last.count ? most ?? first : first
        for (index, data) in last.enumerated() where data != right {
            body(
                Difference(
                    leg: members[index].number, offset: offset, length: min(MirroredFile.block, log.size - offset)))
        }
    }

    private static func read(_ file: CInt, _ offset: Int, _ length: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            count = max(0, pread(file, buffer.baseAddress!, length, off_t(offset)))
        }
    }
}

extension Mirror {
    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows the state of each leg, and how much is in sync.")

        @Argument(help: "The mirrored file.", completion: .file())
        var file: String

        @OptionGroup var options: MirrorOptions

        func run() throws {
            let mirrored = try MirroredFile(file, options)
            mirrored.show()
            mirrored.end()
            if !mirrored.log.isWhole { throw ExitCode(1) }
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compares the legs, and prints the offset of each difference.",
            discussion: """
                What is known not to be in sync is left out; `resync` sees to that. With --repair the differing regions are \
                copied: from what most legs have, or where that is none, from the first.
                """)

        @Argument(help: "The mirrored file.", completion: .file())
        var file: String

        @Flag(help: "Make the legs equal.")
        var repair = false

        @OptionGroup var options: MirrorOptions

        func run() throws {
            var mirrored = try MirroredFile(file, options)
            if repair {
                try mirrored.beInUse()
                try mirrored.awaitSync()
            }
            var differences = try look(mirrored)
            var marked = Set<[Int]>()
            if repair, !differences.isEmpty {
                for difference in differences {
                    let region = difference.offset / mirrored.log.regionSize
                    if marked.insert([difference.leg, region]).inserted {
                        try mirrored.ask(.mark, leg: difference.leg, first: region, last: region)
                    }
                }
                usleep(600_000)
                try mirrored.awaitSync()
                differences = try look(mirrored)
            }
            if options.json {
                mirrored.show([
                    (
                        "differences",
                        .array(
                            differences.map { difference in
                                .object([
                                    ("leg", .string(path(difference.leg, mirrored))),
                                    ("offset", .integer(difference.offset)),
                                    ("length", .integer(difference.length)),
                                ])
                            })
                    ), ("repaired_regions", .integer(marked.count)),
                ])
            } else if differences.isEmpty {
                let repaired = marked.isEmpty ? "" : ", \(marked.count) regions repaired"
                Terminal.output.say("the legs are equal\(repaired)")
            }
            mirrored.end()
            if !differences.isEmpty || !mirrored.log.isWhole { throw ExitCode(1) }
        }

        private func path(_ leg: Int, _ mirrored: MirroredFile) -> String {
            mirrored.log.legs.first { $0.number == leg }?.path ?? ""
        }

        /// Blocks in a row are one.
        private func look(_ mirrored: MirroredFile) throws -> [MirroredFile.Difference] {
            var found: [MirroredFile.Difference] = []
            try mirrored.compare { next in
                for (index, known) in found.enumerated().reversed().prefix(4)
                where known.leg == next.leg && known.offset + known.length == next.offset
                    && known.offset / mirrored.log.regionSize == next.offset / mirrored.log.regionSize
                {
                    found[index] = MirroredFile.Difference(
                        leg: known.leg, offset: known.offset, length: known.length + next.length)
                    return
                }
                found.append(next)
            }
            if !options.json {
                for difference in found {
                    Terminal.output.say(
                        "\(path(difference.leg, mirrored)): differs at \(difference.offset), \(difference.length) bytes"
                    )
                }
            }
            return found
        }
    }

    struct Resync: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Puts failed legs back into service, and waits until all are in sync.")

        @Argument(help: "The mirrored file.", completion: .file())
        var file: String

        @Option(help: ArgumentHelp("Copy all of this leg again.", valueName: "path"), completion: .file())
        var leg: String?

        @OptionGroup var options: MirrorOptions

        func run() throws {
            var mirrored = try MirroredFile(file, options)
            let number = try leg.map { try mirrored.number(of: $0) + 1 } ?? 0
            try mirrored.beInUse()
            try mirrored.ask(.resync, leg: number)
            try finish(&mirrored)
        }
    }

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Adds a leg, and copies everything to it.")

        @Argument(help: "The mirrored file.", completion: .file())
        var file: String

        @Argument(help: "The leg's path.", completion: .file())
        var leg: String

        @OptionGroup var options: MirrorOptions

        func run() throws {
            var mirrored = try MirroredFile(file, options)
            try mirrored.beInUse()
            try mirrored.ask(.add, path: Path.absolute(leg))
            try finish(&mirrored)
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Removes a leg; its file stays as it is.",
            discussion: "It stays removed even if the configuration names it; `add` adds it again.")

        @Argument(help: "The mirrored file.", completion: .file())
        var file: String

        @Argument(help: "The leg's path.", completion: .file())
        var leg: String

        @OptionGroup var options: MirrorOptions

        func run() throws {
            var mirrored = try MirroredFile(file, options)
            let number = try mirrored.number(of: leg)
            if number == 0 { throw Failure(message: "\(leg): is the file itself") }
            try mirrored.beInUse()
            try mirrored.ask(.remove, leg: number)
            usleep(600_000)
            try mirrored.log.read()
            mirrored.show()
            mirrored.end()
        }
    }

    struct Replace: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Replaces a leg by another file, or by a new one of the same name, and copies everything to it.",
            discussion: """
                After a disk was replaced. Without a second path the leg's file is made anew where it was. Whatever is in the \
                new one is written over.
                """)

        @Argument(help: "The mirrored file.", completion: .file())
        var file: String

        @Argument(help: "The leg's path.", completion: .file())
        var leg: String

        @Argument(help: "The new leg's path.", completion: .file())
        var new: String?

        @OptionGroup var options: MirrorOptions

        func run() throws {
            var mirrored = try MirroredFile(file, options)
            let number = try mirrored.number(of: leg)
            try mirrored.beInUse()
            let known = mirrored.log.legs.first { $0.number == number }!.path
            try mirrored.ask(.replace, leg: number, path: new.map { Path.absolute($0) } ?? known)
            try finish(&mirrored)
        }
    }

    /// What was changed is in the log by now, or a moment later.
    fileprivate static func finish(_ mirrored: inout MirroredFile) throws {
        usleep(600_000)
        try mirrored.awaitSync()
        mirrored.show()
        mirrored.end()
        if !mirrored.log.isWhole { throw ExitCode(1) }
    }
}

private func finish(_ mirrored: inout MirroredFile) throws { try Mirror.finish(&mirrored) }
