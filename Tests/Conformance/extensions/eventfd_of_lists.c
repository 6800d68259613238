// holds: KAIO_SIGEV_EVENTFD in lio_listio: members signal theirs, the list its own after its last member; beside each other and beside signals.
// source: kaio
// limit: 60
#include "../check.h"
#include "../../../include/kaio.h"
#include <poll.h>
#include <sys/eventfd.h>

enum { count = 8, size = 4096 };

static uint64_t await(int event, const char *what) {
    struct pollfd ready = {event, POLLIN, 0};
    uint64_t value;
    if (poll(&ready, 1, 5000) != 1) failed(__FILE__, __LINE__, "%s: no signal within 5 s", what);
    EQUAL(read(event, &value, sizeof value), sizeof value);
    return value;
}

int main(void) {
    int direct = scratch_file(O_DIRECT), descriptor = scratch_file(0);
    int members = eventfd(0, EFD_CLOEXEC), whole = eventfd(0, EFD_CLOEXEC);
    unsigned char *blocks = aligned_buffer(count * size);
    struct aiocb controls[count], *list[count];
    sigset_t set;
    struct timespec limit = {5, 0};
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    write_pattern(direct, count * size, 1, 0);
    fill(blocks, count * size, 1, 0);
    // Who notifies: the members, the list by its eventfd, the list by a signal. Nobody looks at a member before.
    for (int what = 1; what < 6; what++)
        for (int is_buffered = 0; is_buffered < 2; is_buffered++)
            for (int round = 0; round < 10; round++) {
                int by_members = what & 1, by_list = what / 2 == 1, by_signal = what / 2 == 2;
                struct sigevent event = {.sigev_notify = SIGEV_NONE};
                if (by_list) {
                    event.sigev_notify = KAIO_SIGEV_EVENTFD;
                    event.sigev_value.sival_int = whole;
                } else if (by_signal) {
                    event.sigev_notify = SIGEV_SIGNAL;
                    event.sigev_signo = SIGUSR1;
                }
                for (int i = 0; i < count; i++) {
                    controls[i] = request(is_buffered ? descriptor : direct, blocks + i * size, size, i * size);
                    controls[i].aio_lio_opcode = is_buffered ? LIO_WRITE : LIO_READ;
                    if (by_members) {
                        controls[i].aio_sigevent.sigev_notify = KAIO_SIGEV_EVENTFD;
                        controls[i].aio_sigevent.sigev_value.sival_int = members;
                    }
                    list[i] = &controls[i];
                }
                OK(lio_listio(LIO_NOWAIT, list, count, &event));
                char name[100];
                snprintf(name, sizeof name, "%s%s%s, %s", by_members ? "members " : "", by_list ? "list " : "",
                         by_signal ? "list's signal" : "", is_buffered ? "buffered" : "direct");
                if (by_list) await(whole, name);
                if (by_signal && sigtimedwait(&set, NULL, &limit) != SIGUSR1)
                    failed(__FILE__, __LINE__, "%s: no signal within 5 s", name);
                if (by_list || by_signal)
                    for (int i = 0; i < count; i++) EQUAL(aio_error(&controls[i]), 0);
                if (by_members) {
                    // Signals come until all are done, and at least one for each.
                    uint64_t signals = await(members, name);
                    for (int i = 0; i < count; i++)
                        while (aio_error(&controls[i]) == EINPROGRESS) signals += await(members, name);
                    while (signals < count) signals += await(members, name);
                }
                for (int i = 0; i < count; i++) EQUAL(FINISH(&controls[i]), size);
            }
    // An empty list notifies at once.
    struct sigevent event = {.sigev_notify = KAIO_SIGEV_EVENTFD, .sigev_value.sival_int = whole};
    OK(lio_listio(LIO_NOWAIT, list, 0, &event));
    EQUAL(await(whole, "empty list"), 1);
    return 0;
}
