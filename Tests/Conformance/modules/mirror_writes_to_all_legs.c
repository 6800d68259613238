// holds: A file that is mirrored has all that was written to it in each of its legs, however it was written, and reads have it; what was closed, or left open at the program's end, is equal and known to be.
// source: kaio
// links: -Wl,-z,dynamic-undefined-weak
#include "mirror.h"

enum { size = 65536 };

static void write_and_read(void *argument) {
    int legs = *(int *)argument;
    use_mirror(legs, "mirror:region size = 64k");
    int file = open_mirror(0), direct = open(one, O_RDWR | O_DIRECT | O_CLOEXEC), end = open(one, O_WRONLY | O_APPEND | O_CLOEXEC);
    CHECK(direct >= 0 && end >= 0);
    for (int i = 0; i < 8; i++) write_at(i % 2 ? file : direct, size, 1, (off_t)i * size);
    // Over the border of two regions.
    write_at(file, size, 1, size / 2);
    // Of several buffers, with others in flight.
    static unsigned char data[4][size], back[4][size];
    struct aiocb requests[4];
    for (int i = 0; i < 4; i++) {
        fill(data[i], size, 1, (uint64_t)(8 + i) * size);
        requests[i] = request(file, data[i], size, (off_t)(8 + i) * size);
        OK(aio_write(&requests[i]));
    }
    for (int i = 0; i < 4; i++) EQUAL(FINISH(&requests[i]), size);
    // At the end, in order.
    for (int i = 0; i < 4; i++) {
        fill(data[i], 1000, 1, (uint64_t)12 * size + (uint64_t)i * 1000);
        requests[i] = request(end, data[i], 1000, 0);
        OK(aio_write(&requests[i]));
    }
    for (int i = 0; i < 4; i++) EQUAL(FINISH(&requests[i]), 1000);
    fsync_all(file);
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 12; i++) read_at(i % 2 ? direct : file, size, 1, (off_t)i * size);
        read_at(file, 4000, 1, 12 * size);
        // Over the end.
        requests[0] = request(file, back[0], size, 12 * size + 2000);
        OK(aio_read(&requests[0]));
        EQUAL(FINISH(&requests[0]), 2000);
        VERIFY(back[0], 2000, 1, 12 * size + 2000);
        requests[0].aio_offset = 20 * size;
        OK(aio_read(&requests[0]));
        EQUAL(FINISH(&requests[0]), 0);
    }
    OK(close(end));
    OK(close(direct));
    OK(close(file));
    legs_are_equal(legs);
}

// The log of what was closed says clean: nothing is copied, and what comes from the legs is read from all of them.
static void read_again(void *argument) {
    int legs = *(int *)argument;
    use_mirror(legs, "mirror:region size = 64k");
    set_trap(0, two, KAIO_OPERATION_READ, EIO, 1 << 30, 1);
    int file = open_mirror(0);
    for (int i = 0; i < 12; i++) read_at(file, size, 1, (off_t)i * size);
    CHECK(traps[0].seen > 1);
    OK(close(file));
    legs_are_equal(legs);
}

// As most programs end: nothing is closed, and a write is under way.
static void end_without_a_close(void *argument) {
    static unsigned char data[size];
    use_mirror(*(int *)argument, "mirror:region size = 64k");
    int file = open_mirror(0);
    for (int i = 0; i < 4; i++) write_at(file, size, 1, (off_t)i * size);
    static struct aiocb control;
    fill(data, size, 1, 4 * size);
    control = request(file, data, size, 4 * size);
    OK(aio_write(&control));
    exit(0);
}

int main(void) {
    mirror_paths();
    for (int legs = 2; legs <= 3; legs++) {
        forget_mirror();
        in_child(write_and_read, &legs, 0);
        in_child(read_again, &legs, 0);
        in_child(end_without_a_close, &legs, 0);
        EQUAL(stale_regions(), 0);
        await_clean();
        legs_are_equal(legs);
        in_child(read_again, &legs, 0);
    }
}
