// holds: On a pipe or socket aio_readv takes what is there, one buffer after the other, and a blocking aio_writev is written whole, however little fits at a time.
// source: kaio
// modes: linked
// limit: 40
#include "../check.h"
#include "../../../include/kaio.h"
#include <sys/socket.h>

enum { total = 3 << 20, buffers = 512, writes = 3 };

static unsigned char out[total], in[total];
static struct iovec from[buffers * writes];

// Lengths from 0 to 8 KiB, so that any place within any buffer is where a transfer stops.
static void cut(void) {
    size_t at = 0;
    for (int i = 0; i < buffers * writes - 1; i++) {
        size_t length = (size_t)i * 2654435761u % 4095;
        if (i % 10 == 0) length = 0;
        if (at + length > total) length = total - at;
        from[i] = (struct iovec){out + at, length};
        at += length;
    }
    from[buffers * writes - 1] = (struct iovec){out + at, total - at};
}

static void carry(int reader, int writer) {
    struct aiocb writing[writes];
    size_t lengths[writes] = {0}, got = 0;
    for (int i = 0; i < writes; i++) {
        for (int j = 0; j < buffers; j++) lengths[i] += from[i * buffers + j].iov_len;
        writing[i] = request(writer, from + i * buffers, buffers, 0);
        OK(aio_writev(&writing[i]));
    }
    memset(in, 0, total);
    for (unsigned step = 0; got < total; step++) {
        size_t size = 1 + step * 40503u % 20000;
        if (size > total - got) size = total - got;
        struct iovec into[5] = {{in + got, size / 7}, {NULL, 0}, {in + got + size / 7, size / 3},
                                {in + got + size / 7 + size / 3, size - size / 7 - size / 3}, {in, 0}};
        struct aiocb reading = request(reader, into, 5, 0);
        OK(aio_readv(&reading));
        ssize_t count = FINISH(&reading);
        CHECK(count > 0 && (size_t)count <= size);
        got += (size_t)count;
    }
    VERIFY(in, total, 1, 0);
    for (int i = 0; i < writes; i++) EQUAL(FINISH(&writing[i]), lengths[i]);
}

int main(void) {
    int ends[2], sockets[2];
    fill(out, total, 1, 0);
    cut();
    open_pipe(ends);
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
    carry(ends[0], ends[1]);
    carry(sockets[0], sockets[1]);
    carry(sockets[1], sockets[0]);

    // Less is there than there is room for; the read waits for the first byte only.
    struct iovec into[3] = {{in, 4}, {in + 10, 4}, {in + 20, 4}};
    memset(in, 0xee, 30);
    struct aiocb reading = request(ends[0], into, 3, 0);
    OK(aio_readv(&reading));
    EQUAL(aio_error(&reading), EINPROGRESS);
    EQUAL(write(ends[1], "abcdef", 6), 6);
    EQUAL(FINISH(&reading), 6);
    CHECK(memcmp(in, "abcd\xee\xee\xee\xee\xee\xee" "ef\xee\xee\xee\xee\xee\xee\xee\xee\xee", 21) == 0);

    // The message of a datagram or packet is one.
    int packets[2];
    OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, packets));
    struct iovec parts[3] = {{"one ", 4}, {"two ", 4}, {"three", 5}};
    struct aiocb writing = request(packets[0], parts, 3, 0);
    OK(aio_writev(&writing));
    EQUAL(FINISH(&writing), 13);
    EQUAL(read(packets[1], in, 100), 13);
    CHECK(memcmp(in, "one two three", 13) == 0);
    return 0;
}
