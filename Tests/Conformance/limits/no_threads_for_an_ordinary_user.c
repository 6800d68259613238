// holds: With RLIMIT_NPROC used up a call works by another way or fails with EAGAIN, also from the very first on.
// source: kaio (extension)
#include "../check.h"
#include <sys/resource.h>

int main(void) {
    int file = scratch_file(0), worked = 0;
    struct rlimit none = {0, 0};
    unsigned char *data = aligned_buffer(1 << 20);
    write_pattern(file, 1 << 20, 1, 0);
    // The limit does not hold for root. "nobody" has no other processes that matter: the limit is 0.
    if (getuid() == 0) {
        OK(setgid(65534));
        OK(setuid(65534));
    }
    OK(setrlimit(RLIMIT_NPROC, &none));
    for (int i = 0; i < 12; i++) {
        size_t size = i & 1 ? 4096 : 1 << 20;
        struct aiocb control = request(file, data, size, 0);
        fill(data, size, 1, 0);
        int result = i % 3 == 0 ? aio_write(&control) : i % 3 == 1 ? aio_read(&control) : aio_fsync(O_SYNC, &control);
        if (result == 0) {
            EQUAL(FINISH(&control), i % 3 == 2 ? 0 : size);
            VERIFY(data, size, 1, 0);
            worked++;
        } else {
            EQUAL(errno, EAGAIN);
        }
    }
    printf("%d of 12 requests worked\n", worked);
    return 0;
}
