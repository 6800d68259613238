// holds: Reads that wait on 20 and more idle pipes do not keep requests on files from running.
// source: FACTS glibc 2
#include "../check.h"

#define PIPES 40

int main(void) {
    int file = scratch_file(0), ends[2];
    static struct aiocb controls[PIPES];
    static char bytes[PIPES];
    for (int i = 0; i < PIPES; i++) {
        OK(pipe(ends));
        controls[i] = request(ends[0], &bytes[i], 1, 0);
        OK(aio_read(&controls[i]));
    }
    struct aiocb control = request(file, "data", 4, 0);
    OK(aio_write(&control));
    EQUAL(wait_for(&control, 5), 0);
    EQUAL(aio_return(&control), 4);
    return 0;
}
