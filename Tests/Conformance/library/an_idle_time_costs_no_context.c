// holds: No idle time leaves an io context behind, whatever the kernel says to moving its ring: where it is not moved it is kept, and used by the next request.
// source: kaio
// environment: KAIO_IDLE_SECONDS=1
// limit: 60
//
// Linux 7.1 and later move a ring as a whole only, which the first pass stands for; the second: it can't be moved.
#include "../syscalls.h"

static int whole_only = 1;
static unsigned char *block;
static int direct;

static int refuse(const struct seccomp_data *call, pid_t thread) {
    (void)thread;
    // Moves that bring a ring home, from where the kernel mapped it, and as a whole, are let through.
    if (whole_only) return call->args[1] == (uint64_t)sysconf(_SC_PAGESIZE) ? EINVAL : 0;
    return count_contexts() > 0 && call->args[0] != 0 ? EINVAL : 0;
}

static void one_read(void) {
    memset(block, 0, 4096);
    struct aiocb control = request(direct, block, 4096, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 4096);
    VERIFY(block, 4096, 1, 0);
}

// The reactor's thread is the last to go.
static void wait_until_idle(int threads) {
    for (double end = now() + 20; count_threads() > threads; sleep_for(0.02))
        if (now() > end) failed(__FILE__, __LINE__, "%d threads are still there", count_threads());
}

int main(void) {
    static const int calls[] = {SYS_mremap};
    block = aligned_buffer(4096);
    direct = scratch_file(O_DIRECT);
    write_pattern(direct, 4096, 1, 0);
    watch_calls(refuse, calls, 1);
    int threads = count_threads(), descriptors = -1;
    for (int round = 0; round < 6; round++) {
        if (round == 3) {
            one_read();
            whole_only = 0;
            wait_until_idle(threads);
        }
        one_read();
        EQUAL(count_contexts(), 1);
        // A wait that has to sleep takes one more, a timer's. One lost in each round would be six.
        if (round == 0) descriptors = count_descriptors();
        CHECK(count_descriptors() <= descriptors + 1);
        wait_until_idle(threads);
        EQUAL(count_contexts(), whole_only ? 0 : 1);
    }
    // It is given back when it can be.
    whole_only = 1;
    one_read();
    wait_until_idle(threads);
    EQUAL(count_contexts(), 0);
}
