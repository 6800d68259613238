// holds: A request that io_submit has no room for at the moment is done soon, though nothing is in the kernel but a read of an idle socket, of which no event may ever come.
// source: kaio
// limit: 60
#include "../syscalls.h"
#include <sys/socket.h>

enum { size = 65536, count = 8 };
static atomic_int shortage;

static int answer(const struct seccomp_data *call, pid_t thread) {
    (void)call, (void)thread;
    return shortage > 0 && shortage-- > 0 ? EAGAIN : 0;
}

int main(void) {
    watch_calls(answer, (int[]){SYS_io_submit}, 1);
    int ends[2], direct = scratch_file(O_DIRECT);
    char byte;
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    write_pattern(direct, count * size, 1, 0);
    unsigned char *buffer = aligned_buffer(count * size);
    struct aiocb waiting = request(ends[0], &byte, 1, 0), controls[count];
    OK(aio_read(&waiting));
    for (int times = 1; times < 6; times++) {
        memset(buffer, 0, count * size);
        shortage = times;
        for (int i = 0; i < count; i++) {
            controls[i] = request(direct, buffer + i * size, size, (off_t)i * size);
            OK(aio_read(&controls[i]));
        }
        for (int i = 0; i < count; i++) EQUAL(FINISH(&controls[i]), size);
        VERIFY(buffer, count * size, 1, 0);
        struct aiocb *list[count];
        shortage = times;
        memset(buffer, 0, count * size);
        for (int i = 0; i < count; i++) {
            controls[i].aio_lio_opcode = LIO_READ;
            list[i] = &controls[i];
        }
        OK(lio_listio(LIO_WAIT, list, count, NULL));
        for (int i = 0; i < count; i++) EQUAL(FINISH(&controls[i]), size);
        VERIFY(buffer, count * size, 1, 0);
    }
    EQUAL(aio_error(&waiting), EINPROGRESS);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&waiting), 1);
}
