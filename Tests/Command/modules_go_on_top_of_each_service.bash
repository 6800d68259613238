#!/bin/bash
# holds: --audit and --stats put their modules on top of the stack of each service, and of variables.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

build_tools
mkdir slow fast
cat >more.conf <<END
[slow]
    path = $PWD/slow/*
    vfs objects = delay_inject full_audit ordered aio_linux
    delay_inject:delay = 20ms
    full_audit:to = $PWD/not-there
END
cat >kaio.conf <<'END'
full_audit:format = json
include = more.conf
END
program='./tools requests slow/data 2 1; ./tools requests fast/data 3 1'
expect 0 kaio_run --config kaio.conf --stats --audit audit sh -c "$program"
[[ $(grep -c '"path":".*/slow/data"' audit) == 3 && $(grep -c '"path":".*/fast/data"' audit) == 4 ]] ||
    fail "the audit has not 3 and 4 lines: $(<audit)"
[[ ! -e not-there ]] || fail "the file's own log is there"
has err 'latency in us, process [0-9]+, service slow$'
has err '^  read +2 +0 +8\.0 KiB +[2-9][0-9]\.?[0-9]*|^  read +2 +0 +8\.0 KiB +2[0-9]{4}\.[0-9]'

# The person's variables count as they would without the options.
rm audit
export KAIO_VFS_OBJECTS="delay_inject ordered aio_linux"
export KAIO_VFS_PARAMETERS='delay_inject:delay = "20ms"; full_audit:operations = write'
expect 0 kaio_run --stats --audit audit ./tools requests data 2 1
has err '^  read +2 +0 +8\.0 KiB +2[0-9]{4}\.[0-9]'
[[ $(grep -c write audit) == 1 && $(grep -c . audit) == 1 ]] || fail "the audit has not one write: $(<audit)"
nothing_is_left
