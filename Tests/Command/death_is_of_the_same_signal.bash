#!/bin/bash
# holds: If a signal ends the program, the same signal ends kaio run, and nothing is left behind.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

build_tools
for signal in TERM KILL INT HUP SEGV ABRT USR1; do
    number=$(kill -l "$signal")
    expect 0 ./tools status "$CHECK_COMMAND" run --library "$CHECK_LIBRARY" sh -c "kill -$signal \$\$"
    has out "^signal $number\$"
    has err "terminated by signal $number "
done
nothing_is_left
