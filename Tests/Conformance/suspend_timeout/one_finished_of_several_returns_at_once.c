// holds: One finished request anywhere in the list makes aio_suspend return 0 at once.
// source: aio_suspend
#include "../check.h"

int main(void) {
    enum { count = 9 };
    int ends[2], file = scratch_file(0);
    write_pattern(file, 512, 3, 0);
    open_pipe(ends);
    char bytes[count], block[512];
    struct aiocb controls[count], finished = request(file, block, sizeof block, 0);
    OK(aio_read(&finished));
    EQUAL(wait_for(&finished, 10), 0);
    for (int i = 0; i < count; i++) {
        controls[i] = request(ends[0], &bytes[i], 1, 0);
        OK(aio_read(&controls[i]));
    }
    for (int place = 0; place < count; place++) {
        const struct aiocb *list[count];
        for (int i = 0; i < count; i++) list[i] = i == place ? &finished : &controls[i];
        int64_t took;
        OK(timed_suspend(list, count, NULL, &took));
        const struct timespec timeout = {100, 0};
        OK(timed_suspend(list, count, &timeout, &took));
        CHECK(took < 50000000000);
    }
    EQUAL(aio_return(&finished), sizeof block);
}
