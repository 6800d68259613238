#!/bin/bash
# holds: Where a module answers requests by itself the summary says how many, and its numbers add up to the requests.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

build_tools
# Of what is written to the cache nothing comes to a module below before the end, and nothing of what is read.
export KAIO_VFS_PARAMETERS="bufio:files=all; bufio:mode=writeback; bufio:size=16M"
expect 0 kaio_run --vfs "bufio ordered aio_linux aio_poll aio_pthread" ./tools requests data 40 40
has err '; 80 asynchronous requests$'
has err '^  ran +.* [1-9][0-9]* completed by other modules \([0-9.]+ %\)$'
ran=0
for number in $(sed -n 's/([^)]*)//g; s/^  ran  *//p' err | tr -dc '0-9 '); do ran=$((ran + number)); done
((ran == 80)) || fail "$ran ran: $(grep '^  ran' err)"
shares=$(grep '^  ran' err | grep -oE '[0-9.]+ %' | awk '{ sum += $1 } END { print (sum > 99.7 && sum < 100.3) }')
((shares)) || fail "the shares are not 100 %: $(grep '^  ran' err)"

unset KAIO_VFS_PARAMETERS
expect 0 kaio_run ./tools requests data 40 40
lacks err 'passed on'
nothing_is_left
