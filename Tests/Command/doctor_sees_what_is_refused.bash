#!/bin/bash
# holds: Where a filter refuses calls, kaio doctor says so, what kaio does then, and what to do.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

build_tools
number() { printf '#include <sys/syscall.h>\nSYS_%s\n' "$1" | cc -E -P -x c - | tail -n1; }
# refused CALL ERRNO: leaves the report in out.
refused() { expect 1 ./tools refuse "$(number "$1")" "$2" "$CHECK_COMMAND" doctor --library "$CHECK_LIBRARY" --json; }
check() { jq -r --arg name "$1" '.checks[] | select(.name == $name) | "\(.verdict): \(.found); \(.kaio); \(.you)"' out; }
jq_error() { fail "$1: $(check "$1")"; }

refused io_setup 1 # EPERM
[[ $(check io_setup) == "workers: EPERM"*"every request on worker threads; have the container's seccomp profile allow io_setup, "* ]] ||
    jq_error io_setup
[[ $(check O_DIRECT) == "info: "*" has none: "* || $(check O_DIRECT) == "workers: "*"; runs them on worker threads; null" ]] ||
    jq_error O_DIRECT
[[ $(jq .seccomp_filter out) == true ]] || fail "no filter is seen"
refused io_setup 38 # ENOSYS
[[ $(check io_setup) == "workers: ENOSYS"* ]] || jq_error io_setup
refused io_setup 11 # EAGAIN
[[ $(check io_setup) == "workers: EAGAIN"*"fs.aio-max-nr"* ]] || jq_error io_setup
refused io_pgetevents 38
[[ $(check io_setup) == "workers: works, but io_pgetevents does not"* ]] || jq_error io_setup

# Of io_uring kaio has no need, so nothing else changes.
"$CHECK_COMMAND" doctor --library "$CHECK_LIBRARY" --json >before
./tools refuse "$(number io_uring_setup)" 1 "$CHECK_COMMAND" doctor --library "$CHECK_LIBRARY" --json >out
[[ $(check io_uring) == "info: EPERM: "* ]] || jq_error io_uring
others='del(.seccomp_filter) | .checks |= map(select(.name | IN("io_uring", "aio-max-nr") | not))'
diff <(jq "$others" before) <(jq "$others" out) >err || fail "more has changed than io_uring"

# Where statx does not tell it, the alignment is tried.
./tools refuse "$(number statx)" 38 "$CHECK_COMMAND" doctor --library "$CHECK_LIBRARY" --json >out
[[ $(check O_DIRECT) == "info: "*" has none: "* || $(check O_DIRECT) == "ok: everything in units of "*" bytes (tried)"* ]] ||
    jq_error O_DIRECT

# What older kernels have not.
./tools refuse 451 38 "$CHECK_COMMAND" doctor --library "$CHECK_LIBRARY" --json >out
[[ $(check 'newer calls') == "info: there is no "*"cachestat"* ]] || jq_error 'newer calls'
./tools refuse "$(number pwritev2)" 95 "$CHECK_COMMAND" doctor --library "$CHECK_LIBRARY" --json >out
[[ $(check 'newer calls') == "info: there is no "*"RWF_NOSIGNAL"* ]] || jq_error 'newer calls'
# A read that must not wait, at the end and in the middle.
./tools refuse "$(number preadv2)" 11 "$CHECK_COMMAND" doctor --library "$CHECK_LIBRARY" --json >out
[[ $(check 'reads at the end') == "info: one that must not wait is refused"* ]] || jq_error 'reads at the end'
# The ring of a process that may not move it stays.
./tools refuse "$(number mremap)" 22 "$CHECK_COMMAND" doctor --library "$CHECK_LIBRARY" --json >out
[[ $(check 'idle time') == "info: the ring can't be moved away; keeps "* ]] || jq_error 'idle time'
