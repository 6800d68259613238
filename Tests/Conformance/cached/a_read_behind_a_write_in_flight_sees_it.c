// holds: A cached read behind a write in flight of the same range sees the write, one of another range does not wait.
// source: FACTS choice (order)
#include "../slow.h"

int main(void) {
    enum { size = 16384, behind = 3 };
    int file = scratch_file(0);
    unsigned char *content = aligned_buffer(SLOW_SIZE), *blocks = aligned_buffer(behind * size);
    char path[64];
    write_pattern(file, 8 * size, 1, 0);
    fill(content, SLOW_SIZE, 2, 2 * size);
    check_service();
    // Not only through the descriptor that writes.
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int other = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(other >= 0);
    struct slow slow = slow_memory();
    struct aiocb writes = request(file, slow.memory, size, 2 * size);
    OK(aio_write(&writes));
    SLOW_TOUCHED(&slow);
    struct aiocb reads[behind] = {
        request(file, blocks, size, 2 * size),
        request(other, blocks + size, size, 2 * size + 100),
        request(other, blocks + 2 * size, 100, 3 * size - 1),
    };
    for (int i = 0; i < behind; i++) OK(aio_read(&reads[i]));
    unsigned char beside[size];
    struct aiocb before = request(other, beside, size, size), after = request(file, beside, size, 4 * size);
    OK(aio_read(&before));
    EQUAL(aio_error(&before), 0);
    EQUAL(aio_return(&before), size);
    VERIFY(beside, size, 1, size);
    OK(aio_read(&after));
    EQUAL(aio_error(&after), 0);
    EQUAL(aio_return(&after), size);
    VERIFY(beside, size, 1, 4 * size);
    sleep_for(0.05);
    for (int i = 0; i < behind; i++) EQUAL(aio_error(&reads[i]), EINPROGRESS);
    slow_release(&slow, content);
    EQUAL(FINISH(&writes), size);
    EQUAL(FINISH(&reads[0]), size);
    EQUAL(FINISH(&reads[1]), size);
    EQUAL(FINISH(&reads[2]), 100);
    VERIFY(blocks, size, 2, 2 * size);
    VERIFY(blocks + size, size - 100, 2, 2 * size + 100);
    VERIFY(blocks + size + size - 100, 100, 1, 3 * size);
    VERIFY(blocks + 2 * size, 1, 2, 3 * size - 1);
    VERIFY(blocks + 2 * size + 1, 99, 1, 3 * size);
}
