#!/bin/bash
# holds: What stops the program at the terminal (Ctrl-Z) stops kaio run with it, and SIGCONT has both go on.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

set -m
"$CHECK_COMMAND" run --library "$CHECK_LIBRARY" --quiet --audit audit sleep 60 &
run=$!
program_is_there() { program=$(pgrep -P "$run" sleep); }
until_true program_is_there
in_state() { [[ $(state "$1") == "$2" && $(state "$program") == "$2" ]]; }
until_true in_state "$run" S
# As the terminal does it: to the program alone, and kaio run sees it; and to kaio run alone, which passes it on.
for first in "$program" "$run"; do
    kill -TSTP "$first"
    until_true in_state "$run" T
    kill -CONT "$run"
    until_true in_state "$run" S
done
kill -TERM "$run"
wait "$run"
result=$?
((result == 143)) || fail "ended with $result, not 143"
nothing_is_left
