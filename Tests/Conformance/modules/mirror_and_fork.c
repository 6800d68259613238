// holds: The child of a fork does not write past its parent's mirror: its requests fail with EBUSY while the parent has the file in use, the parent's go on, and when the parent has closed it the child's are done on all legs.
// source: kaio
// links: -Wl,-z,dynamic-undefined-weak
#include "mirror.h"

enum { size = 8192 };

static int go[2], tell[2];

static int try_to_write(int file, uint64_t seed) {
    unsigned char *data = aligned_buffer(size);
    fill(data, size, seed, 0);
    struct aiocb control = request(file, data, size, 0);
    OK(aio_write(&control));
    int error = wait_for(&control, 10);
    aio_return(&control);
    free(data);
    return error;
}

static void be_the_child(int file) {
    char byte;
    EQUAL(try_to_write(file, 2), EBUSY);
    EQUAL(write(tell[1], "x", 1), 1);
    EQUAL(read(go[0], &byte, 1), 1);
    int error = EBUSY;
    for (double end = now() + 20; error == EBUSY && now() < end; sleep_for(0.02)) error = try_to_write(file, 3);
    EQUAL(error, 0);
    OK(close(file));
    legs_are_equal(2);
    _exit(0);
}

int main(void) {
    char byte;
    use_mirror(2, NULL);
    forget_mirror();
    open_pipe(go);
    open_pipe(tell);
    int file = open_mirror(0);
    write_at(file, size, 1, 0);
    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) be_the_child(file);
    EQUAL(read(tell[0], &byte, 1), 1);
    read_at(file, size, 1, 0);
    write_at(file, size, 1, size);
    OK(close(file));
    legs_are_equal(2);
    EQUAL(write(go[1], "x", 1), 1);
    int status;
    EQUAL(waitpid(child, &status, 0), child);
    EQUAL(status, 0);
    legs_are_equal(2);
    int found = open(two, O_RDONLY | O_CLOEXEC);
    unsigned char *data = aligned_buffer(size);
    EQUAL(pread(found, data, size, 0), size);
    VERIFY(data, size, 3, 0);
    EQUAL(pread(found, data, size, size), size);
    VERIFY(data, size, 1, size);
}
