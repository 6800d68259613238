// What programs and modules were compiled with: where each member of a public struct is, and the values of the public names. This
// compiles as long as they still fit. A change here is a new major version, or a new version of the interface of modules.
#include <kaio.h>
#include <kaio_bufio.h>
#include <kaio_vfs.h>
#include <stddef.h>

#define AT(type, member, offset) _Static_assert(offsetof(type, member) == (offset), #member " has moved")
#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " has another size")
#define IS(name, value) _Static_assert((long)(name) == (value), #name " has another value")

AT(struct kaio_bufio_options, size, 0);
AT(struct kaio_bufio_options, block_size, 8);
AT(struct kaio_bufio_options, user_bytes, 16);
AT(struct kaio_bufio_options, minimum_buffers, 24);
AT(struct kaio_bufio_options, allocated, 32);
AT(struct kaio_bufio_options, writing, 40);
AT(struct kaio_bufio_options, argument, 48);
// The caller says its size, so it may grow at its end.
_Static_assert(sizeof(struct kaio_bufio_options) >= 56, "struct kaio_bufio_options has shrunk");

AT(struct kaio_bufio_counts, hits, 0);
AT(struct kaio_bufio_counts, misses, 8);
AT(struct kaio_bufio_counts, evictions, 16);
AT(struct kaio_bufio_counts, errors, 24);
AT(struct kaio_bufio_counts, bytes, 32);
AT(struct kaio_bufio_counts, budget, 40);
AT(struct kaio_bufio_counts, blocks, 48);
AT(struct kaio_bufio_counts, dirty, 56);
AT(struct kaio_bufio_counts, held, 64);
_Static_assert(sizeof(struct kaio_bufio_counts) >= 72, "struct kaio_bufio_counts has shrunk");

AT(struct kaio_attempt, file, 0);
AT(struct kaio_attempt, fd, 8);
AT(struct kaio_attempt, buffer, 16);
AT(struct kaio_attempt, length, 24);
AT(struct kaio_attempt, offset, 32);
SIZE(struct kaio_attempt, 40);

AT(struct kaio_vfs_fns, connect_fn, 0);
AT(struct kaio_vfs_fns, disconnect_fn, 8);
AT(struct kaio_vfs_fns, open_fn, 16);
AT(struct kaio_vfs_fns, close_fn, 24);
AT(struct kaio_vfs_fns, aio_read_fn, 32);
AT(struct kaio_vfs_fns, aio_write_fn, 40);
AT(struct kaio_vfs_fns, aio_fsync_fn, 48);
AT(struct kaio_vfs_fns, aio_done_fn, 56);
AT(struct kaio_vfs_fns, aio_withdraw_fn, 64);
AT(struct kaio_vfs_fns, aio_error_fn, 72);
AT(struct kaio_vfs_fns, aio_return_fn, 80);
AT(struct kaio_vfs_fns, aio_cancel_fn, 88);
AT(struct kaio_vfs_fns, aio_suspend_fn, 96);
AT(struct kaio_vfs_fns, forked_fn, 104);
AT(struct kaio_vfs_fns, side, 112);
AT(struct kaio_vfs_fns, aio_read_now_fn, 120);
AT(struct kaio_vfs_fns, aio_write_now_fn, 128);
AT(struct kaio_vfs_fns, joined_fn, 136);
AT(struct kaio_vfs_fns, own_done_fn, 144);
AT(struct kaio_vfs_fns, file_opened_fn, 152);
AT(struct kaio_vfs_fns, file_closes_fn, 160);
AT(struct kaio_vfs_fns, file_closed_fn, 168);
SIZE(struct kaio_vfs_fns, 176);

AT(struct kaio_own, operation, 0);
AT(struct kaio_own, fd, 4);
AT(struct kaio_own, buffer, 8);
AT(struct kaio_own, length, 16);
AT(struct kaio_own, offset, 24);
AT(struct kaio_own, priority, 32);
AT(struct kaio_own, flags, 36);
SIZE(struct kaio_own, 40);

IS(KAIO_SIGEV_EVENTFD, 0x6b61);
IS(KAIO_SIGEV_CALLBACK, 0x6b62);
IS(KAIO_VFS_INTERFACE_VERSION, 2);
IS(KAIO_VFS_KEEP, LONG_MIN);
IS(KAIO_VFS_GO_ON, LONG_MIN + 1);
IS(KAIO_VFS_SLOW, LONG_MIN + 2);
IS(KAIO_OPERATION_NONE, 0);
IS(KAIO_OPERATION_READ, 1);
IS(KAIO_OPERATION_WRITE, 2);
IS(KAIO_OPERATION_FSYNC, 3);
IS(KAIO_OPERATION_FDATASYNC, 4);
IS(KAIO_VFS_EITHER_SIDE, 0);
IS(KAIO_VFS_ABOVE_ORDERED, 1);
IS(KAIO_VFS_BELOW_ORDERED, 2);
IS(KAIO_OWN_UNORDERED, 1);
