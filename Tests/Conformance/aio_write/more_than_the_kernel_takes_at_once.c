// holds: A transfer of more than the kernel does at once (2 GiB less a page) ends with that count, as write() and read() do.
// source: aio_write
#include "../check.h"

int main(void) {
    size_t size = (size_t)3 << 30;
    int null = open("/dev/null", O_WRONLY), file = scratch_file(0);
    // Address space only: the null device does not look at it.
    void *room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(room != MAP_FAILED);
    struct aiocb writing = request(null, room, size, 0), reading = request(file, room, size, 0);
    OK(aio_write(&writing));
    EQUAL(FINISH(&writing), write(null, room, size));
    // And the file is shorter than that.
    write_pattern(file, 100000, 1, 0);
    OK(aio_read(&reading));
    EQUAL(FINISH(&reading), 100000);
    VERIFY(room, 100000, 1, 0);
    return 0;
}
