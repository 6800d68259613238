// holds: A notification whose attributes no thread can have is called on a usual thread, and one whose stack is not to be had holds up no other.
// source: kaio
#include "../check.h"
#include <sched.h>

enum { rounds = 20, kinds = 4 };
static atomic_int called[kinds];

static void finished(union sigval value) { called[value.sival_int]++; }

static void *idle(void *argument) { return argument; }

int main(void) {
    // No processor that is there; a stack as large as all addresses; a small one.
    pthread_attr_t attributes[3];
    cpu_set_t processors;
    for (int i = 0; i < 3; i++) OK(pthread_attr_init(&attributes[i]));
    CPU_ZERO(&processors);
    CPU_SET(CPU_SETSIZE - 1, &processors);
    OK(pthread_attr_setaffinity_np(&attributes[0], sizeof processors, &processors));
    OK(pthread_attr_setstacksize(&attributes[1], (size_t)1 << 47));
    OK(pthread_attr_setstacksize(&attributes[2], 1 << 20));
    pthread_t thread;
    EQUAL(pthread_create(&thread, &attributes[0], idle, NULL), EINVAL);
    EQUAL(pthread_create(&thread, &attributes[1], idle, NULL), EAGAIN);

    int file = scratch_file(0);
    static char block[512];
    static struct aiocb controls[rounds][kinds];
    for (int i = 0; i < rounds; i++)
        for (int kind = 0; kind < kinds; kind++) {
            struct aiocb *control = &controls[i][kind];
            *control = request(file, block, sizeof block, 0);
            control->aio_sigevent.sigev_notify = SIGEV_THREAD;
            control->aio_sigevent.sigev_notify_function = finished;
            control->aio_sigevent.sigev_notify_attributes = kind < 3 ? &attributes[kind] : NULL;
            control->aio_sigevent.sigev_value.sival_int = kind;
            OK(aio_write(control));
            EQUAL(FINISH(control), sizeof block);
        }
    for (int kind = 0; kind < kinds; kind++) {
        int expected = kind == 1 ? 0 : rounds;
        for (double end = now() + 10; called[kind] < expected && now() < end;) sleep_for(0.01);
        EQUAL(called[kind], expected);
    }
}
