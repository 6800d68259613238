// holds: vfork, posix_spawn and system() with requests in flight harm neither the program that is started nor the requests.
// source: fork
#include "../check.h"
#include <spawn.h>

extern char **environ;

int main(void) {
    int ends[2], direct = scratch_file(O_DIRECT);
    char byte, *arguments[] = {"true", NULL};
    unsigned char *buffer = aligned_buffer(1 << 20);
    OK(pipe(ends));
    write_pattern(direct, 1 << 20, 1, 0);
    for (int round = 0; round < 30; round++) {
        struct aiocb waiting = request(ends[0], &byte, 1, 0), reading = request(direct, buffer, 1 << 20, 0);
        OK(aio_read(&waiting));
        OK(aio_read(&reading));
        pid_t child;
        if (round % 3 == 0) {
            child = vfork();
            if (child == 0) {
                execv("/bin/true", arguments);
                _exit(127);
            }
            EXITS(child);
        } else if (round % 3 == 1) {
            OK(posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environ));
            EXITS(child);
        } else {
            OK(system("true"));
        }
        EQUAL(aio_error(&waiting), EINPROGRESS);
        EQUAL(write(ends[1], "x", 1), 1);
        EQUAL(FINISH(&waiting), 1);
        EQUAL(FINISH(&reading), 1 << 20);
        VERIFY(buffer, 1 << 20, 1, 0);
    }
    return 0;
}
