// holds: What is marked dirty is written by kaio_bufio_write_dirty, which waits, or by write_dirty_async, which does not; a partial mark writes its 4096-byte pieces alone; what is changed and marked while it is written is written again.
// source: kaio
// modes: linked
#include "bufio.h"

static int plain;

static int is_on_disk(size_t length, uint64_t seed, uint64_t from, off_t offset) {
    static unsigned char block[1 << 16];
    EQUAL(pread(plain, block, length, offset), length);
    for (size_t i = 0; i < length; i++)
        if (block[i] != pattern_byte(seed, from + i)) return 0;
    return 1;
}

int main(void) {
    deadline(50);
    for (int direct = 0; direct < 2; direct++) {
        // Blocks of 64 KiB.
        enum { large = 1 << 16 };
        kaio_connection *connection = connected(STACK, "bufio:block = 64k; bufio:size = 16M");
        kaio_file *file = opened(connection, "data", direct ? O_DIRECT : 0, 8 * large, 1);
        plain = open("data", O_RDWR);
        kaio_bufio *client = client_of(file);
        EQUAL(kaio_bufio_block_size(client), large);
        kaio_bufio_buffer *buffers[8];
        for (uint64_t i = 0; i < 8; i++) {
            unsigned char *data = READ(client, i, &buffers[i]);
            fill(data, large, 2, i * large);
            OK(kaio_bufio_mark_dirty(buffers[i]));
        }
        EQUAL(counts_of(client).dirty, 8);
        CHECK(is_on_disk(large, 1, 0, 0));
        OK(kaio_bufio_write_dirty(client));
        EQUAL(counts_of(client).dirty, 0);
        for (uint64_t i = 0; i < 8; i++) CHECK(is_on_disk(large, 2, i * large, (off_t)i * large));
        // Only the piece is written: the rest of the block on the disk is another's by now.
        unsigned char *data = kaio_bufio_data(buffers[3]);
        fill(data, large, 3, 3 * large);
        write_pattern(plain, large, 4, 3 * large);
        OK(kaio_bufio_mark_partial_dirty(buffers[3], 5000, 5001));
        OK(kaio_bufio_mark_partial_dirty(buffers[3], 8192, 8200));
        OK(kaio_bufio_write_dirty(client));
        CHECK(is_on_disk(4096, 4, 3 * large, 3 * large));
        CHECK(is_on_disk(8192, 3, 3 * large + 4096, 3 * large + 4096));
        CHECK(is_on_disk(large - 12288, 4, 3 * large + 12288, 3 * large + 12288));
        FAILS(kaio_bufio_mark_partial_dirty(buffers[3], 10, 10), EINVAL);
        FAILS(kaio_bufio_mark_partial_dirty(buffers[3], 0, large + 1), EINVAL);
        // Begun, and not waited for; changed again and again meanwhile.
        for (int round = 0; round < 200; round++) {
            fill(data, large, (uint64_t)(10 + round), 0);
            OK(kaio_bufio_mark_dirty(buffers[3]));
            OK(kaio_bufio_write_dirty_async(client));
        }
        OK(kaio_bufio_write_dirty(client));
        CHECK(is_on_disk(large, 209, 0, 3 * large));
        fill(data, large, 300, 0);
        OK(kaio_bufio_mark_dirty(buffers[3]));
        OK(kaio_bufio_write_dirty_async(client));
        for (int i = 0; counts_of(client).dirty > 0; i++) {
            CHECK(i < 1000);
            sleep_for(0.01);
        }
        CHECK(is_on_disk(large, 300, 0, 3 * large));
        OK(kaio_bufio_issue_flush(client));
        for (int i = 0; i < 8; i++) OK(kaio_bufio_release(buffers[i]));
        // The end writes what is left.
        data = READ(client, 7, &buffers[0]);
        fill(data, large, 9, 0);
        OK(kaio_bufio_mark_dirty(buffers[0]));
        OK(kaio_bufio_release(buffers[0]));
        OK(kaio_bufio_destroy(client));
        CHECK(is_on_disk(large, 9, 0, 7 * large));
        close(plain);
        unlink("data");
        OK(kaio_disconnect(connection));
    }
}
