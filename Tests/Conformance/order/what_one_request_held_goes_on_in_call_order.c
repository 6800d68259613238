// holds: Requests that waited for the same one go on by priority, and those of one priority in the order of the calls.
// source: kaio
// environment: KAIO_WORKERS=1
#include "../waiting.h"

enum { count = 12, length = 256 << 10, low = 3 };

int main(void) {
    struct aioinit one = {.aio_threads = 1, .aio_num = 64};
    aio_init(&one);
    int calls[] = {SYS_pread64}, file = scratch_file(0);
    watch_calls(look_at_waiting, calls, 1);
    struct slow slow = slow_memory();
    struct aiocb write = request(file, slow.memory, SLOW_SIZE, (off_t)count * waiting_step), reads[count];
    OK(aio_write(&write));
    SLOW_TOUCHED(&slow);
    char *buffers = aligned_buffer((size_t)count * waiting_step + length);
    for (int i = 0; i < count; i++) {
        // Each begins elsewhere, so that it can be told which is which, and reaches into what is written.
        size_t size = (size_t)(count - i) * waiting_step + length;
        reads[i] = request(file, buffers, size, (off_t)i * waiting_step);
        reads[i].aio_reqprio = i == low ? 5 : 0;
        OK(aio_read(&reads[i]));
    }
    EQUAL(gone_of_waiting, 0);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&write), SLOW_SIZE);
    for (int i = 0; i < count; i++) EQUAL(FINISH(&reads[i]), reads[i].aio_nbytes);
    EQUAL(gone_of_waiting, count);
    EQUAL(places_of_waiting[low], count);
    for (int i = 0, before = 0; i < count; i++)
        if (i != low) {
            CHECK(places_of_waiting[i] > before);
            before = places_of_waiting[i];
        }
    return 0;
}
