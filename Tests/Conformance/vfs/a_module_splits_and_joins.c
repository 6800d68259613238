// holds: A module may do a request as several of its own: nobody else sees these, and the request ends when all have, also at close, cancel, faults and fork.
// source: kaio
// limit: 120
// links: -Wl,-z,dynamic-undefined-weak
#include "split.h"
#include "../../../include/kaio.h"

#pragma weak aio_waitcomplete

enum { blocks = 16, size = 65536 };

static void transfers(void) {
    for (int direct = 0; direct < 2; direct++) {
        int file = scratch_file(direct ? O_DIRECT : 0);
        struct aiocb controls[blocks];
        unsigned char *data = aligned_buffer(blocks * size);
        for (int round = 0; round < 4; round++) {
            for (int i = 0; i < blocks; i++) {
                if (round % 2 == 0) fill(data + i * size, size, (uint64_t)round, (uint64_t)i * size);
                else memset(data + i * size, 0, size);
                controls[i] = request(file, data + i * size, size, (off_t)i * size);
                OK(round % 2 == 0 ? aio_write(&controls[i]) : aio_read(&controls[i]));
            }
            for (int i = 0; i < blocks; i++) {
                struct aiocb *done = NULL;
                EQUAL(aio_waitcomplete(&done, NULL), size);
                CHECK(done >= controls && done < controls + blocks);
            }
            struct aiocb *none = NULL;
            FAILS(aio_waitcomplete(&none, NULL), EAGAIN);
            if (round % 2 == 1) VERIFY(data, blocks * size, (uint64_t)round - 1, 0);
        }
        close(file);
    }
}

static void at_the_end_of_a_file(void) {
    int file = scratch_file(0);
    write_pattern(file, 10000, 1, 0);
    static unsigned char data[size];
    struct aiocb control = request(file, data, size, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 10000);
    VERIFY(data, 10000, 1, 0);
}

// One half in a second passes: what waits can be closed, and a child has none of it.
static void limited(void) {
    int file = scratch_file(0);
    write_pattern(file, size, 1, 0);
    struct aiocb controls[4];
    static unsigned char data[4][size];
    for (int i = 0; i < 4; i++) {
        controls[i] = request(dup(file), data[i], size, 0);
        OK(aio_read(&controls[i]));
    }
    EQUAL(aio_cancel(controls[3].aio_fildes, &controls[3]), AIO_NOTCANCELED);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 4; i++) EQUAL(aio_error(&controls[i]) == EINPROGRESS, 0);
        static unsigned char other[16384];
        struct aiocb own = request(file, other, sizeof other, 0);
        OK(aio_read(&own));
        EQUAL(FINISH(&own), sizeof other);
        VERIFY(other, sizeof other, 1, 0);
        _exit(0);
    }
    for (int i = 1; i < 4; i++) {
        OK(close(controls[i].aio_fildes));
        FINISHES_WITH(&controls[i], ECANCELED);
    }
    int status;
    EQUAL(waitpid(child, &status, 0), child);
    EQUAL(status, 0);
}

// Every second half fails, with an error that the whole then has, or as far as it came.
static void faulty(void) {
    int file = scratch_file(0), short_ones = 0, failed_ones = 0;
    write_pattern(file, size, 1, 0);
    static unsigned char data[size];
    for (int i = 0; i < 12; i++) {
        struct aiocb control = request(file, data, size, 0);
        OK(aio_read(&control));
        int error = wait_for(&control, 10);
        ssize_t result = aio_return(&control);
        if (error == EIO) failed_ones++;
        else {
            EQUAL(error, 0);
            CHECK(result == size || result == size / 2);
            short_ones += result == size / 2;
            VERIFY(data, (size_t)result, 1, 0);
        }
    }
    EQUAL(short_ones + failed_ones, 8); // every third half: two of three requests have one
    CHECK(short_ones > 0 && failed_ones > 0);
}

static void run(const char *what, const char *objects, const char *parameters) {
    static struct child child;
    char first[256], second[256];
    snprintf(first, sizeof first, "KAIO_VFS_OBJECTS=%s", objects);
    snprintf(second, sizeof second, "KAIO_VFS_PARAMETERS=%s", parameters);
    run_again(&child, what, (const char *const[]){first, second, NULL}, NULL);
    SUCCEEDED(&child);
}

int main(int argc, char **argv) {
    deadline(100);
    if (argc > 1) {
        register_split();
        if (strcmp(argv[1], "transfers") == 0) transfers(), at_the_end_of_a_file();
        if (strcmp(argv[1], "limited") == 0) limited();
        if (strcmp(argv[1], "faulty") == 0) faulty();
        return 0;
    }
    run("transfers", "split ordered aio_linux aio_poll aio_pthread", "");
    run("transfers", "ordered split aio_linux aio_poll aio_pthread", "");
    run("transfers", "split split aio_pthread", "");
    run("limited", "split aio_ratelimit aio_linux", "aio_ratelimit:read_iops=1; aio_ratelimit:burst=1s");
    run("faulty", "ordered split error_inject aio_linux", "error_inject:rules=read EIO every 3");
}
