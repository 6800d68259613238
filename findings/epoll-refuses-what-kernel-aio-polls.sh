#!/bin/bash
# Linux 6.18, python-libaio 0.9.5 (PyPI: libaio), 2026-11-28.
#
# IOCB_CMD_POLL of the kernel's AIO takes regular files, directories and devices such as /dev/zero, and is complete at once
# (POLLIN | POLLOUT), as poll(2) is. epoll_ctl refuses the same descriptors with EPERM. Both are the kernel's one readiness
# mechanism, asked in two ways.
#
# One would have guessed that what can't be watched by epoll can't be polled by the kernel's AIO either.
# shellcheck source-path=SCRIPTDIR source=python.bash
. "${0%/*}/python.bash"
python_with libaio==0.9.5 <<'END'
import errno, os, select
from libaio import AIOBLOCK_MODE_POLL, AIOBlock, AIOContext

def by_kernel_aio(descriptor):
    with AIOContext(1) as context:
        context.submit([AIOBlock(AIOBLOCK_MODE_POLL, descriptor, event_mask=select.EPOLLIN | select.EPOLLOUT)])
        events = context.getEvents(1, 1, 1)
        return events[0][1] if events else "waits"

def by_epoll(descriptor):
    with select.epoll() as epoll:
        try:
            epoll.register(descriptor, select.EPOLLIN | select.EPOLLOUT)
        except OSError as error:
            return errno.errorcode[error.errno]
        return epoll.poll(0)

for name, flags in ("program.py", os.O_RDONLY), (".", os.O_RDONLY), ("/dev/zero", os.O_RDONLY), ("/dev/null", os.O_RDWR):
    descriptor = os.open(name, flags)
    seen = by_kernel_aio(descriptor), by_epoll(descriptor)
    print("%-12s kernel AIO %s, epoll %s" % (name, *seen))
    assert seen == (select.EPOLLIN | select.EPOLLOUT, "EPERM")
    os.close(descriptor)
END
