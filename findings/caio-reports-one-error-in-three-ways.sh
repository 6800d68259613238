#!/bin/bash
# caio 0.12.10 (PyPI), Linux 6.18, Python 3.11, 2026-11-28.
#
# caio has one interface and several implementations (kernel AIO, threads in C, threads in Python), of which it picks one by
# itself. The same read of a bad descriptor raises ValueError from the first, SystemError from the second, and OSError from
# the third; only the third has an errno. A write to /dev/full: ValueError that speaks of EINVAL (io_submit does refuse it so),
# SystemError, OSError with ENOSPC. A pipe with data, offset 0: read by the first, an illegal seek for the others.
#
# One would have guessed OSError with its errno everywhere, and one rule for pipes.
# shellcheck source-path=SCRIPTDIR source=python.bash
. "${0%/*}/python.bash"
python_with caio==0.12.10 <<'END'
import asyncio, os
from caio import linux_aio_asyncio, python_aio_asyncio, thread_aio_asyncio

async def outcome(request):
    try:
        return await asyncio.wait_for(request, 10)
    except Exception as error:
        return type(error).__name__, getattr(error, "errno", None)

async def main():
    seen = {}
    for name, module in ("kernel", linux_aio_asyncio), ("threads", thread_aio_asyncio), ("python", python_aio_asyncio):
        reader, writer = os.pipe()
        os.write(writer, b"abc")
        full = os.open("/dev/full", os.O_WRONLY)
        async with module.AsyncioContext(max_requests=4) as context:
            seen[name] = [
                await outcome(context.read(5, 999, 0)),
                await outcome(context.write(b"x", full, 0)),
                await outcome(context.read(3, reader, 0)),
            ]
        print(name, *seen[name])
    assert seen["kernel"] == [("ValueError", None), ("ValueError", None), b"abc"]
    assert seen["threads"] == [("SystemError", None), ("SystemError", None), ("SystemError", None)]
    assert seen["python"] == [("OSError", 9), ("OSError", 28), ("OSError", 29)]

asyncio.run(main())
END
