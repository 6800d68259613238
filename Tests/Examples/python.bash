#!/bin/bash
# The digests of digest.py are those of sha256sum, on the C library and on kaio; Ctrl-C ends it; memory of requests that the
# program forgot is not freed under the kernel.
. "$CHECK_ROOT/Tests/parts/support.bash"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$EXAMPLE

digest=$EXAMPLE/digest.py
for size in 0 1 65536 1000000 5000001; do
    random_file source "$size"
    sha256sum source >wanted
    for library in libc.so.6 "$CHECK_LIBRARY"; do
        for options in "" "-n 1 -b 1000" "-n 200 -b 4096"; do
            # shellcheck disable=SC2086 # several words
            expect 0 env AIO_LIBRARY="$library" python3 "$digest" $options source >found
            cmp wanted found || fail "$library, $size bytes, $options: $(<found)"
        done
    done
done
standard="ordered aio_linux aio_poll aio_pthread"
export AIO_LIBRARY=$CHECK_LIBRARY
# What is done in the call itself would never be too much at a time.
expect 0 env KAIO_MAX_REQUESTS=3 KAIO_VFS_OBJECTS="delay_inject $standard" KAIO_VFS_PARAMETERS="delay_inject:delay=5ms" \
    python3 "$digest" -b 100000 source >found
cmp wanted found || fail "where calls gave EAGAIN: $(<found)"
expect 1 python3 "$digest" none && says "digest: [Errno 2] No such file or directory"
expect 0 env KAIO_VFS_OBJECTS="$BUILD/short.so $standard" python3 "$digest" source >found
cmp wanted found || fail "after short reads: $(<found)"
expect 1 env KAIO_VFS_OBJECTS="error_inject $standard" KAIO_VFS_PARAMETERS='error_inject:rules="read EIO nth 5"' \
    python3 "$digest" source && says "digest: [Errno 5] Input/output error"

# Ctrl-C, while it waits for a second.
slow=(env KAIO_VFS_OBJECTS="delay_inject $standard" KAIO_VFS_PARAMETERS="delay_inject:delay=1s")
"${slow[@]}" "$BUILD/open-signals" python3 "$digest" source 2>message &
until readlink /proc/$!/fd/* 2>links | grep -q '/source$'; do sleep 0.05; done
sleep 0.3
kill -INT $!
code=0 && wait $! || code=$?
((code == 130)) || fail "Ctrl-C: exit code $code: $(tail -n1 message)"
[[ ! -s message ]] || fail "Ctrl-C: $(<message)"

# A forgotten request keeps its memory, and the program does not end before it.
before=$(date +%s%N)
expect 0 "${slow[@]}" python3 -c '
import gc, kaio, os
data = os.open("data", os.O_RDWR | os.O_CREAT, 0o600)
kaio.write(data, b"x" * 100000, 0)
gc.collect()
others = [bytearray(100000) for _ in range(100)]
kaio.wait([kaio.read(data, 1, 0)], 0.01)
assert len(kaio._in_flight) == 2, kaio._in_flight
'
(($(date +%s%N) - before >= 1000000000)) || fail "the program ended before its requests"
[[ $(tr -d x <data | wc -c) == 0 && $(wc -c <data) == 100000 ]] || fail "the forgotten write is not whole"
