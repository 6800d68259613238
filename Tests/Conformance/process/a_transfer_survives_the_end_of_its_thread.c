// holds: A transfer that is in the kernel when the thread that made it ends still completes with its data.
// source: aio_read
#include "../check.h"

#define SIZE ((size_t)1 << 20)

static struct aiocb control;

static void *starter(void *unused) {
    OK(aio_read(&control));
    return unused;
}

int main(void) {
    int modes[] = {0, O_DIRECT};
    for (int mode = 0; mode < 2; mode++) {
        int file = scratch_file(modes[mode]);
        unsigned char *buffer = aligned_buffer(SIZE);
        write_pattern(file, SIZE, 1, 0);
        for (int round = 0; round < 30; round++) {
            pthread_t thread;
            posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
            memset(buffer, 0, SIZE);
            control = request(file, buffer, SIZE, 0);
            OK(pthread_create(&thread, NULL, starter, NULL));
            OK(pthread_join(thread, NULL));
            EQUAL(FINISH(&control), SIZE);
            VERIFY(buffer, SIZE, 1, 0);
        }
    }
    return 0;
}
