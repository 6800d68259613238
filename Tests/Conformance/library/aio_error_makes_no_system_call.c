// holds: aio_error, of a finished request or of one in progress with nothing to harvest, makes no system call; nor does aio_return.
// source: kaio
#include "../check.h"

enum { count = 50, size = 4096 };

static void work(void) {
    int descriptor = scratch_file(O_DIRECT), ends[2], wrong = 0;
    open_pipe(ends);
    write_pattern(descriptor, size, 1, 0);
    unsigned char *block = aligned_buffer(size);
    char byte;
    struct aiocb waiting = request(ends[0], &byte, 1, 0), finished[count];
    OK(aio_read(&waiting));
    for (int i = 0; i < count; i++) {
        finished[i] = request(descriptor, block, size, 0);
        OK(aio_read(&finished[i]));
        EQUAL(wait_for(&finished[i], 10), 0);
    }
    start_counting();
    for (int i = 0; i < count; i++)
        wrong += aio_error(&waiting) != EINPROGRESS || aio_error(&finished[i]) != 0 ||
                 aio_return(&finished[i]) != size || aio_error(&finished[i]) != 0;
    stop_counting();
    EQUAL(wrong, 0);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&waiting), 1);
}

int main(int arguments, char **names) {
    (void)names;
    if (arguments > 1) {
        work();
        return 0;
    }
    int calls[call_numbers];
    trace_again("work", calls);
    for (int number = 0; number < call_numbers; number++)
        if (calls[number]) failed(__FILE__, __LINE__, "%d times system call %d", calls[number], number);
}
