// holds: aio_error and aio_suspend in a handler do not deadlock with the same calls on the thread that it interrupts.
// source: FACTS glibc 12
// compare: no
// limit: 40
#define NEEDS_KAIO
#include "../check.h"
#include <sys/time.h>

static struct aiocb waiting;
static volatile sig_atomic_t handled;

static void look(void) {
    const struct aiocb *list[1] = {&waiting};
    struct timespec none = {0, 0};
    for (int i = 0; i < 20; i++) EQUAL(aio_error(&waiting), EINPROGRESS);
    FAILS(aio_suspend(list, 1, &none), EAGAIN);
}

static void handler(int number) {
    int before = errno;
    (void)number;
    look();
    handled++;
    errno = before;
}

int main(void) {
    int ends[2];
    char byte;
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct itimerval times = {{0, 50}, {0, 50}};
    OK(pipe(ends));
    waiting = request(ends[0], &byte, 1, 0);
    OK(aio_read(&waiting));
    deadline(15);
    OK(sigaction(SIGALRM, &action, NULL));
    OK(setitimer(ITIMER_REAL, &times, NULL));
    for (double end = now() + 5; now() < end || handled < 1000;) look();
    return 0;
}
