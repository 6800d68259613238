// holds: When the machine's AIO contexts are used up (io_setup: EAGAIN) everything works, by another way; and afterwards too.
// source: kaio (extension)
#include "../syscalls.h"
#include <stdatomic.h>

static atomic_int shortage = 1, refused;

static int refuse(const struct seccomp_data *call, pid_t thread) {
    (void)call, (void)thread;
    refused += shortage;
    return shortage ? EAGAIN : 0;
}

static void use(int file, uint64_t seed) {
    static unsigned char data[65536] __attribute__((aligned(4096)));
    struct aiocb control = request(file, data, sizeof data, 0), *list[1] = {&control};
    fill(data, sizeof data, seed, 0);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), sizeof data);
    OK(aio_fsync(O_DSYNC, &control));
    EQUAL(FINISH(&control), 0);
    memset(data, 0, sizeof data);
    control.aio_lio_opcode = LIO_READ;
    OK(lio_listio(LIO_WAIT, list, 1, NULL));
    EQUAL(aio_return(&control), sizeof data);
    VERIFY(data, sizeof data, seed, 0);
    int ends[2];
    char byte;
    OK(pipe(ends));
    struct aiocb waiting = request(ends[0], &byte, 1, 0);
    OK(aio_read(&waiting));
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&waiting), 1);
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    int calls[] = {SYS_io_setup}, files[2] = {scratch_file(0), scratch_file(O_DIRECT)};
    watch_calls(refuse, calls, 1);
    for (int i = 0; i < 20; i++) use(files[i % 2], (uint64_t)i);
    printf("io_setup was refused %d times\n", (int)refused);
    shortage = 0;
    for (int i = 0; i < 20; i++) use(files[i % 2], (uint64_t)i);
    return 0;
}
