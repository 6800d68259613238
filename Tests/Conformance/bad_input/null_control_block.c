// holds: A null aiocb is EINVAL from every call that takes one; nothing is queued.
// source: kaio (the standard leaves it open)
// compare: no
#define NEEDS_KAIO
#include "../check.h"

// Not a constant, so that the compiler cannot know.
static struct aiocb *volatile null;

int main(void) {
    WITHOUT_LEAK({
        FAILS(aio_read(null), EINVAL);
        FAILS(aio_write(null), EINVAL);
        FAILS(aio_fsync(O_SYNC, null), EINVAL);
        FAILS(aio_error(null), EINVAL);
        FAILS(aio_return(null), EINVAL);
    });
    check_service();
}
