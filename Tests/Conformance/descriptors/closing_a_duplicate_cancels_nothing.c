// holds: Closing another descriptor of the same file, a duplicate or one opened again, cancels nothing.
// source: close
#include "../slow.h"

int main(void) {
    char path[64];
    int file = scratch_file(0), duplicate = dup(file);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int again = open(path, O_RDWR);
    struct slow slow = slow_memory();
    struct aiocb first = request(file, slow.memory, SLOW_SIZE, 0), queued = request(file, "data", 4, 0);
    OK(aio_write(&first));
    SLOW_TOUCHED(&slow);
    OK(aio_write(&queued));
    OK(close(duplicate));
    OK(close(again));
    EQUAL(aio_error(&queued), EINPROGRESS);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&first), SLOW_SIZE);
    EQUAL(FINISH(&queued), 4);
    return 0;
}
