// holds: Any number of reads may wait on idle pipes: they take no thread each, and the files behind them are served.
// source: kaio (extension)
#include "../check.h"
#include <sys/resource.h>

#define PIPES 400

int main(void) {
    int file = scratch_file(0), ends[PIPES][2];
    static struct aiocb controls[PIPES];
    static char bytes[PIPES];
    struct rlimit limit;
    OK(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = limit.rlim_max;
    OK(setrlimit(RLIMIT_NOFILE, &limit));
    for (int i = 0; i < PIPES; i++) {
        OK(pipe(ends[i]));
        controls[i] = request(ends[i][0], &bytes[i], 1, 0);
        OK(aio_read(&controls[i]));
    }
    size_t sizes[] = {512, 1 << 20};
    for (int i = 0; i < 2; i++) {
        struct aiocb control = request(file, aligned_buffer(sizes[i]), sizes[i], 0);
        OK(aio_write(&control));
        EQUAL(FINISH(&control), sizes[i]);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), sizes[i]);
    }
    CHECK(count_threads() < 40);
    for (int i = PIPES - 1; i >= 0; i--) {
        EQUAL(aio_error(&controls[i]), EINPROGRESS);
        EQUAL(write(ends[i][1], "x", 1), 1);
        EQUAL(FINISH(&controls[i]), 1);
    }
    return 0;
}
