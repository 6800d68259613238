// holds: aio_read works in the child of a fork, though the parent had used it before.
// source: FACTS glibc 11
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    char buffer[4];
    struct aiocb control = request(file, "data", 4, 0);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), 4);
    pid_t child = fork();
    if (child == 0) {
        control = request(file, buffer, 4, 0);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), 4);
        EQUAL(memcmp(buffer, "data", 4), 0);
        _exit(0);
    }
    EXITS(child);
    return 0;
}
