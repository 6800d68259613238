// holds: The child of a fork with timers pending has none of them, and timers of its own; the parent's go on.
// source: fork
// environment: 'KAIO_VFS_OBJECTS=ordered aio_ratelimit delay_inject aio_linux aio_poll' 'KAIO_VFS_PARAMETERS=delay_inject:delay=200ms; aio_ratelimit:read_iops=50'
// limit: 60
#include "../check.h"

int main(void) {
    enum { count = 8, size = 4096 };
    int file = scratch_file(0), without_library = count_descriptors();
    write_pattern(file, count * 2 * size, 1, 0);
    unsigned char *blocks = aligned_buffer((count + 1) * size);
    struct aiocb controls[count];
    deadline(30);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < count; i++) {
            controls[i] = request(file, blocks + i * size, size, (off_t)i * 2 * size);
            OK(aio_read(&controls[i]));
        }
        // Some are delayed by now, others wait for their tokens.
        sleep_for(0.05);
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            for (int i = 0; i < count; i++) FAILS(aio_error(&controls[i]), EINVAL);
            // The timer's is closed, like the library's others.
            EQUAL(count_descriptors(), without_library);
            struct aiocb own[2];
            int64_t began = nanoseconds();
            for (int i = 0; i < 2; i++) {
                own[i] = request(file, blocks + count * size, size, (off_t)i * 2 * size);
                OK(aio_read(&own[i]));
            }
            for (int i = 0; i < 2; i++) EQUAL(FINISH(&own[i]), size);
            int64_t took = nanoseconds() - began;
            CHECK(took >= 200000000 && took < 2000000000);
            _exit(0);
        }
        for (int i = 0; i < count; i++) EQUAL(FINISH(&controls[i]), size);
        EXITS(child);
    }
}
