// holds: For more than SSIZE_MAX bytes aio_read returns 0 and the status is an error: EINVAL, or EFAULT as in glibc, whose kernel looks at the buffer first.
// source: FACTS choice (wild length)
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    write_pattern(file, 4096, 1, 0);
    char buffer[16];
    size_t wrong[] = {(size_t)SSIZE_MAX + 1, SIZE_MAX};
    for (int i = 0; i < 2; i++) {
        struct aiocb control = request(file, buffer, wrong[i], 0);
        OK(aio_read(&control));
        int error = wait_for(&control, 10);
        CHECK(error == EINVAL || error == EFAULT);
        EQUAL(aio_return(&control), -1);
    }
    return 0;
}
