// holds: A read that waits on the master of one pseudo-terminal holds up no read, and a write no write, on that of another, though both are one device.
// source: aio_read, aio_write
#include "../check.h"
#include <termios.h>

enum { count = 3 };

int main(void) {
    int masters[count], terminals[count];
    char bytes[count][8], back[8];
    static char much[1 << 20];
    struct aiocb reads[count], write_of_much, write_of_one;
    for (int i = 0; i < count; i++) {
        struct termios raw;
        char name[64];
        masters[i] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        CHECK(masters[i] >= 0);
        OK(grantpt(masters[i]));
        OK(unlockpt(masters[i]));
        OK(ptsname_r(masters[i], name, sizeof name));
        terminals[i] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
        CHECK(terminals[i] >= 0);
        OK(tcgetattr(terminals[i], &raw));
        cfmakeraw(&raw);
        OK(tcsetattr(terminals[i], TCSANOW, &raw));
        reads[i] = request(masters[i], bytes[i], sizeof bytes[i], 0);
        OK(aio_read(&reads[i]));
    }
    for (int i = count - 1; i >= 0; i--) {
        EQUAL(write(terminals[i], "x", 1), 1);
        EQUAL(FINISH(&reads[i]), 1);
    }

    write_of_much = request(masters[0], much, sizeof much, 0);
    OK(aio_write(&write_of_much));
    write_of_one = request(masters[1], much, 1, 0);
    OK(aio_write(&write_of_one));
    EQUAL(FINISH(&write_of_one), 1);
    EQUAL(read(terminals[1], back, sizeof back), 1);
    EQUAL(aio_error(&write_of_much), EINPROGRESS);
    close(terminals[0]);
}
