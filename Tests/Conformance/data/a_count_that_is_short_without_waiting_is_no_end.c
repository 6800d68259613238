// holds: Where the kernel gives less than was asked for, or 0, in the middle of a file, to a call that must not wait, the read is whole all the same; at the end of the file it makes no further call.
// source: kernel (Linux 5.10 gives 0 where it would have to read ahead)
// limit: 60
//
// The calls are cut short by who sees them before they are made: the length that they ask for is made smaller, so that the
// kernel transfers less.
#include "../syscalls.h"
#include <dlfcn.h>
#include <linux/aio_abi.h>
#include <linux/loop.h>
#include <sys/uio.h>

enum { blocks = 64, block = 4096, size = blocks * block, no_wait = 8 };

static int buffered, direct, device;
static atomic_int divisor, cuts, plain_reads;
static unsigned char *buffer;
static const char *way;

static size_t shorter(size_t length) {
    cuts++;
    // A direct transfer is of whole blocks.
    return divisor ? length / (size_t)divisor / 512 * 512 : 0;
}

static int cut(const struct seccomp_data *call, pid_t thread) {
    (void)thread;
    if (call->nr == SYS_preadv2) {
        struct iovec *vector = (struct iovec *)(uintptr_t)call->args[1];
        if (divisor >= 0 && call->args[5] & no_wait && call->args[2] == 1)
            vector->iov_len = shorter(vector->iov_len);
    } else if (call->nr == SYS_io_submit) {
        struct iocb **list = (struct iocb **)(uintptr_t)call->args[2];
        for (long i = 0; i < (long)call->args[1]; i++)
            if (divisor >= 0 && list[i]->aio_rw_flags & no_wait && list[i]->aio_lio_opcode == IOCB_CMD_PREAD)
                list[i]->aio_nbytes = shorter(list[i]->aio_nbytes);
            else if (divisor >= 0 && list[i]->aio_rw_flags & no_wait && list[i]->aio_lio_opcode == IOCB_CMD_PREADV)
                list[i]->aio_nbytes = divisor ? 1 : 0, cuts++;
    } else if ((int)call->args[0] == buffered || (int)call->args[0] == direct ||
               (int)call->args[0] == device) {
        plain_reads++;
    }
    return 0;
}

static void whole(struct aiocb *control, size_t length) {
    int error = wait_for(control, 10);
    ssize_t result = aio_return(control);
    if (error != 0 || result != (ssize_t)length)
        failed(__FILE__, __LINE__, "%s, 1/%d of it given: error %d, result %zd of %zu", way, divisor, error, result,
               length);
}

static void one_by_one(int descriptor, size_t length) {
    for (off_t offset = 0; offset + (off_t)length <= size; offset += (off_t)length) {
        memset(buffer, 0xa5, length);
        struct aiocb control = request(descriptor, buffer, length, offset);
        OK(aio_read(&control));
        whole(&control, length);
        VERIFY(buffer, length, 3, (uint64_t)offset);
    }
}

static void in_a_list(int descriptor) {
    struct aiocb controls[8], *list[8];
    memset(buffer, 0xa5, size);
    for (int i = 0; i < 8; i++) {
        controls[i] = request(descriptor, buffer + i * block, block, i * block);
        controls[i].aio_lio_opcode = LIO_READ;
        list[i] = &controls[i];
    }
    OK(lio_listio(LIO_WAIT, list, 8, NULL));
    for (int i = 0; i < 8; i++) whole(&controls[i], block);
    VERIFY(buffer, 8 * block, 3, 0);
}

static void vectors(int descriptor) {
    int (*readv)(struct aiocb *) = (int (*)(struct aiocb *))dlsym(RTLD_DEFAULT, "aio_readv");
    CHECK(readv != NULL);
    struct iovec vector[3] = {{buffer, block}, {buffer + 2 * block, block}, {buffer + block, 2 * block}};
    vector[2].iov_base = buffer + 4 * block;
    memset(buffer, 0xa5, size);
    struct aiocb control = request(descriptor, vector, 3, block);
    OK(readv(&control));
    whole(&control, 4 * block);
    VERIFY(buffer, block, 3, block);
    VERIFY(buffer + 2 * block, block, 3, 2 * block);
    VERIFY(buffer + 4 * block, 2 * block, 3, 3 * block);
}

static void read_at_the_end(int descriptor) {
    static const off_t offsets[] = {size, size + block, (off_t)1 << 40};
    for (int i = 0; i < 3; i++) {
        struct aiocb control = request(descriptor, buffer, block, offsets[i]);
        OK(aio_read(&control));
        whole(&control, 0);
    }
    struct aiocb control = request(descriptor, buffer, 4 * block, size - block);
    OK(aio_read(&control));
    whole(&control, block);
    VERIFY(buffer, block, 3, size - block);
}

// A kernel that is busy may say EAGAIN of any of these reads, or make it sleep, and then workers make such reads for a while: not each time.
static void at_the_end(int descriptor) {
    for (int tries = 0; tries < 30; tries++) {
        plain_reads = 0;
        read_at_the_end(descriptor);
        if (plain_reads == 0) return;
        sleep_for(0.5);
    }
    failed(__FILE__, __LINE__, "%s: %d reads more", way, plain_reads);
}

// A block device of the same content. -1 where this process may not have one.
static int loop_device(void) {
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), number, loop = -1;
    char path[32];
    struct loop_info64 settings = {.lo_flags = LO_FLAGS_AUTOCLEAR};
    // Another process may take the number first.
    for (int tries = 0; control >= 0 && tries < 20 && (number = ioctl(control, LOOP_CTL_GET_FREE)) >= 0; tries++) {
        snprintf(path, sizeof path, "/dev/loop%d", number);
        loop = open(path, O_RDWR | O_CLOEXEC);
        if (loop >= 0 && ioctl(loop, LOOP_SET_FD, buffered) == 0) break;
        close(loop);
        loop = -1;
    }
    close(control);
    if (loop < 0) printf("no block device: %s\n", strerror(errno));
    else OK(ioctl(loop, LOOP_SET_STATUS64, &settings));
    return loop;
}

// A file that says that it has no bytes, and gives less than it is asked for.
static void without_a_size(const char *path) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return;
    ssize_t there = pread(descriptor, buffer, size, 0);
    CHECK(there > 0);
    struct aiocb control = request(descriptor, buffer, size, 0);
    OK(aio_read(&control));
    whole(&control, (size_t)there);
    control.aio_offset = there;
    OK(aio_read(&control));
    whole(&control, 0);
    close(descriptor);
}

static void work(void) {
    static const int calls[] = {SYS_preadv2, SYS_io_submit, SYS_pread64, SYS_preadv, SYS_read, SYS_readv};
    buffer = aligned_buffer(size);
    buffered = scratch_file(0), direct = scratch_file(O_DIRECT);
    write_pattern(buffered, size, 3, 0);
    write_pattern(direct, size, 3, 0);
    OK(fsync(buffered));
    device = loop_device();
    divisor = -1;
    way = "without a size";
    without_a_size("/proc/version");
    without_a_size("/sys/kernel/mm/transparent_hugepage/enabled");
    watch_calls(cut, calls, sizeof calls / sizeof *calls);
    way = "at the end";
    at_the_end(buffered);
    at_the_end(direct);
    if (device >= 0) at_the_end(device);
    for (divisor = 0; divisor <= 4; divisor += 2) {
        int before = cuts;
        way = "of the page cache", one_by_one(buffered, block);
        CHECK(cuts > before);
        before = cuts;
        way = "of the page cache, longer", one_by_one(buffered, 16 * block);
        CHECK(cuts > before);
        before = cuts;
        way = "direct", one_by_one(direct, block);
        CHECK(cuts > before);
        before = cuts;
        way = "direct, longer", one_by_one(direct, 16 * block);
        CHECK(cuts > before);
        before = cuts;
        way = "of a device", device >= 0 ? one_by_one(device, block) : (void)0;
        way = "in a list", in_a_list(buffered);
        CHECK(cuts > before);
        way = "direct, in a list", in_a_list(direct);
        before = cuts;
        way = "direct, of several buffers", vectors(direct);
        CHECK(cuts > before);
        way = "of several buffers", vectors(buffered);
    }
}

int main(int count, char **words) {
    (void)words;
    if (count > 1) {
        work();
        return 0;
    }
    // All on the fast path, watched there, and through the modules.
    static const char *const stacks[][3] = {
        {"KAIO_RING=256", NULL},
        {"KAIO_VFS_OBJECTS=stats ordered aio_linux aio_poll aio_pthread", NULL},
        {"KAIO_VFS_OBJECTS=delay_inject ordered aio_linux aio_poll aio_pthread",
         "KAIO_VFS_PARAMETERS=delay_inject:delay = 1us", NULL},
    };
    for (int i = 0; i < 3; i++) {
        struct child child;
        run_again(&child, "work", stacks[i], NULL);
        SUCCEEDED(&child);
    }
}
