// holds: A process that makes a few hundred O_DIRECT requests and ends opens no io context, for whose end it would wait 30 ms; one that makes thousands opens it, sooner where several are in flight. What it counts is the process's own: the child of a fork begins anew.
// source: kaio; io_setup(2): the context is destroyed when the process ends
// limit: 120
#include "../check.h"

enum { size = 4096, depth = 32, blocks = 256 };
static int file;
static unsigned char *data;

static void one(int i) {
    struct aiocb block = request(file, data, size, (off_t)(i % blocks) * size);
    OK(i % 3 ? aio_read(&block) : aio_write(&block));
    EQUAL(FINISH(&block), size);
}

static void many(void) {
    struct aiocb requests[depth], *list[depth];
    for (int i = 0; i < depth; i++) {
        requests[i] = request(file, data + i * size, size, (off_t)i * size);
        requests[i].aio_lio_opcode = i % 2 ? LIO_READ : LIO_WRITE;
        list[i] = &requests[i];
    }
    OK(lio_listio(LIO_WAIT, list, depth, NULL));
    for (int i = 0; i < depth; i++) EQUAL(aio_return(&requests[i]), size);
}

// How many requests until there is one.
static int until_context(int each, void (*make)(void)) {
    int made = 0;
    for (; count_contexts() == 0 && made < 10000; made += each) make();
    EQUAL(count_contexts(), 1);
    return made;
}

static void make_one(void) {
    static int i;
    one(i++);
}

static void in_child(void (*body)(void)) {
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        body();
        _exit(0);
    }
    EQUAL(waitpid(child, &status, 0), child);
    EQUAL(status, 0);
}

static void in_order(void) {
    for (int i = 0; i < 300; i++) one(i);
    EQUAL(count_contexts(), 0);
    CHECK(until_context(1, make_one) > 1000);
}

static void at_once(void) {
    for (int i = 0; i < 4; i++) many();
    EQUAL(count_contexts(), 0);
    int made = until_context(depth, many);
    CHECK(made > 300 && made < 1500);
    // And so it stays.
    for (int i = 0; i < 10; i++) one(i);
    EQUAL(count_contexts(), 1);
}

int main(int count, char **words) {
    // As a user has it.
    if (count == 1 && getenv("KAIO_RING_AFTER") != NULL) {
        unsetenv("KAIO_RING_AFTER");
        execl("/proc/self/exe", words[0], NULL);
        CHECK(0);
    }
    deadline(100);
    file = scratch_file(O_DIRECT);
    data = aligned_buffer(depth * size);
    OK(ftruncate(file, blocks * size));
    for (int i = 0; i < blocks; i++) EQUAL(pwrite(file, data, size, (off_t)i * size), size);
    in_child(in_order);
    in_child(at_once);
    for (int i = 0; i < 300; i++) one(i);
    EQUAL(count_contexts(), 0);
    at_once();
    in_child(in_order);
    return 0;
}
