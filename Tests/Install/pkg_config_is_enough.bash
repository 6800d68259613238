#!/bin/bash
# A C program needs `pkg-config --cflags --libs kaio` and no more, shared or static, also when the prefix has moved.
. "$CHECK_ROOT/Tests/Install/check.bash"

install_to "$PWD/first"
mv first moved
export PKG_CONFIG_PATH=$PWD/moved/lib/pkgconfig
write_program
[[ $(pkg-config --modversion kaio) == "$version" ]] || fail "kaio.pc has version $(pkg-config --modversion kaio)"
# shellcheck disable=SC2046 # words are wanted
cc -Wall -Werror program.c $(pkg-config --cflags --libs kaio) -o shared
readelf -d shared | grep -q 'NEEDED.*libkaio\.so\.1' || fail "the program does not ask for libkaio.so.1"
LD_LIBRARY_PATH=$PWD/moved/lib expect_runs ./shared
# shellcheck disable=SC2046
cc -Wall -Werror -static program.c $(pkg-config --static --cflags --libs kaio) -o static
! readelf -l static | grep -q INTERP || fail "the program is not static"
expect_runs ./static
