// holds: The address of the aiocb names its request: of two in flight each has a status and a result of its own.
// source: aio_read
#include "../check.h"

int main(void) {
    int first[2], second[2];
    char bytes[2][8];
    OK(pipe(first));
    OK(pipe(second));
    struct aiocb a = request(first[0], bytes[0], 8, 0), b = request(second[0], bytes[1], 8, 0);
    OK(aio_read(&a));
    OK(aio_read(&b));
    EQUAL(write(second[1], "abc", 3), 3);
    EQUAL(FINISH(&b), 3);
    EQUAL(aio_error(&a), EINPROGRESS);
    EQUAL(write(first[1], "defgh", 5), 5);
    EQUAL(FINISH(&a), 5);
    CHECK(memcmp(bytes[0], "defgh", 5) == 0 && memcmp(bytes[1], "abc", 3) == 0);
    return 0;
}
