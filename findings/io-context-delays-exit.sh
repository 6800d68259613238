#!/bin/bash
# caio 0.12.10 (PyPI), Linux 6.18, Python 3.11, 2026-11-29.
#
# A process that has made an io context (io_setup), and not one request, takes some 30 ms to end, without using a processor: its
# parent waits in waitpid for an RCU grace period of the kernel. execve waits as long. A process without a context takes a few ms (the fork of Python).
#
# One would have guessed that a queue in which nothing was ever put ends with its process.
# shellcheck source-path=SCRIPTDIR source=python.bash
. "${0%/*}/python.bash"
python_with caio==0.12.10 <<'END'
import os, statistics, time
from caio import linux_aio

def life(has_context, execs=False):
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        if has_context:
            context = linux_aio.Context(max_requests=1)
        if execs:
            os.execv("/bin/true", ["true"])
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    return (time.monotonic() - began) * 1000

for execs in False, True:
    plain, queue = zip(*((life(False, execs), life(True, execs)) for _ in range(15)))
    plain, queue = statistics.median(plain), statistics.median(queue)
    print(f"{'execve' if execs else 'exit'}: without a context {plain:.1f} ms, with one {queue:.1f} ms")
    assert queue > plain + 8
END
