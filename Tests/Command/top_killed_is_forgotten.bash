#!/bin/bash
# holds: When kaio top is killed, the program goes on at once, and soon stops counting by itself.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"
# shellcheck source=Tests/Command/serving.bash
. "$CHECK_ROOT/Tests/Command/serving.bash"

head -c 262144 /dev/zero >file
serve file
is_not_watched || fail "somebody looks already"
(($(stat -c %s "$page") == 4096)) || fail "the page is larger than its head before anybody looks"
"$CHECK_COMMAND" top --json --interval 0.2 "$process" >out 2>err &
top=$!
until_true is_watched
order read 0 50
kill -KILL "$top"
wait "$top" 2>/dev/null
begin=$SECONDS
order read 0 50
is_watched || fail "it is forgotten too soon to say anything"
is_forgotten() { order read 0 1 && is_not_watched; }
until_true is_forgotten
((SECONDS - begin <= 6)) || fail "forgotten only after $((SECONDS - begin)) s"
# And who comes then is served.
"$CHECK_COMMAND" top --once --json --interval 0.2 "$process" >out 2>err || fail "kaio top ended with $?"
dismiss
