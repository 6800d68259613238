// holds: Where data, the end of SO_RCVTIMEO and aio_cancel come at the same moment, thousands of times, each request ends once, in one of these ways, and no byte is lost, doubled or out of order.
// source: kaio
// limit: 60
#include "streams.h"

enum { sockets = 24, seconds = 2 };

static int ends[sockets][2];
static atomic_ulong sent[sockets];
static atomic_int stop;
static atomic_long outcomes[3];

// Sends single bytes, at moments about as far apart as the limit is long.
static void *send_bytes(void *unused) {
    unsigned seed = 1;
    while (!stop) {
        int i = rand_r(&seed) % sockets;
        unsigned char byte = pattern_byte((uint64_t)i, sent[i]);
        if (send(ends[i][1], &byte, 1, MSG_DONTWAIT) == 1) sent[i]++;
        if (rand_r(&seed) % 4 == 0) sleep_for(0.0002);
    }
    return unused;
}

static void *read_bytes(void *argument) {
    int thread = *(int *)argument;
    unsigned seed = (unsigned)thread + 7;
    uint64_t got[sockets] = {0};
    struct aiocb controls[sockets];
    unsigned char blocks[sockets][8];
    for (int i = thread; i < sockets; i += 2) {
        controls[i] = request(ends[i][0], blocks[i], sizeof blocks[i], 0);
        OK(aio_read(&controls[i]));
    }
    for (int left = sockets / 2; left > 0;) {
        for (int i = thread; i < sockets; i += 2) {
            if (controls[i].aio_fildes < 0) continue;
            if (rand_r(&seed) % 16 == 0) CHECK(aio_cancel(ends[i][0], &controls[i]) >= 0);
            int error = aio_error(&controls[i]);
            if (error == EINPROGRESS) continue;
            ssize_t count = aio_return(&controls[i]);
            if (error == 0) {
                CHECK(count > 0 && count <= (ssize_t)sizeof blocks[i]);
                VERIFY(blocks[i], (size_t)count, (uint64_t)i, got[i]);
                got[i] += (uint64_t)count;
            } else {
                CHECK(error == EAGAIN || error == ECANCELED);
                EQUAL(count, -1);
            }
            outcomes[error == 0 ? 0 : error == EAGAIN ? 1 : 2]++;
            if (stop == 2 && got[i] == sent[i]) {
                controls[i].aio_fildes = -1;
                left--;
                continue;
            }
            OK(aio_read(&controls[i]));
        }
        if (rand_r(&seed) % 8 == 0) sleep_for(0.0001);
    }
    return NULL;
}

static void check_stream(void) {
    pthread_t sender, readers[2];
    int numbers[2] = {0, 1};
    stop = 0;
    for (int i = 0; i < sockets; i++) {
        struct timeval limit = {0, 1000 + 100 * i};
        if (i % 3 == 2) open_inet(SOCK_STREAM, ends[i]);
        else open_unix(SOCK_STREAM, ends[i]);
        OK(setsockopt(ends[i][0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
        sent[i] = 0;
    }
    for (int i = 0; i < 2; i++) OK(pthread_create(&readers[i], NULL, read_bytes, &numbers[i]));
    OK(pthread_create(&sender, NULL, send_bytes, NULL));
    sleep_for(seconds);
    stop = 1;
    OK(pthread_join(sender, NULL));
    stop = 2;
    for (int i = 0; i < 2; i++) OK(pthread_join(readers[i], NULL));
    printf("%ld with data, %ld timed out, %ld cancelled\n", outcomes[0], outcomes[1], outcomes[2]);
    for (int i = 0; i < 3; i++) CHECK(outcomes[i] > 0);
    check_service();
}
