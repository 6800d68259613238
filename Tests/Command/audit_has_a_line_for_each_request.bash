#!/bin/bash
# holds: --audit writes a line for each request, from the directory in which kaio run was called.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

build_tools
expect 0 kaio_run --audit "log %p.d 100%q" ./tools requests data 10 5
[[ $(cat "log "*".d 100%q" | grep -cE ' (read|write) "/.*/data" offset=') == 15 ]] || fail "not 15 lines: $(cat log*)"

mkdir below
expect 0 kaio_run --audit audit sh -c 'cd below && ../tools requests data 10 5'
[[ $(grep -c . audit) == 15 ]] || fail "not 15 lines in the file of a relative name"
expect 0 kaio_run --quiet --audit stderr ./tools requests data 1 0
has err '^[^ ]+ read "/.*/data"'
nothing_is_left
