// holds: While somebody looks, every request is counted by its file and operation: requests, bytes, failures, cancellations, latencies, and what is in flight.
// source: kaio
// environment: KAIO_LIVE_DIR=.
#include "live.h"

static void work(int cached, int direct) {
    unsigned char *buffer = aligned_buffer(8 * block);
    for (int i = 0; i < 7; i++) read_block(cached, i);
    for (int i = 0; i < 5; i++) read_block(direct, i);
    struct aiocb control = request(cached, buffer, 3 * block, 0);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), 3 * block);
    OK(aio_fsync(O_SYNC, &control));
    EQUAL(FINISH(&control), 0);
    OK(aio_fsync(O_DSYNC, &control));
    EQUAL(FINISH(&control), 0);
    struct aiocb members[4], *list[4];
    for (int i = 0; i < 4; i++) {
        members[i] = request(direct, buffer + i * block, block, i * block);
        members[i].aio_lio_opcode = LIO_READ;
        list[i] = &members[i];
    }
    OK(lio_listio(LIO_WAIT, list, 4, NULL));
    for (int i = 0; i < 4; i++) EQUAL(aio_return(&members[i]), block);
    control = request(cached, NULL, block, 0);
    OK(aio_read(&control));
    FINISHES_WITH(&control, EFAULT);
}

int main(void) {
    int cached = named_file("cached", 0), direct = named_file("direct", O_DIRECT), ends[2];
    open_pipe(ends);
    read_block(cached, 0);
    void *page = open_page(getpid());
    work(cached, direct);
    look(getpid(), page, 3);
    EQUAL(sum_of(page, LIVE_BEGUN), 0);
    work(cached, direct);

    struct live_file *file = file_of(page, "/cached");
    EQUAL(count_of(file, live_read, LIVE_BEGUN), 8);
    EQUAL(count_of(file, live_read, LIVE_OVER), 8);
    EQUAL(count_of(file, live_read, LIVE_BYTES), 7 * block);
    EQUAL(count_of(file, live_read, LIVE_FAILED), 1);
    EQUAL(latencies_of(file, live_read), 8);
    EQUAL(count_of(file, live_write, LIVE_OVER), 1);
    EQUAL(count_of(file, live_write, LIVE_BYTES), 3 * block);
    EQUAL(count_of(file, live_fsync, LIVE_OVER), 2);
    CHECK(count_of(file, live_fsync, LIVE_NANOSECONDS) > 0);
    file = file_of(page, "/direct");
    EQUAL(count_of(file, live_read, LIVE_OVER), 9);
    EQUAL(count_of(file, live_read, LIVE_BYTES), 9 * block);
    EQUAL(count_of(file, live_write, LIVE_BEGUN), 0);
    EQUAL(sum_of(page, LIVE_BEGUN), sum_of(page, LIVE_OVER));

    // One that waits is in flight for as long as it does.
    char byte;
    struct aiocb control = request(ends[0], &byte, 1, 0);
    OK(aio_read(&control));
    EQUAL(sum_of(page, LIVE_BEGUN) - sum_of(page, LIVE_OVER), 1);
    sleep_for(0.1);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&control), 1);
    EQUAL(sum_of(page, LIVE_BEGUN), sum_of(page, LIVE_OVER));
    char name[64], target[64] = "";
    snprintf(name, sizeof name, "/proc/self/fd/%d", ends[0]);
    CHECK(readlink(name, target, sizeof target - 1) > 0);
    file = file_of(page, target);
    CHECK(count_of(file, live_read, LIVE_NANOSECONDS) >= 100000000);
    // Its bucket is the one whose bound is not below it, and less than an eighth above.
    for (int bucket = 0; bucket < LIVE_BUCKETS; bucket++)
        if (*live_latency(file, live_read, bucket)) CHECK(live_bound(bucket) >= 100000000);
    // And one that is cancelled is over, without a latency.
    OK(aio_read(&control));
    EQUAL(aio_cancel(ends[0], &control), AIO_CANCELED);
    EQUAL(count_of(file, live_read, LIVE_CANCELLED), 1);
    EQUAL(count_of(file, live_read, LIVE_OVER), 2);
    EQUAL(latencies_of(file, live_read), 1);
    return 0;
}
