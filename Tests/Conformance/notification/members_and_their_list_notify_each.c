// holds: In a list each member sends its own notification once, and the list its own after all of them are finished.
// source: lio_listio
#include "../check.h"

enum { count = 20 };
static struct aiocb controls[count];
static char blocks[count][512];
static atomic_int member_calls[count], list_calls, early;

static void member_finished(union sigval value) { member_calls[value.sival_int]++; }

// A handler, not sigtimedwait: the functions' threads may have no signal blocked.
static void handler(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    if (info->si_code == SI_ASYNCIO) member_calls[info->si_value.sival_int]++;
}

static void list_finished(union sigval value) {
    (void)value;
    for (int i = 0; i < count; i++)
        if (aio_error(&controls[i]) == EINPROGRESS) early++;
    list_calls++;
}

int main(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    OK(sigaction(SIGRTMIN, &action, NULL));
    int descriptor = scratch_file(0);
    struct aiocb *list[count];
    for (int i = 0; i < count; i++) {
        controls[i] = request(descriptor, blocks[i], 512, i * 512);
        controls[i].aio_lio_opcode = LIO_WRITE;
        controls[i].aio_sigevent.sigev_value.sival_int = i;
        if (i % 2) {
            controls[i].aio_sigevent.sigev_notify = SIGEV_THREAD;
            controls[i].aio_sigevent.sigev_notify_function = member_finished;
        } else {
            controls[i].aio_sigevent.sigev_notify = SIGEV_SIGNAL;
            controls[i].aio_sigevent.sigev_signo = SIGRTMIN;
        }
        list[i] = &controls[i];
    }
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD;
    event.sigev_notify_function = list_finished;
    OK(lio_listio(LIO_NOWAIT, list, count, &event));

    for (double end = now() + 10; now() < end; sleep_for(0.01)) {
        int called = 0;
        for (int i = 0; i < count; i++) called += member_calls[i];
        if (called >= count && list_calls) break;
    }
    sleep_for(0.1);
    for (int i = 0; i < count; i++) EQUAL(member_calls[i], 1);
    EQUAL(list_calls, 1);
    EQUAL(early, 0);
}
