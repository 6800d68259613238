// holds: A module that stands in a stack twice loses and mixes up nothing: overlapping writes take effect in order, aio_fsync ends after them, what waits can be cancelled.
// source: kaio
// limit: 60
#include "audit.h"

enum { writes = 40, size = 3000 };

// Each write overlaps the one before it. What is on the stream's end waits for data, in order.
static void work(void) {
    static unsigned char buffers[writes][size], found[size + writes * 100], bytes[4];
    struct aiocb controls[writes], synchronization, reads[4];
    int file = named_file("file", 0), ends[2];
    open_pipe(ends);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < writes; i++) {
            fill(buffers[i], size, (uint64_t)(round * writes + i + 1), 0);
            controls[i] = request(file, buffers[i], size, i * 100);
            OK(aio_write(&controls[i]));
        }
        synchronization = request(file, NULL, 0, 0);
        OK(aio_fsync(O_DSYNC, &synchronization));
        for (int i = 0; i < 4; i++) {
            reads[i] = request(ends[0], &bytes[i], 1, 0);
            OK(aio_read(&reads[i]));
        }
        EQUAL(FINISH(&synchronization), 0);
        for (int i = 0; i < writes; i++) {
            EQUAL(aio_error(&controls[i]), 0);
            EQUAL(aio_return(&controls[i]), size);
        }
        EQUAL(pread(file, found, sizeof found, 0), size + (writes - 1) * 100);
        for (int i = 0; i < writes; i++)
            VERIFY(found + i * 100, i < writes - 1 ? 100 : size, (uint64_t)(round * writes + i + 1), 0);
        EQUAL(aio_cancel(ends[0], &reads[2]), AIO_CANCELED);
        EQUAL(write(ends[1], "abc", 3), 3);
        for (int i = 0; i < 4; i++) {
            if (i == 2) continue;
            EQUAL(FINISH(&reads[i]), 1);
            EQUAL(bytes[i], i == 0 ? 'a' : i == 1 ? 'b' : 'c');
        }
    }
    close(ends[0]);
    close(ends[1]);
    close(file);
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        work();
        return 0;
    }
    static const char *const stacks[] = {
        "ordered ordered aio_linux aio_poll aio_pthread", "ordered stats ordered aio_pthread",
        "ordered aio_linux aio_linux aio_poll aio_poll aio_pthread aio_pthread",
        "full_audit ordered full_audit aio_linux aio_poll", "time_audit time_audit ordered aio_linux aio_poll",
        "stats stats ordered aio_linux aio_poll", "error_inject ordered error_inject aio_linux aio_poll",
        "delay_inject ordered delay_inject aio_linux aio_poll", "aio_ratelimit ordered aio_ratelimit aio_linux aio_poll",
        "readahead readahead ordered aio_linux aio_poll",
    };
    for (size_t i = 0; i < sizeof stacks / sizeof *stacks; i++) {
        char objects[256];
        struct child child;
        snprintf(objects, sizeof objects, "KAIO_VFS_OBJECTS=%s", stacks[i]);
        run_again(&child, "work", (const char *const[]){objects,
            "KAIO_VFS_PARAMETERS=full_audit:to=audit; time_audit:to=slow; time_audit:limit=0; stats:file=stats;"
            "error_inject:rules=read EIO nth 1000; delay_inject:delay=1us; aio_ratelimit:write_iops=100000",
            NULL}, NULL);
        printf("%s: %d\n", stacks[i], child.status);
        EQUAL(count_lines(child.errors, "; using", NULL), 0);
        SUCCEEDED(&child);
    }
}
