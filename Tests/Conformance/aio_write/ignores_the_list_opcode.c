// holds: aio_write ignores aio_lio_opcode.
// source: aio_write
#include "../check.h"

int main(void) {
    int file = scratch_file(0), opcodes[] = {LIO_READ, LIO_WRITE, LIO_NOP, 4711, -1};
    for (int i = 0; i < 5; i++) {
        unsigned char data[512], back[512];
        fill(data, 512, (uint64_t)i, 0);
        struct aiocb control = request(file, data, 512, 512);
        control.aio_lio_opcode = opcodes[i];
        OK(aio_write(&control));
        EQUAL(FINISH(&control), 512);
        EQUAL(pread(file, back, 512, 512), 512);
        VERIFY(back, 512, (uint64_t)i, 0);
    }
    return 0;
}
