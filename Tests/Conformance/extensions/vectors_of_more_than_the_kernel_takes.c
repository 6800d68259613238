// holds: Buffers of more than 2 GiB in total transfer what one call of the kernel does: 0x7ffff000 bytes.
// source: kaio
// modes: linked
// limit: 60
#include "../check.h"
#include "../../../include/kaio.h"

enum { count = 1024, size = 4 << 20 };

int main(void) {
    static struct iovec vector[count];
    unsigned char *memory = aligned_buffer(size);
    for (int i = 0; i < count; i++) vector[i] = (struct iovec){memory, size};
    int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct aiocb control = request(zero, vector, count, 0);
    OK(aio_readv(&control));
    EQUAL(wait_for(&control, 50), 0);
    EQUAL(aio_return(&control), 0x7ffff000);
    control = request(null, vector, count, 0);
    OK(aio_writev(&control));
    EQUAL(FINISH(&control), 0x7ffff000);
    return 0;
}
