// holds: lio_listio gives its whole list to the kernel with one io_submit.
// source: kaio
#include "../check.h"

enum { count = 32, size = 4096 };

static void work(void) {
    int descriptor = scratch_file(O_DIRECT);
    write_pattern(descriptor, count * size, 1, 0);
    unsigned char *blocks = aligned_buffer(count * size);
    struct aiocb controls[count], *list[count];
    for (int i = 0; i < count; i++) {
        controls[i] = request(descriptor, blocks + i * size, size, i * size);
        controls[i].aio_lio_opcode = LIO_READ;
        list[i] = &controls[i];
    }
    // The first use of the kernel's queue is over.
    struct aiocb first = request(descriptor, blocks, size, 0);
    OK(aio_read(&first));
    EQUAL(FINISH(&first), size);
    start_counting();
    OK(lio_listio(LIO_WAIT, list, count, NULL));
    stop_counting();
    for (int i = 0; i < count; i++) EQUAL(aio_return(&controls[i]), size);
    VERIFY(blocks, count * size, 1, 0);
}

int main(int arguments, char **names) {
    (void)names;
    if (arguments > 1) {
        work();
        return 0;
    }
    int calls[call_numbers];
    trace_again("work", calls);
    EQUAL(calls[SYS_io_submit], 1);
}
