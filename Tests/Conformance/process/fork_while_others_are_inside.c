// holds: AIO works in the child also when other threads were inside the library at the fork, 1,000 times over.
// source: kaio (extension)
// limit: 120
#include "../check.h"
#include <stdatomic.h>

#define THREADS 4

static atomic_int stop;
static int files[2];

static void *busy(void *argument) {
    int file = files[(intptr_t)argument % 2];
    unsigned char *buffer = aligned_buffer(131072);
    struct aiocb controls[4], *list[4];
    while (!stop) {
        for (int i = 0; i < 4; i++) {
            controls[i] = request(file, buffer + i * 32768, i % 2 ? 4096 : 32768, i * 32768);
            controls[i].aio_lio_opcode = LIO_READ;
            list[i] = &controls[i];
        }
        if ((intptr_t)argument % 3 == 0) {
            OK(lio_listio(LIO_WAIT, list, 4, NULL));
        } else {
            for (int i = 0; i < 4; i++) OK(aio_read(&controls[i]));
        }
        for (int i = 0; i < 4; i++) EQUAL(FINISH(&controls[i]), controls[i].aio_nbytes);
    }
    free(buffer);
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    for (int i = 0; i < 2; i++) {
        files[i] = scratch_file(i ? O_DIRECT : 0);
        write_pattern(files[i], 1 << 20, 1, 0);
    }
    static unsigned char data[4096] __attribute__((aligned(4096)));
    for (int i = 0; i < THREADS; i++) OK(pthread_create(&threads[i], NULL, busy, (void *)(intptr_t)i));
    for (int round = 0; round < 1000; round++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            struct aiocb control = request(files[round % 2], data, sizeof data, 4096);
            OK(aio_read(&control));
            EQUAL(FINISH(&control), sizeof data);
            VERIFY(data, sizeof data, 1, 4096);
            _exit(0);
        }
        EXITS(child);
    }
    stop = 1;
    for (int i = 0; i < THREADS; i++) OK(pthread_join(threads[i], NULL));
    return 0;
}
