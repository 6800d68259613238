#!/bin/bash
# holds: kaio top shows what the modules count themselves, as JSON and for a person.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"
# shellcheck source=Tests/Command/serving.bash
. "$CHECK_ROOT/Tests/Command/serving.bash"

head -c 65536 /dev/zero >one
export KAIO_VFS_OBJECTS="group_sync ordered aio_linux aio_poll aio_pthread"
serve one
order write 0 5
"$CHECK_COMMAND" top --once --interval 0.1 --json "$process" >out || fail "kaio top ended with $?"
[[ $(jq .modules.group_sync.writes out) == 5 && $(jq .modules.group_sync.waiting out) == 0 ]] || fail "$(<out)"
"$CHECK_COMMAND" top --once --interval 0.1 "$process" >out || fail "kaio top ended with $?"
has out "^  group_sync: writes 0/s, syncs 0/s, .*waiting 0"
dismiss
