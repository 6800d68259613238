// holds: aio_suspend waits for any one of its list, not for all.
// source: aio_suspend
#include "../check.h"

enum { count = 12 };
static int ends[count][2], chosen;
static atomic_int written;

static void *write_later(void *unused) {
    (void)unused;
    sleep_for(0.1);
    written = 1;
    EQUAL(write(ends[chosen][1], "x", 1), 1);
    return NULL;
}

int main(void) {
    struct aiocb controls[count];
    const struct aiocb *list[count];
    char bytes[count];
    const struct timespec timeout = {100, 0};
    for (int i = 0; i < count; i++) {
        open_pipe(ends[i]);
        controls[i] = request(ends[i][0], &bytes[i], 1, 0);
        list[i] = &controls[i];
        OK(aio_read(&controls[i]));
    }
    // The first, one in the middle, the last; what is finished leaves the list.
    const int choices[] = {0, count / 2, count - 1};
    for (int round = 0; round < 3; round++) {
        chosen = choices[round];
        written = 0;
        pthread_t thread;
        OK(pthread_create(&thread, NULL, write_later, NULL));
        int64_t took;
        OK(timed_suspend(list, count, &timeout, &took));
        CHECK(written);
        for (int i = 0; i < count; i++)
            if (list[i]) EQUAL(aio_error(&controls[i]), i == chosen ? 0 : EINPROGRESS);
        EQUAL(aio_return(&controls[chosen]), 1);
        list[chosen] = NULL;
        pthread_join(thread, NULL);
    }
}
