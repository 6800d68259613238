// holds: Writes on a descriptor with O_APPEND are appended in the order of the calls.
// source: aio_write
#include "../check.h"

#define COUNT 500

int main(void) {
    int file = scratch_file(O_APPEND);
    static struct aiocb controls[COUNT];
    unsigned char *data = aligned_buffer(COUNT * 300), *back = aligned_buffer(COUNT * 300);
    size_t size = 0;
    fill(data, COUNT * 300, 1, 0);
    for (int i = 0; i < COUNT; i++) {
        size_t length = 1 + (size_t)i * 7919 % 300;
        controls[i] = request(file, data + size, length, 0);
        OK(aio_write(&controls[i]));
        size += length;
    }
    for (int i = 0; i < COUNT; i++) EQUAL(FINISH(&controls[i]), controls[i].aio_nbytes);
    EQUAL(pread(file, back, COUNT * 300, 0), size);
    VERIFY(back, size, 1, 0);
    return 0;
}
