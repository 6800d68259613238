#!/bin/bash
# holds: Ctrl-C at the terminal reaches the program once; kaio run waits for what it does then.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

cat >program <<'END'
trap 'echo took it >>taken' INT
: >ready
until [ -e end ]; do sleep 0.02; done
echo came to its end
exit 3
END
# The shell is not to die of the same Ctrl-C.
command="trap : INT; '$CHECK_COMMAND' run --library '$CHECK_LIBRARY' bash program; echo code \$? >how; : >ended"
{
    until_true test -e ready
    printf '\003'
    until_true test -e taken
    # A second one would come at once.
    sleep 0.3
    : >end
    until_true test -e ended
} | script -qec "$command" /dev/null >out 2>err
has how '^code 3$'
has out 'came to its end'
[[ $(grep -c . taken) == 1 ]] || fail "the program took $(grep -c . taken) signals, not 1"
nothing_is_left
