#!/bin/bash
# holds: There is colour on a terminal only, and on none with NO_COLOR or TERM=dumb.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

escape=$'\e'
command="'$CHECK_COMMAND' run --library '$CHECK_LIBRARY' true; '$CHECK_COMMAND' doctor --library '$CHECK_LIBRARY'"
unset NO_COLOR
export TERM=xterm
script -qec "$command" /dev/null >out </dev/null
has out "$escape\\[33mwarning"
has out "$escape\\[32mok"
for setting in NO_COLOR=1 TERM=dumb; do
    env "$setting" script -qec "$command" /dev/null >out </dev/null
    has out warning
    lacks out "$escape"
done
bash -c "$command" >out 2>&1
has out warning
lacks out "$escape"
# It is the stream that counts, not whether there is a terminal.
script -qec "($command) >plain 2>&1" /dev/null >/dev/null </dev/null
lacks plain "$escape"
