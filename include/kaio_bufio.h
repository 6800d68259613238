/*
 * kaio_bufio.h - cached blocks of a file: the cache of the module bufio, for programs that work with its blocks.
 *
 * A client has a file of a connection whose stack has bufio. Its buffers are the module's own blocks: kaio_aio_read on
 * the file sees a client's changes, and vice versa. Any thread may call these functions at any time, but no signal
 * handler; in a forked child all of them fail with EINVAL. A function that returns int returns 0, or -1 and sets errno;
 * one that returns a pointer returns NULL and sets errno. Wrong use is an error, and a line on stderr names the block.
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
 * A client's options. All except `size` may be zero.
 *
 * size: sizeof(struct kaio_bufio_options), so that the library knows which members there are. block_size: the stack's
 * (bufio:block, a power of two from 512 to 1 MiB), or 0; any other is EINVAL. user_bytes: how many bytes each buffer
 * has for the program's own data, at most 65536; they are zeroed when a buffer is created, and last as long as the
 * block is in the cache. minimum_buffers: as for kaio_bufio_set_minimum_buffers.
 *
 * allocated, if not NULL, is called when a buffer is created, before any function returns it, in the thread of that
 * call. writing is called before a block is written, to compute a checksum, for example; also for data from
 * kaio_aio_write (user is NULL if the client never had the block). It runs in any thread, with signals blocked, must
 * not wait, and must not call any function of the library.
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
 * Creates a client for the blocks of a file, which can't be closed before kaio_bufio_destroy (kaio_close and
 * kaio_disconnect fail with EBUSY). Options may be NULL.
 *
 * NULL with EINVAL: the connection's stack has no bufio, or the options are invalid; EBUSY: the file has a client,
 * perhaps through another kaio_open; ENOTSUP: it is neither a regular file nor a block device, or can't be opened a
 * second time; EMFILE, ENOMEM.
 */
kaio_bufio *kaio_bufio_create(kaio_file *file, const struct kaio_bufio_options *options);

/*
 * Writes dirty blocks, as kaio_bufio_write_dirty does, and ends the client, even if that fails; then its error is
 * returned. -1 with EBUSY: buffers are held, or reads are not finished; each held block is named on stderr, and the
 * client stays.
 */
int kaio_bufio_destroy(kaio_bufio *client);

/*
 * Returns the block's data, which is read if it is not in the cache, and stores in *buffer a handle for it, which is
 * held until kaio_bufio_release; each call holds it once more. Waits. If the read fails (with its errno), nothing is
 * kept: the next call tries again. Data beyond the end of the file in its last block is zero. ENXIO: the block is past
 * the end; ENOMEM: all buffers are held. If the buffers that are not held are dirty and can't be written, it fails with
 * the error of the write.
 */
void *kaio_bufio_read(kaio_bufio *client, uint64_t block, kaio_bufio_buffer **buffer);

/* The same, but only if the block is in the cache; never waits for a transfer. EAGAIN: it is not, or is being read. */
void *kaio_bufio_get(kaio_bufio *client, uint64_t block, kaio_bufio_buffer **buffer);

/*
 * The same without reading, for callers that overwrite the whole block: it contains zeroes, or what is in the cache.
 * Until it is marked dirty nobody else gets it; if it never is, it is dropped when it is released. It may be past the
 * end of a regular file, which grows when the block is written.
 */
void *kaio_bufio_new(kaio_bufio *client, uint64_t block, kaio_bufio_buffer **buffer);

/*
 * Begins to read a block, and returns. `control` is a request of the connection: its sigevent may be set by
 * kaio_set_callback, and kaio_aio_error and kaio_aio_cancel accept it, with the client's file. When it is complete,
 * kaio_bufio_finish returns what kaio_bufio_read would, once, in the callback or anywhere else; the block is held from
 * the completion on, so each read must be finished. EINPROGRESS: it is not complete; EINVAL: it is not such a request,
 * or already finished.
 */
int kaio_bufio_read_async(kaio_bufio *client, uint64_t block, struct aiocb *control);
void *kaio_bufio_finish(kaio_bufio *client, struct aiocb *control, kaio_bufio_buffer **buffer);

/* Begins to read `count` blocks; never waits, and skips blocks for which there is no room. ENXIO: the first is past the end. */
int kaio_bufio_prefetch(kaio_bufio *client, uint64_t block, uint64_t count);

/* Ends a hold. EINVAL: it is not held. */
int kaio_bufio_release(kaio_bufio_buffer *buffer);

/*
 * Marks a held buffer as changed: all of it, or the bytes from..to (widened to multiples of 4096), will be written: by
 * kaio_bufio_write_dirty, when much of the cache is dirty, or at the end. A regular file grows up to the last of these
 * bytes. Call it after the change; a buffer may be changed while it is being written, and is then written again.
 */
int kaio_bufio_mark_dirty(kaio_bufio_buffer *buffer);
int kaio_bufio_mark_partial_dirty(kaio_bufio_buffer *buffer, size_t from, size_t to);

/* Begins to write all dirty blocks. */
int kaio_bufio_write_dirty_async(kaio_bufio *client);

/*
 * Writes all dirty blocks, waits, and then syncs the file (fdatasync). -1 with the first error of any write since the
 * last call of this function: blocks that could not be written stay dirty, and the next call tries again.
 */
int kaio_bufio_write_dirty(kaio_bufio *client);

/* Syncs the file (fdatasync), without writing dirty blocks. Waits. */
int kaio_bufio_issue_flush(kaio_bufio *client);

/*
 * Discards blocks on the device or in the file system (they read as zeroes then), and drops them from the cache, dirty
 * or not. EBUSY: one is held; ENXIO: they are past the end; EOPNOTSUPP: the device or file system does not support it;
 * EBADF: the file is not open for writing.
 */
int kaio_bufio_issue_discard(kaio_bufio *client, uint64_t block, uint64_t count);

/*
 * Moves a held buffer's data to another block, which becomes dirty, and ends the hold. The other block's data is
 * dropped; if the buffer was dirty, it is first written to its old place. EBUSY: the other block is held. If the
 * function fails, even with the error of that write, the buffer is still held.
 */
int kaio_bufio_move(kaio_bufio_buffer *buffer, uint64_t block);

/* A hint that blocks are no longer needed: those that are clean and not held are dropped. */
int kaio_bufio_forget(kaio_bufio *client, uint64_t block);
int kaio_bufio_forget_run(kaio_bufio *client, uint64_t block, uint64_t count);

/* Guarantees that many buffers, whatever the budget; at least 8. */
int kaio_bufio_set_minimum_buffers(kaio_bufio *client, unsigned int count);

/* The file's length in blocks, the last of which may be partial; a block device has only whole ones. Asks the kernel. */
uint64_t kaio_bufio_device_size(kaio_bufio *client);
size_t kaio_bufio_block_size(const kaio_bufio *client);

/* A held buffer's properties. If it is not held: NULL, or UINT64_MAX, with EINVAL. user: NULL without user_bytes. */
kaio_bufio *kaio_bufio_client(kaio_bufio_buffer *buffer);
uint64_t kaio_bufio_block(kaio_bufio_buffer *buffer);
void *kaio_bufio_data(kaio_bufio_buffer *buffer);
void *kaio_bufio_user(kaio_bufio_buffer *buffer);

/*
 * For the process, since it started: hits, misses (blocks), evictions, errors (failed transfers), bytes (memory in use,
 * everything included), budget (bufio:size). For the file, currently: blocks in the cache, dirty ones (including those
 * being written), and held ones.
 */
struct kaio_bufio_counts {
    uint64_t hits, misses, evictions, errors, bytes, budget;
    uint64_t blocks, dirty, held;
};

/* Fills the first `size` bytes; later versions of the library may append counts. */
int kaio_bufio_statistics(kaio_bufio *client, struct kaio_bufio_counts *counts, size_t size);

#ifdef __cplusplus
}
#endif

#endif
