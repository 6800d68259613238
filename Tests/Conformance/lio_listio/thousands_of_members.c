// holds: A list may have thousands of members (sysconf names no limit); each is done.
// source: lio_listio
// limit: 40
#include "../check.h"

#define COUNT 4000

int main(void) {
    int file = scratch_file(0);
    static struct aiocb controls[COUNT], *list[COUNT];
    unsigned char *data = aligned_buffer(COUNT * 512);
    fill(data, COUNT * 512, 1, 0);
    for (int mode = 0; mode < 2; mode++) {
        for (int i = 0; i < COUNT; i++) {
            controls[i] = request(file, data + i * 512, 512, i * 512);
            controls[i].aio_lio_opcode = mode ? LIO_READ : LIO_WRITE;
            list[i] = &controls[i];
        }
        if (mode) memset(data, 0, COUNT * 512);
        OK(lio_listio(mode ? LIO_NOWAIT : LIO_WAIT, list, COUNT, NULL));
        for (int i = 0; i < COUNT; i++) EQUAL(FINISH(&controls[i]), 512);
    }
    VERIFY(data, COUNT * 512, 1, 0);
    return 0;
}
