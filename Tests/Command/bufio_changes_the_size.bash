#!/bin/bash
# holds: kaio bufio shows the cache of a running program and changes its size, up and down; what is no such program, or no size, is said.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"
# shellcheck source=Tests/Command/serving.bash
. "$CHECK_ROOT/Tests/Command/serving.bash"

numbers() { "$CHECK_COMMAND" bufio --json "$process"; }
# Has the size be changed; the process hears of it with a request.
change() {
    "$CHECK_COMMAND" bufio --json --size "$1" "$process" >changed &
    local command=$!
    while kill -0 "$command" 2>kill.err; do order read 0 1; done
    wait "$command" || fail "kaio bufio --size $1 ended with $?"
}

head -c 4M /dev/urandom >data
export KAIO_VFS_OBJECTS="bufio ordered aio_linux aio_poll aio_pthread"
export KAIO_VFS_PARAMETERS="bufio:size=1M; bufio:files=all; bufio:validate=0"
serve data
order read 0 512
numbers >out || fail "kaio bufio ended with $?"
[[ $(jq .budget out) == 1048576 ]] || fail "$(<out)"
(($(jq .bytes out) <= 1048576 && $(jq .evictions out) > 0)) || fail "$(<out)"

# All of it fits from now on.
change 4M
[[ $(jq .budget changed) == $((4 << 20)) ]] || fail "$(<changed)"
order read 0 512
numbers >before
order read 0 512
numbers >after
[[ $(jq .evictions before) == $(jq .evictions after) ]] || fail "$(<before) $(<after)"
(($(jq .hits after) == $(jq .hits before) + 512)) || fail "$(<before) $(<after)"

is_small() { (($(numbers | jq .bytes) <= 300 << 10)); }
change 256k
[[ $(jq .budget changed) == $((256 << 10)) ]] || fail "$(<changed)"
until_true is_small

"$CHECK_COMMAND" bufio "$process" >out
has out "^bufio of process $process .*budget 262144"
"$CHECK_COMMAND" top --once --interval 0.1 "$process" >out
has out "^  bufio: hits .*budget 262,144"
for size in 63k 12 0 -1M 2000T x 9999999999999999999; do
    "$CHECK_COMMAND" bufio --size="$size" "$process" 2>err && fail "--size=$size is taken"
    has err "64k to 1024T"
done
dismiss

export KAIO_VFS_OBJECTS="ordered aio_linux aio_poll aio_pthread" KAIO_VFS_PARAMETERS=""
serve data
order read 0 1
"$CHECK_COMMAND" bufio "$process" 2>err && fail "a program without bufio has one"
has err "has no module bufio"
dismiss
sleep 60 &
"$CHECK_COMMAND" bufio $! 2>err && fail "sleep runs on kaio"
has err "does not run on kaio"
kill $!
