import CKaio
import CKernel
import Glibc
import Synchronization
import Testing

@testable import Kaio

/// Below `ordered`: fails every so many writes of the file of this inode.
private final class LegFailure: Module {
    let name: StaticString = "leg_failure"
    private let position: Int
    let inode = Atomic<UInt64>(0)
    let failing = Atomic<Int>(0)

    init(_ position: Int) { self.position = position }

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        var others = RequestQueue()
        while let request = requests.popFirst() {
            if request.operation == .write, failing.load(ordering: .relaxed) > 0,
                request.file.inode == inode.load(ordering: .relaxed)
            {
                failing.wrappingSubtract(1, ordering: .relaxed)
                turn.complete(request, -Int(EIO))
            } else {
                others.append(request)
            }
        }
        turn.handOn(&others, below: position)
    }
}

/// A directory with a file and two legs.
private struct Legs {
    let directory: String
    let failure: LegFailure

    init(log: String) {
        var template = Array("/var/tmp/kaio-mirror-XXXXXX".utf8CString)
        mkdtemp(&template)
        directory = String(cString: template)
        Engine.prepare()
        failure = LegFailure(2)
        let text =
            "mirror:legs = \(directory)/two \(directory)/three; mirror:log = \(log == "core" ? log : directory + "/" + log); "
            + "mirror:region size = 16k; mirror:resync rate = 1G"
        // As long as the process.
        let parameters = Parameters(Text(UnsafePointer(strdup(text)!)))
        var modules: [any Module] = []
        for name in ["ordered", "mirror", "", "aio_linux", "aio_poll", "aio_pthread"] as [StaticString] {
            modules.append(
                name.utf8CodeUnitCount == 0
                    ? failure : Registry.make(Text(name), position: modules.count, parameters: parameters)!)
        }
        useStack(modules)
    }

    func open(_ flags: CInt = 0) -> CInt { Glibc.open(directory + "/one", O_RDWR | O_CREAT | flags, 0o600) }

    func bytes(_ name: String) -> [UInt8] {
        let file = Glibc.open(directory + "/" + name, O_RDONLY)
        defer { close(file) }
        return [UInt8](unsafeUninitializedCapacity: 1 << 21) { $1 = max(0, pread(file, $0.baseAddress, 1 << 21, 0)) }
    }

    func remove() {
        for name in ["one", "two", "three", "log"] { unlink(directory + "/" + name) }
        rmdir(directory)
    }
}

/// In a process of its own.
private func writeAtOnce(log: String) {
    let legs = Legs(log: log)
    let first = legs.open()
    let start = Job(first, length: 4096)
    check(start.write(), is: 0)
    check(start.finish().result, is: 4096)
    var status = stat()
    stat(legs.directory + "/two", &status)
    legs.failure.inode.store(UInt64(status.st_ino), ordering: .relaxed)
    concurrently(4) { thread in
        for round in 0..<30 {
            if thread == 0, round == 15 { legs.failure.failing.store(1, ordering: .relaxed) }
            let file = legs.open(round % 2 == 0 ? 0 : __O_DIRECT)
            let fill = UInt8(truncatingIfNeeded: thread * 30 + round)
            let jobs = (0..<4).map { Job(file, length: 4096, at: (thread * 64 + round * 2 + $0) << 12, fill: fill) }
            for job in jobs { check(job.write(), is: 0) }
            if round % 3 == 0 { _ = aio_cancel(file, jobs[2].control) }
            for job in jobs {
                let result = job.finish()
                check(result.result == 4096 || result.error == ECANCELED)
            }
            let back = Job(file, length: 4096, at: (thread * 64 + round * 2) << 12)
            check(back.read(), is: 0)
            check(back.finish().result, is: 4096)
            check(back.isFilled && back.buffer[0] == fill)
            check(Kaio.closeDescriptor(file), is: 0)
        }
    }
    // The leg that failed is the next start's business.
    check(Kaio.closeDescriptor(first), is: 0)
    check(eventually { Own.inFlight.load(ordering: .relaxed) == 0 })
    check(legs.bytes("one") == legs.bytes("three"))
    let again = legs.open()
    let read = Job(again, length: 4096)
    check(read.read(), is: 0)
    check(read.finish().result, is: 4096)
    check(eventually { legs.bytes("one") == legs.bytes("two") })
    check(Kaio.closeDescriptor(again), is: 0)
    check(eventually { Own.inFlight.load(ordering: .relaxed) == 0 })
    legs.remove()
}

@Suite struct `Copies of a file` {
    @Test func `have all that is written by several threads, and survive a leg`() async {
        await #expect(processExitsWith: .success) { writeAtOnce(log: "log") }
    }

    @Test func `do so too with a log in memory`() async {
        await #expect(processExitsWith: .success) { writeAtOnce(log: "core") }
    }
}
