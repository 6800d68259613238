#!/bin/bash
# holds: kaio run warns of a program that writes to a mirrored file other than by asynchronous requests, and not of one that does not.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

build_tools
mkdir data
cat >mirror.conf <<END
[data]
path = $PWD/data/*
vfs objects = mirror ordered aio_linux aio_poll aio_pthread
mirror:legs = $PWD/copy
mirror:log = $PWD/log
END
export KAIO_CONFIG=$PWD/mirror.conf
cat >writes.py <<'END'
import ctypes, os, sys, time
file = os.open("data/x", os.O_RDWR)
library = ctypes.CDLL(None)
class Control(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_char * 256)]
def write(offset):
    control, data = Control(), ctypes.create_string_buffer(b"y" * 512)
    address = ctypes.addressof(control)
    ctypes.c_int.from_address(address).value = file
    ctypes.c_void_p.from_address(address + 16).value = ctypes.addressof(data)
    ctypes.c_size_t.from_address(address + 24).value = 512
    ctypes.c_int.from_address(address + 44).value = 1
    ctypes.c_long.from_address(address + 128).value = offset
    assert library.aio_write(ctypes.byref(control)) == 0
    while library.aio_error(ctypes.byref(control)) == 115: time.sleep(0.001)
    assert library.aio_return(ctypes.byref(control)) == 512
write(0)
if sys.argv[1] == "other":
    time.sleep(0.05)
    os.pwrite(file, b"z" * 512, 1024)
    time.sleep(0.05)
write(0)
os.close(file)
END
head -c 4096 /dev/zero >data/x
for how in same other; do
    rm -f log copy
    kaio_run python3 writes.py $how >out 2>err || fail "the program ended with $?"
    if [[ $how == other ]]; then
        has err 'warning:.* a mirrored file was changed without the mirror'
    else
        lacks err 'without the mirror'
    fi
    cmp data/x copy >&2 || fail "the copy differs"
done
