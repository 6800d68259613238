// What the tests of priorities share, where requests wait. A first request is stopped by slow memory, in the only place
// there is; many wait behind it. In which order they go then is seen by the system calls that make them.
#ifndef KAIO_TESTS_WAITING_H
#define KAIO_TESTS_WAITING_H

#include "slow.h"
#include "syscalls.h"
#include <linux/aio_abi.h>

// The first of them is of the lowest priority, the last of a middle one, all others of the highest.
enum { waiting_count = 120, waiting_lowest = 20, waiting_middle = 7, waiting_step = 512 << 10 };

static UNUSED int priority_of_waiting(int index) {
    return index == 0 ? waiting_lowest : index == waiting_count - 1 ? waiting_middle : 0;
}

// The place of each among those that went, from 1 on, by its offset: `waiting_step` lies between two.
static UNUSED atomic_int places_of_waiting[waiting_count];
static UNUSED atomic_int gone_of_waiting;

static UNUSED void goes(long long offset) {
    long long index = offset / waiting_step;
    if (offset % waiting_step == 0 && index < waiting_count && places_of_waiting[index] == 0)
        places_of_waiting[index] = ++gone_of_waiting;
}

static UNUSED int look_at_waiting(const struct seccomp_data *call, pid_t thread) {
    (void)thread;
    if (call->nr == SYS_pread64) goes((long long)call->args[3]);
    if (call->nr != SYS_io_submit) return 0;
    struct iocb **list = (struct iocb **)(uintptr_t)call->args[2];
    for (uint64_t i = 0; i < call->args[1]; i++)
        if (list[i]->aio_lio_opcode == IOCB_CMD_PREAD) goes(list[i]->aio_offset);
    return 0;
}

// Where the first request's offset lies: none of the others'.
enum { elsewhere = 4096 };

// The lowest waits behind those that came later, but not behind all of them; those of the highest priority keep their order.
static UNUSED void check_waiting(void) {
    EQUAL(gone_of_waiting, waiting_count);
    int last = waiting_count - 1;
    CHECK(places_of_waiting[0] > 8);
    CHECK(places_of_waiting[0] < places_of_waiting[last - 1]);
    EQUAL(places_of_waiting[last], waiting_count);
    for (int i = 1; i < last - 1; i++) CHECK(places_of_waiting[i] < places_of_waiting[i + 1]);
}

#endif
