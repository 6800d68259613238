// holds: A call that sleeps, though it asked the kernel not to wait, is the last for a while: workers make such calls for that device, and time them. When nothing sleeps any more, calls do again.
// source: aio_read ("The function call shall return when the read request has been initiated or queued")
// limit: 60
//
// What makes the kernel sleep is the buffer, a page of which comes late.
#include "../slow.h"

enum { size = 4096, rounds = 20 };

static struct slow memories[rounds];

static void *let_go(void *unused) {
    (void)unused;
    for (int i = 0; i < rounds; i++) {
        SLOW_TOUCHED(&memories[i]);
        sleep_for(0.02);
        slow_release(&memories[i], NULL);
    }
    return NULL;
}

static double call(struct aiocb *control, int way) {
    struct aiocb *list[1] = {control};
    control->aio_lio_opcode = way == 1 ? LIO_WRITE : LIO_READ;
    double start = now();
    OK(way == 0 ? aio_read(control) : way == 1 ? aio_write(control) : lio_listio(LIO_NOWAIT, list, 1, NULL));
    return now() - start;
}

static void work(int flags) {
    int file = scratch_file(flags), slept = 0;
    write_pattern(file, rounds * size, 1, 0);
    pthread_t thread;
    for (int i = 0; i < rounds; i++) memories[i] = slow_memory();
    OK(pthread_create(&thread, NULL, let_go, NULL));
    for (int i = 0; i < rounds; i++) {
        struct aiocb control = request(file, memories[i].memory, size, i * size);
        // What is written from there is zeroes.
        int way = i % 3 == 1 && !(flags & O_DIRECT) ? 0 : i % 3;
        if (call(&control, way) > 0.015) slept++;
        EQUAL(FINISH(&control), size);
        if (way != 1) VERIFY(memories[i].memory, size, 1, (uint64_t)i * size);
    }
    OK(pthread_join(thread, NULL));
    // A tenth of them may be late for another reason, on a busy machine.
    CHECK(slept <= 3);
    if (flags & O_DIRECT) return;
    sleep_for(2.1);
    unsigned char *data = aligned_buffer(size);
    struct aiocb control = request(file, data, size, 0);
    call(&control, 0);
    // Done in the call.
    EQUAL(aio_error(&control), 0);
    EQUAL(aio_return(&control), size);
    VERIFY(data, size, 1, 0);
}

int main(void) {
    deadline(50);
    static const int flags[] = {0, O_DIRECT};
    for (int i = 0; i < 2; i++) {
        pid_t child = fork();
        if (child == 0) {
            work(flags[i]);
            _exit(0);
        }
        int status;
        EQUAL(waitpid(child, &status, 0), child);
        EQUAL(status, 0);
    }
}
