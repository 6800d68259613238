// holds: A write that waits for its region to be copied can be cancelled, and writes nothing; others that wait there go on when it is copied, and the legs are equal then.
// source: kaio
// links: -Wl,-z,dynamic-undefined-weak
#include "mirror.h"
#include "gate.h"

enum { size = 65536 };

static void make_it(void *nothing) {
    (void)nothing;
    use_mirror(2, "mirror:region size = 64k");
    int file = open_mirror(0);
    write_at(file, size, 1, 0);
    OK(close(file));
}

static void recover(void *nothing) {
    (void)nothing;
    static unsigned char data[2][4096];
    use_mirror(2, "mirror:region size = 64k");
    register_gate();
    setenv("KAIO_VFS_OBJECTS", "mirror ordered gate aio_linux aio_poll aio_pthread", 1);
    keeps_syncs = 0;
    keeps_reads = 1;
    int file = open_mirror(0);
    // Not in the way of the copy: behind the end.
    struct aiocb first = request(file, data[0], 4096, 4 * size);
    OK(aio_write(&first));
    EQUAL(FINISH(&first), 4096);
    // The copy has begun to read.
    AWAIT(reads_seen > 0);
    fill(data[0], 4096, 7, 0);
    fill(data[1], 4096, 8, 8192);
    struct aiocb unwanted = request(file, data[0], 4096, 0), wanted = request(file, data[1], 4096, 8192);
    OK(aio_write(&unwanted));
    OK(aio_write(&wanted));
    give_it_time();
    EQUAL(aio_error(&unwanted), EINPROGRESS);
    EQUAL(aio_error(&wanted), EINPROGRESS);
    EQUAL(aio_cancel(file, &unwanted), AIO_CANCELED);
    FINISHES_WITH(&unwanted, ECANCELED);
    keeps_reads = 0;
    let_go(&reads, 0);
    EQUAL(FINISH(&wanted), 4096);
    await_equal(2);
    read_at(file, 4096, 8, 8192);
    read_at(file, 4096, 1, 0);
    OK(close(file));
    legs_are_equal(2);
}

int main(void) {
    deadline(50);
    mirror_paths();
    forget_mirror();
    in_child(make_it, NULL, 0);
    int file = open(two, O_WRONLY | O_CLOEXEC);
    write_pattern(file, size, 5, 0);
    OK(close(file));
    in_child(recover, NULL, 0);
}
