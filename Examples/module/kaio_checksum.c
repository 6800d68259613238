/*
 * kaio_checksum: keeps a checksum of each block of 4 KiB that is written, and fails a read with EIO whose data is not
 * what was written.
 *
 *     vfs objects = ordered kaio_checksum aio_linux aio_poll aio_pthread
 *     kaio_checksum:blocks = 1000000
 *
 * It belongs below `ordered`, which sees to it that no read overlaps a write that is in flight.
 *
 * Of a block that is written in part nothing is known, nor of one that this process did not write. A file that others
 * change behind the program's back is what this is to find: such a read is EIO too.
 *
 * Memory, 24 bytes a block, is allocated when the module is connected, since its request functions may not. If it is
 * full, further blocks are not watched. The lock is taken in request functions only: they have all signals blocked,
 * so their thread can't be interrupted while it holds it.
 */
#include <fcntl.h>
#include <errno.h>
#include <kaio_vfs.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { block_size = 4096, most_buffers = 1024 };

struct entry {
    uint64_t file;  /* 0: free */
    uint64_t block;
    uint32_t sum;
    uint32_t is_known;
};

struct state {
    pthread_mutex_t lock;
    struct entry *entries;
    size_t count, used;
};

/* One table for all services: a file may be reached through several. */
static struct state state = {.lock = PTHREAD_MUTEX_INITIALIZER};
static uint32_t table[256];

static void make_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t sum = i;
        for (int bit = 0; bit < 8; bit++) sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
        table[i] = sum;
    }
}

static uint32_t add_to_sum(uint32_t sum, const unsigned char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) sum = sum >> 8 ^ table[(sum ^ bytes[i]) & 255];
    return sum;
}

/* The block's entry; NULL if there is none and none is to be made, or no room. Under the lock. */
static struct entry *find(uint64_t file, uint64_t block, int make) {
    size_t index = (size_t)((file ^ block * 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u >> 20) % state.count;
    for (size_t i = 0; i < state.count; i++, index = index + 1 == state.count ? 0 : index + 1) {
        struct entry *entry = &state.entries[index];
        if (entry->file == file && entry->block == block) return entry;
        if (entry->file != 0) continue;
        /* A quarter stays free, so that this loop is short. */
        if (!make || state.used >= state.count / 4 * 3) return NULL;
        state.used++;
        entry->file = file;
        entry->block = block;
        return entry;
    }
    return NULL;
}

/* Which file it is, by a number that is not 0; 0 for one that is not watched. */
static uint64_t file_of(kaio_request *request) {
    struct stat status;
    int flags = fcntl(kaio_request_fd(request), F_GETFL);
    if (flags < 0 || fstat(kaio_request_fd(request), &status) != 0 || !S_ISREG(status.st_mode)) return 0;
    /* Where an append lands is not known, but it can't change a whole block that is there. */
    if (kaio_request_operation(request) == KAIO_OPERATION_WRITE && flags & O_APPEND) return 0;
    uint64_t file = ((uint64_t)status.st_ino ^ (uint64_t)status.st_dev << 40) * 0x94d049bb133111ebu;
    return file ? file : 1;
}

/* Goes through the whole blocks in the first `length` bytes of the request's buffers. Returns how many are wrong. */
static int each_block(kaio_request *request, uint64_t file, size_t length, int is_write) {
    struct iovec buffers[most_buffers];
    int count = kaio_request_iovec(request, buffers, most_buffers), wrong = 0;
    uint64_t begin = (uint64_t)kaio_request_offset(request), offset = begin, end = begin + length;
    uint32_t sum = ~0u;
    for (int i = 0; i < count; i++) {
        const unsigned char *bytes = buffers[i].iov_base;
        size_t left = buffers[i].iov_len;
        while (left > 0 && offset < end) {
            size_t step = block_size - offset % block_size;
            if (step > left) step = left;
            if (step > end - offset) step = (size_t)(end - offset);
            if (offset % block_size == 0) sum = ~0u;
            sum = add_to_sum(sum, bytes, step);
            bytes += step;
            left -= step;
            offset += step;
            if (offset % block_size != 0 || offset - begin < block_size) continue;
            pthread_mutex_lock(&state.lock);
            struct entry *entry = find(file, offset / block_size - 1, is_write);
            if (entry && is_write) {
                entry->sum = sum;
                entry->is_known = 1;
            } else if (entry && entry->is_known && entry->sum != sum) {
                wrong++;
            }
            pthread_mutex_unlock(&state.lock);
        }
    }
    return wrong;
}

static void forget(uint64_t file, uint64_t offset, uint64_t length) {
    if (length == 0) return;
    pthread_mutex_lock(&state.lock);
    for (uint64_t block = offset / block_size; block <= (offset + length - 1) / block_size; block++) {
        struct entry *entry = find(file, block, 0);
        if (entry) entry->is_known = 0;
    }
    pthread_mutex_unlock(&state.lock);
}

static int checksum_connect(kaio_vfs_handle *handle, const char *service) {
    if (KAIO_VFS_NEXT_CONNECT(handle, service) != 0) return -1;
    if (state.entries) return 0;
    long blocks = kaio_vfs_parm_int(handle, "blocks", 1000000);
    if (blocks < 1 || blocks > 1L << 32) {
        fprintf(stderr, "kaio_checksum: [%s] blocks = %ld: not from 1 to 4294967296\n", service, blocks);
        errno = EINVAL;
        return -1;
    }
    size_t count = (size_t)blocks / 3 * 4 + 4;
    /* Pages that are not used take no memory. */
    void *memory = mmap(NULL, count * sizeof(struct entry), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return -1;
    make_table();
    state.entries = memory;
    state.count = count;
    return 0;
}

static void checksum_read(kaio_vfs_handle *handle, kaio_request *request) {
    *kaio_vfs_request_data(handle, request) = (void *)(uintptr_t)file_of(request);
    KAIO_VFS_NEXT_AIO_READ(handle, request);
}

static void checksum_write(kaio_vfs_handle *handle, kaio_request *request) {
    uint64_t file = file_of(request);
    *kaio_vfs_request_data(handle, request) = (void *)(uintptr_t)file;
    if (file) forget(file, (uint64_t)kaio_request_offset(request), kaio_request_length(request));
    KAIO_VFS_NEXT_AIO_WRITE(handle, request);
}

static ssize_t checksum_done(kaio_vfs_handle *handle, kaio_request *request, ssize_t result) {
    uint64_t file = (uint64_t)(uintptr_t)*kaio_vfs_request_data(handle, request);
    if (!file || result <= 0) return result;
    switch (kaio_request_operation(request)) {
    case KAIO_OPERATION_READ: return each_block(request, file, (size_t)result, 0) == 0 ? result : -EIO;
    case KAIO_OPERATION_WRITE: each_block(request, file, (size_t)result, 1); return result;
    default: return result;
    }
}

/* The files are as the parent left them, but the lock may be held by a thread that is not here. */
static void checksum_forked(kaio_vfs_handle *handle) {
    (void)handle;
    pthread_mutex_init(&state.lock, NULL);
}

int kaio_module_init(void);
int kaio_module_init(void) {
    static const struct kaio_vfs_fns fns = {
        .connect_fn = checksum_connect,
        .aio_read_fn = checksum_read,
        .aio_write_fn = checksum_write,
        .aio_done_fn = checksum_done,
        .forked_fn = checksum_forked,
    };
    return kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "kaio_checksum", &fns);
}
