#!/bin/bash
# Linux 6.18, python-libaio 0.9.5 (PyPI: libaio), 2026-11-28.
#
# io_submit reads some files of /proc, and refuses others of the same kind with EINVAL, though pread and preadv read them all:
#
#     /proc/cpuinfo, meminfo, stat, uptime, mounts, sys/kernel/ostype    read
#     /proc/self/status, maps, io, limits, stat                          EINVAL
#
# One would have guessed that a file system's files behave alike, or that what preadv can read io_submit can.
# shellcheck source-path=SCRIPTDIR source=python.bash
. "${0%/*}/python.bash"
python_with libaio==0.9.5 <<'END'
import errno, os
from libaio import AIOBLOCK_MODE_READ, AIOBlock, AIOContext

def by_kernel_aio(path):
    with open(path, "rb", buffering=0) as file, AIOContext(1) as context:
        try:
            context.submit([AIOBlock(AIOBLOCK_MODE_READ, file, [bytearray(64)], 0)])
        except OSError as error:
            return errno.errorcode[error.errno]
        return context.getEvents(1)[0][1]

def by_preadv(path):
    with open(path, "rb", buffering=0) as file:
        return os.preadv(file.fileno(), [bytearray(64)], 0)

taken = ["cpuinfo", "meminfo", "stat", "uptime", "mounts", "sys/kernel/ostype"]
refused = ["self/status", "self/maps", "self/io", "self/limits", "self/stat"]
for name in taken + refused:
    path = "/proc/" + name
    seen = by_kernel_aio(path), by_preadv(path)
    print("%-24s io_submit %-8s preadv %s" % (path, *seen))
    assert seen[1] > 0
    assert seen[0] == "EINVAL" if name in refused else seen[0] > 0
END
