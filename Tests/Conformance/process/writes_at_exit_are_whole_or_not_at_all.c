// holds: A write in flight at _exit either completes or never happens: no block is half new.
// source: _exit
#include "../check.h"

#define BLOCK 4096
#define COUNT 64

int main(void) {
    int file = scratch_file(O_DIRECT), completed = 0;
    unsigned char *data = aligned_buffer(COUNT * BLOCK);
    write_pattern(file, COUNT * BLOCK, 1, 0);
    for (int round = 0; round < 30; round++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(10);
            static struct aiocb controls[COUNT];
            fill(data, COUNT * BLOCK, 2, 0);
            for (int i = 0; i < COUNT; i++) {
                controls[i] = request(file, data + i * BLOCK, BLOCK, i * BLOCK);
                OK(aio_write(&controls[i]));
            }
            _exit(0);
        }
        EXITS(child);
        EQUAL(pread(file, data, COUNT * BLOCK, 0), COUNT * BLOCK);
        for (int i = 0; i < COUNT; i++) {
            int new = data[i * BLOCK] == pattern_byte(2, (uint64_t)i * BLOCK);
            VERIFY(data + i * BLOCK, BLOCK, new ? 2 : 1, (uint64_t)i * BLOCK);
            completed += new;
        }
        fill(data, COUNT * BLOCK, 1, 0);
        EQUAL(pwrite(file, data, COUNT * BLOCK, 0), COUNT * BLOCK);
    }
    printf("%d of %d were written\n", completed, 30 * COUNT);
    return 0;
}
