// holds: Requests of several threads on the same files are all counted.
// source: kaio
// environment: KAIO_LIVE_DIR=.
#include "live.h"

enum { threads = 4, rounds = 50000, files = 2 };
static int descriptors[files];

static void *work(void *unused) {
    static _Thread_local char buffer[64];
    for (int i = 0; i < rounds; i++) {
        struct aiocb control = request(descriptors[i % files], buffer, sizeof buffer, 0);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), sizeof buffer);
    }
    return unused;
}

int main(void) {
    pthread_t all[threads];
    char name[16];
    for (int i = 0; i < files; i++) {
        snprintf(name, sizeof name, "file%d", i);
        descriptors[i] = named_file(name, 0);
    }
    read_block(descriptors[0], 0);
    void *page = open_page(getpid());
    keep_looking(getpid(), page);
    for (int i = 0; i < threads; i++) OK(pthread_create(&all[i], NULL, work, NULL));
    for (int i = 0; i < threads; i++) OK(pthread_join(all[i], NULL));
    EQUAL(sum_of(page, LIVE_OVER), threads * rounds);
    for (int i = 0; i < files; i++) {
        snprintf(name, sizeof name, "/file%d", i);
        EQUAL(count_of(file_of(page, name), live_read, LIVE_OVER), threads * rounds / files);
    }
    return 0;
}
