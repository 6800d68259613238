// holds: A null list with a count above zero is EINVAL, in aio_suspend and lio_listio; one with a count of zero is no error.
// source: kaio (extension)
// compare: no
#define NEEDS_KAIO
#include "../check.h"

int main(void) {
    // The header has it that the list is not null.
    struct aiocb **volatile null = NULL;
    struct timespec moment = {0, 1000};
    for (int round = 0; round < 2; round++) {
        FAILS(aio_suspend((const struct aiocb **)null, 1, NULL), EINVAL);
        FAILS(aio_suspend((const struct aiocb **)null, 1000, &moment), EINVAL);
        OK(aio_suspend((const struct aiocb **)null, 0, &moment));
        FAILS(lio_listio(LIO_WAIT, null, 1, NULL), EINVAL);
        FAILS(lio_listio(LIO_NOWAIT, null, 7, NULL), EINVAL);
        OK(lio_listio(LIO_WAIT, null, 0, NULL));
        OK(lio_listio(LIO_NOWAIT, null, 0, NULL));
        check_service();
    }
    return 0;
}
