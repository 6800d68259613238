// holds: Of those that wait since "aio num events" are in the kernel the one of higher priority goes first, and a low one is overtaken by a bounded number.
// source: kaio
// modes: linked
#include "../connection.h"
#include "../waiting.h"

static kaio_file *file;

static void *submit(void *control) {
    OK(kaio_aio_read(file, control));
    return NULL;
}

int main(void) {
    int calls[] = {SYS_io_submit};
    watch_calls(look_at_waiting, calls, 1);
    kaio_connection *connection = connected("ordered aio_linux", "aio_linux:aio num events = 1");
    file = opened(connection, "data", O_DIRECT, (size_t)waiting_count * waiting_step, 1);
    struct slow slow = slow_memory();
    struct aiocb first = request(-1, slow.memory, SLOW_SIZE / 2, elsewhere), controls[waiting_count];
    pthread_t thread;
    OK(pthread_create(&thread, NULL, submit, &first));
    SLOW_TOUCHED(&slow);
    char *buffers = aligned_buffer(waiting_count * 4096);
    for (int i = 0; i < waiting_count; i++) {
        controls[i] = request(-1, buffers + i * 4096, 4096, (off_t)i * waiting_step);
        controls[i].aio_reqprio = priority_of_waiting(i);
        OK(kaio_aio_read(file, &controls[i]));
    }
    EQUAL(gone_of_waiting, 0);
    slow_release(&slow, NULL);
    OK(pthread_join(thread, NULL));
    EQUAL(finished(connection, file, &first), SLOW_SIZE / 2);
    for (int i = 0; i < waiting_count; i++) {
        EQUAL(finished(connection, file, &controls[i]), 4096);
        VERIFY(buffers + i * 4096, 4096, 1, (uint64_t)i * waiting_step);
    }
    check_waiting();
    OK(kaio_disconnect(connection));
}
