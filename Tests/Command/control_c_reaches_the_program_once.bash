#!/bin/bash
# holds: Ctrl-C at the terminal reaches the program once; kaio run waits for what it does then.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

build_tools
# The shell is not to die of the same Ctrl-C.
command="trap : INT; '$CHECK_COMMAND' run --library '$CHECK_LIBRARY' ./tools interrupts; echo code \$? >how; : >ended"
{
    until_true test -e ready
    printf '\003'
    until_true test -s taken
    # A second one would come at once.
    sleep 0.3
    : >end
    until_true test -e ended
} | script -qec "$command" /dev/null >out 2>err
has how '^code 3$'
[[ $(tail -n1 taken) == 1 ]] || fail "the program took $(tail -n1 taken) signals, not 1"
has out 'tools ended with code 3 '
nothing_is_left
