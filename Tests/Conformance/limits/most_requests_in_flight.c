// holds: Beyond KAIO_MAX_REQUESTS a request fails with EAGAIN in the call and nothing is queued; nothing else changes, and there is room again when one is done.
// source: kaio (extension)
// environment: KAIO_MAX_REQUESTS=64
#include "../check.h"

int main(void) {
    int ends[2], file = scratch_file(0);
    static char bytes[65];
    static struct aiocb controls[65];
    struct aiocb sync = request(file, NULL, 0, 0), write_ = request(file, "x", 1, 0);
    OK(pipe(ends));
    for (int i = 0; i < 64; i++) {
        controls[i] = request(ends[0], &bytes[i], 1, 0);
        OK(aio_read(&controls[i]));
    }
    controls[64] = request(ends[0], &bytes[64], 1, 0);
    for (int i = 0; i < 1000; i++) {
        FAILS(aio_read(&controls[64]), EAGAIN);
        FAILS(aio_write(&write_), EAGAIN);
        FAILS(aio_fsync(O_SYNC, &sync), EAGAIN);
        FAILS(aio_error(&controls[64]), EINVAL);
    }
    for (int i = 0; i < 64; i++) EQUAL(aio_error(&controls[i]), EINPROGRESS);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&controls[0]), 1);
    OK(aio_read(&controls[64]));
    FAILS(aio_read(&controls[0]), EAGAIN);
    char many[64];
    memset(many, 'y', sizeof many);
    EQUAL(write(ends[1], many, sizeof many), sizeof many);
    for (int i = 1; i < 65; i++) EQUAL(FINISH(&controls[i]), 1);
    EQUAL(lseek(file, 0, SEEK_END), 0);
    OK(aio_write(&write_));
    EQUAL(FINISH(&write_), 1);
    return 0;
}
