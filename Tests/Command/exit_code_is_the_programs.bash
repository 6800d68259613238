#!/bin/bash
# holds: kaio run ends with the program's exit code; its own failures have those of env(1).

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

expect 0 kaio_run true
expect 7 kaio_run sh -c 'exit 7'
expect 7 kaio_run --quiet -- sh -c 'exit 7'
expect 255 kaio_run sh -c 'exit 255'

expect 127 kaio_run no-such-program
has err 'no-such-program: No such file'
expect 127 kaio_run ./no-such-program
expect 127 kaio_run ''
has err "'': No such file"
touch data
expect 126 kaio_run ./data
has err './data: Permission denied'
mkdir directory
expect 126 kaio_run ./directory

expect 125 "$CHECK_COMMAND" run
has err 'no program given'
expect 125 kaio_run --no-such-option true
has err 'no-such-option: unknown option'
expect 125 "$CHECK_COMMAND" run --library ./data true
expect 125 "$CHECK_COMMAND" run --library
has err "Missing value for '--library"
expect 2 "$CHECK_COMMAND" no-such-command
nothing_is_left
