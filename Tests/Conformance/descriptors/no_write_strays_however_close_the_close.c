// holds: Writes that race with close and reuse of the number go into their own file or nowhere, 2,000 times.
// source: close
// limit: 60
#include "../check.h"

int main(void) {
    int own = scratch_file(0), other = scratch_file(0), written = 0;
    static struct aiocb controls[8];
    static unsigned char data[8192];
    fill(data, sizeof data, 1, 0);
    for (int round = 0; round < 2000; round++) {
        int number = dup(own);
        for (int i = 0; i < 8; i++) {
            controls[i] = request(number, data, sizeof data, i * 4096);
            OK(aio_write(&controls[i]));
        }
        for (volatile int i = 0; i < round % 50 * 100; i++) {}
        if (round % 2) EQUAL(dup2(other, number), number);
        else {
            OK(close(number));
            EQUAL(dup(other), number);
        }
        for (int i = 0; i < 8; i++) {
            int error = wait_for(&controls[i], 10);
            if (error != 0) EQUAL(error, ECANCELED);
            EQUAL(aio_return(&controls[i]), error ? -1 : (int)sizeof data);
            written += error == 0;
        }
        EQUAL(lseek(other, 0, SEEK_END), 0);
        OK(close(number));
    }
    printf("%d of 16000 were written before the close\n", written);
    return 0;
}
