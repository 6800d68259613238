// holds: Hundreds of reads and writes in flight at random places of a small file give what they would give one after another.
// source: FACTS choice (order)
// limit: 60
#include "../check.h"

#define DEPTH 32
#define FILE_SIZE 65536
#define COUNT 6000

static void run(int flags, size_t unit, unsigned seed) {
    int file = scratch_file(flags);
    // What the file would be if each request were done before the next is made.
    unsigned char *model = aligned_buffer(FILE_SIZE), *expected[DEPTH], *buffers[DEPTH];
    static struct aiocb controls[DEPTH];
    int used[DEPTH] = {0};
    write_pattern(file, FILE_SIZE, 1, 0);
    fill(model, FILE_SIZE, 1, 0);
    for (int i = 0; i < DEPTH; i++) {
        expected[i] = aligned_buffer(FILE_SIZE);
        buffers[i] = aligned_buffer(FILE_SIZE);
    }
    for (int i = 0; i < COUNT + DEPTH; i++) {
        int slot = i % DEPTH;
        struct aiocb *control = &controls[slot];
        if (used[slot]) {
            EQUAL(FINISH(control), control->aio_nbytes);
            if (used[slot] == 1 && memcmp(buffers[slot], expected[slot], control->aio_nbytes) != 0)
                failed(__FILE__, __LINE__, "request %d, a read of %zu bytes at %ld, gave something else", i - DEPTH,
                       control->aio_nbytes, (long)control->aio_offset);
            used[slot] = 0;
        }
        if (i >= COUNT) continue;
        size_t units = FILE_SIZE / unit, start = (size_t)rand_r(&seed) % units;
        size_t length = 1 + (size_t)rand_r(&seed) % (units - start < 8192 / unit ? units - start : 8192 / unit);
        int writes = rand_r(&seed) % 2;
        *control = request(file, buffers[slot], length * unit, (off_t)(start * unit));
        control->aio_reqprio = rand_r(&seed) % 4;
        if (writes) {
            fill(buffers[slot], length * unit, 1000 + (uint64_t)i, 0);
            memcpy(model + start * unit, buffers[slot], length * unit);
            OK(aio_write(control));
        } else {
            memcpy(expected[slot], model + start * unit, length * unit);
            OK(aio_read(control));
        }
        used[slot] = 1 + writes;
    }
    EQUAL(pread(file, buffers[0], FILE_SIZE, 0), FILE_SIZE);
    EQUAL(memcmp(buffers[0], model, FILE_SIZE), 0);
}

int main(void) {
    run(0, 1, 1);
    run(0, 512, 2);
    run(O_DIRECT, 4096, 3);
    return 0;
}
