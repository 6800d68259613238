// holds: A number that fclose or freopen gave to another file that bufio has too is that file in the next read, however soon.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=bufio ordered aio_linux aio_poll aio_pthread' 'KAIO_VFS_PARAMETERS=bufio:files=all'
#include "../check.h"

enum { size = 4096, rounds = 500 };

static char paths[2][PATH_MAX];
static unsigned char *block;

static void look(int file, int which) {
    struct aiocb control = request(file, block, size, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), size);
    VERIFY(block, size, (uint64_t)which, 0);
}

int main(void) {
    block = aligned_buffer(size);
    // Both stay in the cache.
    for (int i = 0; i < 2; i++) {
        int file = open(path_of(paths[i], i ? "second" : "first"), O_RDWR | O_CREAT | O_TRUNC, 0600);
        CHECK(file >= 0);
        write_pattern(file, size, (uint64_t)i, 0);
        look(file, i);
    }
    for (int i = 0; i < rounds; i++) {
        int number = open(paths[0], O_RDWR);
        FILE *stream = fdopen(number, "r+");
        CHECK(stream != NULL);
        look(number, 0);
        look(number, 0);
        EQUAL(fclose(stream), 0);
        EQUAL(open(paths[1], O_RDWR), number);
        look(number, 1);
        close(number);
    }
    FILE *stream = fopen(paths[0], "r+");
    CHECK(stream != NULL);
    int number = fileno(stream);
    for (int i = 1; i < rounds; i++) {
        look(number, (i + 1) % 2);
        look(number, (i + 1) % 2);
        CHECK(freopen(paths[i % 2], "r+", stream) == stream);
        EQUAL(fileno(stream), number);
        look(number, i % 2);
    }
    // What is not in the kernel's hands is written by fclose, whatever it closes.
    fputs("text", stream);
    EQUAL(fclose(stream), 0);
    FAILS(fcntl(number, F_GETFD), EBADF);
    char *text;
    size_t length;
    stream = open_memstream(&text, &length);
    fputs("memory", stream);
    errno = 0;
    EQUAL(fclose(stream), 0);
    EQUAL(errno, 0);
    EQUAL(strcmp(text, "memory"), 0);
    free(text);
}
