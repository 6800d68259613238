// holds: With O_APPEND each aio_writev lands whole at the end of the file, in the order of the calls, mixed with aio_write.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"

enum { requests = 200, size = 3000 };

int main(void) {
    static unsigned char out[requests * size], in[requests * size];
    static struct iovec vectors[requests][3];
    static struct aiocb controls[requests];
    int descriptor = scratch_file(O_APPEND);
    fill(out, sizeof out, 1, 0);
    for (int i = 0; i < requests; i++) {
        unsigned char *start = out + i * size;
        vectors[i][0] = (struct iovec){start, 10};
        vectors[i][1] = (struct iovec){start + 10, (size_t)i};
        vectors[i][2] = (struct iovec){start + 10 + i, (size_t)(size - 10 - i)};
        if (i % 5 == 4) {
            controls[i] = request(descriptor, start, size, 0);
            controls[i].aio_reqprio = i % 20;
            OK(aio_write(&controls[i]));
        } else {
            controls[i] = request(descriptor, vectors[i], 3, 0);
            controls[i].aio_reqprio = i % 20;
            OK(aio_writev(&controls[i]));
        }
    }
    for (int i = 0; i < requests; i++) EQUAL(FINISH(&controls[i]), size);
    EQUAL(lseek(descriptor, 0, SEEK_END), sizeof in);
    EQUAL(pread(descriptor, in, sizeof in, 0), sizeof in);
    VERIFY(in, sizeof in, 1, 0);
    return 0;
}
