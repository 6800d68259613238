// holds: After an interrupted LIO_WAIT list and stack may be gone: the requests complete, and nothing else is touched.
// source: lio_listio
// compare: no
#define NEEDS_KAIO
#include "../check.h"

static void handler(int number) { (void)number; }

static int ends[2];
static struct aiocb controls[8];
static char bytes[8];

// The list dies with this function.
__attribute__((noinline)) static void interrupted(void) {
    struct aiocb *list[8];
    for (int i = 0; i < 8; i++) {
        controls[i] = request(ends[0], &bytes[i], 1, 0);
        controls[i].aio_lio_opcode = LIO_READ;
        list[i] = &controls[i];
    }
    // Again and again, as the first may come before the wait.
    ualarm(20000, 20000);
    FAILS(lio_listio(LIO_WAIT, list, 8, NULL), EINTR);
    ualarm(0, 0);
}

__attribute__((noinline)) static int overwrite(volatile unsigned char *previous) {
    volatile unsigned char room[65536];
    memset((void *)room, 0xff, sizeof room);
    int sum = previous ? previous[0] : overwrite(room);
    EQUAL(write(ends[1], "abcdefgh", previous ? 0 : 8), previous ? 0 : 8);
    if (!previous) {
        for (int i = 0; i < 8; i++) EQUAL(FINISH(&controls[i]), 1);
        sleep_for(0.01);
    }
    for (size_t i = 0; i < sizeof room; i++) EQUAL(room[i], 0xff);
    return sum;
}

int main(void) {
    struct sigaction action = {.sa_handler = handler};
    OK(sigaction(SIGALRM, &action, NULL));
    OK(pipe(ends));
    for (int round = 0; round < 20; round++) {
        interrupted();
        overwrite(NULL);
        EQUAL(memcmp(bytes, "abcdefgh", 8), 0);
    }
    return 0;
}
