// Small programs for the tests of the command:
//
//   tools requests FILE READS WRITES [END]    makes so many requests of 4096 bytes, the writes first. END is exit,
//                                             _exit, abort, or fork: then a child makes the reads again
//   tools serve FILE ...                      makes a read of each file and says "ready PID"; then for each line
//                                             "read|write|fsync NUMBER COUNT" that many on that file, and says "done";
//                                             "again 0 0" has it begin anew, by exec
//   tools watched PAGE                        whether somebody looks at the process with this page (kaio top)
//   tools map FILE                            maps it, says "ready PID", and waits for a line
//   tools interrupts                          counts its SIGINTs in the file taken, and ends with 3 once a file end is there
//   tools status COMMAND ...                  says how the command ended
//   tools refuse CALL ERRNO COMMAND ...       runs it where the kernel refuses that system call (a number); as
//                                             CALL:BITS only if its third argument has all of these bits

#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../Sources/CKernel/live.h"

static void stop(const char *what) {
    perror(what);
    exit(99);
}

static void transfer(int file, int (*start)(struct aiocb *), int count) {
    static char data[4096];
    for (int i = 0; i < count; i++) {
        struct aiocb request = {.aio_fildes = file, .aio_buf = data, .aio_nbytes = sizeof data};
        request.aio_offset = i * (off_t)sizeof data;
        request.aio_sigevent.sigev_notify = SIGEV_NONE;
        if (start(&request) != 0) stop("submit");
        const struct aiocb *list[] = {&request};
        while (aio_error(&request) == EINPROGRESS) aio_suspend(list, 1, NULL);
        if (aio_return(&request) != sizeof data) stop("transfer");
    }
}

static int requests(char **arguments) {
    int file = open(arguments[0], O_RDWR | O_CREAT, 0644), reads = atoi(arguments[1]);
    if (file < 0 || ftruncate(file, reads * 4096) != 0) stop(arguments[0]);
    transfer(file, aio_write, atoi(arguments[2]));
    transfer(file, aio_read, reads);
    const char *end = arguments[3] ? arguments[3] : "exit";
    if (strcmp(end, "fork") == 0) {
        if (fork() == 0) {
            transfer(file, aio_read, reads);
            exit(0);
        }
        wait(NULL);
    }
    if (strcmp(end, "_exit") == 0) _exit(0);
    if (strcmp(end, "abort") == 0) abort();
    return 0;
}

static void synchronize(int file, int count) {
    for (int i = 0; i < count; i++) {
        struct aiocb request = {.aio_fildes = file, .aio_sigevent.sigev_notify = SIGEV_NONE};
        if (aio_fsync(O_SYNC, &request) != 0) stop("aio_fsync");
        const struct aiocb *list[] = {&request};
        while (aio_error(&request) == EINPROGRESS) aio_suspend(list, 1, NULL);
        if (aio_return(&request) != 0) stop("aio_fsync");
    }
}

static void say(const char *text) {
    printf("%s %d\n", text, (int)getpid());
    fflush(stdout);
}

static int serve(char **names) {
    int files[16], known = 0, number, count;
    char operation[16];
    for (; names[known] && known < 16; known++) {
        files[known] = open(names[known], O_RDWR);
        if (files[known] < 0) stop(names[known]);
        transfer(files[known], aio_read, 1);
    }
    say("ready");
    while (scanf("%15s %d %d", operation, &number, &count) == 3 && number >= 0 && number < known) {
        if (strcmp(operation, "again") == 0) execv("/proc/self/exe", names - 2);
        if (strcmp(operation, "fsync") == 0) synchronize(files[number], count);
        else transfer(files[number], strcmp(operation, "read") == 0 ? aio_read : aio_write, count);
        say("done");
    }
    return 0;
}

static int watched(const char *page) {
    uint64_t until = 0;
    int file = open(page, O_RDONLY);
    return file < 0 || pread(file, &until, sizeof until, LIVE_WORD_UNTIL * 8) != sizeof until || until == 0;
}

static int map(const char *name) {
    int file = open(name, O_RDWR);
    if (file < 0 || mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0) == MAP_FAILED) stop(name);
    say("ready");
    getchar();
    return 0;
}

static volatile sig_atomic_t taken;

static void take(int signal) {
    (void)signal;
    taken++;
}

// A shell would take two that come together for one.
static int interrupts(void) {
    int file = open("taken", O_WRONLY | O_CREAT, 0644);
    signal(SIGINT, take);
    if (file < 0 || creat("ready", 0644) < 0) stop("taken");
    for (int written = 0; access("end", F_OK) != 0; usleep(10000))
        if (taken != written) dprintf(file, "%d\n", written = taken);
    return 3;
}

static int status(char **command) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        execvp(command[0], command);
        stop(command[0]);
    }
    signal(SIGINT, SIG_IGN);
    if (waitpid(child, &status, 0) != child) stop("waitpid");
    if (WIFSIGNALED(status)) printf("signal %d\n", WTERMSIG(status));
    else printf("code %d\n", WEXITSTATUS(status));
    return 0;
}

static void refuse(char **arguments) {
    char *colon = strchr(arguments[0], ':');
    unsigned bits = colon ? (unsigned)strtoul(colon + 1, NULL, 0) : 0;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)atoi(arguments[0]), 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, bits, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)atoi(arguments[1])),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) stop("no new privileges");
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) stop("seccomp");
    execvp(arguments[2], arguments + 2);
    stop(arguments[2]);
}

int main(int count, char **arguments) {
    if (count >= 5 && strcmp(arguments[1], "requests") == 0) return requests(arguments + 2);
    if (count >= 3 && strcmp(arguments[1], "serve") == 0) return serve(arguments + 2);
    if (count >= 3 && strcmp(arguments[1], "watched") == 0) return watched(arguments[2]);
    if (count >= 3 && strcmp(arguments[1], "map") == 0) return map(arguments[2]);
    if (count == 2 && strcmp(arguments[1], "interrupts") == 0) return interrupts();
    if (count >= 3 && strcmp(arguments[1], "status") == 0) return status(arguments + 2);
    if (count >= 5 && strcmp(arguments[1], "refuse") == 0) refuse(arguments + 2);
    fprintf(stderr, "tools: unknown words\n");
    return 99;
}
