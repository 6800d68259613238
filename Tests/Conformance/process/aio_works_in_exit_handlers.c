// holds: Functions that run at exit (atexit, destructors) can use AIO.
// source: exit
#include "../check.h"

static int file;

static void use(void) {
    unsigned char data[4096] = {1};
    struct aiocb control = request(file, data, sizeof data, 0), *list[1] = {&control};
    OK(aio_write(&control));
    EQUAL(FINISH(&control), sizeof data);
    OK(aio_fsync(O_DSYNC, &control));
    EQUAL(FINISH(&control), 0);
    control.aio_lio_opcode = LIO_READ;
    OK(lio_listio(LIO_WAIT, list, 1, NULL));
    EQUAL(aio_return(&control), sizeof data);
}

__attribute__((destructor)) static void at_the_end(void) { if (file) use(); }

int main(void) {
    for (int round = 0; round < 10; round++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(10);
            file = scratch_file(0);
            OK(atexit(use));
            if (round % 2) use();
            exit(0);
        }
        EXITS(child);
    }
    return 0;
}
