// holds: The program's fcntl record locks survive any use of AIO on the file: no duplicate of its descriptor is ever closed.
// source: kaio (extension)
#include "../check.h"

// Locks belong to the process: only another sees them.
static int is_locked(int file) {
    pid_t child = fork();
    if (child == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 100};
        OK(fcntl(file, F_GETLK, &lock));
        _exit(lock.l_type == F_WRLCK && lock.l_pid == getppid() ? 0 : 3);
    }
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return status == 0;
}

int main(void) {
    int modes[] = {0, O_DIRECT, O_APPEND};
    unsigned char *buffer = aligned_buffer(1 << 20);
    for (int mode = 0; mode < 3; mode++) {
        int file = scratch_file(modes[mode]);
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 100};
        OK(fcntl(file, F_SETLK, &lock));
        CHECK(is_locked(file));
        size_t sizes[] = {4096, 1 << 20};
        for (int i = 0; i < 2; i++) {
            struct aiocb control = request(file, buffer, sizes[i], 0);
            struct aiocb behind = control, sync = control, *list[1] = {&control};
            OK(aio_write(&control));
            OK(aio_write(&behind));
            OK(aio_fsync(O_SYNC, &sync));
            EQUAL(FINISH(&control), sizes[i]);
            EQUAL(FINISH(&behind), sizes[i]);
            EQUAL(FINISH(&sync), 0);
            posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
            OK(aio_read(&control));
            EQUAL(FINISH(&control), sizes[i]);
            control.aio_lio_opcode = LIO_READ;
            OK(lio_listio(LIO_WAIT, list, 1, NULL));
            EQUAL(aio_return(&control), sizes[i]);
            aio_cancel(file, NULL);
        }
        CHECK(is_locked(file));
        close(file);
    }
    return 0;
}
