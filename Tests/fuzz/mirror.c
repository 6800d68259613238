// The log of a mirror with any bytes in it, whose checksums are right or not: a file is opened on it, written to, read and closed, by
// the library as it is. The legs that the log names stay in a directory of the fuzzer's own.
//
// The input: a byte that says which checksums are made right, and then changes to a good log: where, in words of 8 bytes (two
// bytes), how many words, of what kind (one byte each), and those words, or one word for all of them.

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../include/kaio.h"

void fuzz_mirror(const unsigned char *bytes, size_t count);

enum { page = 4096, log_bytes = 6 * page, words = log_bytes / 8, legs = 4, path_at = 192, path_bytes = 896, leg_bytes = 960 };

static union {
    unsigned char bytes[log_bytes];
    uint64_t words[words];
} good, now;
static char directory[64], data[80], log_path[80], parameters[400];

static void remove_all(void) {
    DIR *files = opendir(directory);
    for (struct dirent *entry; files && (entry = readdir(files));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) unlinkat(dirfd(files), entry->d_name, 0);
    if (files) closedir(files);
}

static void remove_directory(void) {
    remove_all();
    rmdir(directory);
}

static void seal(unsigned char *part, size_t length, size_t hole) {
    uint64_t sum = 0x6b61696f6d697272, word;
    memset(part + hole, 0, 8);
    for (size_t i = 0; i < length; i += 8) {
        memcpy(&word, part + i, 8);
        sum = (sum ^ word) * 0x9e3779b97f4a7c15;
        sum ^= sum >> 29;
    }
    memcpy(part + hole, &sum, 8);
}

// Whatever a log says, nothing outside of the directory is touched.
static void keep_inside(unsigned char *path) {
    size_t length = strlen(directory);
    memcpy(path, directory, length);
    path[length] = '/';
    for (size_t i = length + 1; i < path_bytes; i++) if (path[i] == '/') path[i] = 'x';
}

static void put_log(const unsigned char *bytes, size_t count) {
    unsigned flags = count ? bytes[0] : 0;
    size_t at = 1;
    now = good;
    while (at + 4 <= count) {
        size_t place = (size_t)(bytes[at] | bytes[at + 1] << 8) % words, length = bytes[at + 2];
        int repeats = bytes[at + 3] & 1;
        at += 4;
        for (size_t i = 0; i < length && place + i < words && at + 8 <= count; i++) {
            memcpy(&now.words[place + i], bytes + at, 8);
            if (!repeats || i + 1 == length) at += 8;
        }
    }
    for (int header = 0; header < 2; header++)
        for (int leg = 0; leg < legs; leg++) keep_inside(now.bytes + header * page + path_at + leg * leg_bytes);
    if (flags & 1) seal(now.bytes, page, 64);
    if (flags & 2) seal(now.bytes + page, page, 64);
    if (flags & 4) {
        keep_inside(now.bytes + 2 * page + 64);
        seal(now.bytes + 2 * page, page, 48);
    } else {
        memset(now.bytes + 2 * page, 0, 8);
    }
    for (int record = 0; record < 16 && flags & 8; record++) seal(now.bytes + 4 * page + record * 512, 512, 24);
    int file = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (write(file, now.bytes, flags & 16 ? log_bytes / 2 : log_bytes) < 0) abort();
    close(file);
}

static void finish(kaio_connection *connection, kaio_file *file, struct aiocb *control) {
    struct timespec start, time;
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (kaio_aio_error(file, control) == EINPROGRESS) {
        kaio_connection_dispatch(connection, 0);
        clock_gettime(CLOCK_MONOTONIC, &time);
        if (time.tv_sec - start.tv_sec > 20) abort();
        usleep(20);
    }
    kaio_aio_return(file, control);
}

static void use(unsigned steps) {
    kaio_connection *connection = kaio_connect("fuzz", "mirror ordered aio_linux aio_poll aio_pthread", parameters);
    if (!connection) abort();
    kaio_file *file = kaio_open(connection, data, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (!file) abort();
    static unsigned char buffer[20000];
    for (unsigned i = 0; i < 3; i++) {
        struct aiocb control = {.aio_buf = buffer, .aio_nbytes = i < 2 ? sizeof buffer : 100, .aio_offset = i < 2 ? 0 : 9000};
        control.aio_sigevent.sigev_notify = SIGEV_NONE;
        if ((steps >> i & 1 ? kaio_aio_read(file, &control) : kaio_aio_write(file, &control)) == 0) finish(connection, file, &control);
    }
    // Here a question is answered by the clock.
    if (steps == 7) usleep(600000);
    kaio_close(file);
    kaio_disconnect(connection);
}

void fuzz_mirror(const unsigned char *bytes, size_t count) {
    static unsigned rounds;
    if (!directory[0]) {
        snprintf(directory, sizeof directory, "/dev/shm/kaio-fuzz-mirror.XXXXXX");
        if (!mkdtemp(directory)) abort();
        atexit(remove_directory);
        snprintf(data, sizeof data, "%s/one", directory);
        snprintf(log_path, sizeof log_path, "%s/log", directory);
        snprintf(parameters, sizeof parameters, "mirror:legs=%s/two; mirror:log=%s; mirror:region size=4096; mirror:resync rate=1G",
                 directory, log_path);
        use(0);
        int file = open(log_path, O_RDONLY | O_CLOEXEC);
        if (read(file, good.bytes, log_bytes) < 2 * page) abort();
        close(file);
    }
    if (++rounds % 256 == 0) remove_all();
    put_log(bytes, count);
    use(count ? bytes[0] >> 5 : 0);
}
