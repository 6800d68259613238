import CKernel
import Glibc
import Testing

@testable import Kaio

/// Each in a process of its own, which reads its environment once.
@Suite struct `The options` {
    @Test func `have their defaults where the environment says nothing`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            setenv("OTHER", "1", 1)
            setenv("KAIO", "1", 1)
            setenv("XKAIO_RING", "7", 1)
            Options.read()
            check(!Options.verbose && !Options.showStatistics)
            check(Options.statisticsFile == nil && Options.vfsObjects == nil)
            check(Options.configurationFile == nil && Options.vfsParameters == nil && Options.moduleDirectory == nil)
            check(Options.idleSeconds, is: 30)
            check(Options.workers, is: 16)
            check(Options.ring, is: 256)
            check(Options.maxRequests, is: 65536)
        }
        #expect(result.said == "")
    }

    @Test func `are what the environment says`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            setenv("KAIO_VERBOSE", "1", 1)
            setenv("KAIO_SHOW_STATS", "1", 1)
            setenv("KAIO_STATS_FILE", "/tmp/of=all.%p", 1)
            setenv("KAIO_IDLE_SECONDS", "0", 1)
            setenv("KAIO_WORKERS", "256", 1)
            setenv("KAIO_RING", "65536", 1)
            setenv("KAIO_MAX_REQUESTS", "1", 1)
            setenv("KAIO_VFS_OBJECTS", "aio_linux", 1)
            setenv("KAIO_VFS_PARAMETERS", "a:b=c; d:e=f", 1)
            setenv("KAIO_CONFIG", "/etc/kaio.conf", 1)
            setenv("KAIO_MODULE_DIR", "/usr/lib/kaio", 1)
            Options.read()
            check(Options.vfsParameters.map { String($0) }, is: "a:b=c; d:e=f")
            check(Options.configurationFile.map { String($0) }, is: "/etc/kaio.conf")
            check(Options.moduleDirectory.map { String($0) }, is: "/usr/lib/kaio")
            check(Options.verbose && Options.showStatistics)
            check(Options.statisticsFile.map { String($0) }, is: "/tmp/of=all.%p")
            check(Options.idleSeconds, is: 0)
            check(Options.workers, is: 256)
            check(Options.ring, is: 65536)
            check(Options.maxRequests, is: 1)
            check(Options.vfsObjects.map { String($0) }, is: "aio_linux")
        }
        #expect(result.said == "")
    }

    @Test func `set to nothing are not set`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            let names = [
                "KAIO_VERBOSE", "KAIO_SHOW_STATS", "KAIO_STATS_FILE", "KAIO_VFS_OBJECTS", "KAIO_VFS_PARAMETERS",
                "KAIO_CONFIG", "KAIO_MODULE_DIR",
            ]
            for name in names {
                setenv(name, "", 1)
            }
            Options.read()
            check(!Options.verbose && !Options.showStatistics)
            check(Options.statisticsFile == nil && Options.vfsObjects == nil)
            check(Options.configurationFile == nil && Options.vfsParameters == nil && Options.moduleDirectory == nil)
        }
        #expect(result.said == "")
    }

    @Test func `out of range are named, with what would be accepted`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            setenv("KAIO_VERBOSE", "yes", 1)
            setenv("KAIO_IDLE_SECONDS", "-1", 1)
            setenv("KAIO_WORKERS", "0", 1)
            setenv("KAIO_RING", "65537", 1)
            setenv("KAIO_MAX_REQUESTS", "many", 1)
            Options.read()
            check(!Options.verbose)
            check(Options.idleSeconds, is: 30)
            check(Options.workers, is: 16)
            check(Options.ring, is: 256)
            check(Options.maxRequests, is: 65536)
        }
        let lines = Set(result.said.split(separator: "\n"))
        #expect(
            lines == [
                "kaio: KAIO_VERBOSE=yes: not 0 or 1; using 0",
                "kaio: KAIO_IDLE_SECONDS=-1: not a number of seconds from 0 to 86400; using 30",
                "kaio: KAIO_WORKERS=0: not a number of threads from 1 to 256; using 16",
                "kaio: KAIO_RING=65537: not a number of requests from 1 to 65536; using 256",
                "kaio: KAIO_MAX_REQUESTS=many: not a number of requests from 1 to 16777216; using 65536",
            ])
    }

    @Test func `that nobody knows are named, with those that there are`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            setenv("KAIO_RINGS", "8", 1)
            Options.read()
            check(Options.ring, is: 256)
        }
        #expect(result.said.hasPrefix("kaio: KAIO_RINGS: unknown option; known are "))
        for name in ["KAIO_IDLE_SECONDS", "KAIO_RING,", "KAIO_VFS_OBJECTS", "KAIO_WORKERS"] {
            #expect(result.said.contains(name))
        }
    }

    @Test func `let a program ask for workers, unless the user did`() async {
        await #expect(processExitsWith: .success) {
            Options.read()
            Options.suggestWorkers(5)
            check(Options.workers, is: 5)
            Options.suggestWorkers(1_000_000)
            check(Options.workers, is: 256)
        }
        await #expect(processExitsWith: .success) {
            setenv("KAIO_WORKERS", "3", 1)
            Options.read()
            Options.suggestWorkers(5)
            check(Options.workers, is: 3)
        }
    }

    @Test func `with a stack of unknown modules leave the standard one`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            setenv("KAIO_VFS_OBJECTS", "ordered aio_magic", 1)
            withRequests(1) { _ in }
            check(Stack.standard?[0].name.description, is: "ordered")
            check(Stack.standard?.position(of: "aio_linux") != nil)
        }
        #expect(result.said.hasPrefix("kaio: KAIO_VFS_OBJECTS: no module is named aio_magic; known are ordered, "))
    }

    @Test func `choose the stack`() async {
        await #expect(processExitsWith: .success) {
            setenv("KAIO_VFS_OBJECTS", "aio_linux", 1)
            withRequests(1) { _ in }
            check(Stack.standard?.count, is: 2)
            check(Stack.standard?[0].name.description, is: "aio_linux")
        }
    }
}

extension ExitTest.Result? {
    /// What the process wrote on stderr.
    fileprivate var said: String { self.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } ?? "failed" }
}
