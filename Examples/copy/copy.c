// Copies a file with a window of asynchronous requests, and waits for any of them with aio_suspend. POSIX only: it runs
// on the C library's AIO, and faster with kaio preloaded.
//
//     ./copy [-d] [-b BLOCK] [-n REQUESTS] SOURCE TARGET
//
// ../copying.h has the copying itself.
#define _GNU_SOURCE
#include "../copying.h"

static const struct aiocb **list;

static void handle(int number) { signal_seen = number; }

static void prepare_to_wait(void) {
    // Without SA_RESTART, though aio_suspend ends in any case. A signal just before the call is noticed when the next
    // request completes, which for a file is soon.
    struct sigaction action = {.sa_handler = handle};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    list = calloc((size_t)copy.window, sizeof *list);
    if (!list) complain("%s", strerror(errno)), exit(1);
}

static void announce(struct aiocb *control) { (void)control; }

static void wait_for_some(void) {
    // Null entries are skipped.
    for (int i = 0; i < copy.window; i++) {
        struct slot *slot = &copy.slots[i];
        list[i] = slot->state == IDLE || slot->is_held ? NULL : &slot->control;
    }
    if (aio_suspend(list, copy.window, NULL) != 0 && errno != EINTR)
        complain("aio_suspend: %s", strerror(errno)), abort();
}
