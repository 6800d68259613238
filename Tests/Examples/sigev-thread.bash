#!/bin/bash
# The counts of `lines` are those of wc, on the C library and on kaio.
. "$CHECK_ROOT/Tests/parts/support.bash"

seq 300000 >many
printf 'a\nb' >unfinished
: >empty
random_file noise 3000000
wc -l many unfinished empty noise | sed 's/^ *//; $d' >wanted
for run in env "env LD_PRELOAD=$CHECK_LIBRARY"; do
    for number in 1 8 100; do
        # shellcheck disable=SC2086 # several words
        expect 0 $run "$BUILD/lines" -n "$number" many unfinished empty noise >counted
        cmp wanted counted || fail "$run lines -n $number: $(<counted)"
    done
done
standard="ordered aio_linux aio_poll aio_pthread"
expect 0 with "error_inject $standard" 'error_inject:rules="read EINTR every 2"' "$BUILD/lines" many >counted
[[ $(<counted) == "300000 many" ]] || fail "after EINTR: $(<counted)"
expect 0 with "$BUILD/short.so $standard" "" "$BUILD/lines" many >counted
[[ $(<counted) == "300000 many" ]] || fail "after short reads: $(<counted)"
expect 0 env LD_PRELOAD="$CHECK_LIBRARY" KAIO_MAX_REQUESTS=2 "$BUILD/lines" -n 20 many >counted
[[ $(<counted) == "300000 many" ]] || fail "after EAGAIN: $(<counted)"
expect 1 with "error_inject $standard" 'error_inject:rules="read EIO nth 5"' "$BUILD/lines" many
says "many: Input/output error"
expect 1 "$BUILD/lines" none
says "none: No such file or directory"
expect 2 "$BUILD/lines"
