#!/bin/bash
# holds: Built in another directory, the library and the archive are the same bytes. (The command takes as long again:
# `make release-check` compares all that is released.)
. "$CHECK_ROOT/Tests/Install/check.bash"

mkdir -p elsewhere/deeper
cp -R "$CHECK_ROOT"/{Makefile,Sources,Tools,include} elsewhere/deeper/
env -u MAKEFLAGS -u MAKELEVEL make -C elsewhere/deeper library archive >log 2>&1 || fail "make: $(tail -n1 log)"
for file in libkaio.so libkaio.a; do
    cmp "$CHECK_ROOT/.build/release/$file" "elsewhere/deeper/.build/release/$file" >difference 2>&1 ||
        fail "$(<difference)"
done
