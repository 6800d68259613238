// holds: dup2 onto itself, dup2, dup3 and close_range that fail, and close_range with CLOSE_RANGE_CLOEXEC cancel nothing.
// source: kaio (extension)
#include "../slow.h"
#include <linux/close_range.h>

int main(void) {
    int file = scratch_file(0), bad = 1000;
    FAILS(fcntl(bad, F_GETFD), EBADF);
    struct slow slow = slow_memory();
    struct aiocb first = request(file, slow.memory, SLOW_SIZE, 0), queued = request(file, "data", 4, 0);
    OK(aio_write(&first));
    SLOW_TOUCHED(&slow);
    OK(aio_write(&queued));
    EQUAL(dup2(file, file), file);
    FAILS(dup3(file, file, 0), EINVAL);
    FAILS(dup2(bad, file), EBADF);
    FAILS(dup3(bad, file, 0), EBADF);
    FAILS(dup3(0, file, 0x40000000), EINVAL);
    FAILS(close_range((unsigned)file + 1, (unsigned)file, 0), EINVAL);
    FAILS(close_range((unsigned)file, (unsigned)file, 0x40000000), EINVAL);
    // Linux 5.10 does not know the flag.
    int is_known = syscall(SYS_close_range, bad, bad, CLOSE_RANGE_CLOEXEC) == 0;
    EQUAL(close_range((unsigned)file, ~0u, CLOSE_RANGE_CLOEXEC), is_known ? 0 : -1);
    if (!is_known) EQUAL(errno, EINVAL);
    FAILS(close(bad), EBADF);
    FAILS(close(-1), EBADF);
    if (is_known) CHECK(fcntl(file, F_GETFD) & FD_CLOEXEC);
    EQUAL(aio_error(&queued), EINPROGRESS);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&first), SLOW_SIZE);
    EQUAL(FINISH(&queued), 4);
    return 0;
}
