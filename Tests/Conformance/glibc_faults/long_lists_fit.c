// holds: aio_suspend over 20,000 entries takes no more of its thread's stack than over one: 64 KiB are enough.
// source: FACTS glibc 7
#include "../check.h"

#define COUNT 20000
#define DEPTH (2 << 20)

// A number, since the compiler minds pointers to what is gone.
static volatile uintptr_t place;

// Marks the stack below the caller.
__attribute__((noinline)) static void mark(void) {
    unsigned char room[DEPTH];
    place = (uintptr_t)room;
    for (size_t i = 0; i < sizeof room; i++) ((volatile unsigned char *)place)[i] = 0xa5;
}

// How much of it was written to since.
__attribute__((noinline)) static size_t used(void) {
    volatile unsigned char *marked = (volatile unsigned char *)place;
    size_t untouched = 0;
    while (untouched < DEPTH && marked[untouched] == 0xa5) untouched++;
    return DEPTH - untouched;
}

int main(void) {
    static const struct aiocb *list[COUNT];
    int ends[2];
    char byte;
    OK(pipe(ends));
    struct aiocb control = request(ends[0], &byte, 1, 0);
    struct timespec short_ = {0, 1000000};
    // Each of them counts, so nothing can leave the entries out.
    for (int i = 0; i < COUNT; i++) list[i] = &control;
    OK(aio_read(&control));
    FAILS(aio_suspend(list, 1, &short_), EAGAIN);
    mark();
    FAILS(aio_suspend(list, COUNT, &short_), EAGAIN);
    CHECK(used() < 64 << 10);
    EQUAL(write(ends[1], "x", 1), 1);
    OK(aio_suspend(list, COUNT, NULL));
    EQUAL(aio_return(&control), 1);
    return 0;
}
