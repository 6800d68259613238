// What the tests of kaio_bufio.h share.
#ifndef KAIO_TESTS_BUFIO_H
#define KAIO_TESTS_BUFIO_H

#include "../connection.h"
#include <kaio_bufio.h>

enum { size = 4096 };
#define STACK "bufio ordered aio_linux aio_poll aio_pthread"

static UNUSED void *read_at(int line, kaio_bufio *client, uint64_t block, kaio_bufio_buffer **buffer) {
    errno = 0;
    void *data = kaio_bufio_read(client, block, buffer);
    if (!data) failed(__FILE__, line, "kaio_bufio_read of block %llu: %s", (unsigned long long)block, strerror(errno));
    return data;
}
#define READ(client, block, buffer) read_at(__LINE__, client, block, buffer)

// The call must return NULL with this errno.
#define IS_NULL(call, error)                                                                                       \
    do {                                                                                                           \
        errno = 0;                                                                                                 \
        const void *result_ = (call);                                                                              \
        int errno_ = errno;                                                                                        \
        if (result_ || errno_ != (error))                                                                          \
            failed(__FILE__, __LINE__, "%s is %p with errno %d, expected NULL with %s", #call, result_, errno_, #error); \
    } while (0)

static UNUSED kaio_bufio *client_of(kaio_file *file) {
    errno = 0;
    kaio_bufio *client = kaio_bufio_create(file, NULL);
    if (!client) failed(__FILE__, __LINE__, "kaio_bufio_create: %s", strerror(errno));
    return client;
}

static UNUSED struct kaio_bufio_counts counts_of(kaio_bufio *client) {
    struct kaio_bufio_counts counts;
    OK(kaio_bufio_statistics(client, &counts, sizeof counts));
    return counts;
}

// Has a function write to stderr, and gives what it said.
static UNUSED const char *said(void (*function)(void)) {
    static char text[32768];
    int messages = scratch_file(0), before = dup(STDERR_FILENO);
    dup2(messages, STDERR_FILENO);
    function();
    dup2(before, STDERR_FILENO);
    close(before);
    read_whole(messages, text, sizeof text);
    return text;
}

#endif
