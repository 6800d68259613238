#!/bin/bash
# Linux 6.18 with 2 processors, python-libaio 0.9.5 (PyPI: libaio), 2026-11-28.
#
# io_setup(n) charges n against fs.aio-max-nr, and then takes many more requests than n before EAGAIN: 120 for n = 1, 248 for
# 64, 376 for 128, some 2,000 for 1,000 (the last batch lies with a processor). So /proc/sys/fs/aio-nr does not bound what is in flight, and a program that asks for one
# has room for more than a hundred.
#
# One would have guessed that n is the bound that its name (nr_events) and the manual page suggest.
# shellcheck source-path=SCRIPTDIR source=python.bash
. "${0%/*}/python.bash"
python_with libaio==0.9.5 <<'END'
import errno, os, select
from libaio import AIOBLOCK_MODE_POLL, AIOBlock, AIOContext

def charged():
    with open("/proc/sys/fs/aio-nr") as file:
        return int(file.read())

for asked in 1, 64, 128, 1000:
    before = charged()
    with AIOContext(asked) as context:
        cost = charged() - before
        reader, writer = os.pipe()
        polls = []
        try:
            while len(polls) < 10000:
                poll = AIOBlock(AIOBLOCK_MODE_POLL, reader, event_mask=select.EPOLLIN)
                context.submit([poll])
                polls.append(poll)
        except OSError as error:
            assert error.errno == errno.EAGAIN, error
        os.write(writer, b"x")
        assert len(context.getEvents(len(polls), len(polls), 10)) == len(polls)
        os.close(reader)
        os.close(writer)
    print("io_setup(%d): charged %d, in flight %d" % (asked, cost, len(polls)))
    # Others on the machine may use contexts at the same time, so the charge is shown, and only its size is held.
    assert len(polls) > (60 if asked == 1 else asked * 3 // 2)
    assert cost < len(polls)
END
