// holds: Idle reads and writes of pipes and sockets take no worker, also where the kernel refuses its AIO: the files behind forty of them are served, and each can be cancelled, closed, and brought to its end.
// source: kaio
#include "streams.h"

enum { count = 40 };

static void check_stream(void) {
    static struct aiocb reads[count], writes[count];
    static char bytes[count], full[count][1 << 20];
    int ends[count][2];
    for (int i = 0; i < count; i++) {
        if (i % 4 == 3) open_pipe(ends[i]);
        else if (i % 4 == 2) open_inet(SOCK_STREAM, ends[i]);
        else open_unix(i % 4 ? SOCK_SEQPACKET : SOCK_STREAM, ends[i]);
        reads[i] = request(ends[i][0], &bytes[i], 1, 0);
        OK(aio_read(&reads[i]));
        // On the same socket a write that waits for its reader.
        if (i % 4 == 0) {
            writes[i] = request(ends[i][0], full[i], sizeof full[i], 0);
            OK(aio_write(&writes[i]));
        }
    }
    check_service();
    CHECK(count_threads_named("kaio-worker") < 8);
    for (int i = 0; i < count; i++) EQUAL(aio_error(&reads[i]), EINPROGRESS);
    for (int i = 0; i < 4; i++) {
        EQUAL(aio_cancel(ends[i][0], &reads[i]), AIO_CANCELED);
        FINISHES_WITH(&reads[i], ECANCELED);
    }
    EQUAL(aio_cancel(ends[0][0], &writes[0]), AIO_NOTCANCELED);
    for (int i = 4; i < 8; i++) {
        close(ends[i][0]);
        FINISHES_WITH(&reads[i], ECANCELED);
    }
    for (int i = 8; i < count; i++) {
        EQUAL(write(ends[i][1], "x", 1), 1);
        EQUAL(FINISH(&reads[i]), 1);
        EQUAL(bytes[i], 'x');
    }
    for (int i = 0; i < count; i += 4) {
        if (i == 4) continue;
        for (size_t done = 0; done < sizeof full[i];) {
            static char buffer[1 << 16];
            ssize_t got = read(ends[i][1], buffer, sizeof buffer);
            CHECK(got > 0);
            done += (size_t)got;
        }
        EQUAL(FINISH(&writes[i]), sizeof full[i]);
    }
}
