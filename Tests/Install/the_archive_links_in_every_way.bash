#!/bin/bash
# A program linked with libkaio.a works static, static-pie, pie and no-pie, with --gc-sections and -flto, with no warning.
. "$CHECK_ROOT/Tests/Install/check.bash"

archive=${CHECK_LIBRARY%.so}.a
write_program
for way in -static -static-pie -pie -no-pie "-static -Wl,--gc-sections" "-pie -Wl,--gc-sections" "-static -flto" \
    "-pie -flto -O2 -Wl,--gc-sections"; do
    # shellcheck disable=SC2086 # words are wanted
    cc -Wall -Werror -I"$CHECK_ROOT/include" -ffunction-sections $way -Wl,--fatal-warnings program.c "$archive" \
        -o program 2>log || fail "cc $way: $(tail -n 1 log)"
    expect_runs ./program
done

# Where the program and a library of its own both close descriptors, both calls are kaio's: an interrupted write in
# flight would otherwise land in another file.
echo 'int close(int); int closes_for_you(int d); int closes_for_you(int d) { return close(d); }' >other.c
cc -shared -fPIC other.c -o libother.so
cat >calls.c <<'EOF'
#include <errno.h>
#include <kaio.h>
#include <stdio.h>
#include <unistd.h>
int closes_for_you(int descriptor);
int main(void) {
    static char byte;
    int ends[2];
    if (pipe(ends) != 0) return 1;
    struct aiocb request = {.aio_fildes = ends[0], .aio_buf = &byte, .aio_nbytes = 1};
    if (aio_read(&request) != 0 || closes_for_you(ends[0]) != 0) return 2;
    return aio_error(&request) == ECANCELED ? 0 : 3;
}
EOF
cc -I"$CHECK_ROOT/include" calls.c "$archive" -L. -lother -Wl,-rpath,"$PWD" -o calls
./calls || fail "a shared library's close is not kaio's in a program that is linked with the archive: code $?"
