// holds: aio_cancel of all on a descriptor does not say AIO_ALLDONE or AIO_CANCELED while the status of one is about to be made visible, and is not yet.
// source: aio_cancel
#include "../check.h"
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>

// The aiocb lies on a page that holds up who writes to it, as a thread may be held up anywhere.
int main(void) {
    int ends[2], other[2];
    char bytes[2];
    long page = sysconf(_SC_PAGESIZE);
    struct aiocb *control = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(control != MAP_FAILED);
    memset(control, 0, (size_t)page);
    int faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register range = {{(uintptr_t)control, (uint64_t)page}, UFFDIO_REGISTER_MODE_WP, 0};
    if (faults < 0 || ioctl(faults, UFFDIO_API, &api) != 0 || ioctl(faults, UFFDIO_REGISTER, &range) != 0) {
        puts("userfaultfd is not permitted here");
        return 0;
    }
    deadline(15);
    open_pipe(ends);
    open_pipe(other);
    *control = request(ends[0], &bytes[0], 1, 0);
    OK(aio_read(control));
    struct uffdio_writeprotect protection = {range.range, UFFDIO_WRITEPROTECT_MODE_WP};
    OK(ioctl(faults, UFFDIO_WRITEPROTECT, &protection));
    EQUAL(write(ends[1], "x", 1), 1);
    struct pollfd held_up = {faults, POLLIN, 0};
    EQUAL(poll(&held_up, 1, 10000), 1);
    EQUAL(held_up.revents, POLLIN);

    EQUAL(aio_error(control), EINPROGRESS);
    EQUAL(aio_cancel(ends[0], NULL), AIO_NOTCANCELED);
    EQUAL(aio_error(control), EINPROGRESS);
    EQUAL(aio_cancel(ends[0], control), AIO_NOTCANCELED);
    EQUAL(aio_error(control), EINPROGRESS);
    EQUAL(aio_cancel(other[0], NULL), AIO_ALLDONE);

    protection.mode = 0;
    OK(ioctl(faults, UFFDIO_WRITEPROTECT, &protection));
    EQUAL(FINISH(control), 1);
    EQUAL(aio_cancel(ends[0], NULL), AIO_ALLDONE);
}
