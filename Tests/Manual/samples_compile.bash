#!/bin/bash
# Each sample of C in the documents that is a whole file compiles without a warning; the module of kaio_vfs(3) can be used.
. "$CHECK_ROOT/Tests/parts/support.bash"

count=0
for document in "$CHECK_ROOT"/README.md "$CHECK_ROOT"/docs/*.md "$CHECK_ROOT"/docs/*/*.md; do
    name=$(basename "$document" .md)
    awk -v name="$name" '/^```c$/ { file = name "." ++n ".c"; next } /^```$/ { file = "" } file { print >file }' "$document"
    for sample in "$name".*.c; do
        grep -qs '#include' "$sample" || continue
        count=$((count + 1))
        compiler=cc
        ! grep -q '<mpi.h>' "$sample" || compiler=mpicc.mpich
        "$compiler" -std=gnu11 -O2 -Wall -Wextra -Werror -Wno-stringop-overflow -I"$CHECK_ROOT/include" -fsyntax-only "$sample" 2>message ||
            fail "$document: $(grep -m1 error message)"
    done
done
((count >= 5)) || fail "only $count samples were found"

cc -I"$CHECK_ROOT/include" -Wall -shared -fPIC -o size_limit.so writing.1.c
head -c 100000 /dev/zero >source
make -s -C "$CHECK_ROOT/Examples/copy" BUILD="$PWD"
stack="size_limit ordered aio_linux aio_poll aio_pthread"
export KAIO_MODULE_DIR=$PWD
expect 0 with "$stack" "size_limit:most=1M" ./copy -b 4k source target
expect 1 with "$stack" "size_limit:most=64k" ./copy -b 4k source target
says "File too large"

# Its second one: what is on the disk is not what was written, and what is read is.
cc -I"$CHECK_ROOT/include" -Wall -shared -fPIC -o scramble.so writing.2.c
cat >kaio.conf <<END
[secret]
    path = $PWD/secret*
    vfs objects = scramble ordered aio_linux aio_poll aio_pthread
END
head -c 300000 /dev/urandom >source
for size in 4k 64k 100k; do
    expect 0 env LD_PRELOAD="$CHECK_LIBRARY" KAIO_CONFIG="$PWD/kaio.conf" ./copy -b "$size" source secret
    [[ $(tr '\000-\377' "$(printf '\\%03o' {255..0})" <secret | sha256sum) == "$(sha256sum <source)" ]] ||
        fail "the second sample does not scramble what is written by $size"
    expect 0 env LD_PRELOAD="$CHECK_LIBRARY" KAIO_CONFIG="$PWD/kaio.conf" ./copy -b "$size" secret target
    cmp source target || fail "the second sample does not read what it has written by $size"
done

# That of kaio_aio(3) reads what is there, and says what is not.
cc -I"$CHECK_ROOT/include" -o extensions extensions.1.c "$CHECK_LIBRARY"
export LD_LIBRARY_PATH=${CHECK_LIBRARY%/*}
expect 0 ./extensions source >said
[[ $(<said) == *" read 4096 bytes of source" ]] || fail "the sample of the extensions says $(<said)"
expect 1 ./extensions nowhere
says "nowhere: No such file or directory"
expect 1 ./extensions .
says ".: Is a directory"

# That of kaio_connect(3) reads what is there.
cc -I"$CHECK_ROOT/include" -o connections connections.1.c "$CHECK_LIBRARY"
expect 0 ./connections source >said
[[ $(<said) == "65536 bytes of source" ]] || fail "the connection's sample says $(<said)"
