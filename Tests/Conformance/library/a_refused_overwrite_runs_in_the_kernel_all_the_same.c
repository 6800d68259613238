// holds: A direct write inside the file that the kernel would have to wait for when it is submitted, for a time stamp or a block, runs in the kernel all the same, alone and among others, and the data is right.
// source: kernel (XFS, and ext4 from Linux 7.3 on, refuse one at each tick of the clock)
// limit: 60
//
// On kernels before that, ext4 refuses a write into a hole.
#include "../check.h"

enum { blocks = 400, size = 4096, depth = 32 };

static void settled(int direct, unsigned char *data, int first, int count) {
    static struct aiocb controls[blocks];
    for (int i = 0; i < count; i++) {
        fill(data + i * size, size, 5, (uint64_t)(first + i) * size);
        controls[i] = request(direct, data + i * size, size, (off_t)(first + i) * size);
        OK(aio_write(&controls[i]));
    }
    for (int i = 0; i < count; i++) EQUAL(FINISH(&controls[i]), size);
}

static void work(void) {
    int direct = scratch_file(O_DIRECT), done = 0;
    unsigned char *data = aligned_buffer(blocks * size);
    OK(ftruncate(direct, blocks * size));
    for (; done < 100; done++) settled(direct, data, done, 1);
    write_pattern(direct, (blocks - 100) * size, 5, 100 * size);
    // And over what is written.
    for (done = 0; done < 50; done++) {
        settled(direct, data, done, 1);
        sleep_for(0.02);
    }
    for (done = 100; done < blocks; done += depth)
        settled(direct, data, done, done + depth < blocks ? depth : blocks - done);
    EQUAL(pread(direct, data, blocks * size, 0), blocks * size);
    VERIFY(data, blocks * size, 5, 0);
}

// Overwrites of one block each, with as many in flight, that are to run in the kernel; at least 99 in 100.
static void overwrite(int number, int in_flight, double pause) {
    static struct aiocb controls[depth];
    int direct = scratch_file(O_DIRECT);
    unsigned char *data = aligned_buffer(depth * size);
    write_pattern(direct, depth * size, 5, 0);
    OK(fsync(direct));
    for (int i = 0; i < number + in_flight; i++) {
        struct aiocb *control = &controls[i % in_flight];
        if (i >= in_flight) EQUAL(FINISH(control), size);
        if (i >= number) continue;
        sleep_for(pause);
        unsigned char *block = data + i % in_flight * size;
        fill(block, size, (unsigned)i, 0);
        *control = request(direct, block, size, i % in_flight * size);
        OK(aio_write(control));
    }
}

enum { paced = 150, deep = 3200 };

int main(int arguments, char **names) {
    (void)names;
    if (arguments > 1) {
        if (!getenv("CHECK_DEPTH")) work();
        else if (atoi(getenv("CHECK_DEPTH")) == 1) overwrite(paced, 1, 0.02);
        else overwrite(deep, depth, 0);
        return 0;
    }
    char json[4096];
    CHECK(statistics_of_work(json, sizeof json));
    CHECK(stat_of(json, "modules", "aio_linux") >= (blocks + 50) * 99 / 100);
    EQUAL(stat_of(json, "bytes", "written"), (blocks + 50) * size);
    OK(setenv("CHECK_DEPTH", "1", 1));
    CHECK(statistics_of_work(json, sizeof json));
    long by_kernel = stat_of(json, "modules", "aio_linux");
    OK(setenv("CHECK_DEPTH", "32", 1));
    CHECK(statistics_of_work(json, sizeof json));
    long deep_by_kernel = stat_of(json, "modules", "aio_linux");
    printf("\nmeasured: of direct overwrites %ld of %d that were 20 ms apart, and %ld of %d with %d in flight, ran in the kernel\n",
           by_kernel, paced, deep_by_kernel, deep, depth);
    CHECK(by_kernel * 100 >= paced * 99 && deep_by_kernel * 100 >= deep * 99);
}
