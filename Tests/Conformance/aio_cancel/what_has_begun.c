// holds: A request of which a part is transferred, and the rest waits for a thread, is not cancelled: AIO_NOTCANCELED, and it completes whole; where its descriptor is closed its result says how much it was.
// source: aio_cancel
// environment: KAIO_WORKERS=1
#include "../slow.h"
#include <sys/stat.h>

enum { size = 32768, large = 20000 };

static unsigned char data[large], back[large];

// A read of what is in the page cache in part: the kernel gives that part at once.
static void check_file(void) {
    int file = scratch_file(0), other = scratch_file(0);
    unsigned char *buffer = aligned_buffer(size), *cached = aligned_buffer(size);
    write_pattern(file, size, 1, 0);
    write_pattern(other, SLOW_SIZE, 2, 0);
    OK(fsync(file));
    OK(posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED));
    OK(posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM));
    EQUAL(pread(file, cached, size / 2, 0), size / 2);
    struct slow slow = slow_memory();
    struct aiocb first = request(other, slow.memory, SLOW_SIZE, 0), read = request(file, buffer, size, 0);
    OK(aio_read(&first));
    SLOW_TOUCHED(&slow);
    OK(aio_read(&read));
    sleep_for(0.05);
    int answer = aio_cancel(file, &read);
    // Where it has not begun, or is over, other programs say what is right.
    if (answer == AIO_CANCELED)
        for (int i = 0; i < size; i++) EQUAL(buffer[i], 0);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&first), SLOW_SIZE);
    if (answer != AIO_CANCELED) {
        EQUAL(FINISH(&read), size);
        VERIFY(buffer, size, 1, 0);
    }
    close(file);
    close(other);
}

// A write of more than a FIFO takes at once: all of it comes out at the other end, or what its result says.
static void check_fifo(int is_closed) {
    int other = scratch_file(0);
    char path[PATH_MAX];
    OK(mkfifo(path_of(path, "fifo"), 0600));
    int out = open(path, O_RDWR | O_CLOEXEC), in = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    CHECK(out >= 0 && in >= 0 && fcntl(out, F_SETPIPE_SZ, 4096) >= 0);
    unlink(path);
    write_pattern(other, SLOW_SIZE, 2, 0);
    fill(data, large, 3, 0);
    struct aiocb write = request(out, data, large, 0);
    OK(aio_write(&write));
    struct pollfd ready = {in, POLLIN, 0};
    EQUAL(poll(&ready, 1, 10000), 1);
    sleep_for(0.05);
    // Now the only thread is busy, and the rest of the write has to wait for it; where that holds the thread, all is well.
    struct slow slow = slow_memory();
    struct aiocb first = request(other, slow.memory, SLOW_SIZE, 0);
    OK(aio_read(&first));
    ssize_t got = 0, more;
    if (slow_touched(&slow, 0.3)) {
        got = read(in, back, large);
        CHECK(got > 0);
        sleep_for(0.05);
        if (is_closed) OK(close(out));
        else EQUAL(aio_cancel(out, &write), AIO_NOTCANCELED);
    } else {
        is_closed = 0;
    }
    slow_release(&slow, NULL);
    while (aio_error(&write) == EINPROGRESS || poll(&ready, 1, 0) == 1) {
        if ((more = read(in, back + got, (size_t)(large - got))) > 0) got += more;
        else if (more == 0) break;
    }
    EQUAL(wait_for(&write, 10), 0);
    EQUAL(aio_return(&write), got);
    if (!is_closed) EQUAL(got, large);
    VERIFY(back, (size_t)got, 3, 0);
    EQUAL(FINISH(&first), SLOW_SIZE);
    if (!is_closed) close(out);
    close(in);
    close(other);
}

int main(void) {
    deadline(18);
    check_file();
    check_fifo(0);
    check_fifo(1);
}
