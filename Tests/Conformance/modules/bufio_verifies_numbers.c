// holds: With bufio:verify a number that a system call of the program's own gave to another file is that file in the next read, however soon.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=bufio ordered aio_linux aio_poll aio_pthread' 'KAIO_VFS_PARAMETERS=bufio:files=all; bufio:verify=yes'
#include "../check.h"

enum { size = 4096, rounds = 500 };

int main(void) {
    char paths[2][PATH_MAX];
    unsigned char *block = aligned_buffer(size);
    for (int i = 0; i < 2; i++) {
        int file = open(path_of(paths[i], i ? "second" : "first"), O_RDWR | O_CREAT | O_TRUNC, 0600);
        CHECK(file >= 0);
        write_pattern(file, size, (uint64_t)i, 0);
        struct aiocb control = request(file, block, size, 0);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), size);
    }
    int number = open(paths[0], O_RDWR);
    for (int i = 0; i < rounds; i++) {
        for (int j = 0; j < 3; j++) {
            struct aiocb control = request(number, block, size, 0);
            OK(aio_read(&control));
            EQUAL(FINISH(&control), size);
            VERIFY(block, size, (uint64_t)(i % 2), 0);
        }
        EQUAL(syscall(SYS_close, number), 0);
        EQUAL(open(paths[(i + 1) % 2], O_RDWR), number);
    }
}
