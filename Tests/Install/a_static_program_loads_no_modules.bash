#!/bin/bash
# A static program refuses a module that would have to be loaded, says so, and works; one that is a part of it works.
. "$CHECK_ROOT/Tests/Install/check.bash"

archive=${CHECK_LIBRARY%.so}.a
write_program
cc -static -I"$CHECK_ROOT/include" program.c "$archive" -o program
cat >mine.c <<'EOF'
#include <kaio_vfs.h>
#include <unistd.h>
static void seen(kaio_vfs_handle *handle, kaio_request *request) {
    (void)!write(2, "mine sees a write\n", 18);
    KAIO_VFS_NEXT_AIO_WRITE(handle, request);
}
static const struct kaio_vfs_fns fns = {.aio_write_fn = seen};
__attribute__((constructor)) static void at_start(void) { kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &fns); }
EOF
cc -shared -fPIC -I"$CHECK_ROOT/include" mine.c -o mine.so
export KAIO_MODULE_DIR=$PWD KAIO_VFS_OBJECTS="mine ordered aio_linux aio_poll aio_pthread"
KAIO_SHOW_STATS=1 expect_runs ./program
grep -q "a static program can't load objects" <(./program 2>&1) || fail "it says: $(./program 2>&1 | head -n 1)"

cc -static -I"$CHECK_ROOT/include" program.c mine.c "$archive" -o program
grep -q 'mine sees a write' <(./program 2>&1) || fail "a module in the program says: $(./program 2>&1 | head -n 1)"

# With the archive in a program that is not static, a module is loaded, if the program shows kaio's names.
cc -rdynamic -I"$CHECK_ROOT/include" program.c "$archive" -o program
grep -q 'mine sees a write' <(./program 2>&1) || fail "a module loaded by path says: $(./program 2>&1 | head -n 1)"
