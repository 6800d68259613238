#!/bin/bash
# holds: An LD_PRELOAD and KAIO_ variables that are set stay; kaio comes behind the others, and options count more.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

printf 'int unused_here;\n' | cc -shared -fPIC -x c -o other.so - || fail "cc"
# shellcheck disable=SC2016 # the shell in it is to expand that
LD_PRELOAD=$PWD/other.so expect 0 "$CHECK_COMMAND" run --library "$CHECK_LIBRARY" sh -c 'echo "$LD_PRELOAD"; cat /proc/$$/maps'
has out "^$PWD/other.so $(realpath "$CHECK_LIBRARY")\$"
has out '/other\.so$'
has out '/libkaio\.so'

export KAIO_WORKERS=3 KAIO_VFS_OBJECTS="ordered aio_pthread" KAIO_CONFIG=
expect 0 kaio_run env
has out '^KAIO_WORKERS=3$'
has out '^KAIO_VFS_OBJECTS=ordered aio_pthread$'
expect 0 kaio_run --vfs "ordered aio_linux" env
has out '^KAIO_VFS_OBJECTS=ordered aio_linux$'
unset KAIO_VFS_OBJECTS
echo 'vfs objects = aio_pthread' >file.conf
KAIO_CONFIG=/other.conf expect 0 kaio_run --config file.conf env
has out "^KAIO_CONFIG=$PWD/file.conf\$"
unset KAIO_CONFIG

build_tools
KAIO_STATS_FILE=$PWD/mine.%p expect 0 kaio_run ./tools requests data 2 1
has err "the statistics are in $PWD/mine.%p"
has mine.* '"requests":{"read":2,"write":1,'
