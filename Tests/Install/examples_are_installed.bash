#!/bin/bash
# holds: The examples are installed, and build with what is installed.
. "$CHECK_ROOT/Tests/Install/check.bash"

install_to "$PWD/prefix"
cp -R prefix/share/doc/kaio/examples .
for example in blocks copy copy-epoll module server-epoll sigev-thread; do
    make -s -C "examples/$example" {CPPFLAGS=-I,KAIO_INCLUDE=}"$PWD/prefix/include" KAIO_LIB="$PWD/prefix/lib" 2>message ||
        fail "$example: $(tail -n 1 message)"
done
echo "as it was" >source
LD_PRELOAD=$PWD/prefix/lib/libkaio.so.1 examples/copy/copy source target
cmp source target || fail "the example does not copy a file"
! find examples -path '*swift*' -o -name '*.o' | grep . || fail "there is more than the examples"
