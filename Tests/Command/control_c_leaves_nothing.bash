#!/bin/bash
# holds: Ctrl-C ends kaio run sleep, as it ends sleep, and leaves no process and no file.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

build_tools
duration=100.$$
# The shell is not to die of the same Ctrl-C.
command="trap : INT; ./tools status '$CHECK_COMMAND' run --library '$CHECK_LIBRARY' --stats sleep $duration >how; : >ended"
{
    until_true pgrep -f "^sleep $duration" >/dev/null
    printf '\003'
    until_true test -e ended
} | script -qec "$command" /dev/null >out 2>err
has how '^signal 2$'
! pgrep -f "^sleep $duration" >/dev/null || fail "sleep still runs"
nothing_is_left
