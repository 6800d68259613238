/*
 * kaio_vfs.h - modules of kaio's VFS, written in C.
 *
 * A module stands between a program's asynchronous requests and the kernel, with others above and below it, as in
 * Samba's VFS: it fills in a table of functions, registers it under a name, and is put into a stack by that name:
 *
 *     vfs objects = mymodule ordered aio_linux aio_poll aio_pthread
 *     mymodule:limit = 10
 *
 * docs/modules/writing.md shows a whole one. It may be a shared object, which kaio loads when a configuration names it,
 * or a part of the program itself.
 *
 * WHERE A MODULE IS CALLED. Two kinds of functions:
 *
 *   Requests (aio_read_fn, aio_write_fn, aio_fsync_fn, aio_done_fn, aio_withdraw_fn) are called
 *     - by any thread, by several at the same time, for the same file too;
 *     - with all signals blocked: nothing interrupts the function in its thread, so a mutex that is locked in such
 *       functions only, and unlocked before they return, never deadlocks with itself;
 *     - perhaps from a signal handler of the program (aio_error and aio_suspend may be called in one, and they take
 *       completions), which may have interrupted anything outside of these functions: malloc, stdio, or another
 *       function of the module's in its own thread. So no malloc, free, stdio, syslog or pthread_create here, and no
 *       lock that is also taken with signals open; a thread of the module's own blocks all signals (sigfillset,
 *       pthread_sigmask) before it takes one. Memory comes from connect_fn. System calls, memcpy and atomics are fine.
 *     - and must be quick: everybody behind waits.
 *   The thread can't be cancelled meanwhile, and the library puts its errno back.
 *
 *   All others (connect_fn, open_fn, ...) are called like an ordinary function, and may do all that one may. But for a
 *   service of a preloaded program connect_fn is called in the middle of its first request: it must not use <aio.h>.
 *
 * Results of requests are as the kernel has them: a count of bytes, or a negated errno (-EIO). The other functions are
 * as the C library has them: -1 with errno.
 */
#ifndef KAIO_VFS_H
#define KAIO_VFS_H

#include <aio.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The interface that this header describes. A module that was built for another is refused. */
#define KAIO_VFS_INTERFACE_VERSION 1

/*
 * A module's place in one stack: the same module in two stacks, or twice in one, has two, and each connection has its
 * own. It lasts until disconnect_fn has returned and its data is freed; for a service of a preloaded program, for ever.
 */
typedef struct kaio_vfs_handle kaio_vfs_handle;

/*
 * A request. It is the module's from the call that brings it until it is passed on or completed, and again while
 * aio_done_fn looks at its completion. It is a name, not an address: one that is used too late, or by who does not have
 * the request, is refused and does no harm.
 */
typedef struct kaio_request kaio_request;

/* aio_done_fn keeps the completion; see there. */
#define KAIO_VFS_KEEP ((ssize_t)LONG_MIN)

/* What a module does. A null entry hands on to the module below. */
struct kaio_vfs_fns {
    /*
     * The module is put to use, for the service of this name: the place to read parameters and to allocate what
     * belongs to the handle. Calls KAIO_VFS_NEXT_CONNECT, as a rule first. Returns 0, or -1 with errno: the stack is
     * not used then, the handle's data is freed, and the modules below that were connected are disconnected. Called
     * once for each connection, or service of a preloaded program; a handle may be one that was disconnected before.
     */
    int (*connect_fn)(kaio_vfs_handle *handle, const char *service);

    /* The end of that, once for each connect_fn that returned 0, when no request is left and no thread is in a function
     * of the module for one; calls KAIO_VFS_NEXT_DISCONNECT. The handle's data is freed afterwards. Services of a
     * preloaded program have no end. */
    void (*disconnect_fn)(kaio_vfs_handle *handle);

    /* open(2) and close(2) of a connection's file: a descriptor or 0; or -1 with errno. The path may be changed. */
    int (*open_fn)(kaio_vfs_handle *handle, const char *path, int flags, mode_t mode);
    int (*close_fn)(kaio_vfs_handle *handle, int fd);

    /*
     * A request on its way down. Each does one of three things with it:
     *   - pass it on: KAIO_VFS_NEXT_AIO_READ(handle, request);
     *   - complete it: kaio_vfs_complete(handle, request, result);
     *   - keep it, and do one of the two later, from any thread.
     * Until then its buffers may be looked at and, for a read, changed. Its descriptor is only to be used before this
     * function returns: later the program may have closed it. (dup(2) it here, if it is needed later.)
     */
    void (*aio_read_fn)(kaio_vfs_handle *handle, kaio_request *request);
    void (*aio_write_fn)(kaio_vfs_handle *handle, kaio_request *request);
    void (*aio_fsync_fn)(kaio_vfs_handle *handle, kaio_request *request);

    /*
     * The completion, on its way up, of a request that this module passed on. Returns the result to go on with, as a
     * rule the one it is given; or KAIO_VFS_KEEP, and kaio_vfs_complete(handle, request, result) follows later, from
     * any thread. The data that was read is in the buffers, which may be changed. Of -ECANCELED the module is only
     * told: somebody waits for it, and what is returned does not count.
     */
    ssize_t (*aio_done_fn)(kaio_vfs_handle *handle, kaio_request *request, ssize_t result);

    /*
     * A request that the module keeps on its way down is to be cancelled. Returns 1 if the module has forgotten it and
     * no thread of it uses its buffers any more: the library ends it with ECANCELED. 0: not now; then aio_cancel
     * answers AIO_NOTCANCELED. If its descriptor is being closed, `must` is 1, and after a 0 the request ends with
     * ECANCELED when the module passes it on. Null is a function that returns 0.
     */
    int (*aio_withdraw_fn)(kaio_vfs_handle *handle, kaio_request *request, int must);

    /*
     * The calls of a program that uses a connection (kaio.h), as the functions of <aio.h> with the same names; for a
     * preloaded program they are not called. aio_suspend_fn waits for all of its list, at most for `timeout` from now
     * (null: for ever), and fails with EAGAIN when the time is up.
     */
    int (*aio_error_fn)(kaio_vfs_handle *handle, const struct aiocb *control);
    ssize_t (*aio_return_fn)(kaio_vfs_handle *handle, struct aiocb *control);
    int (*aio_cancel_fn)(kaio_vfs_handle *handle, int fd, struct aiocb *control);
    int (*aio_suspend_fn)(kaio_vfs_handle *handle, const struct aiocb *const list[], int count,
                          const struct timespec *timeout);

    /*
     * In the child of a fork, at its first request, before anything else is called: every request that the module had
     * is the parent's, threads do not exist here, locks may be held by one of them. Forget it all.
     */
    void (*forked_fn)(kaio_vfs_handle *handle);
};

/*
 * Makes a module known. The version is KAIO_VFS_INTERFACE_VERSION. Name and table are copied. Returns 0, or -1 with a
 * message on stderr and
 *   EINVAL  another version than the library's, no table, or a name that is empty or has blanks or one of / : = ; , "
 *   EEXIST  a module has that name, perhaps one of kaio's own
 *   ENOMEM
 * A module that is a shared object calls it in a constructor, or in `int kaio_module_init(void)`, which the loader
 * calls if it is there (0: all is well). One of the program itself is registered before the first request.
 * Thread-safe; not in a signal handler.
 */
int kaio_vfs_register(int version, const char *name, const struct kaio_vfs_fns *fns);

/*
 * The next module below. For a request: 0, or -1 if the request is not the module's (any more). These may be used in
 * any thread, at any time, also in a signal handler; in one of the functions above for any request of any handle,
 * without nesting. errno is left alone.
 */
#define KAIO_VFS_NEXT_AIO_READ(handle, request) kaio_vfs_next_request((handle), (request))
#define KAIO_VFS_NEXT_AIO_WRITE(handle, request) kaio_vfs_next_request((handle), (request))
#define KAIO_VFS_NEXT_AIO_FSYNC(handle, request) kaio_vfs_next_request((handle), (request))
int kaio_vfs_next_request(kaio_vfs_handle *handle, kaio_request *request);

/* Ends a request here, with a count of bytes or a negated errno (-EIO for one that is no errno). The rest as above. */
int kaio_vfs_complete(kaio_vfs_handle *handle, kaio_request *request, ssize_t result);

/* The others; results are those of the functions in the table. ENOTCONN before connect_fn. */
#define KAIO_VFS_NEXT_CONNECT(handle, service) kaio_vfs_next_connect((handle), (service))
#define KAIO_VFS_NEXT_DISCONNECT(handle) kaio_vfs_next_disconnect((handle))
#define KAIO_VFS_NEXT_OPEN(handle, path, flags, mode) kaio_vfs_next_open((handle), (path), (flags), (mode))
#define KAIO_VFS_NEXT_CLOSE(handle, fd) kaio_vfs_next_close((handle), (fd))
#define KAIO_VFS_NEXT_AIO_ERROR(handle, control) kaio_vfs_next_aio_error((handle), (control))
#define KAIO_VFS_NEXT_AIO_RETURN(handle, control) kaio_vfs_next_aio_return((handle), (control))
#define KAIO_VFS_NEXT_AIO_CANCEL(handle, fd, control) kaio_vfs_next_aio_cancel((handle), (fd), (control))
#define KAIO_VFS_NEXT_AIO_SUSPEND(handle, list, count, timeout) \
    kaio_vfs_next_aio_suspend((handle), (list), (count), (timeout))
int kaio_vfs_next_connect(kaio_vfs_handle *handle, const char *service);
void kaio_vfs_next_disconnect(kaio_vfs_handle *handle);
int kaio_vfs_next_open(kaio_vfs_handle *handle, const char *path, int flags, mode_t mode);
int kaio_vfs_next_close(kaio_vfs_handle *handle, int fd);
int kaio_vfs_next_aio_error(kaio_vfs_handle *handle, const struct aiocb *control);
ssize_t kaio_vfs_next_aio_return(kaio_vfs_handle *handle, struct aiocb *control);
int kaio_vfs_next_aio_cancel(kaio_vfs_handle *handle, int fd, struct aiocb *control);
int kaio_vfs_next_aio_suspend(kaio_vfs_handle *handle, const struct aiocb *const list[], int count,
                              const struct timespec *timeout);

/*
 * A value of the module's own for each handle, null at first. free_fn, if not null, is called with it when another is
 * set, after disconnect_fn, and after a connect_fn that failed. Reading it is async-signal-safe; it is set in
 * connect_fn, as a rule.
 */
void kaio_vfs_set_data(kaio_vfs_handle *handle, void *data, void (*free_fn)(void *data));
void *kaio_vfs_data(kaio_vfs_handle *handle);

/* The same for each request: the place of a value, null when the request comes. Null, if the request is not the
 * module's. The place is the next request's when this one is completed. Async-signal-safe. */
void **kaio_vfs_request_data(kaio_vfs_handle *handle, kaio_request *request);

/*
 * Parameters of the module for this handle's service, `name` without the module: "limit" is `mymodule:limit`. If one is
 * not set, or bad (which is said on stderr), it is the default. Sizes are bytes, as 512, 64k, 1M, 2G. A text is the
 * library's own, and lasts as long as the handle. Not in the functions for requests.
 */
long kaio_vfs_parm_int(kaio_vfs_handle *handle, const char *name, long standard);
size_t kaio_vfs_parm_size(kaio_vfs_handle *handle, const char *name, size_t standard);
int kaio_vfs_parm_bool(kaio_vfs_handle *handle, const char *name, int standard);
const char *kaio_vfs_parm_string(kaio_vfs_handle *handle, const char *name, const char *standard);

/* The service's name ("global" where there are none), and that under which the module was registered. The library's
 * own, as long as the handle lasts. Async-signal-safe. */
const char *kaio_vfs_service(kaio_vfs_handle *handle);
const char *kaio_vfs_name(kaio_vfs_handle *handle);

/*
 * What a request asks for, while it is the module's; all async-signal-safe.
 */
enum kaio_operation {
    KAIO_OPERATION_NONE = 0, /* it is over */
    KAIO_OPERATION_READ = 1,
    KAIO_OPERATION_WRITE = 2,
    KAIO_OPERATION_FSYNC = 3,
    KAIO_OPERATION_FDATASYNC = 4
};
enum kaio_operation kaio_request_operation(const kaio_request *request);
int kaio_request_fd(const kaio_request *request);        /* -1: it is over */
size_t kaio_request_length(const kaio_request *request); /* in bytes, of all buffers */
off_t kaio_request_offset(const kaio_request *request);  /* has no meaning with O_APPEND, and for pipes and sockets */
ssize_t kaio_request_result(const kaio_request *request); /* in aio_done_fn and after KAIO_VFS_KEEP */

/* The buffer, or null if there are several (aio_readv). */
void *kaio_request_buffer(const kaio_request *request);

/* All buffers, one of aio_read too: puts at most `most` into `vector`, and returns how many there are. */
int kaio_request_iovec(const kaio_request *request, struct iovec *vector, int most);

/*
 * The path of the file, as the kernel tells it now, with a zero behind it. Returns its length. -1 with errno EBADF:
 * it is over; ENOENT: no path can be had; ERANGE: it does not fit. A system call; only before aio_read_fn and its
 * like return.
 */
ssize_t kaio_request_path(const kaio_request *request, char *buffer, size_t size);

#ifdef __cplusplus
}
#endif

#endif
