#!/bin/bash
# holds: A process that becomes another program by exec is still looked at.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"
# shellcheck source=Tests/Command/serving.bash
. "$CHECK_ROOT/Tests/Command/serving.bash"

head -c 262144 /dev/zero >file
serve file
"$CHECK_COMMAND" top --json --interval 0.3 "$process" >out 2>err 3>&- &
until_true is_watched
order read 0 3
# The last look may be half written.
counted() { [[ $(grep '}$' out | jq -s 'map(.total.requests) | add') == "$1" ]]; }
until_true counted 3
sleep 0.5
echo "again 0 0" >&3
is_another() { (($(grep -c "^ready $process\$" answers) == 2)); }
until_true is_another
until_true is_watched
sleep 1
order read 0 4
until_true counted 7
dismiss
wait
has err "process $process \(tools\) has ended"
