// holds: After fork the child can use every function of aio.h at once, though the parent used them before.
// source: fork
// compare: no
#define NEEDS_KAIO
#include "../check.h"

static void use(int file, uint64_t seed) {
    static unsigned char data[1 << 20];
    size_t sizes[] = {4096, sizeof data};
    for (int i = 0; i < 2; i++) {
        fill(data, sizes[i], seed, 0);
        struct aiocb control = request(file, data, sizes[i], 0), sync = request(file, NULL, 0, 0);
        struct aiocb *list[1] = {&control};
        OK(aio_write(&control));
        EQUAL(FINISH(&control), sizes[i]);
        OK(aio_fsync(O_DSYNC, &sync));
        EQUAL(FINISH(&sync), 0);
        memset(data, 0, sizes[i]);
        control.aio_lio_opcode = LIO_READ;
        OK(lio_listio(LIO_WAIT, list, 1, NULL));
        EQUAL(aio_return(&control), sizes[i]);
        VERIFY(data, sizes[i], seed, 0);
    }
}

int main(void) {
    int file = scratch_file(0), other = scratch_file(0);
    use(file, 1);
    pid_t child = fork();
    if (child == 0) {
        alarm(10);
        use(other, 2);
        // And a child of the child.
        pid_t grandchild = fork();
        if (grandchild == 0) {
            alarm(10);
            use(other, 3);
            _exit(0);
        }
        EXITS(grandchild);
        use(other, 4);
        _exit(0);
    }
    use(file, 5);
    EXITS(child);
    use(file, 6);
    return 0;
}
