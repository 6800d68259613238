#!/bin/bash
# holds: --stats shows a table of latencies, of the operations that there were, and what modules count.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

build_tools
expect 0 kaio_run --stats ./tools requests data 100 50
has err '^  latency in us$'
has err '^ +requests +failed +bytes +mean +50 % +90 % +99 % +99\.9 % +max$'
has err '^  read +100 +0 +400\.0 KiB( +[0-9]+\.[0-9]){6}$'
has err '^  write +50 +0 +200\.0 KiB( +[0-9]+\.[0-9]){6}$'
lacks err '^  fsync '
export KAIO_VFS_OBJECTS="bufio ordered aio_linux aio_poll aio_pthread" KAIO_VFS_PARAMETERS="bufio:files=all; bufio:size=1M"
expect 0 kaio_run --stats ./tools requests data 100 50
has err '^  bufio +hits [0-9]+, misses [0-9]+, .*budget 1,048,576'
expect 0 kaio_run ./tools requests data 100 50
lacks err bufio
unset KAIO_VFS_OBJECTS KAIO_VFS_PARAMETERS
expect 0 kaio_run ./tools requests data 100 50
lacks err latency
expect 125 kaio_run --quiet --stats ./tools requests data 100 50
