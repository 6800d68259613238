#!/bin/bash
# holds: A process that made requests and did not come to its exit is named, since it wrote no numbers.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

build_tools
expect 0 kaio_run ./tools requests data 4 4 _exit
has err '; nothing was counted$'
has err 'process [0-9]+ made requests that are not counted'
expect 134 kaio_run ./tools requests data 4 4 abort
has err 'terminated by signal 6 .*nothing was counted$'
expect 0 kaio_run sh -c './tools requests data 4 4 _exit; ./tools requests data 4 0'
has err '; 4 asynchronous requests in process'
has err 'process [0-9]+ made requests that are not counted'
nothing_is_left
