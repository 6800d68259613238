// holds: A number that fclose gave back, and another kind of file has now, is that file at the next request.
// source: kaio
#include "../check.h"

enum { size = 4096, rounds = 20 };

static unsigned char *block;
static int leads;

// Reads once through a stream of its own, closes that by fclose, and returns its number, which is free now.
static int number_of_what_was(int flags) {
    int file = scratch_file(flags);
    write_pattern(file, 4 * size, 1, 0);
    FILE *stream = fdopen(file, "r+");
    CHECK(stream != NULL);
    struct aiocb control = request(file, block, size, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), size);
    VERIFY(block, size, 1, 0);
    EQUAL(fclose(stream), 0);
    return file;
}

// The file that has the number from here on.
static int becomes(int number, int descriptor) {
    EQUAL(descriptor, number);
    memset(block, 0, size);
    return descriptor;
}

static void a_pipe_with_data(int flags) {
    int number = number_of_what_was(flags), ends[2];
    open_pipe(ends);
    becomes(number, ends[0]);
    EQUAL(write(ends[1], "0123456789", 10), 10);
    struct aiocb control = request(number, block, size, 0);
    OK(aio_read(&control));
    EQUAL(wait_for(&control, 2), 0);
    EQUAL(aio_return(&control), 10);
    EQUAL(memcmp(block, "0123456789", 10), 0);
    close(ends[0]);
    close(ends[1]);
}

static void an_empty_pipe(int flags) {
    int number = number_of_what_was(flags), ends[2];
    open_pipe(ends);
    becomes(number, ends[0]);
    struct aiocb control = request(number, block, 1, 0);
    OK(aio_read(&control));
    sleep_for(0.001);
    if (!leads) EQUAL(aio_error(&control), EINPROGRESS);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&control), 1);
    EQUAL(block[0], 'x');
    close(ends[0]);
    close(ends[1]);
}

// Ends what is known of a file that was made before, for which there was time: its number is the one that is free.
static int takes(int number, int file) {
    int duplicate = becomes(number, fcntl(file, F_DUPFD_CLOEXEC, 0));
    close(file);
    return duplicate;
}

static void a_shorter_file(int flags, int others) {
    int other = scratch_file(0);
    write_pattern(other, 1000, 2, 0);
    OK(fsync(other));
    CHECK(posix_fadvise(other, 0, 0, POSIX_FADV_DONTNEED) == 0);
    CHECK(fcntl(other, F_SETFL, others) == 0);
    int number = number_of_what_was(flags), file = takes(number, other);
    struct aiocb control = request(file, block, 2 * size, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 1000);
    VERIFY(block, 1000, 2, 0);
    close(file);
}

static void a_write_then_a_read(int flags) {
    int other = scratch_file(0);
    unsigned char *bytes = aligned_buffer(size);
    write_pattern(other, size, 3, 0);
    fill(bytes, size, 4, 0);
    int number = number_of_what_was(flags), file = takes(number, other);
    struct aiocb writes = request(file, bytes, size, 0), reads = request(file, block, size, 0);
    OK(aio_write(&writes));
    OK(aio_read(&reads));
    EQUAL(FINISH(&reads), size);
    VERIFY(block, size, 4, 0);
    EQUAL(FINISH(&writes), size);
    close(file);
    free(bytes);
}

static void a_directory(int flags) {
    int number = number_of_what_was(flags), file = becomes(number, open("/", O_RDONLY | O_CLOEXEC));
    struct aiocb control = request(file, block, size, 0);
    OK(aio_read(&control));
    int error = wait_for(&control, 10);
    CHECK(error == EISDIR || error == EINVAL);
    EQUAL(aio_return(&control), -1);
    close(file);
}

static void one_open_for_writing(int flags) {
    int number = number_of_what_was(flags), file = becomes(number, open("/dev/null", O_WRONLY | O_CLOEXEC));
    struct aiocb control = request(file, block, size, 0);
    OK(aio_read(&control));
    FINISHES_WITH(&control, EBADF);
    close(file);
}

static void one_that_appends(int flags) {
    int number = number_of_what_was(flags), file = becomes(number, scratch_file(O_APPEND));
    unsigned char *bytes = aligned_buffer(2 * size);
    fill(bytes, 2 * size, 5, 0);
    struct aiocb first = request(file, bytes, size, 0), second = request(file, bytes + size, size, 0);
    OK(aio_write(&first));
    OK(aio_write(&second));
    EQUAL(FINISH(&first), size);
    EQUAL(FINISH(&second), size);
    EQUAL(pread(file, block, 2 * size, 0), 2 * size);
    VERIFY(block, 2 * size, 5, 0);
    close(file);
    free(bytes);
}

static void *lead(void *argument) {
    const struct aiocb *list[1] = {argument};
    while (aio_error(list[0]) == EINPROGRESS) aio_suspend(list, 1, NULL);
    return NULL;
}

static void all_of_them(void) {
    for (int i = 0; i < rounds; i++)
        for (int direct = 0; direct < 2; direct++) {
            int flags = direct ? O_DIRECT : 0;
            a_pipe_with_data(flags);
            an_empty_pipe(flags);
            a_shorter_file(flags, 0);
            a_shorter_file(flags, O_DIRECT);
            a_write_then_a_read(flags);
            a_directory(flags);
            one_open_for_writing(flags);
            one_that_appends(flags);
        }
}

int main(void) {
    block = aligned_buffer(2 * size);
    check_service();
    all_of_them();

    // The same where another thread sleeps in the ring, and takes the events out.
    int ends[2];
    char byte;
    pthread_t thread;
    open_pipe(ends);
    struct aiocb waiting = request(ends[0], &byte, 1, 0);
    OK(aio_read(&waiting));
    OK(pthread_create(&thread, NULL, lead, &waiting));
    sleep_for(0.05);
    leads = 1;
    all_of_them();
    EQUAL(write(ends[1], "x", 1), 1);
    OK(pthread_join(thread, NULL));
    EQUAL(FINISH(&waiting), 1);
}
