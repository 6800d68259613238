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
#define KAIO_VFS_INTERFACE_VERSION 2

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

/*
 * An open file: one object for each file and stack, from the first request (or a connection's open) on its first descriptor
 * until the last descriptor that is known is closed, or its number is found to be another file's. A name, not an address, like
 * a request.
 */
#ifndef KAIO_FILE_IS_DECLARED
#define KAIO_FILE_IS_DECLARED
typedef struct kaio_file kaio_file;
#endif

/* aio_done_fn and joined_fn keep the request; see there. */
#define KAIO_VFS_KEEP ((ssize_t)LONG_MIN)

/* aio_read_now_fn and aio_write_now_fn: nothing of this module's is in the way, the next one is asked. */
#define KAIO_VFS_GO_ON ((ssize_t)LONG_MIN + 1)
/* The same: the request is to be made, and comes to the module's other functions. */
#define KAIO_VFS_SLOW ((ssize_t)LONG_MIN + 2)

enum kaio_operation {
    KAIO_OPERATION_NONE = 0, /* it is over */
    KAIO_OPERATION_READ = 1,
    KAIO_OPERATION_WRITE = 2,
    KAIO_OPERATION_FSYNC = 3,
    KAIO_OPERATION_FDATASYNC = 4
};

/* A transfer of one buffer of a file that might be done at once, before there is a request. */
struct kaio_attempt {
    kaio_file *file; /* null if the module has no functions for files */
    int fd;
    void *buffer;
    size_t length;
    off_t offset;
};

/* On which side of the module `ordered` a module belongs, in a stack that has that. A stack in another order is refused. */
enum kaio_vfs_side { KAIO_VFS_EITHER_SIDE = 0, KAIO_VFS_ABOVE_ORDERED = 1, KAIO_VFS_BELOW_ORDERED = 2 };

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

    enum kaio_vfs_side side;

    /*
     * The fast path: may the transfer be done here and now? Returns a count of bytes: it is done, nobody else hears of it;
     * KAIO_VFS_GO_ON or KAIO_VFS_SLOW. Called in the program's own call with signals open, and a signal handler may do the
     * same on top of it: no lock, no allocation, no waiting. The descriptor is still that of the file. Only for the services
     * of preloaded and linked programs; a connection's requests are all made.
     */
    ssize_t (*aio_read_now_fn)(kaio_vfs_handle *handle, const struct kaio_attempt *attempt);
    ssize_t (*aio_write_now_fn)(kaio_vfs_handle *handle, const struct kaio_attempt *attempt);

    /*
     * All requests that the module made for one of its own (kaio_vfs_own) are complete. `result` is what they come to if each
     * is a part of a transfer: the sum up to the first that has failed or is short. Returns the result to end the request
     * with, or KAIO_VFS_KEEP, and kaio_vfs_complete follows. Null is a function that returns `result`.
     */
    ssize_t (*joined_fn)(kaio_vfs_handle *handle, kaio_request *request, ssize_t result);

    /* A request that the module made for none is complete, and gone when this returns. */
    void (*own_done_fn)(kaio_vfs_handle *handle, kaio_request *own, ssize_t result);

    /*
     * A file is new here, by this descriptor; before its first request comes. Its last descriptor is about to be closed, or
     * was closed behind the library's back: the module does what it still has to do with it, and may hold it until that is
     * done (kaio_vfs_file_hold); it may come into use again after that. It is gone, but for the descriptors of the modules.
     * file_opened_fn is called in the call that submits, with signals blocked: what may wait for a server does not belong there.
     */
    void (*file_opened_fn)(kaio_vfs_handle *handle, kaio_file *file, int fd);
    void (*file_closes_fn)(kaio_vfs_handle *handle, kaio_file *file);
    void (*file_closed_fn)(kaio_vfs_handle *handle, kaio_file *file);
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

/*
 * The handle's queue, for a module that lets requests wait. kaio_vfs_hold puts one in that the module has on its way down: 0, or -1
 * if it is not the module's. It can be cancelled and its descriptor closed there without the module, and goes with a fork.
 * kaio_vfs_take takes the next one out, which the module keeps from then on; null: there is none. Below `ordered` the one
 * of the highest priority is the next (aio_reqprio), and after 32 that went before it the oldest; elsewhere the first that
 * came. Both are async-signal-safe, and errno is left alone.
 */
int kaio_vfs_hold(kaio_vfs_handle *handle, kaio_request *request);
kaio_request *kaio_vfs_take(kaio_vfs_handle *handle);

/*
 * Requests of the module's own. They belong to no aiocb, are seen by the modules below only, and are counted apart in the
 * statistics. All of these are async-signal-safe; errno is left alone.
 */
struct kaio_own {
    enum kaio_operation operation;
    int fd;       /* for a request: -1 is its descriptor */
    void *buffer; /* until the request is complete; null in a transfer for a request: all that this one transfers */
    size_t length;
    off_t offset;
    int priority; /* aio_reqprio */
    unsigned flags;
};

/* `ordered` lets it pass: the module has seen to it that nothing in flight is in its way. */
#define KAIO_OWN_UNORDERED 1u

/* Makes one for a request that the module has, or with null for none. Null: there can't be another; then let the request go
 * on without. */
kaio_request *kaio_vfs_own(kaio_vfs_handle *handle, kaio_request *request, const struct kaio_own *what);

/* Passes on all that were made for a request, which waits for them, can't be cancelled meanwhile, and comes back by joined_fn; or
 * one that was made for none. 0, or -1 if it is not the module's, or there is none. */
int kaio_vfs_start(kaio_vfs_handle *handle, kaio_request *request);

/* Gives up those that were made for a request, and not started. */
void kaio_vfs_drop(kaio_vfs_handle *handle, kaio_request *request);

/* In joined_fn: the one that was made as number `index`, from 0 on, for kaio_request_result; null: there is none. */
kaio_request *kaio_request_own(kaio_request *request, int index);

/*
 * Open files, for a module with functions for them. The file of a request; null for what is no file. A value of the module's own
 * for each file, null at first. kaio_vfs_file_open opens a descriptor that the program can neither see nor close: of `path`, or
 * where that is null of the same file as `fd`; it is closed when the file is gone, not before (a process loses its record locks on
 * a file when any descriptor of it is closed). -1 with errno.
 */
kaio_file *kaio_request_file(kaio_request *request);
void kaio_vfs_set_file_data(kaio_vfs_handle *handle, kaio_file *file, void *data);
void *kaio_vfs_file_data(kaio_vfs_handle *handle, kaio_file *file);
int kaio_vfs_file_open(kaio_vfs_handle *handle, kaio_file *file, const char *path, int fd, int flags);

/* In file_closes_fn: the file does not go before it is released, and who closes the descriptor waits until then. */
void kaio_vfs_file_hold(kaio_vfs_handle *handle, kaio_file *file);
void kaio_vfs_file_release(kaio_vfs_handle *handle, kaio_file *file);

/* Memory under a budget that all modules share (KAIO_POOL), in whole pages, to be had where malloc is not. Null: there is none
 * left. Not to be used in aio_read_now_fn and its like. */
void *kaio_vfs_pool_take(size_t size);
void kaio_vfs_pool_give(void *memory, size_t size);

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
 * not set, or bad, it is the default. A bad one is said on stderr, and if that is before connect_fn has returned, the stack
 * is not used. Sizes are bytes, as 512, 64k, 1M, 2G. A text is the library's own, and lasts as long as the handle. Not in
 * the functions for requests.
 */
long kaio_vfs_parm_int(kaio_vfs_handle *handle, const char *name, long standard);
size_t kaio_vfs_parm_size(kaio_vfs_handle *handle, const char *name, size_t standard);
int kaio_vfs_parm_bool(kaio_vfs_handle *handle, const char *name, int standard);
const char *kaio_vfs_parm_string(kaio_vfs_handle *handle, const char *name, const char *standard);

/*
 * What the module counts, for KAIO_STATS_FILE, the report of `stats` and `kaio top`: up to 16 numbers, in connect_fn, by their
 * names with blanks between, of 191 bytes at most; one that may fall has = before its name. 0, or -1 without memory. They are
 * those of the module in the service, and begin with 0, also in the child of a fork. Counting is async-signal-safe.
 */
int kaio_vfs_numbers(kaio_vfs_handle *handle, const char *names);
void kaio_vfs_count(kaio_vfs_handle *handle, int number, long change);

/* The service's name ("global" where there are none), and that under which the module was registered. The library's
 * own, as long as the handle lasts. Async-signal-safe. */
const char *kaio_vfs_service(kaio_vfs_handle *handle);
const char *kaio_vfs_name(kaio_vfs_handle *handle);

/*
 * What a request asks for, while it is the module's; all async-signal-safe.
 */
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
