// holds: Of those that wait for room in the kernel's ring the one of higher priority goes first, and a low one is overtaken by a bounded number.
// source: kaio
#include "../waiting.h"

static atomic_int isFull;

static int look(const struct seccomp_data *call, pid_t thread) {
    return isFull ? EAGAIN : look_at_waiting(call, thread);
}

static void *submit(void *control) {
    OK(aio_read(control));
    return NULL;
}

int main(void) {
    int calls[] = {SYS_io_submit}, file = scratch_file(O_DIRECT);
    write_pattern(file, (size_t)waiting_count * waiting_step, 1, 0);
    watch_calls(look, calls, 1);
    struct slow slow = slow_memory();
    struct aiocb first = request(file, slow.memory, SLOW_SIZE / 2, elsewhere), controls[waiting_count];
    pthread_t thread;
    // In io_submit, with the pages of its buffer.
    OK(pthread_create(&thread, NULL, submit, &first));
    SLOW_TOUCHED(&slow);
    isFull = 1;
    char *buffers = aligned_buffer(waiting_count * 4096);
    for (int i = 0; i < waiting_count; i++) {
        controls[i] = request(file, buffers + i * 4096, 4096, (off_t)i * waiting_step);
        controls[i].aio_reqprio = priority_of_waiting(i);
        OK(aio_read(&controls[i]));
    }
    EQUAL(gone_of_waiting, 0);
    isFull = 0;
    slow_release(&slow, NULL);
    EQUAL(FINISH(&first), SLOW_SIZE / 2);
    OK(pthread_join(thread, NULL));
    for (int i = 0; i < waiting_count; i++) {
        EQUAL(FINISH(&controls[i]), 4096);
        VERIFY(buffers + i * 4096, 4096, 1, (uint64_t)i * waiting_step);
    }
    check_waiting();
}
