// What the programs of this group share: each runs in the kernel as it is, where that refuses its AIO (no io context can be
// had), and where it knows no RWF_NOWAIT, as kernels before 6.4 for pipes and sockets (preadv2 and pwritev2 say EOPNOTSUPP).

#ifndef KAIO_TESTS_STREAMS_H
#define KAIO_TESTS_STREAMS_H

#include "../refuse.h"
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

static void check_stream(void);

int main(void) {
    static const char *const names[] = {"as it is", "without kernel AIO", "without RWF_NOWAIT"};
    for (int mode = 0; mode < 3; mode++) {
        pid_t child = fork();
        if (child == 0) {
            deadline(60);
            fprintf(stderr, "the kernel %s\n", names[mode]);
            if (mode == 1) refuse((int[]){SYS_io_setup}, 1, ENOSYS);
            if (mode == 2) refuse((int[]){SYS_preadv2, SYS_pwritev2}, 2, EOPNOTSUPP);
            check_stream();
            exit(0);
        }
        EXITS(child);
    }
}

// A connection by TCP or UDP over the loopback device, both ends blocking.
static UNUSED void open_inet(int type, int ends[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, other = address;
    socklen_t length = sizeof address;
    int first = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    CHECK(first >= 0 && bind(first, (void *)&address, length) == 0);
    OK(getsockname(first, (void *)&address, &length));
    ends[0] = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (type == SOCK_STREAM) {
        OK(listen(first, 1));
        OK(connect(ends[0], (void *)&address, length));
        ends[1] = accept4(first, NULL, NULL, SOCK_CLOEXEC);
        CHECK(ends[1] >= 0);
        close(first);
        return;
    }
    CHECK(bind(ends[0], (void *)&other, length) == 0);
    OK(getsockname(ends[0], (void *)&other, &length));
    OK(connect(ends[0], (void *)&address, length));
    OK(connect(first, (void *)&other, length));
    ends[1] = first;
}

static UNUSED void open_unix(int type, int ends[2]) { OK(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends)); }

// CPU time of the process, in seconds.
static UNUSED double cpu_time(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

#endif
