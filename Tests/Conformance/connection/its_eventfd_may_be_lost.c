// holds: Where the program closes a connection's eventfd by a system call of its own and has a file there, nothing is written to that or read from it, no request fails, and the connection's descriptor tells of completions again from the next call on; closefrom does not close it.
// source: kaio
// modes: linked
// limit: 60
#include "../connection.h"
#include <sys/eventfd.h>
#include <sys/syscall.h>

enum { lowest = 3, highest = 900, size = 4096 };

// What is in the epoll that the program knows: the numbers of the library's.
static int watched(kaio_connection *connection, int numbers[], int most) {
    char path[64], line[256];
    int count = 0;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", kaio_connection_fd(connection));
    FILE *lines = fopen(path, "r");
    CHECK(lines != NULL);
    while (fgets(line, sizeof line, lines))
        if (count < most && sscanf(line, "tfd: %d", &numbers[count]) == 1) count++;
    fclose(lines);
    return count;
}

static void set(kaio_file *file, struct aiocb *control, void *done) {
    (void)file, (void)control;
    *(int *)done = 1;
}

// By what the descriptor says, and by nothing else.
static void await(kaio_connection *connection, const int *done) {
    while (!*done) {
        CHECK(is_readable(connection, 20000));
        kaio_connection_dispatch(connection, 0);
    }
}

static void round_trip(kaio_connection *connection, kaio_file *file) {
    static _Alignas(4096) char data[size];
    struct aiocb control = request(-1, data, size, 0);
    int done = 0;
    kaio_set_callback(&control, set, &done);
    OK(kaio_aio_read(file, &control));
    await(connection, &done);
    EQUAL(kaio_aio_return(file, &control), size);
    for (int i = 0; i < size; i++) EQUAL((unsigned char)data[i], pattern_byte(7, i));
}

int main(void) {
    deadline(50);
    kaio_connection *connection = connected(NULL, NULL);
    kaio_file *file = opened(connection, "data", O_DIRECT, size, 7);
    kaio_file *pipe_file;
    int end = opened_pipe(connection, &pipe_file);
    round_trip(connection, file);

    int numbers[16], left[16];
    int count = watched(connection, numbers, 16);
    CHECK(count > 0);
    // The C library's way, which spares what is the library's.
    for (int i = 0; i < count; i++) close(numbers[i]);
    EQUAL(watched(connection, left, 16), count);
    round_trip(connection, file);

    for (int kind = 0; kind < 3; kind++) {
        // One request is in flight, of a pipe; another completes while the eventfd is lost.
        char byte;
        struct aiocb waiting = request(-1, &byte, 1, 0);
        int done = 0;
        kaio_set_callback(&waiting, set, &done);
        OK(kaio_aio_read(pipe_file, &waiting));
        count = watched(connection, numbers, 16);
        int ends[2], victims[16];
        for (int i = 0; i < count; i++) {
            if (kind == 0) {
                open_pipe(ends);
                EQUAL(write(ends[1], "0123456789abcdef", 16), 16);
            } else if (kind == 1) {
                ends[0] = scratch_file(0);
                EQUAL(write(ends[0], "0123456789abcdef", 16), 16);
                EQUAL(lseek(ends[0], 0, SEEK_SET), 0);
            } else {
                ends[0] = eventfd(5, EFD_NONBLOCK);
            }
            victims[i] = ends[0];
            EQUAL(syscall(SYS_dup3, ends[0], numbers[i], O_CLOEXEC), numbers[i]);
        }
        EQUAL(write(end, "x", 1), 1);
        round_trip(connection, file);
        await(connection, &done);
        EQUAL(kaio_aio_return(pipe_file, &waiting), 1);
        for (int i = 0; i < 5; i++) round_trip(connection, file);
        for (int i = 0; i < count; i++) {
            char text[17] = "";
            if (kind == 2) {
                uint64_t value = 0;
                EQUAL(read(numbers[i], &value, sizeof value), sizeof value);
                EQUAL(value, 5);
            } else {
                EQUAL(read(numbers[i], text, 16), 16);
                CHECK(strcmp(text, "0123456789abcdef") == 0);
            }
            close(victims[i]);
        }
    }
    // The numbers that became the program's are left alone in the end.
    OK(kaio_disconnect(connection));
    for (int i = 0; i < count; i++) CHECK(fcntl(numbers[i], F_GETFD) >= 0);
}
