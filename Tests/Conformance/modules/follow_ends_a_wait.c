// holds: A read that waits for its file to grow can be cancelled, ends with its descriptor, and with 0 when the file shrinks; when follow:timeout is over it gives 0, with follow:at end ENODATA that error.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=follow ordered aio_linux aio_poll aio_pthread'
#include "../check.h"

static char data[64];

static void waits_at(int line, struct aiocb *control, int file, off_t offset) {
    *control = request(file, data, sizeof data, offset);
    OK(aio_read(control));
    if (aio_error(control) != EINPROGRESS) failed(__FILE__, line, "does not wait");
}

#define waits(...) waits_at(__LINE__, __VA_ARGS__)

static void timed(int error) {
    int file = scratch_file(0);
    struct aiocb controls[20], last;
    double begin = now();
    for (int i = 0; i < 20; i++) waits(&controls[i], file, i);
    for (int i = 0; i < 20; i++) {
        EQUAL(wait_for(&controls[i], 10), error);
        EQUAL(aio_return(&controls[i]), error ? -1 : 0);
    }
    CHECK(now() - begin >= 0.3);
    // The next one is served.
    waits(&last, file, 0);
    EQUAL(pwrite(file, "x", 1, 0), 1);
    EQUAL(FINISH(&last), 1);
    exit(0);
}

int main(int count, char **arguments) {
    deadline(60);
    if (count > 1) timed(atoi(arguments[1]));
    int file = scratch_file(0), second = dup(file);
    struct aiocb first, other, third;
    waits(&first, file, 0);
    waits(&other, second, 1);
    waits(&third, second, 0);
    EQUAL(aio_cancel(file, &first), AIO_CANCELED);
    FINISHES_WITH(&first, ECANCELED);
    EQUAL(aio_cancel(second, &third), AIO_CANCELED);
    FINISHES_WITH(&third, ECANCELED);
    waits(&first, file, 0);
    OK(close(file));
    FINISHES_WITH(&first, ECANCELED);
    // The others' watch is still there.
    EQUAL(aio_error(&other), EINPROGRESS);
    EQUAL(pwrite(second, "abc", 3, 0), 3);
    EQUAL(FINISH(&other), 2);
    EQUAL(data[0], 'b');
    // Shorter.
    waits(&first, second, 3);
    waits(&other, second, 10);
    OK(ftruncate(second, 1));
    EQUAL(FINISH(&first), 0);
    EQUAL(FINISH(&other), 0);
    // With its last descriptor the watch goes too; the number is another file's then.
    waits(&first, second, 1);
    OK(close(second));
    FINISHES_WITH(&first, ECANCELED);
    int third_file = scratch_file(0);
    waits(&first, third_file, 0);
    EQUAL(pwrite(third_file, "z", 1, 0), 1);
    EQUAL(FINISH(&first), 1);
    struct child child;
    const char *zero[] = {"KAIO_VFS_PARAMETERS=follow:timeout = 300ms", NULL};
    run_again(&child, "0", zero, NULL);
    SUCCEEDED(&child);
    char number[16];
    snprintf(number, sizeof number, "%d", ENODATA);
    const char *error[] = {"KAIO_VFS_PARAMETERS=follow:timeout = 300ms; follow:at end = ENODATA", NULL};
    run_again(&child, number, error, NULL);
    SUCCEEDED(&child);
}
