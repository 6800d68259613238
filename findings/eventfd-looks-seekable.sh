#!/bin/bash
# Linux 6.18, Python with linuxfd 1.5 (PyPI), 2026-11-28.
#
# lseek(fd, 0, SEEK_CUR) is the usual way to ask whether a descriptor has offsets: ESPIPE on a pipe or socket. On an eventfd, a
# timerfd, a signalfd and an inotify descriptor it succeeds and gives 0, though they are streams, and though pread on the same
# descriptors fails with ESPIPE.
#
# One would have guessed that lseek and pread agree, and that both say ESPIPE of what gives each byte once.
# shellcheck source-path=SCRIPTDIR source=python.bash
. "${0%/*}/python.bash"
python_with linuxfd==1.5 <<'END'
import errno, os, signal
import linuxfd

def position(descriptor):
    try:
        return os.lseek(descriptor, 0, os.SEEK_CUR)
    except OSError as error:
        return errno.errorcode[error.errno]

reader, writer = os.pipe()
assert position(reader) == "ESPIPE"
objects = {
    "eventfd": linuxfd.eventfd(7, nonBlocking=True),
    "timerfd": linuxfd.timerfd(nonBlocking=True),
    "signalfd": linuxfd.signalfd(signalset={signal.SIGUSR1}, nonBlocking=True),
    "inotify": linuxfd.inotify(nonBlocking=True),
}
for name, thing in objects.items():
    try:
        read = os.pread(thing.fileno(), 8, 0)
    except OSError as error:
        read = errno.errorcode[error.errno]
    print("%-9s lseek %s, pread %s" % (name, position(thing.fileno()), read))
    assert (position(thing.fileno()), read) == (0, "ESPIPE")
END
