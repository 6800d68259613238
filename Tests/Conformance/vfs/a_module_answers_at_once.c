// holds: A module may answer a read at once, from memory of the pool; its answer is never that of another file, or older than a write.
// source: kaio
// limit: 120
// links: -Wl,-z,dynamic-undefined-weak
#include "last_block.h"

enum { size = 64 * 1024 };

static unsigned char byte_at(int file, off_t offset) {
    unsigned char byte = 0;
    struct aiocb control = request(file, &byte, 1, offset);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 1);
    return byte;
}

static void put(int file, off_t offset, unsigned char byte) {
    struct aiocb control = request(file, &byte, 1, offset);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), 1);
}

static void hits(void) {
    int file = scratch_file(0);
    write_pattern(file, size, 1, 0);
    EQUAL(byte_at(file, 5000), pattern_byte(1, 5000));
    EQUAL(last_block.fills, 1);
    for (int i = 4096; i < 8192; i++) EQUAL(byte_at(file, i), pattern_byte(1, (uint64_t)i));
    EQUAL(last_block.hits, 4096);
    EQUAL(last_block.fills, 1);
    put(file, 4100, 7);
    EQUAL(byte_at(file, 4100), 7);
    EQUAL(last_block.fills, 2);
    // Another file of this number, opened behind the library's back.
    int other = scratch_file(0);
    write_pattern(other, size, 2, 0);
    EQUAL(syscall(SYS_dup3, other, file, 0), file);
    EQUAL(byte_at(file, 4100), pattern_byte(2, 4100));
    EQUAL(byte_at(other, 4101), pattern_byte(2, 4101));
    // The same when the number was not looked at for some ticks of the clock.
    int third = scratch_file(0);
    write_pattern(third, size, 4, 0);
    EQUAL(byte_at(file, 4102), pattern_byte(2, 4102));
    EQUAL(syscall(SYS_dup3, third, file, 0), file);
    usleep(50000);
    EQUAL(byte_at(file, 4103), pattern_byte(4, 4103));
    OK(close(third));
    // And through a close.
    OK(close(file));
    OK(close(other));
    file = scratch_file(0);
    write_pattern(file, size, 3, 0);
    EQUAL(byte_at(file, 4101), pattern_byte(3, 4101));
    pid_t child = fork();
    if (child == 0) {
        EQUAL(byte_at(file, 4102), pattern_byte(3, 4102));
        EQUAL(last_block.fills, 1);
        EQUAL(byte_at(file, 4103), pattern_byte(3, 4103));
        EQUAL(last_block.hits, 1);
        _exit(0);
    }
    int status;
    EQUAL(waitpid(child, &status, 0), child);
    EQUAL(status, 0);
}

static int shared;

static void *writer(void *argument) {
    for (int i = 1; i <= 2000; i++) put(shared, 4096 * (long)(intptr_t)argument, (unsigned char)(i % 251));
    return NULL;
}

// A thread always reads what it has written, whatever others do.
static void concurrently(void) {
    shared = scratch_file(0);
    write_pattern(shared, size, 1, 0);
    pthread_t threads[2];
    for (long i = 0; i < 2; i++) OK(pthread_create(&threads[i], NULL, writer, (void *)(i + 1)));
    for (int i = 1; i <= 2000; i++) {
        put(shared, 4090, (unsigned char)i);
        for (int j = 0; j < 3; j++) EQUAL(byte_at(shared, 4090), (unsigned char)i);
    }
    for (int i = 0; i < 2; i++) OK(pthread_join(threads[i], NULL));
    for (int i = 1; i <= 2; i++) EQUAL(byte_at(shared, 4096 * i), 2000 % 251);
    CHECK(last_block.hits > 0);
}

static void faulty(void) {
    int file = scratch_file(0), failures = 0;
    write_pattern(file, size, 1, 0);
    for (int i = 0; i < 16; i++) {
        unsigned char byte;
        off_t offset = (i % 4) * 4096 + i;
        struct aiocb control = request(file, &byte, 1, offset);
        OK(aio_read(&control));
        int error = wait_for(&control, 10);
        if (error) {
            EQUAL(error, EIO);
            failures++;
        } else {
            EQUAL(aio_return(&control), 1);
            EQUAL(byte, pattern_byte(1, (uint64_t)offset));
        }
    }
    EQUAL(failures, 8);
    EQUAL(last_block.fills, 8);
}

int main(int argc, char **argv) {
    deadline(100);
    if (argc > 1) {
        register_last_block();
        if (strcmp(argv[1], "hits") == 0) hits();
        if (strcmp(argv[1], "concurrently") == 0) concurrently();
        if (strcmp(argv[1], "faulty") == 0) faulty();
        return 0;
    }
    static struct child child;
    const char *standard = "KAIO_VFS_OBJECTS=ordered last_block aio_linux aio_poll aio_pthread";
    run_again(&child, "hits", (const char *const[]){standard, NULL}, NULL);
    SUCCEEDED(&child);
    run_again(&child, "concurrently", (const char *const[]){standard, NULL}, NULL);
    SUCCEEDED(&child);
    run_again(&child, "faulty",
              (const char *const[]){"KAIO_VFS_OBJECTS=ordered last_block error_inject aio_linux",
                                    "KAIO_VFS_PARAMETERS=error_inject:rules=read EIO every 2", NULL}, NULL);
    SUCCEEDED(&child);
    // It says on which side it belongs.
    run_again(&child, "nothing", (const char *const[]){"KAIO_VFS_OBJECTS=last_block ordered aio_linux", NULL}, NULL);
    SUCCEEDED(&child);
}
