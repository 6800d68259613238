// holds: A list whose own sigevent is bad (unknown sigev_notify, no such signal): EINVAL from lio_listio, nothing queued.
// source: lio_listio
#include "../check.h"

static int descriptor;
static char buffer[64] = "unchanged";

static void ask(int notify, int number) {
    struct aiocb control = request(descriptor, buffer, sizeof buffer, 0);
    struct aiocb *list[] = {&control};
    struct sigevent event;
    control.aio_lio_opcode = LIO_WRITE;
    memset(&event, 0, sizeof event);
    event.sigev_notify = notify;
    event.sigev_signo = number;
    FAILS(lio_listio(LIO_NOWAIT, list, 1, &event), EINVAL);
}

int main(void) {
    descriptor = scratch_file(0);
    ask(77, 0);
    ask(-1, 0);
    ask(SIGEV_SIGNAL, -1);
    ask(SIGEV_SIGNAL, 1000);
    WITHOUT_LEAK(ask(SIGEV_SIGNAL, 1000));
    sleep_for(0.1);
    EQUAL(lseek(descriptor, 0, SEEK_END), 0);
    check_service();
}
