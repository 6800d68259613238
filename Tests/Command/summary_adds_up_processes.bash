#!/bin/bash
# holds: The summary adds up what the program and the processes that it starts did, and shows latencies of each.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

build_tools
expect 0 kaio_run --stats ./tools requests data 10 5 fork
has err '; 25 asynchronous requests in 2 processes$'
has err '^  requests +20 read, 5 write, 0 fsync$'
has err '^  in flight +at most 1 in one process$'
[[ $(grep -c 'latency in us, process [0-9]' err) == 2 ]] || fail "no table for each process: $(<err)"

# A shell makes none itself.
expect 0 kaio_run sh -c './tools requests data 10 5; true'
has err '; 15 asynchronous requests in process [0-9]+$'
