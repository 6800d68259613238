// holds: lio_listio with nent = -1 fails with EINVAL.
// source: FACTS glibc 15
#include "../check.h"

int main(void) {
    struct aiocb *list[1] = {NULL};
    FAILS(lio_listio(LIO_WAIT, list, -1, NULL), EINVAL);
    FAILS(lio_listio(LIO_NOWAIT, list, -1, NULL), EINVAL);
    return 0;
}
