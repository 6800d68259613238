#!/bin/bash
# holds: The summary has what the program did: requests, bytes, failures, where they ran, how many at once.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

build_tools
expect 0 kaio_run ./tools requests data 20 1000
has err '^kaio: tools ended after [0-9.]+ s; 1,020 asynchronous requests$'
has err '^  requests +20 read, 1,000 write, 0 fsync$'
has err '^  bytes +80\.0 KiB read, 3\.9 MiB written$'
has err '^  failed +0, cancelled 0$'
has err '^  in flight +at most 1$'
# A request can take two steps.
ran=0
for number in $(sed -n 's/([^)]*)//g; s/^  ran  *//p' err | tr -dc '0-9 '); do ran=$((ran + number)); done
((ran >= 1020)) || fail "$ran ran: $(grep '^  ran' err)"
lacks err warning
[[ ! -s out ]] || fail "something is on stdout"

expect 0 kaio_run ./tools requests data 0 0
has err 'no asynchronous request was counted$'
nothing_is_left
