// holds: A stack with a module on the wrong side of ordered is not used, and one line says which order is right.
// source: kaio
// limit: 60
#include "../check.h"
#include "../../../include/kaio.h"

#pragma weak kaio_connect

static struct child child;

int main(int argc, char **argv) {
    if (argc > 1) {
        // Each of these would have the kernel reorder what `ordered` is to keep in order; the default stack does not.
        int file = scratch_file(0);
        static char data[2][4096];
        for (int i = 0; i < 2; i++) memset(data[i], 'a' + i, sizeof data[i]);
        struct aiocb controls[2];
        for (int i = 0; i < 2; i++) {
            controls[i] = request(file, data[i], sizeof data[i], 0);
            OK(aio_write(&controls[i]));
        }
        for (int i = 0; i < 2; i++) EQUAL(FINISH(&controls[i]), 4096);
        char byte;
        EQUAL(pread(file, &byte, 1, 100), 1);
        EQUAL(byte, 'b');
        if (!kaio_connect) return 0;
        (void)argv;
        errno = 0;
        CHECK(kaio_connect("service", "aio_linux ordered", "") == NULL);
        EQUAL(errno, EINVAL);
        return 0;
    }
    const struct { const char *objects, *said; } wrong[] = {
        {"aio_linux ordered aio_pthread", "module aio_linux belongs below ordered: ordered aio_linux aio_pthread is right"},
        {"stats aio_poll error_inject ordered aio_linux",
         "module aio_poll belongs below ordered: stats error_inject ordered aio_poll aio_linux is right"},
        // A cache below a mirror would be one leg's.
        {"ordered mirror stats bufio aio_linux", "module bufio belongs above mirror: ordered bufio mirror stats aio_linux is right"},
        {"aio_pthread ordered", "module aio_pthread belongs below ordered: ordered aio_pthread is right"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char objects[256];
        snprintf(objects, sizeof objects, "KAIO_VFS_OBJECTS=%s", wrong[i].objects);
        run_again(&child, "work", (const char *const[]){objects, NULL}, NULL);
        SUCCEEDED(&child);
        if (count_lines(child.errors, wrong[i].said, "") != 1)
            failed(__FILE__, __LINE__, "%s: %s", wrong[i].objects, child.errors);
    }
    // The first one is what counts.
    run_again(&child, "work", (const char *const[]){"KAIO_VFS_OBJECTS=ordered aio_linux ordered", NULL}, NULL);
    SUCCEEDED(&child);
    EQUAL(count_lines(child.errors, "belongs", ""), 0);
}
