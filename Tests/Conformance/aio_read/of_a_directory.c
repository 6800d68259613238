// holds: A read of a directory ends with EISDIR, as read() does.
// source: aio_read
#include "../check.h"

int main(void) {
    int directory = open("/", O_RDONLY | O_DIRECTORY);
    CHECK(directory >= 0);
    char buffer[512];
    struct aiocb control = request(directory, buffer, sizeof buffer, 0);
    OK(aio_read(&control));
    FINISHES_WITH(&control, EISDIR);
    return 0;
}
