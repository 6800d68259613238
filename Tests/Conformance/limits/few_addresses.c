// holds: With 32 MiB of addresses left (RLIMIT_AS) all works, and half of them stay the program's.
// source: kaio (extension)
#include "../check.h"
#include <sys/resource.h>

enum { left = 32 << 20, large = 1 << 20, many = 4096 };

int main(void) {
    int file = scratch_file(0), ends[2];
    static struct aiocb controls[many];
    static char bytes[many];
    unsigned char *buffer = aligned_buffer(large);
    long pages = 0;
    struct rlimit limit;
    write_pattern(file, large, 1, 0);
    open_pipe(ends);
    FILE *statm = fopen("/proc/self/statm", "re");
    CHECK(statm && fscanf(statm, "%ld", &pages) == 1);
    fclose(statm);
    OK(getrlimit(RLIMIT_AS, &limit));
    limit.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + left;
    OK(setrlimit(RLIMIT_AS, &limit));
    // Thousands in flight at the same time.
    for (int i = 0; i < many; i++) {
        controls[i] = request(ends[0], &bytes[i], 1, 0);
        OK(aio_read(&controls[i]));
    }
    // One that the kernel does, and one that a worker does.
    for (size_t size = 4096; size <= large; size += large - 4096) {
        struct aiocb control = request(file, buffer, size, 0);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), size);
        VERIFY(buffer, size, 1, 0);
    }
    void *mine = malloc(left / 2);
    CHECK(mine != NULL);
    free(mine);
    for (int i = 0; i < many; i++) bytes[i] = 'a' + i % 26;
    static char data[many];
    memcpy(data, bytes, many);
    memset(bytes, 0, many);
    EQUAL(write(ends[1], data, many), many);
    for (int i = 0; i < many; i++) EQUAL(FINISH(&controls[i]), 1);
    CHECK(memcmp(bytes, data, many) == 0);
    return 0;
}
