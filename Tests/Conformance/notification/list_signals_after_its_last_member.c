// holds: LIO_NOWAIT with SIGEV_SIGNAL: one signal for the list, when every member is finished, not before.
// source: lio_listio
#include "../check.h"

enum { count = 40 };
static struct aiocb controls[count];
static char blocks[count][4096];

int main(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    int descriptor = scratch_file(0), ends[2];
    open_pipe(ends);
    for (int round = 0; round < 20; round++) {
        struct aiocb *list[count];
        for (int i = 0; i < count; i++) {
            fill(blocks[i], sizeof blocks[i], (uint64_t)round, (uint64_t)i * 4096);
            controls[i] = request(descriptor, blocks[i], sizeof blocks[i], i * 4096);
            controls[i].aio_lio_opcode = LIO_WRITE;
            list[i] = &controls[i];
        }
        // One member stays in progress until its pipe has data.
        char byte;
        int slow = round * 2;
        controls[slow] = request(ends[0], &byte, 1, 0);
        controls[slow].aio_lio_opcode = LIO_READ;
        struct sigevent event;
        memset(&event, 0, sizeof event);
        event.sigev_notify = SIGEV_SIGNAL;
        event.sigev_signo = SIGRTMIN;
        event.sigev_value.sival_int = 1000 + round;
        OK(lio_listio(LIO_NOWAIT, list, count, &event));
        memset(&event, 0xff, sizeof event);  // the list has its own copy

        for (int i = 0; i < count; i++)
            if (i != slow) EQUAL(wait_for(&controls[i], 10), 0);
        const struct timespec soon = {0, 20000000}, limit = {10, 0};
        FAILS(sigtimedwait(&set, NULL, &soon), EAGAIN);
        EQUAL(write(ends[1], "x", 1), 1);
        siginfo_t info;
        EQUAL(sigtimedwait(&set, &info, &limit), SIGRTMIN);
        EQUAL(info.si_code, SI_ASYNCIO);
        EQUAL(info.si_value.sival_int, 1000 + round);
        for (int i = 0; i < count; i++) {
            EQUAL(aio_error(&controls[i]), 0);
            EQUAL(aio_return(&controls[i]), i == slow ? 1 : 4096);
        }
        FAILS(sigtimedwait(&set, NULL, &soon), EAGAIN);
    }
}
