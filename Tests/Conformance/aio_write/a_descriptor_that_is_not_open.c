// holds: For a descriptor that is not open aio_write returns 0, aio_error says EBADF and aio_return -1.
// source: FACTS choice (bad descriptor)
#include "../check.h"

int main(void) {
    int closed = dup(0), wild[] = {closed, -1, INT_MAX, INT_MIN};
    close(closed);
    for (int i = 0; i < 4; i++) {
        struct aiocb control = request(wild[i], "x", 1, 0);
        OK(aio_write(&control));
        FINISHES_WITH(&control, EBADF);
    }
    return 0;
}
