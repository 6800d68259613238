// holds: Where bufio has the data, or takes it, a buffer that can't be written to or read from is EFAULT as it is without the cache: no signal, and nothing is written.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=bufio ordered aio_linux aio_poll aio_pthread' 'KAIO_VFS_PARAMETERS=bufio:files=all'
#include "../check.h"
#include <sys/uio.h>

enum { size = 4096 };

extern int aio_readv(struct aiocb *control) __attribute__((weak));
extern int aio_writev(struct aiocb *control) __attribute__((weak));

int main(void) {
    unsigned char *block = aligned_buffer(4 * size);
    int file = scratch_file(O_DIRECT);
    write_pattern(file, 4 * size, 1, 0);
    struct aiocb control = request(file, block, 4 * size, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 4 * size);
    char *memory = mmap(NULL, 4 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    OK(mprotect(memory, size, PROT_READ));
    OK(munmap(memory + size, size));
    OK(mprotect(memory + 3 * size, size, PROT_NONE));
    // A hole, what can't be written to, what can't be read either, nothing at all; then those that begin in good memory.
    char *const bad[] = {memory + size, memory, memory + 3 * size, (char *)8, memory + 3 * size - 100, (char *)-4096, NULL};
    for (size_t round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            // Of what is there (a hit), and of what is not, as its length is none of whole blocks.
            control = request(file, bad[i], round == 2 ? 1000 : size, (off_t)round * 100);
            OK(aio_read(&control));
            FINISHES_WITH(&control, EFAULT);
        }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (bad[i] == memory) continue;
        control = request(file, bad[i], size, 100);
        OK(aio_write(&control));
        FINISHES_WITH(&control, EFAULT);
    }
    // What can be read only can be written out.
    int other = scratch_file(O_DIRECT);
    control = request(other, memory, size, 0);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), size);
    if (aio_readv) {
        struct iovec vector[2] = {{block, size}, {memory, size}};
        control = request(file, vector, 2, 0);
        OK(aio_readv(&control));
        FINISHES_WITH(&control, EFAULT);
        vector[1].iov_base = memory + size;
        control = request(file, vector, 2, 0);
        OK(aio_writev(&control));
        FINISHES_WITH(&control, EFAULT);
    }
    // A read that has no bytes to give needs no buffer.
    control = request(file, memory + size, size, 4 * size);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 0);
    // The file is as it was, and so is what good buffers get.
    control = request(file, block, 4 * size, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 4 * size);
    VERIFY(block, 4 * size, 1, 0);
    EQUAL(pread(file, block, 4 * size, 0), 4 * size);
    VERIFY(block, 4 * size, 1, 0);
    // On the stack, never touched.
    char deep[16 * size];
    control = request(file, deep + 3, 2 * size, 100);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 2 * size);
    VERIFY(deep + 3, 2 * size, 1, 100);
    check_service();
}
