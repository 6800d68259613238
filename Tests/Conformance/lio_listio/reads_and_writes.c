// holds: LIO_READ reads as aio_read does and LIO_WRITE writes as aio_write does, in both modes, on several descriptors.
// source: lio_listio
#include "../check.h"

#define COUNT 64

int main(void) {
    for (int round = 0; round < 4; round++) {
        int flags = round & 1 ? O_DIRECT : 0, mode = round & 2 ? LIO_WAIT : LIO_NOWAIT;
        int files[2] = {scratch_file(flags), scratch_file(flags)};
        unsigned char *data = aligned_buffer(COUNT * 4096), *back = aligned_buffer(COUNT * 4096);
        struct aiocb controls[2 * COUNT], *list[2 * COUNT];
        // The first file holds data to be read; the second is written.
        write_pattern(files[0], COUNT * 4096, 1, 0);
        fill(data, COUNT * 4096, 2, 0);
        for (int i = 0; i < 2 * COUNT; i++) {
            int reads = i % 2 == 0, block = i / 2;
            controls[i] = request(files[!reads], (reads ? back : data) + block * 4096, 4096, block * 4096);
            controls[i].aio_lio_opcode = reads ? LIO_READ : LIO_WRITE;
            list[i] = &controls[i];
        }
        OK(lio_listio(mode, list, 2 * COUNT, NULL));
        if (mode == LIO_WAIT)
            for (int i = 0; i < 2 * COUNT; i++) EQUAL(aio_error(&controls[i]), 0);
        for (int i = 0; i < 2 * COUNT; i++) EQUAL(FINISH(&controls[i]), 4096);
        VERIFY(back, COUNT * 4096, 1, 0);
        EQUAL(pread(files[1], back, COUNT * 4096, 0), COUNT * 4096);
        VERIFY(back, COUNT * 4096, 2, 0);
        free(data);
        free(back);
        close(files[0]);
        close(files[1]);
    }
    return 0;
}
