// holds: The result of a finished request can be fetched after everything was given back.
// source: kaio
// environment: KAIO_IDLE_SECONDS=1
#include "../check.h"

int main(void) {
    enum { count = 100, size = 4096 };
    int direct = scratch_file(O_DIRECT);
    write_pattern(direct, count * size, 1, 0);
    unsigned char *blocks = aligned_buffer(count * size);
    struct aiocb controls[count];
    for (int i = 0; i < count; i++) {
        controls[i] = request(direct, blocks + i * size, size, i * size);
        OK(aio_read(&controls[i]));
    }
    for (int i = 0; i < count; i++) EQUAL(wait_for(&controls[i], 10), 0);
    for (double end = now() + 10; count_contexts() != 0 && now() < end;) sleep_for(0.05);
    EQUAL(count_contexts(), 0);
    for (int i = 0; i < count; i++) {
        const struct aiocb *list[] = {&controls[i]};
        OK(aio_suspend(list, 1, NULL));
        EQUAL(aio_cancel(direct, &controls[i]), AIO_ALLDONE);
        EQUAL(aio_error(&controls[i]), 0);
        EQUAL(aio_return(&controls[i]), size);
    }
    VERIFY(blocks, count * size, 1, 0);
}
