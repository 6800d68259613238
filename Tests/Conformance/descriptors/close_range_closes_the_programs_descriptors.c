// holds: close_range over all descriptors cancels what waits on them, and AIO works afterwards, though it closed what the library had open.
// source: kaio (extension)
#include "../slow.h"
#include <linux/close_range.h>

int main(void) {
    int files[3];
    for (int i = 0; i < 3; i++) files[i] = scratch_file(0);
    write_pattern(files[2], 65536, 1, 0);
    struct slow slow = slow_memory();
    struct aiocb first = request(files[1], slow.memory, SLOW_SIZE, 0), queued = request(files[1], "data", 4, 0);
    OK(aio_write(&first));
    SLOW_TOUCHED(&slow);
    OK(aio_write(&queued));
    OK(close_range((unsigned)files[1], (unsigned)files[1], 0));
    EQUAL(aio_error(&queued), ECANCELED);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&first), SLOW_SIZE);
    // What daemons do at their start, with whatever is open there.
    OK(close_range((unsigned)files[2] + 1, ~0u, 0));
    unsigned char *buffer = aligned_buffer(65536);
    for (int i = 0; i < 10; i++) {
        struct aiocb control = request(files[2], buffer, 65536, 0);
        if (i % 2) posix_fadvise(files[2], 0, 0, POSIX_FADV_DONTNEED);
        memset(buffer, 0, 65536);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), 65536);
        VERIFY(buffer, 65536, 1, 0);
    }
    return 0;
}
