// holds: After AIO_CANCELED nothing of a write is in the file; after any other answer all of it is.
// source: aio_cancel
// limit: 60
#include "../check.h"

enum { count = 32, size = 1 << 18 };

static void check_file(int flags) {
    unsigned char *buffers = aligned_buffer(count * size), *check = aligned_buffer(size);
    static struct aiocb controls[count];
    int answers[count], counted[3] = {0};
    for (int round = 0; round < 6; round++) {
        int descriptor = scratch_file(flags);
        write_pattern(descriptor, count * size, 1, 0);
        fill(buffers, count * size, 2, 0);
        for (int i = 0; i < count; i++) {
            controls[i] = request(descriptor, buffers + i * size, size, i * size);
            OK(aio_write(&controls[i]));
        }
        for (int i = count - 1; i >= 0; i--) answers[i] = aio_cancel(descriptor, &controls[i]);
        for (int i = 0; i < count; i++) {
            counted[answers[i]]++;
            if (answers[i] == AIO_CANCELED) FINISHES_WITH(&controls[i], ECANCELED);
            else EQUAL(FINISH(&controls[i]), size);
        }
        sleep_for(0.02);
        for (int i = 0; i < count; i++) {
            EQUAL(pread(descriptor, check, size, i * size), size);
            VERIFY(check, size, answers[i] == AIO_CANCELED ? 1 : 2, (uint64_t)i * size);
        }
        close(descriptor);
    }
    printf("%d cancelled, %d in progress, %d finished before\n", counted[AIO_CANCELED],
           counted[AIO_NOTCANCELED], counted[AIO_ALLDONE]);
    free(buffers);
    free(check);
}

int main(void) {
    check_file(0);
    check_file(O_DIRECT);
}
