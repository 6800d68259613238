// holds: 70,000 completions that nobody takes need no more memory, and the latest 65536 are given out afterwards, oldest first.
// source: kaio
// modes: linked
// limit: 60
#include "../check.h"
#include "../../../include/kaio.h"

enum { count = 70000, remembered = 65536 };

int main(void) {
    static struct aiocb controls[count];
    static unsigned char byte;
    int descriptor = scratch_file(0);
    write_pattern(descriptor, 1, 1, 0);
    memset(controls, 1, sizeof controls);
    // What the library takes at its start, and the pages of the ring of completions, count for nothing.
    struct aiocb first;
    for (int i = 0; i < count; i++) {
        first = request(descriptor, &byte, 1, 0);
        OK(aio_read(&first));
        EQUAL(FINISH(&first), 1);
    }
    long before = resident_memory();
    for (int i = 0; i < count; i++) {
        controls[i] = request(descriptor, &byte, 1, i % 2);
        OK(aio_read(&controls[i]));
        EQUAL(wait_for(&controls[i], 10), 0);
    }
    long after = resident_memory();
    if (after - before > 4096) failed(__FILE__, __LINE__, "memory grew from %ld to %ld KiB", before, after);

    for (int i = count - remembered; i < count; i++) {
        struct aiocb *done = NULL;
        EQUAL(aio_waitcomplete(&done, NULL), i % 2 ? 0 : 1);
        EQUAL(done - controls, i);
    }
    struct aiocb *done;
    FAILS(aio_waitcomplete(&done, NULL), EWOULDBLOCK);
    // Those that were forgotten still have their results.
    for (int i = 0; i < count - remembered; i++) EQUAL(aio_return(&controls[i]), i % 2 ? 0 : 1);
    WITHOUT_LEAK(first = request(descriptor, &byte, 1, 0); OK(aio_read(&first)); EQUAL(wait_for(&first, 10), 0));
    return 0;
}
