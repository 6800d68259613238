// holds: A signal that the calling thread does not block tells of a request after the call that submitted it has returned, also of a read of what is in the page cache: a program that then sleeps until it comes is woken. (With the C library that is so where the machine has a second processor to spare.)
// source: kaio; programs that submit and then sleep (stress-ng, textbooks)
#include "../check.h"
#include <sched.h>

enum { rounds = 200, size = 4096, members = 4 };
static volatile sig_atomic_t in_call, early, heard;

static void handle(int number) {
    (void)number;
    heard++;
    if (in_call) early++;
}

static void sleep_until(int count) {
    for (double end = now() + 10; heard < count && now() < end;) sleep_for(0.0002);
    EQUAL(heard, count);
    heard = 0;
}

int main(void) {
    deadline(60);
    // One processor: a worker that is woken runs when the call has returned.
    cpu_set_t one;
    OK(sched_getaffinity(0, sizeof one, &one));
    for (int i = 0, found = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &one) && found++) CPU_CLR(i, &one);
    OK(sched_setaffinity(0, sizeof one, &one));
    int file = scratch_file(0);
    unsigned char *data = aligned_buffer(members * size);
    EQUAL(pwrite(file, data, members * size, 0), members * size);
    struct sigaction action = {.sa_handler = handle};
    OK(sigaction(SIGUSR1, &action, NULL));
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct aiocb requests[members], *list[members];
    for (int i = 0; i < rounds; i++) {
        requests[0] = request(file, data, size, 0);
        requests[0].aio_sigevent = event;
        in_call = 1;
        OK(i % 2 ? aio_read(&requests[0]) : aio_write(&requests[0]));
        in_call = 0;
        sleep_until(1);
        EQUAL(FINISH(&requests[0]), size);
    }
    CHECK(early < rounds / 4);
    early = 0;
    for (int i = 0; i < rounds; i++) {
        for (int k = 0; k < members; k++) {
            list[k] = &requests[k];
            requests[k] = request(file, data + k * size, size, k * size);
            requests[k].aio_lio_opcode = LIO_READ;
        }
        in_call = 1;
        OK(lio_listio(LIO_NOWAIT, list, members, &event));
        in_call = 0;
        sleep_until(1);
        for (int k = 0; k < members; k++) EQUAL(FINISH(&requests[k]), size);
    }
    CHECK(early < rounds / 4);
    return 0;
}
