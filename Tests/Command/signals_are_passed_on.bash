#!/bin/bash
# holds: A signal that is sent to kaio run reaches the program, once, and ends neither by itself.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

# Those that end whom they reach would leave the program behind, if kaio did not take them.
signals=(HUP INT QUIT TERM USR1 USR2 ALRM WINCH ABRT PIPE PWR XCPU RTMIN+3)
cat >program <<'END'
for signal in HUP INT QUIT TERM USR1 USR2 ALRM WINCH ABRT PIPE PWR XCPU RTMIN+3; do
    trap "echo $signal >>taken" $signal
done
: >ready
until [ -e end ]; do sleep 0.02; done
exit 5
END
# Not in the background as it is: the shell has SIGINT ignored there.
build_tools
cat >start <<'END'
trap - INT QUIT
exec "$CHECK_COMMAND" run --library "$CHECK_LIBRARY" bash program
END
set -m
bash start 2>err &
run=$!
until_true test -e ready
for ((i = 0; i < ${#signals[@]}; i++)); do
    kill "-${signals[i]}" "$run"
    until_true grep -sqx "${signals[i]}" taken
done
: >end
wait "$run"
result=$?
((result == 5)) || fail "ended with $result, not 5"
printf '%s\n' "${signals[@]}" | diff - taken >err || fail "the program took other signals"
nothing_is_left
