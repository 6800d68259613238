// holds: Through bufio a program reads what it has written, whatever the offsets, lengths and buffers, in both modes, in a cache of any size; and the file has it after an aio_fsync.
// source: kaio
// limit: 300
#include "../check.h"

enum { most = 6 << 20, depth = 16, requests_each = 6000, longest = 40000 };

static unsigned char model[most], disk[most];
static struct {
    struct aiocb control;
    unsigned char *buffer;
    struct iovec vector[3];
    off_t offset;
    size_t length;
    int operation; // 0: none
} slots[depth];
static uint64_t seed = 1;
static size_t size; // of the model

static uint64_t number(uint64_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

static int overlaps(off_t offset, size_t length) {
    for (int i = 0; i < depth; i++) {
        if (slots[i].operation && offset < slots[i].offset + (off_t)slots[i].length &&
            slots[i].offset < offset + (off_t)length)
            return 1;
    }
    return 0;
}

static void take(int i) {
    if (!slots[i].operation) return;
    ssize_t count = FINISH(&slots[i].control);
    if (slots[i].operation == 1) {
        // Others may have made the file longer meanwhile.
        size_t there = slots[i].offset < (off_t)size ? size - (size_t)slots[i].offset : 0;
        if (there > slots[i].length) there = slots[i].length;
        CHECK(count >= 0 && (size_t)count <= there);
        if (memcmp(slots[i].buffer, model + slots[i].offset, (size_t)count)) {
            for (ssize_t at = 0; at < count; at++) {
                if (slots[i].buffer[at] != model[slots[i].offset + at])
                    failed(__FILE__, __LINE__, "the byte at %lld of a read of %zu from %lld is %d, not %d",
                           (long long)slots[i].offset + at, slots[i].length, (long long)slots[i].offset,
                           slots[i].buffer[at], model[slots[i].offset + at]);
            }
        }
    } else if (slots[i].operation == 2) {
        EQUAL(count, (ssize_t)slots[i].length);
    } else {
        EQUAL(count, 0);
    }
    slots[i].operation = 0;
}

static void check_disk(const char *path) {
    int file = open(path, O_RDONLY);
    struct stat status;
    OK(fstat(file, &status));
    EQUAL(status.st_size, (off_t)size);
    EQUAL(read(file, disk, most), (ssize_t)size);
    for (size_t at = 0; at < size; at++) {
        if (disk[at] != model[at])
            failed(__FILE__, __LINE__, "the byte at %zu of the file is %d, not %d", at, disk[at], model[at]);
    }
    OK(close(file));
}

static void work(int is_aligned) {
    char path[PATH_MAX];
    int file = open(path_of(path, "data"), O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0600);
    CHECK(file >= 0);
    size = is_aligned ? 3 << 20 : (3 << 20) + 777;
    int plain = open(path, O_RDWR);
    fill(model, size, 9, 0);
    EQUAL(write(plain, model, size), (ssize_t)size);
    OK(fsync(plain));
    OK(close(plain));
    for (int i = 0; i < depth; i++) slots[i].buffer = aligned_buffer(longest + 4096);
    for (int n = 0; n < requests_each; n++) {
        int i = (int)number(depth);
        take(i);
        int kind = (int)number(100);
        if (kind < 1) {
            for (int j = 0; j < depth; j++) take(j);
            slots[i].control = request(file, NULL, 0, 0);
            OK(aio_fsync(O_SYNC, &slots[i].control));
            slots[i].operation = 3;
            take(i);
            check_disk(path);
            continue;
        }
        off_t offset = (off_t)number(number(8) ? (1 << 20) : (uint64_t)size + 20000);
        size_t length = 1 + (size_t)number(number(3) ? 5000 : longest);
        if (is_aligned) {
            offset = offset / 512 * 512;
            length = (length + 511) / 512 * 512;
        }
        if ((size_t)offset + length > most || overlaps(offset, length)) continue;
        int is_write = kind < 50;
        // A read over the end ends there, wherever it is by then.
        if (!is_write && (size_t)offset + length > size) {
            for (int j = 0; j < depth; j++) take(j);
        }
        slots[i].offset = offset;
        slots[i].length = length;
        slots[i].operation = is_write ? 2 : 1;
        unsigned char *buffer = slots[i].buffer + (is_aligned ? 0 : number(512));
        if (!is_aligned && !is_write) buffer = slots[i].buffer;
        slots[i].control = request(file, buffer, length, offset);
        if (is_write) {
            fill(buffer, length, (uint64_t)n, 0);
            memcpy(model + offset, buffer, length);
            if ((size_t)offset + length > size) size = (size_t)offset + length;
        }
        if (!is_aligned && length > 100 && number(4) == 0) {
            slots[i].vector[0] = (struct iovec){buffer, 33};
            slots[i].vector[1] = (struct iovec){buffer + 33, length - 50};
            slots[i].vector[2] = (struct iovec){buffer + length - 17, 17};
            slots[i].control.aio_buf = slots[i].vector;
            slots[i].control.aio_nbytes = 3;
            int (*call)(struct aiocb *) =
                (int (*)(struct aiocb *))dlsym(RTLD_DEFAULT, is_write ? "aio_writev" : "aio_readv");
            if (call) {
                OK(call(&slots[i].control));
                continue;
            }
            slots[i].control = request(file, buffer, length, offset);
        }
        OK(is_write ? aio_write(&slots[i].control) : aio_read(&slots[i].control));
    }
    for (int i = 0; i < depth; i++) {
        take(i);
        free(slots[i].buffer);
    }
    OK(close(file));
    check_disk(path);
}

int main(int argc, char **argv) {
    deadline(280);
    if (argc > 1) {
        work(strcmp(argv[1], "aligned") == 0);
        return 0;
    }
    static struct child child;
    static const char *const variants[] = {
        "bufio:size=64M",
        "bufio:size=64k",
        "bufio:size=256k; bufio:block=512",
        "bufio:size=16M; bufio:block=64k; bufio:validate=0",
        "bufio:mode=writeback; bufio:size=64M",
        "bufio:mode=writeback; bufio:size=64k",
        "bufio:mode=writeback; bufio:size=512k; bufio:block=512; bufio:dirty=10%; bufio:dirty limit=20",
        "bufio:mode=writeback; bufio:size=4M; bufio:block=64k; bufio:prefetch=0",
    };
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        char parameters[256];
        snprintf(parameters, sizeof parameters, "KAIO_VFS_PARAMETERS=%s", variants[i]);
        const char *const environment[] = {"KAIO_VFS_OBJECTS=bufio ordered aio_linux aio_poll aio_pthread", parameters, NULL};
        run_again(&child, "aligned", environment, NULL);
        SUCCEEDED(&child);
        run_again(&child, "misaligned", environment, NULL);
        SUCCEEDED(&child);
    }
}
