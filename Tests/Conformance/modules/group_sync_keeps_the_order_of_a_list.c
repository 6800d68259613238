// holds: Under group_sync a read that comes behind a write of a list sees what that wrote, also where the write goes by the module's own descriptor.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=group_sync ordered aio_linux aio_poll aio_pthread' 'KAIO_VFS_PARAMETERS=group_sync:hold writes = yes'
#include "../check.h"

int main(void) {
    deadline(60);
    static unsigned char written[2][8192], back[2][8192];
    int files[] = {scratch_file(O_DSYNC), scratch_file(0)};
    for (int round = 0; round < 50; round++) {
        struct aiocb writes[2], reads[2], *list[4];
        for (int i = 0; i < 2; i++) {
            fill(written[i], 8192, (uint64_t)round * 2 + (uint64_t)i, 0);
            writes[i] = request(files[i], written[i], 8192, 0);
            reads[i] = request(files[i], back[i], 8192, 0);
            writes[i].aio_lio_opcode = LIO_WRITE;
            reads[i].aio_lio_opcode = LIO_READ;
            list[i * 2] = &writes[i];
            list[i * 2 + 1] = &reads[i];
        }
        OK(lio_listio(LIO_WAIT, list, 4, NULL));
        for (int i = 0; i < 2; i++) {
            EQUAL(aio_return(&writes[i]), 8192);
            EQUAL(aio_return(&reads[i]), 8192);
            VERIFY(back[i], 8192, (uint64_t)round * 2 + (uint64_t)i, 0);
        }
    }
}
