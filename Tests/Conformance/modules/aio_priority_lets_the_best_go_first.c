// holds: With aio_priority requests beyond aio_priority:depth wait, and the one with the best priority goes first, one that is better than all that wait at once; aio_reqprio and the bias of its operation together; one that waits can be cancelled, and ends with its descriptor; a pipe takes no place.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=ordered aio_priority gate aio_linux aio_poll aio_pthread' 'KAIO_VFS_PARAMETERS=aio_priority:depth = 2; aio_priority:write = 10; aio_priority:starve = 1h'
// links: -Wl,-z,dynamic-undefined-weak
#include "gate.h"

enum { size = 4096, count = 9 };

static struct aiocb requests[count];
static unsigned char *data;

static void begin(int index, int file, int priority) {
    requests[index] = request(file, data + index * size, size, index * size);
    requests[index].aio_reqprio = priority;
    OK(aio_read(&requests[index]));
}

int main(void) {
    deadline(60);
    register_gate();
    keeps_reads = keeps_writes = 1;
    int file = scratch_file(O_DIRECT), second, ends[2];
    data = aligned_buffer(count * size);
    write_pattern(file, count * size, 1, 0);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    second = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
    // Pipes wait for ever, and take nobody's place.
    open_pipe(ends);
    static char bytes[2];
    struct aiocb piped = request(ends[0], bytes, 1, 0);
    keeps_reads = 0;
    OK(aio_read(&piped));
    keeps_reads = 1;
    reads_seen = 0;
    // 0 and 1 are below, and 4, more urgent than all that wait then. 5 is of the highest priority; 8, a write with 0 and the bias
    // of 10, is before 2 with 15 and behind 6 with 5.
    const int priorities[] = {0, 0, 15, 20, 5, 0, 5, 20, 0};
    for (int i = 0; i < 8; i++) begin(i, i == 7 ? second : file, priorities[i]);
    requests[8] = request(file, data + 8 * size, size, 8 * size);
    OK(aio_write(&requests[8]));
    give_it_time();
    EQUAL(reads_seen + writes_seen, 3);
    EQUAL(aio_cancel(file, &requests[3]), AIO_CANCELED);
    FINISHES_WITH(&requests[3], ECANCELED);
    const int order[] = {0, 1, 4, 5, 6, 8, 2};
    for (int i = 0; i < 7; i++) {
        let_go(order[i] == 8 ? &writes : &reads, 0);
        EQUAL(wait_for(&requests[order[i]], 10), 0);
        EQUAL(aio_return(&requests[order[i]]), size);
        if (i > 0 && i < 5) AWAIT(reads_seen + writes_seen == 3 + i);
        for (int j = i + 1; j < 7; j++) EQUAL(aio_error(&requests[order[j]]), EINPROGRESS);
        if (i == 4) {
            // All others are below by now, but for the one of priority 20.
            OK(close(second));
            FINISHES_WITH(&requests[7], ECANCELED);
        }
    }
    EQUAL(write(ends[1], "x", 1), 1);
    keeps_reads = 0;
    EQUAL(FINISH(&piped), 1);
}
