/*
 * kaio_bufio.h - blocks of a file in memory: the cache of the module bufio, for programs that work with its blocks.
 *
 * A client has a file of a connection whose stack has bufio. Its buffers are the module's own blocks: kaio_aio_read of the file
 * finds what a client wrote, and the other way round. Any thread may call these functions at any time, but no signal
 * handler; in the child of a fork all of them give EINVAL. A function that returns int gives 0, or -1 and sets errno; one
 * that returns a pointer gives NULL. What is used wrongly is an error, and a line on stderr that names the block.
 */
#ifndef KAIO_BUFIO_H
#define KAIO_BUFIO_H

#include "kaio.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kaio_bufio kaio_bufio;
/* A block that is held. Not an address of memory: only for these functions. */
typedef struct kaio_bufio_buffer kaio_bufio_buffer;

/*
 * What a client wants; all zero, but for `size`, will do.
 *
 * size: sizeof(struct kaio_bufio_options), so that later members can be told. block_size: that of the stack (bufio:block, a power of
 * two from 512 to 1 MiB), or 0; another is EINVAL. user_bytes: bytes of the program's own beside each buffer, 65536 at most, zeroed when a
 * buffer is made; they last as long as the block is in the cache. minimum_buffers: as for kaio_bufio_set_minimum_buffers.
 *
 * allocated, if not NULL, is called when a buffer is made, before a function gives it to anyone, in the thread of that call.
 * writing is called before a block is written, for a checksum, say: also for what kaio_aio_write has written (user is NULL where the
 * client never had the block). It runs in any thread, with signals blocked, must not wait, and must call no function of the library.
 */
struct kaio_bufio_options {
    size_t size;
    size_t block_size;
    size_t user_bytes;
    unsigned int minimum_buffers;
    void (*allocated)(kaio_bufio *client, uint64_t block, void *data, void *user, void *argument);
    void (*writing)(kaio_bufio *client, uint64_t block, void *data, void *user, void *argument);
    void *argument;
};

/*
 * Begins to work with the blocks of a file, which until kaio_bufio_destroy can't be closed (kaio_close and kaio_disconnect:
 * EBUSY). Options may be NULL, and are only read.
 *
 * NULL with EINVAL: the connection's stack has no bufio, or the options are none of these; EBUSY: the file has a client, perhaps by another
 * kaio_open; ENOTSUP: it is neither a regular file nor a block device, or can't be opened once more; EMFILE, ENOMEM.
 */
kaio_bufio *kaio_bufio_create(kaio_file *file, const struct kaio_bufio_options *options);

/*
 * Writes what is dirty, as kaio_bufio_write_dirty does, and ends the client, also where that fails; then the result is its error. -1 with
 * EBUSY: buffers are held, or reads are not finished; each held block is named on stderr, and the client stays.
 */
int kaio_bufio_destroy(kaio_bufio *client);

/*
 * The block's data, read if it is not there, and in *buffer what stands for it, held until kaio_bufio_release; each call is a
 * hold of its own. Waits. Where a read fails (its errno) nothing is kept: the next one tries again. Behind the end of the file's last
 * block data is zero. ENXIO: the block is past the end; ENOMEM: all buffers are held. Where the others are dirty and can't be
 * written, the error of that.
 */
void *kaio_bufio_read(kaio_bufio *client, uint64_t block, kaio_bufio_buffer **buffer);

/* The same, only if it is there; never waits for a transfer. EAGAIN: it is not, or is just being read. */
void *kaio_bufio_get(kaio_bufio *client, uint64_t block, kaio_bufio_buffer **buffer);

/*
 * The same without reading, for who overwrites all of it: zeroes, or what was there. Until it is marked dirty nobody else gets it, and if
 * it never is, it is forgotten when it is released. May be past the end of a regular file, which grows when it is written.
 */
void *kaio_bufio_new(kaio_bufio *client, uint64_t block, kaio_bufio_buffer **buffer);

/*
 * Begins to read a block, and returns. `control` is a request of the connection: its sigevent may be what kaio_set_callback made,
 * kaio_aio_error and kaio_aio_cancel take it, with the client's file. When it is complete kaio_bufio_finish gives what
 * kaio_bufio_read would, once, in the callback or anywhere else; the hold begins at the completion, so each must be finished. EINPROGRESS: it is
 * not complete; EINVAL: it is none, or finished.
 */
int kaio_bufio_read_async(kaio_bufio *client, uint64_t block, struct aiocb *control);
void *kaio_bufio_finish(kaio_bufio *client, struct aiocb *control, kaio_bufio_buffer **buffer);

/* Begins to read `count` blocks; never waits, and leaves out what there is no room for. ENXIO: the first is past the end. */
int kaio_bufio_prefetch(kaio_bufio *client, uint64_t block, uint64_t count);

/* Ends a hold. EINVAL: it is not held. */
int kaio_bufio_release(kaio_bufio_buffer *buffer);

/*
 * Says that a held buffer was changed: all of it, or the bytes from..to (widened to multiples of 4096), will be written some time: by
 * kaio_bufio_write_dirty, when much of the cache is dirty, or at the end. A regular file grows up to the last of these bytes. To
 * be said after the change; while a buffer is written it may be changed, and is then written once more.
 */
int kaio_bufio_mark_dirty(kaio_bufio_buffer *buffer);
int kaio_bufio_mark_partial_dirty(kaio_bufio_buffer *buffer, size_t from, size_t to);

/* Begins to write all that is dirty. */
int kaio_bufio_write_dirty_async(kaio_bufio *client);

/*
 * Writes all that is dirty, waits, and then syncs the file (fdatasync). -1 with the first error of any write since the last call of
 * this: what could not be written stays dirty, and the next call tries again.
 */
int kaio_bufio_write_dirty(kaio_bufio *client);

/* Syncs the file (fdatasync); writes nothing of what is dirty. Waits. */
int kaio_bufio_issue_flush(kaio_bufio *client);

/*
 * Has the device or the file system forget blocks (they are zero then), and drops them here, dirty or not. EBUSY: one is held; ENXIO: they are
 * past the end; EOPNOTSUPP: it can't be done there; EBADF: the file can't be written to.
 */
int kaio_bufio_issue_discard(kaio_bufio *client, uint64_t block, uint64_t count);

/*
 * Gives a held buffer's data to another block, which is dirty then, and ends the hold. What was there is dropped; if the buffer was dirty
 * it is written to its old place before. EBUSY: the other block is held. Where it fails, also with the error of the write, the
 * hold stays.
 */
int kaio_bufio_move(kaio_bufio_buffer *buffer, uint64_t block);

/* A hint that blocks are needed no more: what is clean and not held goes. */
int kaio_bufio_forget(kaio_bufio *client, uint64_t block);
int kaio_bufio_forget_run(kaio_bufio *client, uint64_t block, uint64_t count);

/* So many buffers can be had whatever the budget; 8 at least. */
int kaio_bufio_set_minimum_buffers(kaio_bufio *client, unsigned int count);

/* The file's length in blocks, the last of which may be short; a block device has whole ones only. The kernel is asked. */
uint64_t kaio_bufio_device_size(kaio_bufio *client);
size_t kaio_bufio_block_size(const kaio_bufio *client);

/* Of a held buffer: NULL, and for the block UINT64_MAX, with EINVAL where it is not held. user: NULL without user_bytes. */
kaio_bufio *kaio_bufio_client(kaio_bufio_buffer *buffer);
uint64_t kaio_bufio_block(kaio_bufio_buffer *buffer);
void *kaio_bufio_data(kaio_bufio_buffer *buffer);
void *kaio_bufio_user(kaio_bufio_buffer *buffer);

/*
 * Of the process, since it started: hits, misses (blocks), evictions, errors (failed transfers), bytes (memory in use, all included), budget
 * (bufio:size). Of the file now: blocks that are there, dirty ones (those that are being written, too), and those that are held.
 */
struct kaio_bufio_counts {
    uint64_t hits, misses, evictions, errors, bytes, budget;
    uint64_t blocks, dirty, held;
};

/* Fills the first `size` bytes; what a later library counts besides comes behind. */
int kaio_bufio_statistics(kaio_bufio *client, struct kaio_bufio_counts *counts, size_t size);

#ifdef __cplusplus
}
#endif

#endif
