// holds: When main has left by pthread_exit the other threads' requests go on.
// source: aio_read
#include "../check.h"

static int file;

static void *worker(void *argument) {
    unsigned char buffer[4096];
    OK(pthread_join(*(pthread_t *)argument, NULL));
    for (int i = 0; i < 100; i++) {
        struct aiocb control = request(file, buffer, sizeof buffer, 0);
        if (i % 2) posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), sizeof buffer);
        VERIFY(buffer, sizeof buffer, 1, 0);
    }
    exit(0);
}

int main(void) {
    static pthread_t self;
    pthread_t thread;
    self = pthread_self();
    file = scratch_file(0);
    write_pattern(file, 65536, 1, 0);
    struct aiocb control = request(file, &(char){0}, 1, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 1);
    OK(pthread_create(&thread, NULL, worker, &self));
    pthread_exit(NULL);
}
