// holds: After mlockall(MCL_FUTURE) all works within 8 MiB of RLIMIT_MEMLOCK, and one request makes no more than 1 MiB resident.
// source: kaio (extension)
#include "../check.h"
#include <sys/resource.h>

enum { large = 1 << 20 };

static int file, ends[2];
static unsigned char small[4096], *buffer;

static void one_request(void) {
    struct aiocb control = request(file, small, sizeof small, 0);
    long before = resident_memory();
    OK(aio_write(&control));
    EQUAL(FINISH(&control), sizeof small);
    printf("one request: %ld KiB\n", resident_memory() - before);
    CHECK(resident_memory() - before <= 1024);
}

// Each way that a request takes, and many at a time.
static void all_kinds(void) {
    struct aiocb controls[64], *list[64], waiting = request(ends[0], small, 1, 0);
    OK(aio_read(&waiting));
    for (int i = 0; i < 64; i++) {
        controls[i] = request(file, buffer + i % 2 * large, i % 2 ? large : 4096, i % 2 * large);
        controls[i].aio_lio_opcode = LIO_READ;
        list[i] = &controls[i];
    }
    OK(lio_listio(LIO_WAIT, list, 64, NULL));
    for (int i = 0; i < 64; i++) EQUAL(aio_return(list[i]), i % 2 ? large : 4096);
    VERIFY(buffer + large, large, 1, large);
    struct aiocb synchronize = request(file, NULL, 0, 0);
    OK(aio_fsync(O_SYNC, &synchronize));
    EQUAL(FINISH(&synchronize), 0);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&waiting), 1);
}

int main(int count, char **words) {
    struct child child;
    (void)words;
    file = scratch_file(0);
    buffer = aligned_buffer(2 * large);
    open_pipe(ends);
    if (count == 1) {
        // Whoever runs this may have as much as he likes.
        run_again(&child, "unlimited", NULL, NULL);
        SUCCEEDED(&child);
        struct rlimit limit;
        OK(getrlimit(RLIMIT_MEMLOCK, &limit));
        if (limit.rlim_max < 8 << 20) return 0;
        limit.rlim_cur = 8 << 20;
        OK(setrlimit(RLIMIT_MEMLOCK, &limit));
        // The limit does not count for root.
        if (getuid() == 0) OK(setuid(65534));
    } else {
        struct rlimit limit;
        OK(getrlimit(RLIMIT_MEMLOCK, &limit));
        if (limit.rlim_cur < 64 << 20 && getuid() != 0) return 0;
    }
    write_pattern(file, 2 * large, 1, 0);
    OK(mlockall(MCL_FUTURE));
    one_request();
    all_kinds();
    return 0;
}
