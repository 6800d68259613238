// holds: The library is at most 350 KB.
// source: kaio
#include "../check.h"

int main(void) {
    struct stat status;
    OK(stat(getenv("CHECK_LIBRARY"), &status));
    printf("%lld bytes\n", (long long)status.st_size);
    CHECK(status.st_size > 0);
    CHECK(status.st_size <= 350 << 10);
}
