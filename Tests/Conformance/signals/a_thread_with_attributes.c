// holds: SIGEV_THREAD calls the function with its value, once, on a thread that has the attributes asked for.
// source: aio_read
#include "../check.h"
#include <semaphore.h>
#include <stdatomic.h>

// More than a thread has by default.
#define STACK ((size_t)32 << 20)

static sem_t called;
static atomic_int calls;

static void with_attributes(union sigval value) {
    pthread_attr_t attributes;
    size_t size;
    char *volatile room = __builtin_alloca(STACK / 2);
    memset(room, 1, STACK / 2);
    OK(pthread_getattr_np(pthread_self(), &attributes));
    OK(pthread_attr_getstacksize(&attributes, &size));
    CHECK(size >= STACK);
    pthread_attr_destroy(&attributes);
    EQUAL(value.sival_int, 4711);
    calls++;
    sem_post(&called);
}

static void without(union sigval value) {
    EQUAL(value.sival_int, 4712);
    calls++;
    sem_post(&called);
}

int main(void) {
    int file = scratch_file(0);
    pthread_attr_t attributes;
    struct timespec end;
    OK(sem_init(&called, 0, 0));
    OK(pthread_attr_init(&attributes));
    OK(pthread_attr_setstacksize(&attributes, STACK));
    OK(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED));
    for (int round = 0; round < 50; round++) {
        char byte;
        struct aiocb control = request(file, &byte, 1, 0), *list[1] = {&control};
        struct sigevent event = {.sigev_notify = SIGEV_THREAD};
        int has = round % 2;
        event.sigev_value.sival_int = has ? 4711 : 4712;
        event.sigev_notify_function = has ? with_attributes : without;
        event.sigev_notify_attributes = has ? &attributes : NULL;
        control.aio_lio_opcode = LIO_READ;
        clock_gettime(CLOCK_REALTIME, &end);
        end.tv_sec += 10;
        if (round % 4 < 2) {
            control.aio_sigevent = event;
            OK(aio_read(&control));
        } else {
            OK(lio_listio(LIO_NOWAIT, list, 1, &event));
        }
        OK(sem_timedwait(&called, &end));
        EQUAL(FINISH(&control), 0);
    }
    sleep_for(0.1);
    EQUAL(calls, 50);
    return 0;
}
