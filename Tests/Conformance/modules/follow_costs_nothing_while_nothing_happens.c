// holds: A thousand files that are followed take no processor time while nothing happens, one thread and one descriptor; when they are closed the library gives all back.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=follow ordered aio_linux aio_poll aio_pthread' KAIO_IDLE_SECONDS=1
#include "../check.h"
#include <sys/resource.h>

enum { files = 1000 };

static double processor_time(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int main(void) {
    deadline(60);
    struct rlimit limit;
    OK(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
    OK(setrlimit(RLIMIT_NOFILE, &limit));
    static struct aiocb requests[files];
    static char data[files];
    int descriptors[files];
    for (int i = 0; i < files; i++) descriptors[i] = scratch_file(0);
    int before = count_descriptors();
    for (int i = 0; i < files; i++) {
        requests[i] = request(descriptors[i], &data[i], 1, 0);
        OK(aio_read(&requests[i]));
    }
    // The library's own: epoll, timer, eventfd and the like.
    CHECK(count_descriptors() - before <= 8);
    sleep_for(2.5);
    CHECK(count_threads() <= 3);
    double begin = processor_time();
    sleep_for(2);
    CHECK(processor_time() - begin < 0.02);
    for (int i = 0; i < files; i++) EQUAL(pwrite(descriptors[i], "x", 1, 0), 1);
    for (int i = 0; i < files; i++) EQUAL(FINISH(&requests[i]), 1);
    for (int i = 0; i < files; i++) OK(close(descriptors[i]));
    while (count_threads_named("kaio-reactor") > 0) sleep_for(0.05);
}
