// holds: A signal handler that runs during kaio_aio_suspend ends it with EINTR, also with SA_RESTART; nothing is lost by it.
// source: kaio
// modes: linked
#include "../connection.h"

static pthread_t waiter;
static atomic_int handled;
static void handler(int number) { (void)number, handled++; }

static void *interrupt(void *unused) {
    (void)unused;
    sleep_for(0.1);
    pthread_kill(waiter, SIGUSR1);
    return NULL;
}

int main(void) {
    struct waiting waiting;
    begin_waiting(&waiting);
    waiter = pthread_self();
    for (int restart = 0; restart < 2; restart++) {
        struct sigaction action = {.sa_handler = handler, .sa_flags = restart ? SA_RESTART : 0};
        sigaction(SIGUSR1, &action, NULL);
        pthread_t thread;
        OK(pthread_create(&thread, NULL, interrupt, NULL));
        FAILS(kaio_aio_suspend(waiting.connection, waiting.list, 1, NULL), EINTR);
        EQUAL(handled, restart + 1);
        OK(pthread_join(thread, NULL));
    }
    EQUAL(kaio_aio_error(waiting.file, &waiting.control), EINPROGRESS);
    EQUAL(write(waiting.end, "x", 1), 1);
    EQUAL(finished(waiting.connection, waiting.file, &waiting.control), 1);
    OK(kaio_disconnect(waiting.connection));
}
