// holds: With LIO_NOWAIT the list, its sigevent and the caller's stack may be gone as soon as the call returns; the notification says what was asked.
// source: FACTS musl (a pointer to the caller's sigevent is kept)
#include "../check.h"

static int ends[2];
static struct aiocb controls[4];
static char bytes[4];

__attribute__((noinline)) static void start(void) {
    struct aiocb *list[4];
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    event.sigev_value.sival_int = 4711;
    for (int i = 0; i < 4; i++) {
        controls[i] = request(ends[0], &bytes[i], 1, 0);
        controls[i].aio_lio_opcode = LIO_READ;
        list[i] = &controls[i];
    }
    OK(lio_listio(LIO_NOWAIT, list, 4, &event));
    memset(&event, 0xee, sizeof event);
    memset(list, 0xee, sizeof list);
    __asm__ volatile("" : : "r"(&event), "r"(list) : "memory");
}

__attribute__((noinline)) static void overwrite(void) {
    volatile unsigned char room[65536];
    memset((void *)room, 0xff, sizeof room);
}

int main(void) {
    sigset_t set;
    siginfo_t information;
    struct timespec limit = {10, 0};
    OK(pipe(ends));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    for (int round = 0; round < 100; round++) {
        start();
        overwrite();
        EQUAL(write(ends[1], "abcd", 4), 4);
        EQUAL(sigtimedwait(&set, &information, &limit), SIGUSR1);
        EQUAL(information.si_value.sival_int, 4711);
        EQUAL(information.si_code, SI_ASYNCIO);
        for (int i = 0; i < 4; i++) EQUAL(FINISH(&controls[i]), 1);
    }
    return 0;
}
