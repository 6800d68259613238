// What a user sets through the environment: read once, at the first use of the library, and constant from then
// on. An unknown KAIO_ variable or a bad value is named on stderr, with what would be accepted, and the default
// is used. A process with more rights than who started it (set-user-id and the like) reads none of them: they say which
// files are read and written, and what code runs.

import CKernel

enum Options {
    nonisolated(unsafe) private(set) static var verbose = false
    /// KAIO_VERBOSE=0: no word of what makes requests slow, either.
    nonisolated(unsafe) private(set) static var quiet = false
    nonisolated(unsafe) private(set) static var showStatistics = false
    /// See `Statistics.countHealed`.
    nonisolated(unsafe) private(set) static var abortsWhereHealed = false
    nonisolated(unsafe) private(set) static var statisticsFile: Text?
    /// Seconds after the last request until everything is given back to the kernel; 0: never.
    nonisolated(unsafe) private(set) static var idleSeconds = 30
    nonisolated(unsafe) private(set) static var workers = 16
    nonisolated(unsafe) private static var userSetWorkers = false
    /// What io_setup is asked for.
    nonisolated(unsafe) private(set) static var ring = 256
    /// What is asked of O_DIRECT before there is a ring; see `KernelQueue.isWorthItsEnd`.
    nonisolated(unsafe) private(set) static var ringAfter = 2400
    nonisolated(unsafe) private(set) static var maxRequests = 65536
    /// How many bytes modules may keep; see Runtime/Pool.swift.
    nonisolated(unsafe) private(set) static var poolSize = 64 << 20
    nonisolated(unsafe) private(set) static var vfsObjects: Text?
    /// `module:name=value`, with semicolons between several.
    nonisolated(unsafe) private(set) static var vfsParameters: Text?
    nonisolated(unsafe) private(set) static var configurationFile: Text?
    /// Where modules are looked for that are objects of their own.
    nonisolated(unsafe) private(set) static var moduleDirectory: Text?
    /// Where the page lies that `kaio top` reads; see Modules/Live.swift.
    nonisolated(unsafe) private(set) static var liveDirectory: Text?

    private static let known: StaticString =
        """
        KAIO_ABORT_HEALED, KAIO_CONFIG, KAIO_IDLE_SECONDS, KAIO_LIVE_DIR, KAIO_MAX_REQUESTS, KAIO_MODULE_DIR, KAIO_POOL, \
        KAIO_RING, KAIO_RING_AFTER, KAIO_SHOW_STATS, KAIO_STATS_FILE, KAIO_VERBOSE, KAIO_VFS_OBJECTS, \
        KAIO_VFS_PARAMETERS, KAIO_WORKERS
        """

    /// The process has more rights than who set its environment.
    static var isSecure: Bool { getauxval(UInt(AT_SECURE)) != 0 }

    /// The same, and root, and who changed the user since: what is loaded then must be beyond doubt.
    static var isPrivileged: Bool {
        let (user, group) = (systemCall(SYS_geteuid), systemCall(SYS_getegid))
        return isSecure || user == 0 || user != systemCall(SYS_getuid) || group != systemCall(SYS_getgid)
    }

    /// Whether files may be read, written or loaded by what is set. Before `read`.
    static var namesFiles: Bool {
        guard !isSecure, var entry = ck_environment() else { return false }
        while let variable = entry.pointee {
            entry += 1
            let text = Text(variable)
            if text.hasPrefix("KAIO_"), !text.hasPrefix("KAIO_RING_AFTER="), !text.hasPrefix("KAIO_ABORT_HEALED=") {
                return true
            }
        }
        return false
    }

    /// Whether there are files to be read or loaded, or at least looked for, before the first request.
    static var readsFiles: Bool {
        if configurationFile != nil { return true }
        guard var rest = vfsObjects else { return false }
        while let name = rest.takeWord() { if Loader.needsFile(for: name) { return true } }
        return false
    }

    /// Reads the environment. The caller sees to it that this runs once.
    static func read() {
        guard !isSecure, var entry = ck_environment() else { return }
        while let variable = entry.pointee {
            entry += 1
            let text = Text(variable)
            guard text.hasPrefix("KAIO_"), let equals = text.firstIndex(of: 0x3d) else { continue }
            take(text.prefix(equals), text.dropFirst(equals + 1))
        }
    }

    private static func take(_ name: Text, _ value: Text) {
        if name == "KAIO_VERBOSE" {
            verbose = flag(name, value)
            quiet = !verbose && value == "0"
        } else if name == "KAIO_SHOW_STATS" {
            showStatistics = flag(name, value)
        } else if name == "KAIO_ABORT_HEALED" {
            abortsWhereHealed = flag(name, value)
        } else if name == "KAIO_STATS_FILE" {
            statisticsFile = value.isEmpty ? nil : value
        } else if name == "KAIO_IDLE_SECONDS" {
            idleSeconds = number(name, value, "a number of seconds", 0...86400, idleSeconds)
        } else if name == "KAIO_WORKERS" {
            workers = number(name, value, "a number of threads", 1...mostWorkers, workers)
            userSetWorkers = true
        } else if name == "KAIO_RING" {
            ring = number(name, value, "a number of requests", 1...65536, ring)
        } else if name == "KAIO_RING_AFTER" {
            ringAfter = number(name, value, "a number", 0...1_000_000, ringAfter)
        } else if name == "KAIO_MAX_REQUESTS" {
            maxRequests = number(name, value, "a number of requests", 1...16_777_216, maxRequests)
        } else if name == "KAIO_POOL" {
            if let size = value.bytes, size <= mostPool {
                poolSize = size
            } else {
                complain(name, value) { $0.add("a size, such as 512k, 64M or 2G, up to 1024G; using 64M") }
            }
        } else if name == "KAIO_VFS_OBJECTS" {
            vfsObjects = value.isEmpty ? nil : value
        } else if name == "KAIO_VFS_PARAMETERS" {
            vfsParameters = value.isEmpty ? nil : value
        } else if name == "KAIO_CONFIG" {
            configurationFile = value.isEmpty ? nil : value
        } else if name == "KAIO_MODULE_DIR" {
            moduleDirectory = value.isEmpty ? nil : value
        } else if name == "KAIO_LIVE_DIR" {
            liveDirectory = value.isEmpty ? nil : value
        } else {
            var message = Message()
            message.add("kaio: ")
            message.add(name)
            message.add(": unknown option; known are ")
            message.add(known)
            message.show()
        }
    }

    private static let mostWorkers = 256
    private static let mostPool = 1 << 40

    /// What the program asks for (aio_init); the user's word counts more.
    static func suggestWorkers(_ count: Int) {
        if !userSetWorkers { workers = min(count, mostWorkers) }
    }

    /// There is room for no more.
    static func limitRequests(_ most: Int) { maxRequests = most }

    private static func flag(_ name: Text, _ value: Text) -> Bool {
        if value == "1" { return true }
        if value == "0" || value.isEmpty { return false }
        complain(name, value) { $0.add("0 or 1; using 0") }
        return false
    }

    private static func number(
        _ name: Text, _ value: Text, _ what: StaticString, _ range: ClosedRange<Int>, _ standard: Int
    ) -> Int {
        if let number = value.number, range.contains(number) { return number }
        complain(name, value) {
            $0.add(what)
            $0.add(" from ")
            $0.add(range.lowerBound)
            $0.add(" to ")
            $0.add(range.upperBound)
            $0.add("; using ")
            $0.add(standard)
        }
        return standard
    }

    private static func complain(_ name: Text, _ value: Text, _ accepted: (inout Message) -> Void) {
        var message = Message()
        message.add("kaio: ")
        message.add(name)
        message.add("=")
        message.add(value)
        message.add(": not ")
        accepted(&message)
        message.show()
    }
}
