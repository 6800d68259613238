// holds: A signal that is caught while lio_listio waits: EINTR, and the requests go on.
// source: lio_listio
// compare: no
#define NEEDS_KAIO
#include "../check.h"

static volatile sig_atomic_t caught;
static void handler(int number) { caught = number; }

int main(void) {
    int ends[2], flags[] = {0, SA_RESTART};
    char bytes[2];
    OK(pipe(ends));
    for (int i = 0; i < 2; i++) {
        struct sigaction action = {.sa_handler = handler, .sa_flags = flags[i]};
        struct aiocb controls[2], *list[2] = {&controls[0], &controls[1]};
        OK(sigaction(SIGALRM, &action, NULL));
        for (int j = 0; j < 2; j++) {
            controls[j] = request(ends[0], &bytes[j], 1, 0);
            controls[j].aio_lio_opcode = LIO_READ;
        }
        // Again and again, as the first may come before the wait.
        ualarm(100000, 100000);
        FAILS(lio_listio(LIO_WAIT, list, 2, NULL), EINTR);
        ualarm(0, 0);
        EQUAL(caught, SIGALRM);
        for (int j = 0; j < 2; j++) EQUAL(aio_error(&controls[j]), EINPROGRESS);
        EQUAL(write(ends[1], "xy", 2), 2);
        for (int j = 0; j < 2; j++) EQUAL(FINISH(&controls[j]), 1);
    }
    return 0;
}
