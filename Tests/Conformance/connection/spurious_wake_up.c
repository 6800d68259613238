// holds: A count on the connection's eventfd that no completion put there ends no kaio_aio_suspend, and dispatch finds nothing.
// source: kaio
// modes: linked
#include "../connection.h"

// Counts on every eventfd of the process.
static int poke(void) {
    int found = 0;
    for (int number = 3; number < 2000; number++) {
        char path[64], target[64];
        snprintf(path, sizeof path, "/proc/self/fd/%d", number);
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length < 0) continue;
        target[length] = 0;
        if (!strstr(target, "[eventfd]")) continue;
        uint64_t one = 1;
        EQUAL(write(number, &one, 8), 8);
        found++;
    }
    return found;
}

static void *poke_often(void *unused) {
    (void)unused;
    for (int i = 0; i < 10; i++) {
        sleep_for(0.02);
        poke();
    }
    return NULL;
}

int main(void) {
    struct waiting waiting;
    begin_waiting(&waiting);
    CHECK(poke() >= 1);
    CHECK(is_readable(waiting.connection, 1000));
    pthread_t thread;
    OK(pthread_create(&thread, NULL, poke_often, NULL));
    int64_t start = nanoseconds();
    struct timespec time = interval(300000000);
    FAILS(kaio_aio_suspend(waiting.connection, waiting.list, 1, &time), EAGAIN);
    CHECK(nanoseconds() - start >= 300000000);
    OK(pthread_join(thread, NULL));
    EQUAL(kaio_connection_dispatch(waiting.connection, 0), 0);
    CHECK(!is_readable(waiting.connection, 50));
    EQUAL(write(waiting.end, "x", 1), 1);
    // The data is there, then the request is complete.
    int count = 0;
    while (count == 0) {
        CHECK(is_readable(waiting.connection, 1000));
        count = kaio_connection_dispatch(waiting.connection, 0);
    }
    EQUAL(count, 1);
    EQUAL(kaio_aio_error(waiting.file, &waiting.control), 0);
    OK(kaio_disconnect(waiting.connection));
}
