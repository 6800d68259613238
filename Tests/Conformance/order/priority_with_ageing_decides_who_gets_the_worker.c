// holds: Of those that wait for a thread the one of higher priority runs first, but none waits for ever: a low one is overtaken by a bounded number.
// source: kaio
// environment: KAIO_WORKERS=1
#include "../waiting.h"

int main(void) {
    struct aioinit one = {.aio_threads = 1, .aio_num = 256};
    aio_init(&one);
    int calls[] = {SYS_pread64};
    watch_calls(look_at_waiting, calls, 1);
    struct slow slow = slow_memory();
    int plug = scratch_file(0), file = scratch_file(0);
    write_pattern(plug, SLOW_SIZE, 1, 0);
    struct aiocb first = request(plug, slow.memory, SLOW_SIZE - elsewhere, elsewhere), controls[waiting_count];
    OK(aio_read(&first));
    SLOW_TOUCHED(&slow);
    void *buffer = aligned_buffer(waiting_step / 2);
    for (int i = 0; i < waiting_count; i++) {
        controls[i] = request(file, buffer, waiting_step / 2, (off_t)i * waiting_step);
        controls[i].aio_reqprio = priority_of_waiting(i);
        OK(aio_read(&controls[i]));
    }
    EQUAL(gone_of_waiting, 0);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&first), SLOW_SIZE - elsewhere);
    for (int i = 0; i < waiting_count; i++) EQUAL(FINISH(&controls[i]), 0);
    check_waiting();
}
