// holds: KAIO_SIGEV_EVENTFD: thousands of requests of all kinds share one eventfd; who looks at all of them after each signal misses none.
// source: kaio
// limit: 60
#include "../check.h"
#include "../../../include/kaio.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum { count = 200, rounds = 15, size = 4096 };

int main(void) {
    int files[2] = {scratch_file(0), scratch_file(O_DIRECT)}, ends[2], poll = epoll_create1(EPOLL_CLOEXEC);
    int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    unsigned char *blocks = aligned_buffer(count * size), byte;
    struct epoll_event interest = {.events = EPOLLIN | EPOLLET}, ready;
    static struct aiocb controls[count];
    static int finished[count];
    open_pipe(ends);
    OK(epoll_ctl(poll, EPOLL_CTL_ADD, event, &interest));
    for (int i = 0; i < 2; i++) write_pattern(files[i], count * size, 1, 0);
    for (int round = 0; round < rounds; round++) {
        int left = count, streams = 0;
        OK(fdatasync(files[0]));
        OK(posix_fadvise(files[0], 0, 0, POSIX_FADV_DONTNEED));
        for (int i = 0; i < count; i++) {
            int kind = (i * 7 + round) % 5;
            finished[i] = 0;
            fill(blocks + i * size, size, 1, (uint64_t)i * size);
            controls[i] = request(files[kind % 2], blocks + i * size, size, i * size);
            if (kind == 4) {
                controls[i] = request(ends[0], &byte, 1, 0);
                streams++;
            }
            controls[i].aio_sigevent.sigev_notify = KAIO_SIGEV_EVENTFD;
            controls[i].aio_sigevent.sigev_value.sival_int = event;
            OK(kind < 2 ? aio_write(&controls[i]) : aio_read(&controls[i]));
        }
        for (int i = 0; i < streams; i++) EQUAL(write(ends[1], "x", 1), 1);
        while (left > 0) {
            uint64_t value;
            if (epoll_wait(poll, &ready, 1, 10000) != 1)
                failed(__FILE__, __LINE__, "%d of %d requests left and no signal within 10 s", left, count);
            // It may be the one of a look that came before its signal.
            if (read(event, &value, sizeof value) < 0) EQUAL(errno, EAGAIN);
            for (int i = 0; i < count; i++) {
                if (finished[i] || aio_error(&controls[i]) == EINPROGRESS) continue;
                EQUAL(aio_return(&controls[i]), controls[i].aio_nbytes);
                finished[i] = 1;
                left--;
            }
        }
        VERIFY(blocks, count * size, 1, 0);
    }
    return 0;
}
