// holds: A child of fork or vfork that closes a descriptor cancels nothing of its parent's.
// source: close
#include "../slow.h"

int main(void) {
    int file = scratch_file(0);
    char *arguments[] = {"true", NULL};
    struct slow slow = slow_memory();
    struct aiocb first = request(file, slow.memory, SLOW_SIZE, 0), queued = request(file, "data", 4, 0);
    OK(aio_write(&first));
    SLOW_TOUCHED(&slow);
    OK(aio_write(&queued));
    pid_t child = fork();
    if (child == 0) {
        alarm(10);
        OK(close(file));
        _exit(0);
    }
    EXITS(child);
    EQUAL(aio_error(&queued), EINPROGRESS);
    // As shells and daemons do between vfork and exec.
    child = vfork();
    if (child == 0) {
        close(file);
        execv("/bin/true", arguments);
        _exit(127);
    }
    EXITS(child);
    EQUAL(aio_error(&queued), EINPROGRESS);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&first), SLOW_SIZE);
    EQUAL(FINISH(&queued), 4);
    return 0;
}
