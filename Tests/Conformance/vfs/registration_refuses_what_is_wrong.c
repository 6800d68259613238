// holds: kaio_vfs_register refuses another version, a name that is taken or no name, and says so.
// source: kaio
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"

#define REFUSED(call, error, part)      \
    do {                                \
        struct said said;               \
        listen_to_stderr(&said);        \
        FAILS(call, error);             \
        stop_listening(&said);          \
        HAS(said.text, part);           \
        EQUAL(count_lines(said.text, "kaio: module", "is refused"), 1); \
    } while (0)

int main(void) {
    struct kaio_vfs_fns fns = {0};
    int version = KAIO_VFS_INTERFACE_VERSION;
    REFUSED(kaio_vfs_register(version + 1, "one", &fns), EINVAL,
            "version 3 of the interface; this library has version 2");
    // One that was built before requests of its own and open files were there.
    REFUSED(kaio_vfs_register(1, "one", &fns), EINVAL, "is for version 1 of the interface; this library has version 2");
    OK(kaio_vfs_register(version, "one", &fns));
    REFUSED(kaio_vfs_register(version, "one", &fns), EEXIST, "registered already");
    const char *own[] = {"ordered", "aio_pthread", "readahead"};
    for (int i = 0; i < 3; i++) REFUSED(kaio_vfs_register(version, own[i], &fns), EEXIST, "kaio's own");
    REFUSED(kaio_vfs_register(version, "two", NULL), EINVAL, "no table");
    const char *bad[] = {"", "a b", "a/b", "a:b", "a=b", "a;b", "a,b", "a\"b"};
    for (int i = 0; i < 8; i++) REFUSED(kaio_vfs_register(version, bad[i], &fns), EINVAL, "no name");
    REFUSED(kaio_vfs_register(version, NULL, &fns), EINVAL, "no name");
    OK(kaio_vfs_register(version, "two", &fns));
    check_service();
}
