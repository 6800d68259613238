// holds: A program that only ever calls aio_suspend with a timeout of zero sees its requests finish.
// source: aio_suspend
#include "../check.h"

int main(void) {
    int descriptor = scratch_file(0);
    write_pattern(descriptor, 1 << 20, 1, 0);
    static char buffer[1 << 20];
    const struct timespec zero = {0, 0};
    int64_t start = nanoseconds();
    for (int i = 0; i < 20; i++) {
        struct aiocb control = request(descriptor, buffer, sizeof buffer, 0);
        const struct aiocb *list[] = {&control};
        OK(aio_read(&control));
        while (aio_suspend(list, 1, &zero) != 0) {
            EQUAL(errno, EAGAIN);
            CHECK(nanoseconds() - start < 15000000000);
        }
        EQUAL(aio_error(&control), 0);
        EQUAL(aio_return(&control), sizeof buffer);
        VERIFY(buffer, sizeof buffer, 1, 0);
    }
    printf("20 requests: %.6f s\n", (double)(nanoseconds() - start) / 1e9);
}
