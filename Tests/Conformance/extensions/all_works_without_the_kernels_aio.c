// holds: Where the kernel refuses its AIO, vectors, aio_waitcomplete, aio_waitn and KAIO_SIGEV_EVENTFD do the same.
// source: kaio
// modes: linked
#include "../check.h"
#include "../syscalls.h"
#include "../../../include/kaio.h"
#include <poll.h>
#include <sys/eventfd.h>

enum { count = 20, size = 8192 };

static int refuse(const struct seccomp_data *call, pid_t thread) {
    (void)call;
    (void)thread;
    return ENOSYS;
}

static int ends[2];
static void *write_later(void *unused) {
    sleep_for(0.05);
    EQUAL(write(ends[1], "hello", 5), 5);
    return unused;
}

int main(void) {
    watch_calls(refuse, (int[]){SYS_io_setup}, 1);
    int event = eventfd(0, EFD_CLOEXEC);
    unsigned char *out = aligned_buffer(count * size), *in = aligned_buffer(count * size);
    struct aiocb controls[count], *done, *list[count];
    struct iovec vectors[count][2];
    struct timespec zero = {0, 0}, little = {0, 5000000};
    open_pipe(ends);
    fill(out, count * size, 1, 0);
    FAILS(aio_waitcomplete(&done, NULL), EWOULDBLOCK);
    for (int direct = 0; direct < 2; direct++) {
        int descriptor = scratch_file(direct ? O_DIRECT : 0);
        for (int reads = 0; reads < 2; reads++) {
            for (int i = 0; i < count; i++) {
                unsigned char *start = (reads ? in : out) + i * size;
                vectors[i][0] = (struct iovec){start, size / 2};
                vectors[i][1] = (struct iovec){start + size / 2, size / 2};
                controls[i] = request(descriptor, vectors[i], 2, i * size);
                OK(reads ? aio_readv(&controls[i]) : aio_writev(&controls[i]));
            }
            unsigned int wanted = count / 2;
            OK(aio_waitn(list, count / 2, &wanted, NULL));
            for (unsigned i = 0; i < wanted; i++) EQUAL(aio_return(list[i]), size);
            for (int i = 0; i < count / 2; i++) EQUAL(aio_waitcomplete(&done, NULL), size);
            FAILS(aio_waitcomplete(&done, NULL), EWOULDBLOCK);
        }
        VERIFY(in, count * size, 1, 0);
        memset(in, 0, count * size);
    }
    // A pipe: nothing is there, time passes, something comes.
    vectors[0][0] = (struct iovec){in, 2};
    vectors[0][1] = (struct iovec){in + 100, 50};
    controls[0] = request(ends[0], vectors[0], 2, 0);
    controls[0].aio_sigevent.sigev_notify = KAIO_SIGEV_EVENTFD;
    controls[0].aio_sigevent.sigev_value.sival_int = event;
    OK(aio_readv(&controls[0]));
    unsigned int wanted = 1;
    FAILS(aio_waitcomplete(&done, &zero), EWOULDBLOCK);
    FAILS(aio_waitcomplete(&done, &little), EWOULDBLOCK);
    FAILS(aio_waitn(list, 1, &wanted, &little), ETIME);
    pthread_t thread;
    OK(pthread_create(&thread, NULL, write_later, NULL));
    EQUAL(aio_waitcomplete(&done, NULL), 5);
    CHECK(done == &controls[0]);
    CHECK(memcmp(in, "he", 2) == 0 && memcmp(in + 100, "llo", 3) == 0);
    struct pollfd ready = {event, POLLIN, 0};
    EQUAL(poll(&ready, 1, 10000), 1);
    OK(pthread_join(thread, NULL));
    return 0;
}
