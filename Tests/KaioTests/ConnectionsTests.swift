import CKaio
import CKernel
import Glibc
import Synchronization
import Testing

@testable import Kaio

private let called = Atomic<Int>(0)

/// A file of 64 KiB that kaio_open finds by this path.
private func path(of file: borrowing TestFile) -> String { "/proc/self/fd/\(file.descriptor)" }

/// Requests of 512 bytes that a test's thread submits again and again.
private final class Reads {
    let controls: UnsafeMutablePointer<aiocb>
    let buffer: UnsafeMutableRawPointer
    let count: Int

    init(_ count: Int) {
        self.count = count
        controls = .allocate(capacity: count)
        controls.initialize(repeating: aiocb(), count: count)
        buffer = .allocate(byteCount: count * 512, alignment: 4096)
    }

    deinit {
        controls.deallocate()
        buffer.deallocate()
    }

    func prepare(_ index: Int, withCallback: Bool) -> UnsafeMutablePointer<aiocb> {
        controls[index] = aiocb()
        controls[index].aio_buf = buffer + index * 512
        controls[index].aio_nbytes = 512
        controls[index].aio_offset = index * 512
        if withCallback {
            kaio_set_callback(controls + index, { _, _, _ in called.wrappingAdd(1, ordering: .relaxed) }, nil)
        } else {
            controls[index].aio_sigevent.sigev_notify = CInt(SIGEV_NONE)
        }
        return controls + index
    }
}

private func wait(_ connection: OpaquePointer?, for control: UnsafeMutablePointer<aiocb>) -> CInt {
    var entry: UnsafePointer<aiocb>? = UnsafePointer(control)
    var time = timespec(tv_sec: 20, tv_nsec: 0)
    return kaio_aio_suspend(connection, &entry, 1, &time)
}

@Suite struct `A connection` {
    @Test func `is dispatched by one thread while others submit, wait and cancel`() async {
        await #expect(processExitsWith: .success) {
            let (rounds, width) = (60, 16)
            let file = TestFile(size: 65536)
            let path = path(of: file)
            let connection = kaio_connect("test", "ordered aio_linux aio_poll", nil)
            check(connection != nil)
            let isOver = Atomic<Bool>(false)
            let returned = Atomic<Int>(0)
            concurrently(4) { number in
                if number == 0 {
                    while !isOver.load(ordering: .acquiring) {
                        var ready = pollfd(fd: kaio_connection_fd(connection), events: Int16(POLLIN), revents: 0)
                        poll(&ready, 1, 5)
                        let count = kaio_connection_dispatch(connection, 0)
                        check(count >= 0)
                        returned.wrappingAdd(Int(count), ordering: .relaxed)
                    }
                    return
                }
                let file = kaio_open(connection, path, O_RDONLY | (number == 1 ? __O_DIRECT : 0), 0)
                check(file != nil)
                let reads = Reads(width)
                for round in 0..<rounds {
                    for index in 0..<width {
                        let control = reads.prepare(index, withCallback: index % 2 == 0)
                        check(kaio_aio_read(file, control), is: 0)
                    }
                    if number == 3, round % 4 == 0 { check(kaio_aio_cancel(file, nil) >= 0) }
                    for index in 0..<width {
                        let control = reads.controls + index
                        check(wait(connection, for: control), is: 0)
                        let error = kaio_aio_error(file, control)
                        check(error == 0 || number == 3 && error == ECANCELED)
                        check(kaio_aio_return(file, control), is: error == 0 ? 512 : -1)
                    }
                    // A callback may still be due; until then the block is the library's to look at.
                    let due = Instant.now.advanced(by: 20_000_000_000)
                    while called.load(ordering: .relaxed) < (round + 1) * width / 2, Instant.now < due { usleep(100) }
                }
                check(eventually { returned.load(ordering: .relaxed) >= rounds * width })
                if number == 1 {
                    check(eventually { returned.load(ordering: .relaxed) == 3 * rounds * width })
                    isOver.store(true, ordering: .releasing)
                }
            }
            check(called.load(ordering: .relaxed), is: 3 * rounds * width / 2)
            check(kaio_disconnect(connection), is: 0)
        }
    }

    @Test func `is made and ended by several threads at once, with one service`() async {
        await #expect(processExitsWith: .success) {
            let file = TestFile(size: 65536)
            let path = path(of: file)
            let keeper = kaio_connect("test", nil, nil)
            concurrently(3) { number in
                let reads = Reads(1)
                for round in 0..<60 {
                    // One of its own now and then, so that stacks end.
                    let own = round % 3 == 0 ? "error_inject:seed = \(number * 1000 + round)" : ""
                    let connection = kaio_connect("test", "error_inject ordered aio_linux aio_poll", own)
                    check(connection != nil)
                    let file = kaio_open(connection, path, O_RDONLY, 0)
                    let control = reads.prepare(0, withCallback: false)
                    check(kaio_aio_read(file, control), is: 0)
                    if round % 2 == 0 {
                        check(wait(connection, for: control), is: 0)
                        check(kaio_aio_return(file, control), is: 512)
                    }
                    check(kaio_disconnect(connection), is: 0)
                    check(aio_error(control) != EINPROGRESS)
                }
            }
            check(kaio_disconnect(keeper), is: 0)
        }
    }

    @Test func `is not found in the list after its end`() async {
        await #expect(processExitsWith: .success) {
            let connections = (0..<5).map { _ in kaio_connect("test", nil, nil) }
            func count() -> Int {
                var count = 0
                Connections.visitAll { _ in count += 1 }
                return count
            }
            check(count(), is: 5)
            for (ended, index) in [2, 0, 4, 1, 3].enumerated() {
                check(kaio_disconnect(connections[index]), is: 0)
                check(count(), is: 4 - ended)
            }
        }
    }
}

@Suite struct `The stacks of connections` {
    private static func borrow(_ parameters: String, _ service: String = "test") -> Connections.Loan? {
        var error: CInt = 0
        return Connections.borrow(
            Text(strdup(service)), Text("error_inject aio_linux"), Text(strdup(parameters)), 1, &error)
    }

    @Test func `are one for each connection at a time, and used again`() async {
        await #expect(processExitsWith: .success) {
            check(Engine.enter(1))
            let first = Self.borrow("error_inject:seed = 1")!
            let second = Self.borrow("error_inject:seed = 1")!
            check(first.stack != second.stack)
            Connections.giveBack(first)
            check(Self.borrow("error_inject:seed = 2")!.stack != first.stack)
            check(Self.borrow("error_inject:seed = 1", "other")!.stack != first.stack)
            check(Self.borrow("error_inject:seed = 1")!.stack == first.stack)
        }
    }

    @Test func `end when too many are idle, the one that was not used for the longest time first`() async {
        await #expect(processExitsWith: .success) {
            check(Engine.enter(1))
            let loans = (0...Connections.mostIdle).map { Self.borrow("error_inject:seed = \($0)")! }
            for loan in loans.reversed() { Connections.giveBack(loan) }
            // The last of all was given back first, and is gone; what it was is the next one's.
            check(Self.borrow("error_inject:seed = 1000")!.stack == loans.last!.stack)
            for (index, loan) in loans.dropLast().enumerated() {
                check(Self.borrow("error_inject:seed = \(index)")!.stack == loan.stack)
            }
        }
    }

    @Test func `wait for who is in them, and let nobody in whose request is over`() async {
        await #expect(processExitsWith: .success) {
            check(Engine.enter(1))
            let loan = Self.borrow("")!
            let request = makeRequest()
            let identity = request.identity
            check(loan.stack.enter(for: identity))
            let next = RequestIdentity(slot: identity.slot, sequence: identity.sequence + 1)
            check(!loan.stack.enter(for: next))
            let isOut = Atomic<Bool>(false)
            concurrently(2) { number in
                if number == 0 {
                    loan.stack.awaitVisitors()
                    check(isOut.load(ordering: .acquiring))
                } else {
                    pause(milliseconds: 50)
                    isOut.store(true, ordering: .releasing)
                    loan.stack.leave()
                }
            }
            request.become(.publishing)
            check(!loan.stack.enter(for: identity))
            loan.stack.awaitVisitors()
        }
    }
}
