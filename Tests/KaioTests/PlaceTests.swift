import CKaio
import CKernel
import Glibc
import Testing

@testable import Kaio

/// What the module below was asked for, in order.
nonisolated(unsafe) private var calls: [String] = []
nonisolated(unsafe) private var mayConnect = true

/// A module with all functions of a connection, each of which is noted and handed on.
private func registerModule(_ name: String) {
    var functions = kaio_vfs_fns()
    functions.connect_fn = { handle, service in
        calls.append("connect \(String(cString: service!))")
        kaio_vfs_set_data(handle, UnsafeMutableRawPointer(bitPattern: 8)) {
            calls.append("free \(Int(bitPattern: $0))")
        }
        if mayConnect { return kaio_vfs_next_connect(handle, service) }
        errno = EACCES
        return -1
    }
    functions.disconnect_fn = { handle in
        calls.append("disconnect")
        kaio_vfs_next_disconnect(handle)
    }
    functions.open_fn = { handle, path, flags, mode in
        calls.append("open")
        return kaio_vfs_next_open(handle, path, flags, mode)
    }
    functions.close_fn = { handle, descriptor in
        calls.append("close")
        return kaio_vfs_next_close(handle, descriptor)
    }
    functions.aio_error_fn = { handle, control in
        calls.append("error")
        return kaio_vfs_next_aio_error(handle, control)
    }
    functions.aio_return_fn = { handle, control in
        calls.append("return")
        return kaio_vfs_next_aio_return(handle, control)
    }
    functions.aio_cancel_fn = { handle, descriptor, control in
        calls.append("cancel")
        return kaio_vfs_next_aio_cancel(handle, descriptor, control)
    }
    functions.aio_suspend_fn = { handle, list, count, timeout in
        calls.append("suspend \(timeout == nil ? "for ever" : "for a while")")
        return kaio_vfs_next_aio_suspend(handle, list, count, timeout)
    }
    check(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, name, &functions), is: 0)
}

@Suite struct `A place in a stack` {
    @Test func `hands a connection's calls from module to module, and does them at the bottom`() async {
        await #expect(processExitsWith: .success) {
            registerModule("place")
            check(Engine.enter(1))
            let stack = Stack(names: Text("place ordered aio_linux place")) { _ in }!
            let place = Place(stack, 0)
            check(place.connect(Text("here")), is: 0)
            check(calls, is: ["connect here", "connect here"])
            calls = []
            let path = "/var/tmp/kaio-place-\(getpid())"
            let number = place.open(path, O_RDWR | O_CREAT | O_EXCL, 0o600)
            check(number >= 0)
            unlink(path)
            check(fcntl(CInt(number), F_GETFD), is: FD_CLOEXEC)
            check(place.open("/nowhere/at/all", O_RDONLY, 0), is: -Int(ENOENT))
            check(place.close(Descriptor(number: -1)), is: -Int(EBADF))
            check(calls, is: Array(repeating: "open", count: 4) + ["close", "close"])
            calls = []

            let job = Job(CInt(number), length: 512, fill: 3)
            check(place.result(UserBlock(job.control)), is: nil)
            check(job.write(), is: 0)
            var entry: UnsafePointer<aiocb>? = UnsafePointer(job.control)
            check(place.suspend(&entry, 1, until: .never), is: 0)
            check(place.error(UserBlock(job.control)), is: 0)
            check(place.result(UserBlock(job.control)), is: 512)
            check(place.cancel(Descriptor(number: CInt(number)), nil), is: CInt(AIO_ALLDONE))
            check(
                calls,
                is: [
                    "return", "return", "suspend for ever", "suspend for ever", "error", "error", "return", "return",
                    "cancel", "cancel",
                ])
            check(place.cancel(Descriptor(number: -1), nil), is: -EBADF)
            check(place.close(Descriptor(number: CInt(number))), is: 0)
            check(fcntl(CInt(number), F_GETFD), is: -1)
            calls = []
            place.disconnect()
            check(calls, is: ["disconnect", "disconnect", "free 8", "free 8"])
        }
    }

    @Test func `waits for all of a list, until the time is up`() async {
        await #expect(processExitsWith: .success) {
            registerModule("place")
            check(Engine.enter(1))
            let stack = Stack(names: Text("place aio_linux")) { _ in }!
            let place = Place(stack, 0)
            check(place.connect(Text("here")), is: 0)
            let pipe = TestPipe()
            let file = TestFile(size: 512)
            let slow = Job(pipe.reader, length: 1)
            let fast = Job(file.descriptor, length: 512)
            check(fast.read(), is: 0)
            check(slow.read(), is: 0)
            var list: [UnsafePointer<aiocb>?] = [UnsafePointer(fast.control), nil, UnsafePointer(slow.control)]
            let begin = Instant.now
            check(place.suspend(&list, 3, until: begin.advanced(by: 50_000_000)), is: EAGAIN)
            check(Instant.now >= begin.advanced(by: 50_000_000))
            check(place.suspend(&list, 3, until: Instant.now), is: EAGAIN)
            let writer = ThreadHandle {
                pause(milliseconds: 20)
                pipe.write("x")
            }
            check(place.suspend(&list, 3, until: .never), is: 0)
            check(slow.error, is: 0)
            writer.join()
            check(calls.contains("suspend for a while"))
        }
    }

    @Test func `is not connected if a module refuses`() async {
        await #expect(processExitsWith: .success) {
            registerModule("place")
            check(Engine.enter(1))
            let stack = Stack(names: Text("place ordered")) { _ in }!
            mayConnect = false
            check(Place(stack, 0).connect(Text("here")), is: EACCES)
            check(calls, is: ["connect here", "free 8"])
            // Before it is connected, a module has nothing below it.
            let other = Stack(names: Text("place")) { _ in }!
            check(Place(other, 0).open("/dev/null", O_RDONLY, 0), is: -Int(ENOTCONN))
        }
    }
}
