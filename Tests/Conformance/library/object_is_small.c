// holds: The library is at most 900 KB: 700 of it, 100 for the mirror, and 60 for the interface of bufio.
// source: kaio
#include "../check.h"

int main(void) {
    struct stat status;
    OK(stat(getenv("CHECK_LIBRARY"), &status));
    printf("%lld bytes\n", (long long)status.st_size);
    CHECK(status.st_size > 0);
    CHECK(status.st_size <= 900 << 10);
}
