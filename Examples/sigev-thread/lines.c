// Counts the lines of files, like wc -l, with SIGEV_THREAD: each block's completion is told by a call of a function on a
// thread, which counts, and submits the next read. POSIX only: it runs on the C library's AIO, and with kaio preloaded.
//
//     ./lines [-n REQUESTS] FILE ...
//
// A function owns its reader as long as it runs, since nobody else looks at it; `lock` guards what they share. The last
// thing that a function does is to say, under the lock, that its reader has ended: after that the main thread may free
// it. It must not happen a second time: a submission that fails brings no completion.
#define _GNU_SOURCE
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { block_size = 64 << 10 };

struct reader {
    struct aiocb control;
    char block[block_size];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_ended = PTHREAD_COND_INITIALIZER;
static struct {
    int descriptor;
    off_t next;
    long lines;
    int readers;  // that have not ended
    int error;
} file;

static void read_next(struct reader *reader);

static void end(int error) {
    pthread_mutex_lock(&lock);
    if (error && !file.error) file.error = error;
    if (--file.readers == 0) pthread_cond_signal(&all_ended);
    pthread_mutex_unlock(&lock);
}

static void submit(struct reader *reader) {
    while (aio_read(&reader->control) != 0) {
        if (errno != EAGAIN) {
            end(errno);
            return;
        }
        usleep(1000);  // a thread may wait; a signal handler could not
    }
}

static void block_was_read(union sigval value) {
    struct reader *reader = value.sival_ptr;
    int error = aio_error(&reader->control);
    ssize_t count = aio_return(&reader->control);
    if (error == EINTR || error == EAGAIN) {
        submit(reader);
        return;
    }
    if (error != 0 || count == 0) {
        end(error);
        return;
    }
    long lines = 0;
    const char *at = (const char *)reader->control.aio_buf, *limit = at + count;
    for (; (at = memchr(at, '\n', (size_t)(limit - at))); at++) lines++;
    pthread_mutex_lock(&lock);
    file.lines += lines;
    pthread_mutex_unlock(&lock);
    // A read may be short before the end: the rest of the block comes first.
    if ((size_t)count < reader->control.aio_nbytes) {
        reader->control.aio_nbytes -= (size_t)count;
        reader->control.aio_offset += count;
        submit(reader);
    } else {
        read_next(reader);
    }
}

static void read_next(struct reader *reader) {
    struct aiocb *control = &reader->control;
    memset(control, 0, sizeof *control);
    control->aio_fildes = file.descriptor;
    control->aio_buf = reader->block;
    control->aio_nbytes = block_size;
    pthread_mutex_lock(&lock);
    control->aio_offset = file.next;
    file.next += block_size;
    int is_over = file.error != 0;
    pthread_mutex_unlock(&lock);
    control->aio_sigevent.sigev_notify = SIGEV_THREAD;
    control->aio_sigevent.sigev_notify_function = block_was_read;
    control->aio_sigevent.sigev_value.sival_ptr = reader;
    if (is_over) end(0);
    else submit(reader);
}

static int count_lines(const char *name, struct reader *readers, int count) {
    memset(&file, 0, sizeof file);
    file.readers = count;
    file.descriptor = open(name, O_RDONLY | O_CLOEXEC);
    if (file.descriptor < 0) {
        fprintf(stderr, "lines: %s: %s\n", name, strerror(errno));
        return -1;
    }
    for (int i = 0; i < count; i++) read_next(&readers[i]);
    pthread_mutex_lock(&lock);
    while (file.readers > 0) pthread_cond_wait(&all_ended, &lock);
    pthread_mutex_unlock(&lock);
    close(file.descriptor);
    if (file.error) fprintf(stderr, "lines: %s: %s\n", name, strerror(file.error));
    else printf("%ld %s\n", file.lines, name);
    return file.error ? -1 : 0;
}

int main(int argument_count, char **arguments) {
    int option, count = 8, result = 0;
    while ((option = getopt(argument_count, arguments, "n:")) != -1) count = option == 'n' ? atoi(optarg) : 0;
    if (count < 1 || count > 1024 || optind == argument_count) {
        fprintf(stderr, "usage: %s [-n REQUESTS] FILE ...\n  -n   reads in flight, 1 to 1024; 8 as a rule\n", arguments[0]);
        return 2;
    }
    struct reader *readers = calloc((size_t)count, sizeof *readers);
    if (!readers) return perror("lines"), 1;
    for (int i = optind; i < argument_count; i++)
        if (count_lines(arguments[i], readers, count) != 0) result = 1;
    free(readers);
    if (fflush(stdout) != 0) return perror("lines"), 1;
    return result;
}
