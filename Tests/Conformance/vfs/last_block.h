// A module that keeps the block that was read last, in memory of the pool, and answers reads within it at once. It belongs below
// `ordered`. Tests/KaioTests/LastBlock.swift is the same in Swift.
//
// Who fills the block has `filling` in `users`, and may write to it and to the tag; the low part counts those who read. A block is kept only if no write was under way from before it was read until now.
#ifndef KAIO_TESTS_LAST_BLOCK_H
#define KAIO_TESTS_LAST_BLOCK_H

#include "vfs.h"

enum { last_block_size = 4096, filling = 1 << 20 };

static struct {
    _Atomic int users;
    _Atomic long begun, ended; // writes
    char *memory;
    // The tag, and what `begun` was when the block was asked for.
    kaio_file *_Atomic file;
    off_t block;
    size_t length;
    long at;
    _Atomic long hits, fills;
} last_block;

static int is_in_one_block(off_t offset, size_t length) {
    return length > 0 && offset / last_block_size == (offset + (off_t)length - 1) / last_block_size;
}

static ssize_t last_block_now(kaio_vfs_handle *handle, const struct kaio_attempt *attempt) {
    (void)handle;
    ssize_t result = KAIO_VFS_GO_ON;
    size_t from = (size_t)(attempt->offset % last_block_size);
    if (!attempt->file || !is_in_one_block(attempt->offset, attempt->length)) return result;
    if (atomic_fetch_add(&last_block.users, 1) < filling && last_block.file == attempt->file &&
        last_block.block == attempt->offset / last_block_size && from + attempt->length <= last_block.length) {
        memcpy(attempt->buffer, last_block.memory + from, attempt->length);
        result = (ssize_t)attempt->length;
        last_block.hits++;
    }
    atomic_fetch_sub(&last_block.users, 1);
    // What is not here is worth a request, which brings it.
    return result < 0 ? KAIO_VFS_SLOW : result;
}

static void last_block_read(kaio_vfs_handle *handle, kaio_request *request) {
    off_t offset = kaio_request_offset(request);
    int nobody = 0;
    if (kaio_request_buffer(request) && kaio_request_file(request) &&
        is_in_one_block(offset, kaio_request_length(request)) &&
        atomic_compare_exchange_strong(&last_block.users, &nobody, filling)) {
        last_block.file = NULL;
        last_block.at = last_block.ended == last_block.begun ? last_block.begun : -1;
        if (!last_block.memory) last_block.memory = kaio_vfs_pool_take(last_block_size);
        struct kaio_own own = {KAIO_OPERATION_READ, -1, last_block.memory, last_block_size,
                               offset / last_block_size * last_block_size, 0, 0};
        if (last_block.memory && kaio_vfs_own(handle, request, &own) && kaio_vfs_start(handle, request) == 0) return;
        atomic_fetch_sub(&last_block.users, filling);
    }
    KAIO_VFS_NEXT_AIO_READ(handle, request);
}

static ssize_t last_block_joined(kaio_vfs_handle *handle, kaio_request *request, ssize_t result) {
    (void)handle;
    off_t offset = kaio_request_offset(request);
    size_t from = (size_t)(offset % last_block_size), length = kaio_request_length(request);
    if (result >= 0) {
        size_t there = (size_t)result > from ? (size_t)result - from : 0;
        last_block.block = offset / last_block_size;
        last_block.length = (size_t)result;
        if (last_block.at == last_block.begun) last_block.file = kaio_request_file(request);
        last_block.fills++;
        result = (ssize_t)(there < length ? there : length);
        memcpy(kaio_request_buffer(request), last_block.memory + from, (size_t)result);
    }
    atomic_fetch_sub(&last_block.users, filling);
    return result;
}

static void last_block_write(kaio_vfs_handle *handle, kaio_request *request) {
    last_block.begun++;
    last_block.file = NULL;
    KAIO_VFS_NEXT_AIO_WRITE(handle, request);
}

static ssize_t last_block_done(kaio_vfs_handle *handle, kaio_request *request, ssize_t result) {
    (void)handle;
    if (kaio_request_operation(request) == KAIO_OPERATION_WRITE) last_block.ended++;
    return result;
}

static void last_block_closed(kaio_vfs_handle *handle, kaio_file *file) {
    (void)handle;
    atomic_compare_exchange_strong(&last_block.file, &file, NULL);
}

// The pool is empty here.
static void last_block_forked(kaio_vfs_handle *handle) {
    (void)handle;
    memset(&last_block, 0, sizeof last_block);
}

static UNUSED void register_last_block(void) {
    const struct kaio_vfs_fns fns = {
        .aio_read_fn = last_block_read, .aio_write_fn = last_block_write, .aio_done_fn = last_block_done,
        .forked_fn = last_block_forked, .side = KAIO_VFS_BELOW_ORDERED, .aio_read_now_fn = last_block_now,
        .joined_fn = last_block_joined, .file_closed_fn = last_block_closed};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "last_block", &fns));
}

#endif
