// holds: After lio_listio(LIO_WAIT) was interrupted by a signal the requests complete without a look at the stack that is gone.
// source: FACTS glibc 8
#include "../check.h"

static int ends[2];
static struct aiocb controls[2];
static char bytes[2];
static void handler(int number) { (void)number; }

__attribute__((noinline)) static void interrupted(void) {
    struct aiocb *list[2] = {&controls[0], &controls[1]};
    for (int i = 0; i < 2; i++) {
        controls[i] = request(ends[0], &bytes[i], 1, 0);
        controls[i].aio_lio_opcode = LIO_READ;
    }
    // Again and again, as the first may come before the wait.
    ualarm(20000, 20000);
    FAILS(lio_listio(LIO_WAIT, list, 2, NULL), EINTR);
    ualarm(0, 0);
}

__attribute__((noinline)) static void overwrite(void) {
    volatile unsigned char room[65536];
    memset((void *)room, 0xff, sizeof room);
    EQUAL(write(ends[1], "ab", 2), 2);
    for (int i = 0; i < 2; i++) EQUAL(FINISH(&controls[i]), 1);
    for (size_t i = 0; i < sizeof room; i++) EQUAL(room[i], 0xff);
}

int main(void) {
    struct sigaction action = {.sa_handler = handler};
    OK(sigaction(SIGALRM, &action, NULL));
    OK(pipe(ends));
    for (int round = 0; round < 10; round++) {
        interrupted();
        overwrite();
    }
    return 0;
}
