// holds: close cancels the requests on the descriptor that were not given to the kernel yet; what is under way completes as if close had not been called.
// source: close
#include "../slow.h"

int main(void) {
    int file = scratch_file(0), other = dup(file);
    struct slow slow = slow_memory();
    unsigned char *data = aligned_buffer(SLOW_SIZE);
    struct aiocb first = request(file, slow.memory, SLOW_SIZE, 0), waiting[3], sync = request(file, NULL, 0, 0);
    OK(aio_write(&first));
    SLOW_TOUCHED(&slow);
    fill(data, SLOW_SIZE, 2, 0);
    for (int i = 0; i < 3; i++) {
        waiting[i] = request(file, data, SLOW_SIZE, 0);
        OK(aio_write(&waiting[i]));
    }
    OK(aio_fsync(O_SYNC, &sync));
    OK(close(file));
    for (int i = 0; i < 3; i++) {
        EQUAL(aio_error(&waiting[i]), ECANCELED);
        EQUAL(aio_return(&waiting[i]), -1);
    }
    EQUAL(aio_error(&sync), ECANCELED);
    EQUAL(aio_error(&first), EINPROGRESS);
    fill(data, SLOW_SIZE, 1, 0);
    slow_release(&slow, data);
    EQUAL(FINISH(&first), SLOW_SIZE);
    EQUAL(pread(other, data, SLOW_SIZE, 0), SLOW_SIZE);
    VERIFY(data, SLOW_SIZE, 1, 0);
    return 0;
}
