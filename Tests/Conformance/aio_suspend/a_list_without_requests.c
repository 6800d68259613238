// holds: Over a list that holds no request (empty, null entries, results returned already) aio_suspend returns 0 at once.
// source: FACTS choice (aio_suspend)
#include "../check.h"

int main(void) {
    struct aiocb control = request(scratch_file(0), "x", 1, 0), never = control;
    const struct aiocb *nulls[3] = {0}, *returned[2] = {&control, NULL}, *unused[1] = {&never};
    OK(aio_suspend(nulls, 3, NULL));
    OK(aio_suspend(nulls, 0, NULL));
    OK(aio_write(&control));
    EQUAL(FINISH(&control), 1);
    OK(aio_suspend(returned, 2, NULL));
    OK(aio_suspend(unused, 1, NULL));
    return 0;
}
