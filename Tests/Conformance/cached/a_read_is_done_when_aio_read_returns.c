// holds: A read of up to 64 KiB from the page cache is done when aio_read returns: aio_error is not EINPROGRESS.
// source: kaio
#include "../check.h"
#include <sys/uio.h>

enum { length = 1 << 20 };

// Linux 5.10 refuses reads at the end of a file that must not wait, as no page is there.
static int is_refused(int file, off_t offset) {
    char byte;
    struct iovec vector = {&byte, 1};
    return preadv2(file, &vector, 1, offset, RWF_NOWAIT) == -1 && errno == EAGAIN;
}

int main(void) {
    int file = scratch_file(0);
    unsigned char *block = aligned_buffer(65536);
    write_pattern(file, length, 1, 0);
    check_service();
    for (size_t size = 1; size <= 65536; size = size * 3 + 1)
        for (off_t offset = 0; offset < length + 70000; offset += 69999) {
            size_t there = offset >= length ? 0 : (size_t)(length - offset);
            if (there > size) there = size;
            struct aiocb control = request(file, block, size, offset);
            memset(block, 0, size);
            OK(aio_read(&control));
            if (there > 0 || !is_refused(file, offset)) EQUAL(aio_error(&control), 0);
            EQUAL(FINISH(&control), there);
            VERIFY(block, there, 1, (uint64_t)offset);
        }
    struct aiocb control = request(file, block, 65536, 0);
    OK(aio_read(&control));
    EQUAL(aio_error(&control), 0);
    EQUAL(aio_return(&control), 65536);
}
