import CKaio
import CKernel
import Glibc
import Synchronization
import Testing

@testable import Kaio

/// Writes down what it hears of files, and on their end makes a request of its own if it is told to.
private final class Listener: Module {
    let name: StaticString = "listener"
    private let position: Int
    /// Files of several threads begin and end at the same time.
    private let lock = Lock()
    private var allOpened: [OpenFile] = []
    private var allClosed: [OpenFile] = []
    private var countOfCloses = 0
    private var latest: Target?
    var opened: [OpenFile] { lock.locked { allOpened } }
    var closed: [OpenFile] { lock.locked { allClosed } }
    var closes: Int { lock.locked { countOfCloses } }
    var target: Target? { lock.locked { latest } }
    /// What is written at the end.
    var lastWords: UnsafeMutableRawBufferPointer?
    private(set) var results: [Int] = []

    init(_ position: Int) { self.position = position }

    var hearsOfFiles: Bool { true }
    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        for request in requests { check(request.openFile != nil && request.openFile![position] == 77) }
        turn.handOn(&requests, below: position)
    }

    func opened(_ file: OpenFile, _ descriptor: Descriptor, _ facts: FileFacts, _ turn: inout Turn) {
        file[position] = 77
        let own = try? file.open(descriptor, O_RDWR).get()
        lock.locked {
            allOpened.append(file)
            if let own { latest = own }
        }
    }

    func closes(_ file: OpenFile, _ turn: inout Turn) {
        lock.locked { countOfCloses += 1 }
        guard let lastWords, let target else { return }
        let own = turn.make(
            .write, on: target, lastWords.baseAddress, length: lastWords.count, in: Stack.standard!, at: position)!
        file.hold()
        waiting = file
        turn.handOn(own, below: position)
    }

    private var waiting: OpenFile?

    func finished(_ own: Request, _ turn: inout Turn) {
        results.append(own.result)
        waiting?.release(&turn)
    }

    func closed(_ file: OpenFile) { lock.locked { allClosed.append(file) } }
}

private func useListener() -> Listener {
    let listener = Listener(0)
    var modules: [any Module] = [listener]
    for name in ["ordered", "aio_linux", "aio_poll", "aio_pthread"] as [StaticString] {
        modules.append(Registry.make(Text(name), position: modules.count)!)
    }
    useStack(modules)
    return listener
}

private func read(_ descriptor: CInt) {
    let job = Job(descriptor, length: 512)
    check(job.read(), is: 0)
    check(job.finish().error, is: 0)
}

@Suite struct `An open file` {
    @Test func `is from the first request to the close of the last descriptor`() async {
        await #expect(processExitsWith: .success) {
            let listener = useListener()
            let file = TestFile(size: 4096)
            let (first, second) = (file.reopened(O_RDWR), file.reopened(O_RDONLY))
            let other = TestFile(size: 4096)
            for descriptor in [first, second, first] { read(descriptor) }
            check(listener.opened.count, is: 1)
            read(other.descriptor)
            check(listener.opened.count, is: 2)
            check(listener.opened[0] != listener.opened[1])
            check(Kaio.closeDescriptor(first), is: 0)
            check(listener.closes, is: 0)
            check(Kaio.duplicate(other.descriptor, second), is: second)
            check(listener.closed == [listener.opened[0]])
            read(second)
            check(listener.opened.count, is: 2)
            check(Kaio.closeDescriptor(second), is: 0)
            check(listener.closed.count, is: 1)
            read(file.descriptor)
            check(listener.opened.count, is: 3)
            check(listener.opened[2] != listener.opened[0])
            check(OpenFile(word: listener.opened[0].word) == nil)
            check(OpenFile(word: listener.opened[2].word) == listener.opened[2])
            check(Kaio.closeRange(3, 700, 0), is: 0)
            check(listener.closed.count, is: 3)
        }
    }

    @Test func `ends when its number is found to be another file's`() async {
        await #expect(processExitsWith: .success) {
            let listener = useListener()
            let file = TestFile(size: 4096)
            let other = TestFile(size: 4096)
            let number = file.reopened(O_RDWR)
            read(number)
            // Behind the library's back.
            check(systemCall(SYS_dup3, Int(other.descriptor), Int(number), 0) == Int(number))
            pause(milliseconds: 20)
            read(number)
            check(listener.opened.count, is: 2)
            check(listener.closed == [listener.opened[0]])
        }
    }

    @Test func `is held until the module has flushed`() async {
        await #expect(processExitsWith: .success) {
            let listener = useListener()
            let words = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 4096)
            words.copyBytes(from: [UInt8](repeating: 9, count: 4096))
            listener.lastWords = words
            let file = TestFile(size: 8192)
            for descriptor in [file.reopened(O_RDONLY | __O_DIRECT), file.reopened(O_RDONLY)] {
                let job = Job(descriptor, length: 4096)
                check(job.read(), is: 0)
                check(job.finish().error, is: 0)
                let opened = listener.closed.count
                check(Kaio.closeDescriptor(descriptor), is: 0)
                check(listener.results.last == 4096)
                check(listener.closed.count, is: opened + 1)
                check(file.bytes(1)[0] == 9)
                words[0] = 9
            }
            check(eventually { Own.inFlight.load(ordering: .relaxed) == 0 })
        }
    }

    @Test func `keeps the module's descriptors from the program, and from its children`() async {
        await #expect(processExitsWith: .success) {
            let listener = useListener()
            let file = TestFile(size: 4096)
            let number = file.reopened(O_RDONLY)
            read(number)
            let own = listener.target!
            check(own.descriptor.number >= 800)
            check(own.file.isSameFile(as: FileFacts(Descriptor(number: number))!))
            errno = 0
            check(Kaio.closeDescriptor(own.descriptor.number), is: -1)
            check(errno, is: EBADF)
            Kaio.closeFrom(700)
            check(own.descriptor.isOpen && own.descriptor.statusFlags >= 0)
            if !isUnderThreadSanitizer {
                let child = fork()
                if child == 0 { _exit(own.descriptor.statusFlags == -Int(EBADF) ? 0 : 1) }
                var status: CInt = 0
                check(waitpid(child, &status, 0), is: child)
                check(status, is: 0)
            }
            check(Kaio.closeDescriptor(number), is: 0)
            check(own.descriptor.statusFlags, is: -Int(EBADF))
        }
    }

    @Test func `has one object whichever thread comes first`() async {
        await #expect(processExitsWith: .success) {
            let listener = useListener()
            let file = TestFile(size: 4096)
            for _ in 0..<50 {
                concurrently(4) { _ in
                    let number = file.reopened(O_RDONLY)
                    read(number)
                    check(Kaio.closeDescriptor(number), is: 0)
                }
            }
            check(eventually { listener.closed.count == listener.opened.count })
            check(listener.opened.count > 0)
        }
    }
}
