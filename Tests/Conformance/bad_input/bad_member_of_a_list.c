// holds: Bad members of a list neither stop the good ones nor hang the call; each member's own status tells.
// source: lio_listio
#include "../check.h"

enum { kinds = 8 };
static int descriptor;
static char block[512], page[4096];

static struct aiocb bad_member(int kind) {
    struct aiocb control = request(descriptor, page, 512, 0);
    control.aio_lio_opcode = LIO_READ;
    switch (kind) {
        case 0: control.aio_fildes = -1; break;
        case 1: control.aio_fildes = INT_MAX; break;
        case 2: control.aio_offset = -1; break;
        case 3: control.aio_nbytes = SIZE_MAX; break;
        case 4: control.aio_reqprio = -1; break;
        case 5: control.aio_sigevent.sigev_notify = 77; break;
        case 6:
            control.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
            control.aio_sigevent.sigev_signo = 1000;
            break;
        case 7: control.aio_lio_opcode = 99; break;
    }
    return control;
}

static void ask(int mode, int kind) {
    struct aiocb good[2], bad = bad_member(kind);
    struct aiocb *list[] = {&good[0], &bad, NULL, &good[1]};
    for (int i = 0; i < 2; i++) {
        good[i] = request(descriptor, block, sizeof block, i * 512);
        good[i].aio_lio_opcode = LIO_WRITE;
    }
    int result = lio_listio(mode, list, 4, NULL);
    if (mode == LIO_WAIT) EQUAL(result, -1);
    if (result != 0) CHECK(errno == EIO || errno == EINVAL);
    for (int i = 0; i < 2; i++) EQUAL(FINISH(&good[i]), sizeof block);
    CHECK(wait_for(&bad, 10) != 0);
    CHECK(aio_error(&bad) != EINPROGRESS);
}

int main(void) {
    descriptor = scratch_file(0);
    fill(block, sizeof block, 1, 0);
    for (int kind = 0; kind < kinds; kind++) {
        ask(LIO_NOWAIT, kind);
        ask(LIO_WAIT, kind);
    }
    check_service();
}
