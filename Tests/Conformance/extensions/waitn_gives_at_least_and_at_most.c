// holds: aio_waitn waits for at least *wanted requests, gives at most count, each once, and says how many; aio_error and aio_return then give the results.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"

enum { count = 40 };

static struct aiocb controls[count];
static char bytes[count][count];
static int ends[count][2], given[count];

static void take(struct aiocb **list, unsigned int number) {
    for (unsigned int i = 0; i < number; i++) {
        long index = list[i] - controls;
        CHECK(index >= 0 && index < count);
        EQUAL(given[index]++, 0);
        EQUAL(aio_error(list[i]), index == 7 ? ECANCELED : 0);
        EQUAL(aio_return(list[i]), index == 7 ? -1 : index + 1);
        EQUAL(aio_error(list[i]), index == 7 ? ECANCELED : 0);
    }
}

static void complete(int index) {
    if (index == 7) EQUAL(aio_cancel(ends[7][0], NULL), AIO_CANCELED);
    else EQUAL(write(ends[index][1], bytes[0], (size_t)index + 1), index + 1);
}

static void *complete_slowly(void *unused) {
    for (int i = 20; i < count; i++) {
        sleep_for(0.002);
        complete(i);
    }
    return unused;
}

int main(void) {
    struct aiocb *list[count + 1], *untouched = (struct aiocb *)bytes;
    for (int i = 0; i < count; i++) {
        open_pipe(ends[i]);
        controls[i] = request(ends[i][0], bytes[i], count, 0);
        OK(aio_read(&controls[i]));
    }
    for (int i = 0; i < 20; i++) {
        complete(i);
        CHECK(wait_for(&controls[i], 10) != EINPROGRESS);
    }
    // More are complete than fit.
    for (int i = 0; i <= count; i++) list[i] = untouched;
    unsigned int wanted = 2;
    OK(aio_waitn(list, 5, &wanted, NULL));
    EQUAL(wanted, 5);
    take(list, 5);
    for (int i = 5; i <= count; i++) CHECK(list[i] == untouched);
    wanted = 5;
    OK(aio_waitn(list, 5, &wanted, NULL));
    EQUAL(wanted, 5);
    take(list, 5);
    // All that is complete, though fewer would do.
    wanted = 1;
    OK(aio_waitn(list, count, &wanted, NULL));
    EQUAL(wanted, 10);
    take(list, 10);
    // Some are still to come.
    pthread_t thread;
    struct timespec minute = {60, 0};
    OK(pthread_create(&thread, NULL, complete_slowly, NULL));
    wanted = 15;
    OK(aio_waitn(list, 17, &wanted, &minute));
    CHECK(wanted >= 15 && wanted <= 17);
    take(list, wanted);
    unsigned int left = 20 - wanted;
    wanted = left;
    OK(aio_waitn(list, count, &wanted, NULL));
    EQUAL(wanted, left);
    take(list, wanted);
    OK(pthread_join(thread, NULL));
    for (int i = 0; i < count; i++) EQUAL(given[i], 1);
    return 0;
}
