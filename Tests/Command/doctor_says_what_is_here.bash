#!/bin/bash
# holds: kaio doctor tries each thing on the path, as text and as JSON, and leaves nothing there.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

doctor() { "$CHECK_COMMAND" doctor --library "$CHECK_LIBRARY" "$@"; }
mkdir place
doctor --json place >out 2>err
result=$?
names=$(jq -r '.checks | map(.name) | join(",")' out)
expected="library,aio-max-nr,io_setup,completion ring,idle time,buffered reads,buffered writes,reads at the end,short reads,aio_fsync,pipes\, sockets,O_DIRECT,overwrites,direct reads,device queue,newer calls,io_uring"
[[ $names == "${expected//\\/}" ]] || fail "checks are '$names'"
jq -e --arg path "$PWD/place" --arg kernel "$(uname -r)" '.path == $path and .kernel == $kernel
    and (.checks | all(.verdict | IN("ok", "workers", "missing", "info")) and all(.found != "" and .kaio != ""))
    and .well == (.checks | all((.verdict | IN("ok", "info")) or (.name | IN("library", "aio-max-nr", "io_setup", "completion ring") | not)))' out >/dev/null || fail "not as it should be: $(<out)"
# To try one thing harms no other: a context that is destroyed by another name takes memory with it that is not its own.
lacks out 'Invalid argument|EINVAL'
[[ $(jq .well out) == "$( ((result == 0)) && echo true || echo false)" ]] || fail "well, but the code is $result"
[[ $(jq -r .file_system out) == "$(findmnt -no FSTYPE --target place)" ]] || fail "file system $(jq .file_system out)"

expect "$result" doctor place
[[ $(grep -cE '^(ok|workers|missing|info) ' out) == 17 ]] || fail "not 17 lines: $(<out)"
touch place/file
expect "$result" doctor place/file
has out "^$PWD/place \\("
rm place/file
# Where there are no files without a name, it has one for a moment. O_TMPFILE, but for O_DIRECTORY, is 020000000.
build_tools
openat=$(printf '#include <sys/syscall.h>\nSYS_openat\n' | cc -E -P -x c - | tail -n1)
expect "$result" ./tools refuse "$openat:020000000" 95 "$CHECK_COMMAND" doctor --library "$CHECK_LIBRARY" place
rmdir place || fail "something is left in the directory"

expect 2 doctor no-such-place
has err 'no-such-place: No such file'
expect 2 doctor /dev/null
expect 2 doctor /proc
expect 2 doctor --no-such-option

# On a file system without RWF_NOWAIT transfers are not the kernel's; in a full one not all can be tried. In a
# mount namespace of its own, where that is permitted; one of a user who is root there only is good enough.
mkdir small
alone() { unshare --user --map-root-user --mount sh -euc 'mount -t tmpfs -o size=64k none small; "$@"' - "$@"; }
if alone true 2>err; then
    direct='.checks[] | select(.name == "O_DIRECT")'
    expect 0 alone "$CHECK_COMMAND" doctor --library "$CHECK_LIBRARY" --json small
    jq -e "$direct | .verdict | IN(\"workers\", \"info\")" out >found || fail "$(jq -c "$direct" out)"
    # Buffered ones are made in the call, as library/memory_is_read_in_the_call shows, where the kernel knows cachestat.
    wanted=info
    ! jq -e '.checks[] | select(.name == "newer calls") | .found | contains("no cachestat")' out >found || wanted=workers
    for name in reads writes; do
        jq -e --arg name "buffered $name" --arg wanted $wanted '.checks[] | select(.name == $name)
            | .verdict == $wanted and (.kaio | contains("in the call") == ($wanted == "info"))' out >found || fail "$(<out)"
    done
    # shellcheck disable=SC2016
    expect 0 alone sh -c 'head -c 64k /dev/zero >small/file 2>&-; exec "$@"' - \
        "$CHECK_COMMAND" doctor --library "$CHECK_LIBRARY" small
    has out '^info +buffered transfers +no room'
    lacks out '^Nothing makes kaio use worker threads'
fi
