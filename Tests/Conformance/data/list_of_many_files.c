// holds: One list may mix reads and writes of files, pipes and sockets; each does its own.
// source: lio_listio
#include "../check.h"

#include <sys/socket.h>

int main(void) {
    int buffered = scratch_file(0), direct = scratch_file(O_DIRECT), pipe[2], sockets[2];
    open_pipe(pipe);
    OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
    write_pattern(direct, 65536, 1, 0);
    unsigned char *in = aligned_buffer(65536), out[3][4096], from_pipe[4096], from_socket[4096];
    for (int i = 0; i < 3; i++) fill(out[i], 4096, (uint64_t)i + 2, 0);
    struct aiocb controls[] = {
        request(sockets[0], from_socket, 4096, 0), request(pipe[0], from_pipe, 4096, 0),
        request(direct, in, 65536, 0),             request(buffered, out[0], 4096, 0),
        request(pipe[1], out[1], 4096, 0),         request(sockets[1], out[2], 4096, 0),
    };
    struct aiocb *list[6];
    for (int i = 0; i < 6; i++) {
        controls[i].aio_lio_opcode = i < 3 ? LIO_READ : LIO_WRITE;
        list[i] = &controls[i];
    }
    OK(lio_listio(LIO_WAIT, list, 6, NULL));
    for (int i = 0; i < 6; i++) EQUAL(aio_error(&controls[i]), 0);
    for (int i = 0; i < 6; i++) EQUAL(aio_return(&controls[i]), controls[i].aio_nbytes);
    VERIFY(in, 65536, 1, 0);
    VERIFY(from_pipe, 4096, 3, 0);
    VERIFY(from_socket, 4096, 4, 0);
    EQUAL(pread(buffered, in, 4096, 0), 4096);
    VERIFY(in, 4096, 2, 0);
}
