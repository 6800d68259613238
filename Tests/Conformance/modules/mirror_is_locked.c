// holds: A file that one process mirrors is refused to another, and to a child of its own: requests fail with EBUSY, and who has it is said; when the file is closed there another has it, also one that was refused before.
// source: kaio
// links: -Wl,-z,dynamic-undefined-weak
#include "mirror.h"

static int tell[2], go[2];

static void hold(void *nothing) {
    (void)nothing;
    char byte = 0;
    use_mirror(2, NULL);
    int file = open_mirror(0);
    write_at(file, 4096, 1, 0);
    EQUAL(write(tell[1], "x", 1), 1);
    EQUAL(read(go[0], &byte, 1), 1);
    OK(close(file));
    EQUAL(write(tell[1], "x", 1), 1);
    EQUAL(read(go[0], &byte, 1), 1);
}

static void try_it(void *holder) {
    struct said said;
    char process[64];
    static char data[4096];
    use_mirror(2, NULL);
    listen_to_stderr(&said);
    int file = open_mirror(0);
    struct aiocb control = request(file, data, sizeof data, 0);
    OK(aio_write(&control));
    int error = wait_for(&control, 10);
    ssize_t result = aio_return(&control);
    stop_listening(&said);
    EQUAL(error, EBUSY);
    EQUAL(result, -1);
    OK(aio_read(&control));
    FINISHES_WITH(&control, EBUSY);
    snprintf(process, sizeof process, "process %d mirrors it already", *(int *)holder);
    HAS(said.text, process);
    OK(close(file));
}

static void have_it(void *nothing) {
    (void)nothing;
    use_mirror(2, NULL);
    int file = open_mirror(0);
    read_at(file, 4096, 2, 0);
    OK(close(file));
}

// The other closes it while this one has it open.
static void outlive(void *nothing) {
    (void)nothing;
    static char data[4096];
    use_mirror(2, NULL);
    int file = open_mirror(0);
    struct aiocb control = request(file, data, sizeof data, 0);
    OK(aio_read(&control));
    FINISHES_WITH(&control, EBUSY);
    EQUAL(write(tell[1], "x", 1), 1);
    int error = EBUSY;
    for (double end = now() + 20; error == EBUSY && now() < end; sleep_for(0.02)) {
        OK(aio_read(&control));
        error = wait_for(&control, 10);
        aio_return(&control);
    }
    EQUAL(error, 0);
    write_at(file, 4096, 2, 0);
    OK(close(file));
}

int main(void) {
    char byte;
    mirror_paths();
    forget_mirror();
    open_pipe(tell);
    open_pipe(go);
    pid_t holder = fork();
    CHECK(holder >= 0);
    if (holder == 0) {
        hold(NULL);
        _exit(0);
    }
    EQUAL(read(tell[0], &byte, 1), 1);
    in_child(try_it, &holder, 0);
    fflush(NULL);
    pid_t other = fork();
    CHECK(other >= 0);
    if (other == 0) {
        outlive(NULL);
        _exit(0);
    }
    EQUAL(read(tell[0], &byte, 1), 1);
    EQUAL(write(go[1], "x", 1), 1);
    EQUAL(read(tell[0], &byte, 1), 1);
    int others;
    EQUAL(waitpid(other, &others, 0), other);
    EQUAL(others, 0);
    in_child(have_it, NULL, 0);
    EQUAL(write(go[1], "x", 1), 1);
    int status;
    EQUAL(waitpid(holder, &status, 0), holder);
    EQUAL(status, 0);
    legs_are_equal(2);
}
