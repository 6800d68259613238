#!/bin/bash
# The copying examples: whole copies of every kind of length, whatever the requests' fate, and nothing half-made after an
# error or a signal. `copy` also without kaio.
. "$CHECK_ROOT/Tests/parts/support.bash"

copy=$BUILD/copy
runs=("env" "env LD_PRELOAD=$CHECK_LIBRARY")
[[ $EXAMPLE == */copy ]] || runs=("env")

for size in 0 1 4095 4096 65536 1000000 4194304 5000001; do
    random_file source "$size"
    for run in "${runs[@]}"; do
        for options in "" "-d" "-b 4k -n 64" "-d -b 64k -n 3" "-b 1M -n 1"; do
            # shellcheck disable=SC2086 # several words
            expect 0 $run "$copy" $options source target
            cmp source target || fail "$run copy $options of $size bytes is not the same"
            only source target
        done
    done
done

# The mode is the source's, and what was there is replaced.
chmod 640 source && echo old >target
expect 0 "$copy" source target
[[ $(stat -c %a target) == 640 ]] || fail "the mode is $(stat -c %a target)"
cmp source target

# A status of EINTR or EAGAIN is not the end.
standard="ordered aio_linux aio_poll aio_pthread"
expect 0 with "error_inject $standard" \
    'error_inject:rules="read EINTR every 3; write EAGAIN every 2; fsync EINTR first 2"' "$copy" -b 4k source target
cmp source target || fail "not the same after EINTR and EAGAIN"
# Neither is a transfer that was short.
expect 0 with "$BUILD/short.so $standard" "" "$copy" -b 4k source target
cmp source target || fail "not the same after short transfers"
# So few requests are allowed that calls fail with EAGAIN.
expect 0 env LD_PRELOAD="$CHECK_LIBRARY" KAIO_MAX_REQUESTS=2 "$copy" -b 4k -n 32 source target
cmp source target || fail "not the same where calls gave EAGAIN"

# Errors are named; what was there stays, and nothing is left over.
echo old >target
for rule in "read EIO nth 20|read: Input/output error" "write ENOSPC after 10|write: No space left on device" \
    "fsync EIO|fsync: Input/output error"; do
    expect 1 with "error_inject $standard" "error_inject:rules=\"${rule%|*}\"" "$copy" -b 4k source target
    says "${rule#*|}"
    only source target
    [[ $(<target) == old ]] || fail "the old target is gone"
done
# A write that is cut short, and then refused.
expect 1 bash -c "ulimit -f 100; exec env LD_PRELOAD='$CHECK_LIBRARY' '$copy' -b 64k source target"
says "write: File too large"
only source target
expect 1 "$copy" none target && says "none: No such file or directory"
mkfifo pipe
expect 1 "$copy" source pipe && says "is no regular file"
[[ -p pipe ]] && rm pipe
expect 1 "$copy" source none/target && says "none/target: No such file or directory"
expect 2 "$copy" -b 1 source target && says "not a multiple of 4k"
expect 2 "$copy" source && says usage

# A signal ends it as a signal does, with requests in flight, and only the old target is there.
for name in INT TERM; do
    env LD_PRELOAD="$CHECK_LIBRARY" KAIO_VFS_OBJECTS="delay_inject $standard" KAIO_VFS_PARAMETERS="delay_inject:delay=300ms" \
        "$BUILD/open-signals" "$copy" -b 4k -n 4 source target 2>message &
    until compgen -G 'target.*' >/dev/null; do sleep 0.02; done
    sleep 0.4
    kill "-$name" $!
    code=0 && wait $! || code=$?
    ((code == 128 + $(kill -l $name))) || fail "SIG$name: exit code $code"
    only source target
    [[ $(<target) == old ]] || fail "the old target is gone"
done
