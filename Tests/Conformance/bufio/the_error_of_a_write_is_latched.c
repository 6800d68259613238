// holds: The first error of any write since the last kaio_bufio_write_dirty is its result, once; the block stays dirty, and the next call writes it.
// source: kaio
// modes: linked
#include "bufio.h"

int main(void) {
    deadline(50);
    kaio_connection *connection =
        connected("bufio ordered error_inject aio_pthread", "error_inject:rules = write ENOSPC first 3");
    kaio_file *file = opened(connection, "data", 0, 8 * size, 1);
    kaio_bufio *client = client_of(file);
    kaio_bufio_buffer *buffer;
    fill(READ(client, 1, &buffer), size, 2, 0);
    OK(kaio_bufio_mark_dirty(buffer));
    FAILS(kaio_bufio_write_dirty(client), ENOSPC);
    EQUAL(counts_of(client).dirty, 1);
    // An error that nobody waited for is told later, also where the write is made good by then.
    OK(kaio_bufio_write_dirty_async(client));
    for (int i = 0; counts_of(client).errors < 2; i++) {
        CHECK(i < 1000);
        sleep_for(0.01);
    }
    // The third fails too.
    FAILS(kaio_bufio_write_dirty(client), ENOSPC);
    OK(kaio_bufio_write_dirty(client));
    EQUAL(counts_of(client).dirty, 0);
    unsigned char block[size];
    int plain = open("data", O_RDONLY);
    EQUAL(pread(plain, block, size, size), size);
    VERIFY(block, size, 2, 0);
    OK(kaio_bufio_release(buffer));
    OK(kaio_bufio_destroy(client));
    OK(kaio_disconnect(connection));
    // The error of a sync is told, too, and by the end of a client.
    connection = connected("bufio ordered error_inject aio_pthread", "error_inject:rules = \"fsync EIO first 2; write EDQUOT first 1\"");
    file = kaio_open(connection, "data", O_RDWR, 0);
    client = client_of(file);
    FAILS(kaio_bufio_issue_flush(client), EIO);
    FAILS(kaio_bufio_write_dirty(client), EIO);
    READ(client, 2, &buffer);
    OK(kaio_bufio_mark_dirty(buffer));
    OK(kaio_bufio_release(buffer));
    FAILS(kaio_bufio_destroy(client), EDQUOT);
    OK(kaio_close(file));
    OK(kaio_disconnect(connection));
}
