// holds: Where a filter (seccomp) refuses ppoll, reads and writes of terminals, pipes and sockets are done all the same, and a socket's read waits for data.
// source: kaio (extension)
#include "../refuse.h"
#include <sys/socket.h>

// A read that comes first, and a write.
static void use(int reader, int writer) {
    char in[16] = "", back[16] = "";
    struct aiocb read_control = request(reader, in, sizeof in, 0), write_control = request(writer, "there\n", 6, 0);
    OK(aio_read(&read_control));
    sleep_for(0.1);
    EQUAL(aio_error(&read_control), EINPROGRESS);
    EQUAL(write(writer, "here\n", 5), 5);
    EQUAL(FINISH(&read_control), 5);
    EQUAL(memcmp(in, "here\n", 5), 0);
    OK(aio_write(&write_control));
    EQUAL(FINISH(&write_control), 6);
    EQUAL(read(reader, back, sizeof back), 6);
    EQUAL(memcmp(back, "there\n", 6), 0);
}

int main(void) {
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), pipes[2], sockets[2], datagrams[2];
    CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(terminal >= 0);
    open_pipe(pipes);
    OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
    OK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, datagrams));
    refuse((int[]){SYS_ppoll}, 1, EPERM);
    use(pipes[0], pipes[1]);
    use(sockets[0], sockets[1]);
    use(datagrams[0], datagrams[1]);
    use(terminal, master);
}
