// holds: aio_read ignores aio_lio_opcode.
// source: aio_read
#include "../check.h"

int main(void) {
    int file = scratch_file(0), opcodes[] = {LIO_READ, LIO_WRITE, LIO_NOP, 4711, -1};
    write_pattern(file, 4096, 1, 0);
    for (size_t i = 0; i < sizeof opcodes / sizeof *opcodes; i++) {
        unsigned char buffer[512] = {0};
        struct aiocb control = request(file, buffer, 512, 512);
        control.aio_lio_opcode = opcodes[i];
        OK(aio_read(&control));
        EQUAL(FINISH(&control), 512);
        VERIFY(buffer, 512, 1, 512);
    }
    return 0;
}
