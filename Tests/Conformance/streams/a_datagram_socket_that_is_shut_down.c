// holds: A read of a datagram socket gives 0 after shutdown(SHUT_RD), whether that came before or while it waits, and the datagrams before it are read.
// source: kaio
#include "streams.h"

static void check_stream(void) {
    for (int kind = 0; kind < 3; kind++) {
        for (int early = 0; early < 2; early++) {
            int ends[2];
            char block[16];
            if (kind == 0) open_inet(SOCK_DGRAM, ends);
            else open_unix(kind == 1 ? SOCK_DGRAM : SOCK_SEQPACKET, ends);
            EQUAL(write(ends[1], "first", 5), 5);
            struct aiocb control = request(ends[0], block, sizeof block, 0);
            if (early) OK(shutdown(ends[0], SHUT_RD));
            OK(aio_read(&control));
            EQUAL(FINISH(&control), 5);
            OK(aio_read(&control));
            if (!early) {
                EQUAL(wait_for(&control, 0.1), EINPROGRESS);
                OK(shutdown(ends[0], SHUT_RD));
            }
            EQUAL(FINISH(&control), 0);
            close(ends[0]);
            close(ends[1]);
        }
    }
}
