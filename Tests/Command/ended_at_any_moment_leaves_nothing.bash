#!/bin/bash
# holds: SIGTERM ends kaio run and the program at any moment, also at the start, and leaves no process and no file.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

duration=200.$$
for ((i = 0; i < 40; i++)); do
    "$CHECK_COMMAND" run --library "$CHECK_LIBRARY" --stats sleep "$duration" 2>err &
    run=$!
    delay=0.0$((i / 20))$((i % 20 / 2))
    sleep "$delay"
    kill -TERM "$run"
    wait "$run"
    result=$?
    ((result == 143)) || fail "after $delay s it ended with $result, not 143"
done
! pgrep -f "^sleep $duration" >/dev/null || fail "sleep still runs"
nothing_is_left
