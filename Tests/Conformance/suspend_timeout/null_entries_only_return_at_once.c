// holds: A list of null entries only returns 0 at once, whatever the timeout is.
// source: glibc (compatibility)
#include "../check.h"

int main(void) {
    const struct aiocb *list[] = {NULL, NULL, NULL};
    const struct timespec zero = {0, 0}, timeout = {100, 0};
    int64_t took;
    OK(timed_suspend(list, 3, NULL, &took));
    OK(timed_suspend(list, 3, &zero, &took));
    OK(timed_suspend(list, 3, &timeout, &took));
    CHECK(took < 50000000000);
}
