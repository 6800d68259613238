// holds: With a null timeout aio_waitcomplete waits until any request is complete, whoever submitted it; also with a long one.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"

static int ends[2][2];
static char bytes[2];
static struct aiocb controls[2];
static pthread_barrier_t barrier;

static void *submit_and_finish(void *unused) {
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 2; j++) {
            controls[j] = request(ends[j][0], &bytes[j], 1, 0);
            OK(aio_read(&controls[j]));
        }
        pthread_barrier_wait(&barrier);
        for (int j = 1; j >= 0; j--) {
            sleep_for(0.1);
            EQUAL(write(ends[j][1], "x", 1), 1);
            pthread_barrier_wait(&barrier);
        }
    }
    return unused;
}

int main(void) {
    pthread_t thread;
    struct timespec long_time = {3600, 0}, *timeouts[] = {NULL, &long_time};
    OK(pthread_barrier_init(&barrier, NULL, 2));
    open_pipe(ends[0]);
    open_pipe(ends[1]);
    OK(pthread_create(&thread, NULL, submit_and_finish, NULL));
    for (int i = 0; i < 2; i++) {
        pthread_barrier_wait(&barrier);
        for (int j = 1; j >= 0; j--) {
            struct aiocb *done = NULL;
            EQUAL(aio_waitcomplete(&done, timeouts[i]), 1);
            CHECK(done == &controls[j]);
            pthread_barrier_wait(&barrier);
        }
    }
    OK(pthread_join(thread, NULL));
    EQUAL(long_time.tv_sec, 3600);
    return 0;
}
