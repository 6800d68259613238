// holds: An asynchronous write beyond the limit of file size ends with EFBIG and sends no SIGXFSZ; one that reaches it is short.
// source: kaio (extension)
#include "../check.h"
#include <sys/resource.h>

static volatile sig_atomic_t caught;
static void handler(int number) { caught = number; }

int main(void) {
    struct sigaction action = {.sa_handler = handler};
    struct rlimit limit = {65536, 65536};
    OK(sigaction(SIGXFSZ, &action, NULL));
    OK(setrlimit(RLIMIT_FSIZE, &limit));
    int modes[] = {0, O_DIRECT};
    unsigned char *data = aligned_buffer(8192);
    for (int mode = 0; mode < 2; mode++) {
        int file = scratch_file(modes[mode]);
        off_t offsets[] = {65536, 1 << 20};
        for (int i = 0; i < 2; i++) {
            struct aiocb control = request(file, data, 8192, offsets[i]), *list[1] = {&control};
            OK(aio_write(&control));
            FINISHES_WITH(&control, EFBIG);
            control.aio_lio_opcode = LIO_WRITE;
            FAILS(lio_listio(LIO_WAIT, list, 1, NULL), EIO);
            EQUAL(aio_error(&control), EFBIG);
        }
        struct aiocb control = request(file, data, 8192, 65536 - 4096);
        OK(aio_write(&control));
        EQUAL(FINISH(&control), 4096);
    }
    EQUAL(caught, 0);
    return 0;
}
