// holds: After aio_return the aiocb may be used for another request, or its memory for anything else.
// source: aio_return
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    char buffer[4];
    for (int i = 0; i < 2000; i++) {
        struct aiocb *control = malloc(sizeof *control);
        *control = request(file, "data", 4, i);
        OK(aio_write(control));
        EQUAL(FINISH(control), 4);
        *control = request(file, buffer, 4, i);
        OK(aio_read(control));
        EQUAL(FINISH(control), 4);
        EQUAL(memcmp(buffer, "data", 4), 0);
        // Had anybody still an eye on it, this would not be left alone.
        memset(control, 0xa5, sizeof *control);
        for (size_t j = 0; j < sizeof *control; j++) EQUAL(((unsigned char *)control)[j], 0xa5);
        free(control);
    }
    return 0;
}
