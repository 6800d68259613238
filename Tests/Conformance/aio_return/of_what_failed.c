// holds: aio_return gives -1 for a request that failed.
// source: aio_return
#include "../check.h"

int main(void) {
    struct aiocb control = request(open("/", O_RDONLY), &(char[8]){0}, 8, 0);
    OK(aio_read(&control));
    EQUAL(wait_for(&control, 10), EISDIR);
    EQUAL(aio_return(&control), -1);
    return 0;
}
