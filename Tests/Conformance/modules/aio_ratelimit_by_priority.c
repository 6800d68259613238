// holds: Of those that wait for tokens the one of higher priority goes first, also before one that came earlier and is the next; a low one is overtaken by a bounded number.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=ordered aio_ratelimit aio_linux aio_poll' 'KAIO_VFS_PARAMETERS=aio_ratelimit:read_bytes=1M; aio_ratelimit:burst=1ms'
// limit: 60
#include "../waiting.h"

int main(void) {
    int calls[] = {SYS_io_submit}, file = scratch_file(O_DIRECT);
    write_pattern(file, (size_t)waiting_count * waiting_step, 1, 0);
    watch_calls(look_at_waiting, calls, 1);
    unsigned char *large = aligned_buffer(2 << 20), *buffers = aligned_buffer(waiting_count * 4096);
    // Two seconds of debt.
    struct aiocb first = request(file, large, 2 << 20, elsewhere), controls[waiting_count];
    OK(aio_read(&first));
    EQUAL(FINISH(&first), 2 << 20);
    for (int i = 0; i < waiting_count; i++) {
        controls[i] = request(file, buffers + i * 4096, 4096, (off_t)i * waiting_step);
        controls[i].aio_reqprio = priority_of_waiting(i);
        OK(aio_read(&controls[i]));
    }
    EQUAL(gone_of_waiting, 0);
    for (int i = 0; i < waiting_count; i++) {
        EQUAL(FINISH(&controls[i]), 4096);
        VERIFY(buffers + i * 4096, 4096, 1, (uint64_t)i * waiting_step);
    }
    check_waiting();
}
