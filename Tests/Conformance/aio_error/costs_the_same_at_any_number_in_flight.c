// holds: aio_error and aio_return take the same time with 10,000 requests in flight as with one, also on what is no request.
// source: kaio (extension)
// limit: 60
#include "../check.h"

#define COUNT 10000
#define CALLS 20000

static int ends[2];
static char bytes[COUNT];
static struct aiocb controls[COUNT];

// The best of several rounds: what the machine does besides only ever adds to it.
static double seconds_for(const struct aiocb *control, int expected) {
    double best = 1e9;
    for (int round = 0; round < 15; round++) {
        double start = now();
        for (int i = 0; i < CALLS; i++) {
            EQUAL(aio_error(control), expected);
            if (expected == -1) FAILS(aio_return((struct aiocb *)control), EINVAL);
        }
        double time = now() - start;
        if (time < best) best = time;
    }
    return best;
}

int main(void) {
    struct aiocb nothing = request(0, NULL, 0, 0);
    OK(pipe(ends));
    controls[0] = request(ends[0], &bytes[0], 1, 0);
    OK(aio_read(&controls[0]));
    double one = seconds_for(&controls[0], EINPROGRESS), none = seconds_for(&nothing, -1);
    for (int i = 1; i < COUNT; i++) {
        controls[i] = request(ends[0], &bytes[i], 1, 0);
        OK(aio_read(&controls[i]));
    }
    printf("one in flight: %.0f ns and %.0f ns\n", one / CALLS * 1e9, none / CALLS * 1e9);
    double last = seconds_for(&controls[COUNT - 1], EINPROGRESS);
    double none_of_many = seconds_for(&nothing, -1);
    printf("%d in flight: %.0f ns and %.0f ns\n", COUNT, last / CALLS * 1e9, none_of_many / CALLS * 1e9);
    CHECK(last < 5 * one);
    CHECK(none_of_many < 5 * none);
    return 0;
}
