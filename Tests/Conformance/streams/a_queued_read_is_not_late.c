// holds: Reads that are queued on one idle terminal or eventfd cost no time while they wait, and each has its data as soon as they come.
// source: kaio
#include "streams.h"
#include <sys/eventfd.h>

enum { rounds = 100 };

// Seconds from a write to the end of the read that gets it, on the average.
static double latency(int reader, int writer, const void *data, size_t size) {
    struct aiocb controls[2];
    char blocks[2][16];
    double sum = 0;
    for (int i = 0; i < 2; i++) {
        controls[i] = request(reader, blocks[i], sizeof blocks[i], 0);
        OK(aio_read(&controls[i]));
    }
    sleep_for(0.1);
    double before = cpu_time();
    sleep_for(1);
    CHECK(cpu_time() - before < 0.01);
    for (int i = 0; i < rounds; i++) {
        sleep_for(0.002 + 0.00003 * i);
        double start = now();
        EQUAL(write(writer, data, size), size);
        EQUAL(FINISH(&controls[i % 2]), size);
        sum += now() - start;
        OK(aio_read(&controls[i % 2]));
    }
    for (int i = 0; i < 2; i++) EQUAL(aio_cancel(reader, &controls[(rounds + 1 - i) % 2]), AIO_CANCELED);
    printf("%.3f ms\n", sum / rounds * 1e3);
    return sum / rounds;
}

static void check_stream(void) {
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), event = eventfd(0, EFD_CLOEXEC);
    CHECK(master >= 0 && event >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(terminal >= 0);
    uint64_t one = 1;
    // On a busy machine a few are late by themselves.
    int tries = 5;
    while (latency(terminal, master, "line\n", 5) > 0.0015 * times_slower()) CHECK(--tries > 0);
    while (latency(event, event, &one, sizeof one) > 0.0015 * times_slower()) CHECK(--tries > 0);
}
