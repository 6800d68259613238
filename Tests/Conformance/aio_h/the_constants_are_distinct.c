// holds: AIO_CANCELED, AIO_NOTCANCELED and AIO_ALLDONE differ; so do LIO_READ, LIO_WRITE and LIO_NOP; so do LIO_WAIT and LIO_NOWAIT.
// source: aio.h
#include "../check.h"

int main(void) {
    CHECK(AIO_CANCELED != AIO_NOTCANCELED && AIO_CANCELED != AIO_ALLDONE && AIO_NOTCANCELED != AIO_ALLDONE);
    CHECK(LIO_READ != LIO_WRITE && LIO_READ != LIO_NOP && LIO_WRITE != LIO_NOP);
    CHECK(LIO_WAIT != LIO_NOWAIT);
    return 0;
}
