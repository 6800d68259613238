// holds: VMIN and VTIME end a read of a terminal as they end a plain one: at once, after a time, by the time between two bytes, or at as many bytes as were asked for where that is less; such reads wait without a worker, cost no time, and can be cancelled. A hang-up gives EIO.
// source: kaio
// limit: 60
#include "streams.h"
#include <termios.h>

static int master, terminal;

static void open_terminal(int least, int tenths) {
    struct termios mode;
    master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(terminal >= 0);
    OK(tcgetattr(terminal, &mode));
    cfmakeraw(&mode);
    mode.c_cc[VMIN] = (cc_t)least;
    mode.c_cc[VTIME] = (cc_t)tenths;
    OK(tcsetattr(terminal, TCSANOW, &mode));
}

static void close_terminal(void) {
    close(master);
    close(terminal);
}

// Reads `asked` bytes while `sent` come, `apart` seconds between two; returns how many it got.
struct arrival {
    const char *sent;
    double apart;
};

static void *send_bytes(void *argument) {
    struct arrival *arrival = argument;
    for (const char *at = arrival->sent; *at; at++) {
        sleep_for(arrival->apart);
        EQUAL(write(master, at, 1), 1);
    }
    return NULL;
}

static void gives(int least, int tenths, size_t asked, const char *sent, double apart, ssize_t plain, double earliest) {
    char block[64], other[64];
    for (int is_aio = 0; is_aio < 2; is_aio++) {
        struct arrival arrival = {sent, apart};
        pthread_t thread;
        open_terminal(least, tenths);
        struct aiocb control = request(terminal, block, asked, 0);
        double start = now();
        OK(pthread_create(&thread, NULL, send_bytes, &arrival));
        ssize_t got;
        if (is_aio) {
            OK(aio_read(&control));
            got = FINISH(&control);
        } else {
            got = read(terminal, other, asked);
        }
        printf("%s: VMIN %d, VTIME %d, %zu asked: %zd after %.2f s\n", is_aio ? "aio_read" : "read", least, tenths, asked, got, now() - start);
        EQUAL(got, plain);
        if (is_aio) CHECK(memcmp(block, sent, (size_t)got) == 0);
        CHECK(now() - start >= earliest);
        OK(pthread_join(thread, NULL));
        close_terminal();
    }
}

static void check_stream(void) {
    gives(0, 0, 32, "", 0, 0, 0);
    gives(0, 2, 32, "", 0, 0, 0.19);
    gives(0, 100, 32, "a", 0.1, 1, 0.09);
    gives(3, 0, 32, "abc", 0.05, 3, 0.14);
    gives(5, 0, 2, "ab", 0.05, 2, 0.09);
    gives(5, 20, 2, "ab", 0.05, 2, 0.09);
    gives(5, 20, 32, "abcde", 0.05, 5, 0.24);
    // The time counts from the last byte, and not before the first.
    gives(5, 4, 32, "abc", 0.25, 3, 1.14);
    gives(1, 3, 32, "a", 0.5, 1, 0.49);

    enum { count = 20 };
    static int masters[count], terminals[count];
    static char blocks[count][64];
    static struct aiocb controls[count];
    for (int i = 0; i < count; i++) {
        // Half of them wait for the next byte, half for the first.
        open_terminal(i % 2 ? 9 : 0, 250);
        masters[i] = master;
        terminals[i] = terminal;
        controls[i] = request(terminal, blocks[i], sizeof blocks[i], 0);
        OK(aio_read(&controls[i]));
        if (i % 2) EQUAL(write(master, "abc", 3), 3);
    }
    check_service();
    sleep_for(0.1);
    double before = cpu_time();
    sleep_for(1);
    CHECK(cpu_time() - before < 0.02 * times_slower());
    CHECK(count_threads_named("kaio-worker") < 8);
    for (int i = 0; i < count; i++) {
        EQUAL(aio_error(&controls[i]), EINPROGRESS);
        EQUAL(aio_cancel(terminals[i], &controls[i]), AIO_CANCELED);
        FINISHES_WITH(&controls[i], ECANCELED);
    }
    // What came is still there.
    EQUAL(read(terminals[1], blocks[1], 3), 3);
    OK(aio_read(&controls[2]));
    close(masters[2]);
    FINISHES_WITH(&controls[2], EIO);
}
