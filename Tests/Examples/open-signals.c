// Runs a program with no signal ignored, since a shell has its background jobs ignore SIGINT: open-signals PROGRAM ...
#include <signal.h>
#include <unistd.h>

int main(int count, char **arguments) {
    (void)count;
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    execvp(arguments[1], arguments + 1);
    return 127;
}
