// holds: aio_error gives the errno value that read(), write() or fsync() would have set.
// source: aio_error
#include "../check.h"

int main(void) {
    struct aiocb directory = request(open("/", O_RDONLY), &(char[8]){0}, 8, 0);
    struct aiocb full = request(open("/dev/full", O_WRONLY), "x", 1, 0);
    struct aiocb null = request(open("/dev/null", O_WRONLY), NULL, 0, 0);
    OK(aio_read(&directory));
    OK(aio_write(&full));
    OK(aio_fsync(O_SYNC, &null));
    FINISHES_WITH(&directory, EISDIR);
    FINISHES_WITH(&full, ENOSPC);
    FINISHES_WITH(&null, EINVAL);
    return 0;
}
