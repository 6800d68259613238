// A module that does each read and write of a file as two requests of its own, one half each.
// Tests/KaioTests/Split.swift is the same in Swift.
#ifndef KAIO_TESTS_SPLIT_H
#define KAIO_TESTS_SPLIT_H

#include "vfs.h"

// False: it goes on whole, being short, of several buffers, or because there is no room for two more.
static int split(kaio_vfs_handle *handle, kaio_request *request) {
    size_t length = kaio_request_length(request), half = length / 8192 * 4096; // of whole blocks, for O_DIRECT
    char *buffer = kaio_request_buffer(request);
    if (half == 0 || !buffer || !kaio_request_file(request)) return 0;
    struct kaio_own part = {kaio_request_operation(request), -1, buffer, half, kaio_request_offset(request), 0, 0};
    struct kaio_own rest = {part.operation, -1, buffer + half, length - half, part.offset + (off_t)half, 0, 0};
    if (!kaio_vfs_own(handle, request, &part) || !kaio_vfs_own(handle, request, &rest)) {
        kaio_vfs_drop(handle, request);
        return 0;
    }
    return kaio_vfs_start(handle, request) == 0;
}

static void split_read(kaio_vfs_handle *handle, kaio_request *request) {
    if (!split(handle, request)) KAIO_VFS_NEXT_AIO_READ(handle, request);
}

static void split_write(kaio_vfs_handle *handle, kaio_request *request) {
    if (!split(handle, request)) KAIO_VFS_NEXT_AIO_WRITE(handle, request);
}

// So that requests have a file.
static void split_closed(kaio_vfs_handle *handle, kaio_file *file) { (void)handle, (void)file; }

static UNUSED void register_split(void) {
    const struct kaio_vfs_fns fns = {
        .aio_read_fn = split_read, .aio_write_fn = split_write, .file_closed_fn = split_closed};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "split", &fns));
}

#endif
