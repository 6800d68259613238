// holds: In a stack of several modules each has its effect on what the one above lets through.
// source: kaio
// limit: 60
#include "../check.h"

enum { count = 20, size = 4096 };
static struct child child;

// Reads one after the other: prints how many failed, and the milliseconds that those took, and the others.
static void work(void) {
    int file = scratch_file(0), failures = 0;
    write_pattern(file, size, 1, 0);
    unsigned char *block = aligned_buffer(size);
    double failed_for = 0, worked_for = 0;
    for (int i = 0; i < count; i++) {
        struct aiocb control = request(file, block, size, 0);
        double began = now();
        OK(aio_read(&control));
        int error = wait_for(&control, 10);
        double took = (now() - began) * 1000;
        if (error) {
            EQUAL(error, EIO);
            failures++;
            failed_for += took;
        } else {
            EQUAL(aio_return(&control), size);
            worked_for += took;
        }
    }
    printf("%d %.0f %.0f", failures, failed_for, worked_for);
}

static void expect(int line, const char *objects, const char *parameters, double failed_for, double worked_for) {
    char first[256], second[256];
    int failures;
    double failed_took, worked_took;
    snprintf(first, sizeof first, "KAIO_VFS_OBJECTS=%s", objects);
    snprintf(second, sizeof second, "KAIO_VFS_PARAMETERS=error_inject:rules=read EIO every 2; %s", parameters);
    const char *const environment[] = {first, second, NULL};
    // On a busy machine some are late, and under a limit the next ones then wait less: once in five must be right.
    for (int tries = 0; tries < 5; tries++) {
        run_again(&child, "work", environment, NULL);
        SUCCEEDED(&child);
        EQUAL(sscanf(child.output, "%d %lf %lf", &failures, &failed_took, &worked_took), 3);
        EQUAL(failures, count / 2);
        if (failed_took >= failed_for && failed_took <= failed_for + 100 * times_slower() && worked_took >= worked_for &&
            worked_took <= worked_for + 100 * times_slower())
            return;
    }
    failed(__FILE__, line, "%s: %s", objects, child.output);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        (void)argv;
        work();
        return 0;
    }
    // Ten of 20 fail. A delay of 20 ms is 200 ms for ten; at 50 in a second 20 take 380 ms, 10 take 180.
    const char *delay = "delay_inject:delay=20ms", *limit = "aio_ratelimit:read_iops=50";
    expect(__LINE__, "error_inject delay_inject aio_linux", delay, 0, 200);
    expect(__LINE__, "delay_inject error_inject aio_linux", delay, 200, 200);
    expect(__LINE__, "ordered aio_ratelimit error_inject aio_linux", limit, 180, 160);
    expect(__LINE__, "ordered error_inject aio_ratelimit aio_linux", limit, 0, 160);
    expect(__LINE__, "aio_ratelimit delay_inject error_inject aio_linux",
           "aio_ratelimit:read_iops=1000; delay_inject:delay=20ms", 200, 200);
    expect(__LINE__, "delay_inject delay_inject error_inject aio_linux", delay, 400, 400);
    expect(__LINE__, "readonly readahead ordered error_inject aio_linux", "", 0, 0);
}
