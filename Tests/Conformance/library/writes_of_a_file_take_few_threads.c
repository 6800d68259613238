// holds: Writes of a file through the page cache, and direct ones past its end, are one thread's, whether they come one after the other or many at a time, as the file system has them wait for each other; other files' writes, and reads, run beside them, and one that waits can be cancelled. Those of an O_DSYNC descriptor go beside each other, so that they share what makes them safe.
// source: kaio
// environment: "KAIO_VFS_OBJECTS=ordered aio_pthread"
#include "../check.h"

enum { count = 32, size = 65536 };

// Each begins when the one before it is over, and the thread that did that takes it.
static void write_one_by_one(void) {
    int file = scratch_file(0);
    unsigned char *buffer = aligned_buffer(size);
    OK(ftruncate(file, count * size));
    for (int i = 0; i < 10 * count; i++) {
        fill(buffer, size, 9, i % count * size);
        struct aiocb control = request(file, buffer, size, i % count * size);
        OK(aio_write(&control));
        EQUAL(FINISH(&control), size);
    }
    EQUAL(count_threads_named("kaio-worker"), 1);
    free(buffer);
}

static void write_past_the_end(void) {
    static struct aiocb controls[count];
    int file = scratch_file(O_DIRECT);
    unsigned char *buffer = aligned_buffer(count * size);
    fill(buffer, count * size, 8, 0);
    for (int i = 0; i < count; i++) {
        controls[i] = request(file, buffer + i * size, size, i * size);
        OK(aio_write(&controls[i]));
    }
    for (int i = 0; i < count; i++) EQUAL(FINISH(&controls[i]), size);
    CHECK(count_threads_named("kaio-worker") <= 2);
    memset(buffer, 0, count * size);
    EQUAL(pread(file, buffer, count * size, 0), count * size);
    VERIFY(buffer, count * size, 8, 0);
    free(buffer);
}

static void write_safely(void) {
    static struct aiocb controls[count];
    int file = scratch_file(O_DSYNC);
    unsigned char *buffer = aligned_buffer(count * size);
    OK(ftruncate(file, count * size));
    fill(buffer, count * size, 7, 0);
    for (int i = 0; i < count; i++) {
        controls[i] = request(file, buffer + i * size, size, i * size);
        OK(aio_write(&controls[i]));
    }
    for (int i = 0; i < count; i++) EQUAL(FINISH(&controls[i]), size);
    CHECK(count_threads_named("kaio-worker") > 3);
    memset(buffer, 0, count * size);
    EQUAL(pread(file, buffer, count * size, 0), count * size);
    VERIFY(buffer, count * size, 7, 0);
    free(buffer);
}

static void write_all(int files) {
    static struct aiocb controls[2][count];
    static unsigned char *buffers[2][count];
    int file[2];
    for (int f = 0; f < files; f++) {
        file[f] = scratch_file(0);
        OK(ftruncate(file[f], count * size));
    }
    for (int i = 0; i < count; i++) {
        for (int f = 0; f < files; f++) {
            if (!buffers[f][i]) buffers[f][i] = aligned_buffer(size);
            fill(buffers[f][i], size, f + 1, i * size);
            controls[f][i] = request(file[f], buffers[f][i], size, i * size);
            OK(aio_write(&controls[f][i]));
        }
    }
    for (int f = 0; f < files; f++) {
        for (int i = 0; i < count; i++) EQUAL(FINISH(&controls[f][i]), size);
        unsigned char *all = aligned_buffer(count * size);
        EQUAL(pread(file[f], all, count * size, 0), count * size);
        VERIFY(all, count * size, f + 1, 0);
        free(all);
    }
    // One more where the thread that made the last write of the file before was not yet free.
    CHECK(count_threads_named("kaio-worker") <= files + 1);
}

// While one is under way for long, the next ones wait; a read and another file's write don't.
static void cancel_one(void) {
    int file = scratch_file(0), other = scratch_file(0);
    size_t length = 256 << 20;
    unsigned char *buffer = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(buffer != MAP_FAILED);
    write_pattern(file, size, 5, 0);
    unsigned char *small = aligned_buffer(size), *back = aligned_buffer(size);
    fill(small, size, 6, 0);
    struct aiocb slow = request(file, buffer, length, 1 << 20), next = request(file, small, size, 0),
                 last = request(file, small, size, size), beside = request(other, small, size, 0),
                 reader = request(file, back, size, 0);
    OK(aio_read(&reader));
    OK(aio_write(&slow));
    OK(aio_write(&next));
    OK(aio_write(&last));
    OK(aio_write(&beside));
    EQUAL(FINISH(&beside), size);
    // Unless that was over in no time.
    if (aio_error(&slow) == EINPROGRESS) {
        int answer = aio_cancel(file, &last);
        CHECK(answer == AIO_CANCELED || aio_error(&slow) != EINPROGRESS);
    }
    EQUAL(FINISH(&reader), size);
    VERIFY(back, size, 5, 0);
    CHECK(FINISH(&slow) > 0);
    EQUAL(FINISH(&next), size);
    int error = wait_for(&last, 10);
    CHECK(error == 0 || error == ECANCELED);
    EQUAL(pread(file, back, size, 0), size);
    VERIFY(back, size, 6, 0);
}

int main(void) {
    write_one_by_one();
    write_past_the_end();
    write_all(1);
    write_all(2);
    cancel_one();
    write_safely();
    return 0;
}
