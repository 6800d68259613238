// holds: With follow a read at or beyond the end waits until the file has grown that far, whoever writes, and gives what is there; many wait without a thread, through rename, unlink and fork, and others are as ever.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=follow ordered aio_linux aio_poll aio_pthread'
#include "../check.h"

enum { files = 40 };

static void add(int file, const char *text) {
    size_t length = strlen(text);
    EQUAL(write(file, text, length), length);
}

int main(void) {
    deadline(60);
    static char data[files][64], other[64];
    struct aiocb requests[files];
    int writers[files], readers[files];
    char path[PATH_MAX], renamed[PATH_MAX];
    path_of(path, "log");
    path_of(renamed, "log.1");
    // Not at the end: as ever.
    int file = scratch_file(0);
    add(file, "twelve bytes");
    struct aiocb control = request(file, other, sizeof other, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 12);
    control = request(file, other, 0, 12);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 0);
    // A write of the program's own.
    struct aiocb write_request = request(file, "more", 4, 12);
    control = request(file, other, sizeof other, 12);
    OK(aio_read(&control));
    EQUAL(aio_error(&control), EINPROGRESS);
    OK(aio_write(&write_request));
    EQUAL(FINISH(&write_request), 4);
    EQUAL(FINISH(&control), 4);
    EQUAL(memcmp(other, "more", 4), 0);
    for (int i = 0; i < files; i++) {
        writers[i] = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
        readers[i] = open(path, O_RDONLY | O_CLOEXEC);
        CHECK(writers[i] >= 0 && readers[i] >= 0);
        requests[i] = request(readers[i], data[i], sizeof data[i], i % 2 ? 10 : 0);
        OK(aio_read(&requests[i]));
        if (i % 2) OK(rename(path, renamed));
        else OK(unlink(path));
    }
    give_up:
    for (int i = 0; i < files; i++) EQUAL(aio_error(&requests[i]), EINPROGRESS);
    // One for each that wait would be many; those that opened the files end.
    for (double end = now() + 10; count_threads() > 5 && now() < end;) sleep_for(0.1);
    CHECK(count_threads() <= 5);
    pid_t child = fork();
    if (child == 0) {
        // Its reads are its own.
        struct aiocb mine = request(readers[0], other, sizeof other, requests[0].aio_offset);
        OK(aio_read(&mine));
        EQUAL(aio_error(&mine), EINPROGRESS);
        for (int i = 0; i < files; i++) add(writers[i], "from child");
        EQUAL(FINISH(&mine), 10);
        _exit(0);
    }
    EXITS(child);
    for (int i = 0; i < files; i++) {
        if (i % 2) {
            // Up to there, not beyond.
            sleep_for(0.002);
            EQUAL(aio_error(&requests[i]), EINPROGRESS);
            add(writers[i], "+");
            EQUAL(FINISH(&requests[i]), 1);
            EQUAL(data[i][0], '+');
        } else {
            EQUAL(FINISH(&requests[i]), 10);
            EQUAL(memcmp(data[i], "from child", 10), 0);
        }
    }
    static int again;
    if (again++ < 1) {
        for (int i = 0; i < files; i++) {
            requests[i] = request(readers[i], data[i], sizeof data[i], 100);
            OK(ftruncate(writers[i], i % 2 ? 89 : 100));
            requests[i].aio_offset = i % 2 ? 99 : 100;
            OK(aio_read(&requests[i]));
        }
        goto give_up;
    }
    unlink(renamed);
}
