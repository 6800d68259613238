// holds: In the handler of the completion's signal the request is no longer in progress, and aio_return gives its result.
// source: aio.h, signal safety
#include "../check.h"

enum { count = 300 };
static struct aiocb controls[count];
static char blocks[count][512];
static atomic_int calls[count], wrong, done;

static void handler(int number, siginfo_t *info, void *context) {
    (void)context;
    struct aiocb *control = info->si_value.sival_ptr;
    int error = aio_error(control);
    ssize_t result = aio_return(control);
    if (number != SIGRTMIN + 2 || info->si_code != SI_ASYNCIO || error != 0 || result != 512) wrong++;
    calls[control - controls]++;
    done++;
}

int main(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    OK(sigaction(SIGRTMIN + 2, &action, NULL));
    int descriptor = scratch_file(0);
    write_pattern(descriptor, sizeof blocks, 4, 0);
    for (int i = 0; i < count; i++) {
        controls[i] = request(descriptor, blocks[i], 512, i * 512);
        controls[i].aio_sigevent.sigev_notify = SIGEV_SIGNAL;
        controls[i].aio_sigevent.sigev_signo = SIGRTMIN + 2;
        controls[i].aio_sigevent.sigev_value.sival_ptr = &controls[i];
        OK(aio_read(&controls[i]));
    }
    for (double end = now() + 15; done < count && now() < end;) sleep_for(0.01);
    sleep_for(0.1);
    EQUAL(done, count);
    EQUAL(wrong, 0);
    for (int i = 0; i < count; i++) {
        EQUAL(calls[i], 1);
        VERIFY(blocks[i], 512, 4, (uint64_t)i * 512);
    }
}
