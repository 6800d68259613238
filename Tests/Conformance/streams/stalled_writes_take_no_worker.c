// holds: Writes that have begun and stall, for their reader takes nothing, take no worker, on FIFOs, pipes, sockets and terminals: twenty of each leave the files behind them served, and every byte arrives in order when the reader goes on.
// source: kaio
#include "streams.h"
#include <termios.h>

enum { each = 20, kinds = 4, size = 300000 };

static void open_kind(int kind, int index, int ends[2]) {
    char path[PATH_MAX], name[32];
    struct termios mode;
    switch (kind) {
        case 0:
            snprintf(name, sizeof name, "stalled-%d", index);
            path_of(path, name);
            unlink(path);
            OK(mkfifo(path, 0600));
            ends[0] = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
            ends[1] = open(path, O_WRONLY | O_CLOEXEC);
            CHECK(ends[0] >= 0 && ends[1] >= 0);
            OK(fcntl(ends[0], F_SETFL, 0));
            unlink(path);
            return;
        case 1: return open_pipe(ends);
        case 2: return open_unix(SOCK_STREAM, ends);
        default:
            ends[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
            CHECK(ends[0] >= 0 && grantpt(ends[0]) == 0 && unlockpt(ends[0]) == 0);
            ends[1] = open(ptsname(ends[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
            CHECK(ends[1] >= 0);
            OK(tcgetattr(ends[1], &mode));
            cfmakeraw(&mode);
            OK(tcsetattr(ends[1], TCSANOW, &mode));
    }
}

static void check_stream(void) {
    static struct aiocb writes[kinds][each];
    static unsigned char out[size], in[size];
    int ends[kinds][each][2];
    struct rlimit limit;
    OK(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = limit.rlim_max;
    OK(setrlimit(RLIMIT_NOFILE, &limit));
    fill(out, size, 3, 0);
    for (int kind = 0; kind < kinds; kind++) {
        for (int i = 0; i < each; i++) {
            open_kind(kind, i, ends[kind][i]);
            writes[kind][i] = request(ends[kind][i][1], out, size, 0);
            OK(aio_write(&writes[kind][i]));
        }
    }
    for (int i = 0; i < 3; i++) check_service();
    for (int kind = 0; kind < kinds; kind++) {
        for (int i = 0; i < each; i++) {
            EQUAL(aio_error(&writes[kind][i]), EINPROGRESS);
            // A write of its own behind it waits, and can be cancelled.
            struct aiocb behind = request(ends[kind][i][1], out, 1, 0);
            OK(aio_write(&behind));
            EQUAL(aio_cancel(ends[kind][i][1], &behind), AIO_CANCELED);
            FINISHES_WITH(&behind, ECANCELED);
        }
    }
    for (int kind = 0; kind < kinds; kind++) {
        for (int i = 0; i < each; i++) {
            for (size_t got = 0; got < size;) {
                struct aiocb input = request(ends[kind][i][0], in + got, size - got, 0);
                OK(aio_read(&input));
                ssize_t count = FINISH(&input);
                CHECK(count > 0);
                got += (size_t)count;
            }
            VERIFY(in, size, 3, 0);
            EQUAL(FINISH(&writes[kind][i]), size);
        }
    }
}
