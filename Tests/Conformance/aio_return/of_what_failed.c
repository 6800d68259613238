// holds: aio_return gives -1 for a request that failed, and errno is its error.
// source: aio_return, kaio (extension)
#include "../check.h"

int main(void) {
    struct aiocb control = request(open("/", O_RDONLY), &(char[8]){0}, 8, 0);
    OK(aio_read(&control));
    EQUAL(wait_for(&control, 10), EISDIR);
    FAILS(aio_return(&control), EISDIR);
    return 0;
}
