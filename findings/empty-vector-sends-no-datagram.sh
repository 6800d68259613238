#!/bin/bash
# Linux 6.18, Python with linuxfd 1.5 (PyPI) for the eventfd, 2026-11-28.
#
# write(fd, buf, 0) on a datagram socket sends an empty datagram. writev with one buffer of no bytes returns 0 as well, and
# sends nothing; a read of no bytes from an eventfd fails with EINVAL, and readv with one empty buffer returns 0.
#
# One would have guessed that writev of one buffer is write of that buffer, as POSIX describes it ("equivalent to write()").
# shellcheck source-path=SCRIPTDIR source=python.bash
. "${0%/*}/python.bash"
python_with linuxfd==1.5 <<'END'
import errno, os, socket
import linuxfd

def datagrams(send):
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        assert send(one.fileno()) == 0
        other.setblocking(False)
        count = 0
        try:
            while True:
                assert other.recv(1) == b""
                count += 1
        except BlockingIOError:
            return count

def outcome(call):
    try:
        return call()
    except OSError as error:
        return errno.errorcode[error.errno]

written, gathered = datagrams(lambda fd: os.write(fd, b"")), datagrams(lambda fd: os.writev(fd, [b""]))
print("datagrams of write(fd, buf, 0): %d, of writev with an empty buffer: %d" % (written, gathered))
assert (written, gathered) == (1, 0)
counter = linuxfd.eventfd(1, nonBlocking=True)
read = outcome(lambda: os.read(counter.fileno(), 0)), outcome(lambda: os.readv(counter.fileno(), [bytearray(0)]))
print("eventfd: read of no bytes %s, readv of an empty buffer %s" % read)
assert read == ("EINVAL", 0)
END
