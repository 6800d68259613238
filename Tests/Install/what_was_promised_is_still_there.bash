#!/bin/bash
# holds: Each symbol, struct and value that programs and modules were compiled with is still there, and each key of the JSON that scripts read.
. "$CHECK_ROOT/Tests/Install/check.bash"
promised=$CHECK_ROOT/packaging/abi

nm -D --defined-only --extern-only "$CHECK_LIBRARY" | awk '{ print $3 }' | sort >symbols
gone=$(comm -23 "$promised/symbols" symbols | xargs)
[[ ! $gone ]] || fail "the library no longer has $gone"
new=$(comm -13 "$promised/symbols" symbols | xargs)
[[ ! $new ]] || fail "the library also has $new: add them to packaging/abi/symbols, as a promise"

cc -std=gnu11 -fsyntax-only -I "$CHECK_ROOT/include" "$promised/layouts.c" 2>message || fail "$(grep -m1 error message)"

# Every path in a JSON value, without the indices of arrays.
keys() { jq -r 'paths | map(select(type == "string")) | join(".")' "$1" | sort -u; }
write_program
cc program.c -I "$CHECK_ROOT/include" -L "$(dirname "$CHECK_LIBRARY")" -lkaio -Wl,-rpath,"$(dirname "$CHECK_LIBRARY")" -o program
KAIO_VFS_OBJECTS="stats ordered aio_linux aio_poll aio_pthread" KAIO_VFS_PARAMETERS="stats:file = $PWD/latencies; stats:format = json" \
    KAIO_STATS_FILE=$PWD/statistics ./program >/dev/null
"$CHECK_COMMAND" doctor --json . >checks || : # 1 where something is missing here
for what in statistics latencies checks; do
    keys $what >$what.keys
    [[ -s $what.keys ]] || fail "$what is empty"
    gone=$(comm -23 "$promised/$what.keys" $what.keys | xargs)
    [[ ! $gone ]] || fail "the JSON of $what no longer has $gone"
done
