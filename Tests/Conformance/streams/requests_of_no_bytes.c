// holds: A request of no bytes does what read and write of no bytes do: an empty datagram or packet is sent, and received; EISDIR, EPIPE, EDESTADDRREQ, ENOSPC and EINVAL are told.
// source: kaio
#include "streams.h"
#include <sys/eventfd.h>

// What a plain call says: a count, or an errno below zero.
static ssize_t plain(int descriptor, int is_write) {
    char byte = 0;
    ssize_t result = is_write ? write(descriptor, &byte, 0) : read(descriptor, &byte, 0);
    return result < 0 ? -errno : result;
}

static void same(const char *what, int descriptor, int is_write) {
    char byte;
    struct aiocb control = request(descriptor, &byte, 0, 0);
    CHECK(descriptor >= 0);
    ssize_t expected = plain(descriptor, is_write);
    OK(is_write ? aio_write(&control) : aio_read(&control));
    int error = wait_for(&control, 10);
    ssize_t result = aio_return(&control);
    printf("%s: %s %zd, aio %zd (%s)\n", what, is_write ? "write" : "read", expected, result, strerror(error));
    EQUAL(error ? -error : result, expected);
}

static void check_stream(void) {
    int ends[2];
    char block[8];
    signal(SIGPIPE, SIG_IGN);
    for (int kind = 0; kind < 3; kind++) {
        if (kind == 2) open_inet(SOCK_DGRAM, ends);
        else open_unix(kind ? SOCK_DGRAM : SOCK_SEQPACKET, ends);
        struct aiocb input = request(ends[1], block, sizeof block, 0), output = request(ends[0], block, 0, 0);
        OK(aio_read(&input));
        EQUAL(wait_for(&input, 0.05), EINPROGRESS);
        OK(aio_write(&output));
        EQUAL(FINISH(&output), 0);
        EQUAL(FINISH(&input), 0);
        EQUAL(send(ends[0], block, 0, 0), 0);
        OK(aio_read(&input));
        EQUAL(FINISH(&input), 0);
        // A read of no bytes takes none away, and waits for none.
        same("a datagram socket", ends[1], 0);
        same("a datagram socket", ends[0], 1);
        // Both empty messages, of the plain call and of the request, are there.
        for (int i = 0; i < 2; i++) EQUAL(recv(ends[1], block, sizeof block, MSG_DONTWAIT), 0);
    }
    same("a UDP socket without a peer", socket(AF_INET, SOCK_DGRAM, 0), 1);
    same("a TCP socket without a peer", socket(AF_INET, SOCK_STREAM, 0), 1);
    same("a TCP socket without a peer", socket(AF_INET, SOCK_STREAM, 0), 0);
    same("a directory", open("/", O_RDONLY | O_CLOEXEC), 0);
    same("/dev/full", open("/dev/full", O_WRONLY | O_CLOEXEC), 1);
    same("/dev/null", open("/dev/null", O_WRONLY | O_CLOEXEC), 1);
    same("an eventfd", eventfd(0, EFD_CLOEXEC), 0);
    same("an eventfd", eventfd(0, EFD_CLOEXEC), 1);
    open_pipe(ends);
    same("a pipe", ends[0], 0);
    same("a pipe", ends[1], 1);
    close(ends[0]);
    same("a pipe without a reader", ends[1], 1);
    int file = scratch_file(0);
    same("a file", file, 0);
    same("a file", file, 1);
}
