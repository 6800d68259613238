#!/bin/bash
# holds: kaio top shows how often a program did what on which file, as JSON and for a person.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"
# shellcheck source=Tests/Command/serving.bash
. "$CHECK_ROOT/Tests/Command/serving.bash"

head -c 262144 /dev/zero >one
cp one "two 2"
serve one "two 2"
order read 0 9
# look SECONDS DELAY OPTION ...
look() {
    "$CHECK_COMMAND" top --once --interval "$1" "${@:3}" "$process" >out 2>err &
    top=$!
    until_true is_watched
    sleep "$2"
    order read 0 30
    order read 1 10
    order write 1 5
    order fsync 1 2
    wait "$top" || fail "kaio top ended with $?"
}
# number FILE OPERATION MEMBER
number() { jq --arg file "$PWD/$1" --arg op "$2" ".files[] | select(.path == \$file and .operation == \$op) | $3" out; }
is() { [[ $1 == "$2" ]] || fail "$1 is not $2: $(<out)"; }

# For longer than the program believes who says nothing.
look 5 3.5 --json
is "$(wc -l <out)" 1
is "$(number one read .requests)" 30
is "$(number one read .bytes)" $((30 * 4096))
is "$(number one read .in_flight)" 0
is "$(number "two 2" read .requests)" 10
is "$(number "two 2" write .requests)" 5
is "$(number "two 2" fsync .requests)" 2
is "$(jq '.files | length' out)" 4
is "$(jq .total.requests out)" 47
is "$(jq .pid out)" "$process"
is "$(jq -r .program out)" tools
is "$(jq '.seconds > 4.9 and .seconds < 12' out)" true
is "$(jq '.total.requests_per_second * .seconds | round' out)" 47
is "$(jq '.total.latency_us | .["50"] > 0 and .["50"] <= .["99"] and .["99"] <= .max and .mean <= .max' out)" true

# Somebody may look again, and begins with nothing; here, before the first one is forgotten.
look 4 1.5
has out "^kaio top: tools \($process\), kaio "
has out " [78] .* read +$PWD/one$"
has out " write +$PWD/two 2$"
lacks out $'\e'

"$CHECK_COMMAND" top --once --interval 0.1 "$process" >/dev/full 2>err
result=$?
((result == 2)) || fail "with a full output it ended with $result"
has err 'stdout: No space'

# Without --once one look follows another, as long as the process lives.
"$CHECK_COMMAND" top --json --interval 0.2 "$process" >looks 2>err 3>&- &
top=$!
has_looked() { (($(wc -l <looks) >= 3)); }
until_true has_looked
dismiss
wait "$top" || fail "kaio top ended with $?"
has err "process $process \(tools\) has ended"
jq -e . looks >/dev/null || fail "no JSON: $(<looks)"
