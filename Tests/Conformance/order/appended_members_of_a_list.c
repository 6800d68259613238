// holds: The O_APPEND writes of one list land in the order of the list.
// source: kaio (extension)
#include "../check.h"

#define COUNT 200

int main(void) {
    int file = scratch_file(O_APPEND);
    static struct aiocb controls[COUNT], *list[COUNT];
    static unsigned char data[COUNT * 10], back[COUNT * 10];
    fill(data, sizeof data, 1, 0);
    for (int i = 0; i < COUNT; i++) {
        controls[i] = request(file, data + i * 10, 10, 0);
        controls[i].aio_lio_opcode = LIO_WRITE;
        list[i] = &controls[i];
    }
    OK(lio_listio(LIO_WAIT, list, COUNT, NULL));
    EQUAL(pread(file, back, sizeof back, 0), sizeof back);
    VERIFY(back, sizeof back, 1, 0);
    return 0;
}
