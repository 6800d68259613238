#!/bin/bash
# holds: kaio bench, interrupted anywhere, ends of the signal at once and leaves no file and no process; its progress is for terminals.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

mkdir place
bench=(env --default-signal "$CHECK_COMMAND" bench --library "$CHECK_LIBRARY" --seconds 60 --size 64m place)
workers() { pgrep -f "^kaio bench-worker .* 67108864 "; }
is_over() { ! workers >/dev/null; }

for signal in INT TERM HUP; do
    for moment in 0.02 0.3 1; do
        "${bench[@]}" >out 2>err &
        process=$!
        sleep "$moment"
        begin=$SECONDS
        kill "-$signal" "$process"
        wait "$process"
        code=$?
        ((code == 128 + $(kill -l "$signal"))) || fail "SIG$signal after $moment s ends it with $code: $(<err)"
        ((SECONDS - begin < 5)) || fail "SIG$signal is heeded only after $((SECONDS - begin)) s"
        until_true is_over
        [[ -z $(ls -A place) ]] || fail "left behind: $(ls -A place)"
        # It may be busy here.
        if [[ -s out ]] || grep -qv "other programs use" err; then fail "it says: $(<out) $(<err)"; fi
    done
done

# On a terminal: a bar with the time that is left, and Ctrl-C clears it.
export TERM=xterm
{
    until_true grep -q ' left' screen
    printf '\003'
    until_true test -e code
} | script -qefc "trap : INT; ${bench[*]}; echo \$? >code" screen >/dev/null 2>err
has code '^130$'
has screen '\[#*\.*\] [0-9]+ %  O_DIRECT read, depth 1|\[#*\.*\] [0-9]+ %  read, '
[[ $(tr '\r' '\n' <screen | grep -v '^Script' | tail -n 1) == *$'\e[K' ]] || fail "the bar is still there"
until_true is_over
[[ -z $(ls -A place) ]] || fail "left behind: $(ls -A place)"
