// holds: On a descriptor with O_SYNC and O_RSYNC aio_read gives the data as read() does.
// source: aio_read
#include "../check.h"

int main(void) {
    int file = scratch_file(O_SYNC | O_RSYNC);
    write_pattern(file, 65536, 1, 0);
    unsigned char buffer[65536];
    struct aiocb control = request(file, buffer, sizeof buffer, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), sizeof buffer);
    VERIFY(buffer, sizeof buffer, 1, 0);
    return 0;
}
