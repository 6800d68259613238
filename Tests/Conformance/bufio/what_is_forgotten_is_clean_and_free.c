// holds: Forgetting drops what is clean and not held, one block or a run, and nothing else; prefetch brings a run without waiting; a discarded run is zero, and what is held can't be.
// source: kaio
// modes: linked
#include "bufio.h"

static kaio_bufio *client;
static void discard(void) { FAILS(kaio_bufio_issue_discard(client, 0, 4), EBUSY); }
static void prefetch(void) { FAILS(kaio_bufio_prefetch(client, 100, 1), ENXIO); }

int main(void) {
    deadline(50);
    kaio_connection *connection = connected(STACK, NULL);
    kaio_file *file = opened(connection, "data", 0, 100 * size, 1);
    client = client_of(file);
    kaio_bufio_buffer *held, *dirty, *buffer;
    OK(kaio_bufio_prefetch(client, 0, 1000));
    for (int i = 0; counts_of(client).blocks < 100; i++) {
        CHECK(i < 1000);
        sleep_for(0.01);
    }
    for (uint64_t i = 0; i < 100; i++) {
        unsigned char *data;
        for (int j = 0; !(data = kaio_bufio_get(client, i, &buffer)); j++) {
            CHECK(j < 1000);
            sleep_for(0.01);
        }
        VERIFY(data, size, 1, i * size);
        OK(kaio_bufio_release(buffer));
    }
    EQUAL(counts_of(client).misses, 100);
    READ(client, 1, &held);
    fill(READ(client, 2, &dirty), size, 2, 0);
    OK(kaio_bufio_mark_dirty(dirty));
    OK(kaio_bufio_release(dirty));
    for (uint64_t i = 0; i < 4; i++) OK(kaio_bufio_forget(client, i));
    EQUAL(counts_of(client).blocks, 98);
    OK(kaio_bufio_forget_run(client, 0, UINT64_MAX));
    EQUAL(counts_of(client).blocks, 2);
    OK(kaio_bufio_forget(client, UINT64_MAX));
    CHECK(strstr(said(prefetch), "block 100 "));
    CHECK(strstr(said(discard), "block 1 "));
    OK(kaio_bufio_release(held));
    READ(client, 4, &buffer);
    OK(kaio_bufio_release(buffer));
    errno = 0;
    if (kaio_bufio_issue_discard(client, 0, 4) != 0) {
        EQUAL(errno, EOPNOTSUPP);
    } else {
        unsigned char block[5 * size];
        int plain = open("data", O_RDONLY);
        EQUAL(counts_of(client).blocks, 1);
        unsigned char *data = READ(client, 2, &buffer);
        for (int i = 0; i < size; i++) EQUAL(data[i], 0);
        OK(kaio_bufio_release(buffer));
        EQUAL(pread(plain, block, sizeof block, 0), sizeof block);
        for (int i = 0; i < 4 * size; i++) EQUAL(block[i], 0);
        VERIFY(block + 4 * size, size, 1, 4 * size);
    }
    FAILS(kaio_bufio_issue_discard(client, 99, 2), ENXIO);
    OK(kaio_bufio_destroy(client));
    OK(kaio_disconnect(connection));
}
