// holds: Writes on an O_APPEND descriptor land behind each other, in the order of the calls, whatever their offset says.
// source: aio_write
#include "../check.h"

int main(void) {
    enum { count = 200, longest = 9000 };
    int descriptor = scratch_file(O_APPEND);
    write_pattern(descriptor, 100, 5, 0);
    static struct aiocb controls[count];
    static unsigned char blocks[count][longest];
    uint64_t end = 100;
    for (int i = 0; i < count; i++) {
        size_t size = (size_t)(i * 7919 % longest + 1);
        fill(blocks[i], size, 5, end);
        end += size;
        controls[i] = request(descriptor, blocks[i], size, i * 13);
        OK(aio_write(&controls[i]));
    }
    for (int i = 0; i < count; i++) EQUAL(FINISH(&controls[i]), controls[i].aio_nbytes);
    EQUAL(lseek(descriptor, 0, SEEK_END), end);
    unsigned char *all = aligned_buffer(end);
    EQUAL(pread(descriptor, all, end, 0), end);
    VERIFY(all, end, 5, 0);
}
