"""Asynchronous reads and writes for Python, by way of ctypes: no package is needed.

    import kaio

    with open("data", "rb") as file:
        requests = [kaio.read(file, 4096, offset) for offset in range(0, 1 << 20, 4096)]
        kaio.wait(requests)                      # for any of them
        data = requests[0].result()              # waits for this one

The library is libkaio.so.1, or what AIO_LIBRARY names; without kaio, AIO_LIBRARY=libc.so.6 has the same functions.

A request in flight belongs to the kernel: its control block and its buffer must not be freed or moved. So each is held in
`_in_flight` until it is complete, even if the program forgets it. Where an exception (a Ctrl-C, for one) ends the program,
what is in flight is cancelled, or waited for, before the interpreter takes its memory down. Not for several threads.
"""
import atexit
import ctypes
import errno
import os

# Global, for modules in C: they look for its functions there.
_library = ctypes.CDLL(os.environ.get("AIO_LIBRARY", "libkaio.so.1"), mode=ctypes.RTLD_GLOBAL, use_errno=True)


class _ControlBlock(ctypes.Structure):
    """struct aiocb of the C library, on 64-bit Linux."""

    _fields_ = [
        ("fildes", ctypes.c_int),
        ("lio_opcode", ctypes.c_int),
        ("reqprio", ctypes.c_int),
        ("buf", ctypes.c_void_p),
        ("nbytes", ctypes.c_size_t),
        ("sigev_value", ctypes.c_void_p),
        ("sigev_signo", ctypes.c_int),
        ("sigev_notify", ctypes.c_int),
        ("_sigev_rest", ctypes.c_char * 48),
        ("_private", ctypes.c_char * 32),
        ("offset", ctypes.c_int64),
        ("_reserved", ctypes.c_char * 32),
    ]


class _TimeSpec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


assert ctypes.sizeof(_ControlBlock) == 168, "a struct aiocb that this module does not know"
_SIGEV_NONE = 1

_library.aio_return.restype = ctypes.c_ssize_t
_library.aio_suspend.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_TimeSpec)]

_in_flight = set()


class Request:
    """One read or write. Made by `read` and `write`."""

    def __init__(self, call, file, buffer, offset):
        self._buffer = buffer
        self._is_read = call is _library.aio_read
        self._status = None
        self._count = 0
        self._block = _ControlBlock(
            fildes=file if isinstance(file, int) else file.fileno(), buf=ctypes.addressof(buffer),
            nbytes=len(buffer), offset=offset, sigev_notify=_SIGEV_NONE)
        # First in the set: an exception may come between any two lines.
        _in_flight.add(self)
        if call(ctypes.byref(self._block)) != 0:
            _in_flight.discard(self)
            self._status = ctypes.get_errno()
            raise OSError(self._status, os.strerror(self._status))

    def done(self):
        """Whether the request is complete."""
        if self._status is None:
            status = _library.aio_error(ctypes.byref(self._block))
            if status == errno.EINPROGRESS:
                return False
            self._count = _library.aio_return(ctypes.byref(self._block))
            self._status = status
            _in_flight.discard(self)
        return True

    def result(self):
        """Waits, and gives the bytes of a read, or how many were written. Raises OSError if the request failed."""
        while not self.done():
            wait([self])
        if self._status != 0:
            raise OSError(self._status, os.strerror(self._status))
        return self._buffer.raw[:self._count] if self._is_read else self._count

    def cancel(self):
        """Has the request end with ECANCELED if it has not begun. Returns whether it is complete now."""
        _library.aio_cancel(self._block.fildes, ctypes.byref(self._block))
        return self.done()


def read(file, length, offset):
    """Submits a read of `length` bytes at `offset`. `file` is a descriptor, or what has fileno(). BlockingIOError (EAGAIN):
    too many requests are in flight."""
    return Request(_library.aio_read, file, ctypes.create_string_buffer(length), offset)


def write(file, data, offset):
    """Submits a write of `data`, of which a copy is kept until it is complete."""
    return Request(_library.aio_write, file, ctypes.create_string_buffer(bytes(data), len(data)), offset)


def wait(requests, timeout=None):
    """Waits until one of the requests is complete, at most `timeout` seconds, and returns those that are. A signal handler
    runs meanwhile, and what it raises ends the wait."""
    requests = list(requests)
    if not requests:
        return []
    pending = [request for request in requests if not request.done()]
    if len(pending) == len(requests):
        blocks = (ctypes.c_void_p * len(pending))(*[ctypes.addressof(request._block) for request in pending])
        time = None
        if timeout is not None:
            time = _TimeSpec(int(timeout), int(timeout % 1 * 1e9))
        if _library.aio_suspend(blocks, len(pending), time) != 0:
            error = ctypes.get_errno()
            if error not in (errno.EINTR, errno.EAGAIN):
                raise OSError(error, os.strerror(error))
    return [request for request in requests if request.done()]


@atexit.register
def _end_all():
    for request in list(_in_flight):
        request.cancel()
    while _in_flight:
        wait(list(_in_flight))
