// holds: When a pipe's number becomes another pipe's by a system call of the program's own, no write or read that was queued for the first touches the second.
// source: close
#include "../check.h"

// The end of a pipe that is full, or empty, with two requests: one polls, the other waits for it.
static void stray(int is_write) {
    int ends[2], other[2], end = is_write ? 1 : 0;
    char bytes[64], full[4096] = {0};
    OK(pipe(ends));
    OK(pipe(other));
    if (is_write) {
        CHECK(fcntl(ends[1], F_SETPIPE_SZ, sizeof full) > 0);
        EQUAL(write(ends[1], full, sizeof full), sizeof full);
    }
    char blocks[2][8] = {"first..", "second."};
    struct aiocb controls[2] = {request(ends[end], blocks[0], 8, 0), request(ends[end], blocks[1], 8, 0)};
    for (int i = 0; i < 2; i++) OK(is_write ? aio_write(&controls[i]) : aio_read(&controls[i]));
    sleep_for(0.02);
    EQUAL(syscall(SYS_close, ends[end]), 0);
    EQUAL(dup(other[end]), ends[end]);
    // Now the first one goes on, if it can.
    if (is_write) EQUAL(read(ends[0], full, sizeof full), sizeof full);
    else {
        EQUAL(write(other[1], "theirs", 6), 6);
        EQUAL(write(ends[1], "x", 1), 1);
    }
    for (int i = 0; i < 2; i++) FINISHES_WITH(&controls[i], ECANCELED);
    OK(fcntl(other[0], F_SETFL, O_NONBLOCK));
    if (is_write) EQUAL(read(other[0], bytes, sizeof bytes), -1);
    else EQUAL(read(other[0], bytes, sizeof bytes), 6);
    for (int i = 0; i < 2; i++) {
        close(ends[i]);
        close(other[i]);
    }
}

int main(void) {
    for (int round = 0; round < 10; round++) stray(round % 2);
}
