// holds: aio_readv and aio_writev fail in the call, or end with a status, where aio_read and aio_write do.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"
#include <sys/resource.h>

int main(void) {
    unsigned char bytes[100];
    struct iovec vector[2] = {{bytes, 50}, {bytes + 50, 50}}, bad[2] = {{bytes, 50}, {(void *)4096, 50}};
    struct iovec wild[2] = {{(void *)-4096, 50}, {bytes, 50}};
    char path[PATH_MAX];
    path_of(path, "file");
    int reader = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600), writer = open(path, O_WRONLY | O_CLOEXEC), ends[2];
    open_pipe(ends);
    EQUAL(pwrite(writer, bytes, 100, 0), 100);

    FAILS(aio_readv(NULL), EINVAL);
    FAILS(aio_writev(NULL), EINVAL);
    struct aiocb control = request(reader, vector, 2, 0);
    control.aio_reqprio = -1;
    FAILS(aio_readv(&control), EINVAL);
    FAILS(aio_writev(&control), EINVAL);
    control = request(reader, vector, 2, 0);
    control.aio_sigevent.sigev_notify = 12345;
    FAILS(aio_readv(&control), EINVAL);
    FAILS(aio_error(&control), EINVAL);
    FAILS(aio_return(&control), EINVAL);

    control = request(ends[0], vector, 2, 0);
    OK(aio_readv(&control));
    FAILS(aio_readv(&control), EBUSY);
    FAILS(aio_writev(&control), EBUSY);
    EQUAL(write(ends[1], bytes, 100), 100);
    EQUAL(FINISH(&control), 100);

    struct {
        int (*call)(struct aiocb *);
        int descriptor;
        struct iovec *vector;
        off_t offset;
        int error;
    } cases[] = {
        {aio_readv, -1, vector, 0, EBADF},          {aio_writev, 1 << 20, vector, 0, EBADF},
        {aio_readv, writer, vector, 0, EBADF},      {aio_writev, reader, vector, 0, EBADF},
        {aio_readv, ends[1], vector, 0, EBADF},     {aio_writev, ends[0], vector, 0, EBADF},
        {aio_readv, reader, vector, -1, EINVAL},    {aio_writev, writer, vector, -1, EINVAL},
        {aio_readv, reader, NULL, 0, EINVAL},       {aio_writev, writer, NULL, 0, EINVAL},
        {aio_readv, reader, wild, 0, EFAULT},       {aio_writev, writer, wild, 0, EFAULT},
        {aio_readv, reader, vector, LLONG_MAX - 9, EOVERFLOW},
        {aio_writev, writer, vector, LLONG_MAX - 9, EFBIG},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        control = request(cases[i].descriptor, cases[i].vector, 2, cases[i].offset);
        OK(cases[i].call(&control));
        int error = wait_for(&control, 10);
        if (error != cases[i].error)
            failed(__FILE__, __LINE__, "case %zu: aio_error is %d, expected %d", i, error, cases[i].error);
        EQUAL(aio_return(&control), -1);
    }
    // What comes before a bad buffer may be transferred, as with preadv.
    control = request(reader, bad, 2, 0);
    OK(aio_readv(&control));
    int error = wait_for(&control, 10);
    CHECK(error == EFAULT || (error == 0 && aio_return(&control) == 50));

    // A pipe that nobody reads, and RLIMIT_FSIZE: the status says it, no signal comes.
    close(ends[0]);
    control = request(ends[1], vector, 2, 0);
    OK(aio_writev(&control));
    FINISHES_WITH(&control, EPIPE);
    struct rlimit limit = {1 << 20, 1 << 20};
    OK(setrlimit(RLIMIT_FSIZE, &limit));
    control = request(writer, vector, 2, 1 << 20);
    OK(aio_writev(&control));
    FINISHES_WITH(&control, EFBIG);
    return 0;
}
