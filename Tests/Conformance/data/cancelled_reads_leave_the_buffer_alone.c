// holds: After AIO_CANCELED the buffer of a read never changes; after any other answer the read ends as if nobody had asked.
// source: aio_cancel
// limit: 60
#include "../check.h"

enum { count = 32, size = 1 << 18 };

static int cancelled, finished, others;

static void check_file(int flags) {
    int descriptor = scratch_file(flags);
    write_pattern(descriptor, count * size, 1, 0);
    unsigned char *buffers = aligned_buffer(count * size);
    static struct aiocb controls[count];
    int answers[count];
    for (int round = 0; round < 12; round++) {
        memset(buffers, 0xa5, count * size);
        if (!(flags & O_DIRECT)) posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
        for (int i = 0; i < count; i++) {
            controls[i] = request(descriptor, buffers + i * size, size, i * size);
            OK(aio_read(&controls[i]));
        }
        for (int i = count - 1; i >= 0; i--) {
            answers[i] = aio_cancel(descriptor, &controls[i]);
            if (answers[i] == AIO_CANCELED) EQUAL(aio_error(&controls[i]), ECANCELED);
        }
        for (int i = 0; i < count; i++) {
            if (answers[i] == AIO_CANCELED) {
                EQUAL(aio_return(&controls[i]), -1);
                cancelled++;
            } else {
                CHECK(answers[i] == AIO_NOTCANCELED || answers[i] == AIO_ALLDONE);
                if (answers[i] == AIO_ALLDONE) finished++;
                else others++;
                EQUAL(FINISH(&controls[i]), size);
                VERIFY(buffers + i * size, size, 1, (uint64_t)i * size);
            }
        }
        sleep_for(0.02);
        for (int i = 0; i < count; i++)
            if (answers[i] == AIO_CANCELED)
                for (int at = 0; at < size; at++) EQUAL(buffers[i * size + at], 0xa5);
    }
    free(buffers);
    close(descriptor);
}

int main(void) {
    check_file(0);
    check_file(O_DIRECT);
    printf("%d cancelled, %d finished before, %d in progress\n", cancelled, finished, others);
}
