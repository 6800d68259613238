/*
 * kaio_vfs.h - modules of kaio's VFS, written in C.
 *
 * A module stands between a program's asynchronous requests and the kernel, with others above and below it, as in
 * Samba's VFS: it fills in a table of functions, registers it under a name, and is put into a stack by that name:
 *
 *     vfs objects = mymodule ordered aio_linux aio_poll aio_pthread
 *     mymodule:limit = 10
 *
 * docs/modules/writing.md shows a complete one. It may be a shared object, which kaio loads when a configuration names
 * it, or part of the program itself.
 *
 * WHERE FUNCTIONS ARE CALLED. There are two kinds of functions:
 *
 *   Functions for requests (aio_read_fn, aio_write_fn, aio_fsync_fn, aio_done_fn, aio_withdraw_fn) are called
 *     - by any thread, and by several at the same time, even for the same file;
 *     - with all signals blocked: nothing interrupts the function in its thread, so a mutex that is locked only in such
 *       functions, and unlocked before they return, never deadlocks with itself;
 *     - possibly from a signal handler of the program (aio_error and aio_suspend may be called in one, and they collect
 *       completions), which may have interrupted anything except these functions: malloc, stdio, or another of the
 *       module's functions. So they must not call malloc, free, stdio, syslog or pthread_create, or take a lock that is
 *       also taken with signals unblocked; the module's own thread must block all signals (sigfillset, pthread_sigmask)
 *       before it takes one. Allocate memory in connect_fn. System calls, memcpy and atomics are fine.
 *     - They must be quick: every later request waits.
 *   The thread can't be cancelled meanwhile, and the library restores its errno.
 *
 *   All others (connect_fn, open_fn, ...) are called like ordinary functions, and may do anything. But connect_fn for a
 *   service of a preloaded program is called in the middle of its first request, so it must not use <aio.h>.
 *
 * Results of requests follow the kernel's convention: a count of bytes, or a negated errno (-EIO). The other functions
 * follow the C library's: -1 with errno.
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

/* The interface version that this header describes. A module built for another version is refused. */
#define KAIO_VFS_INTERFACE_VERSION 2

/*
 * A module's place in one stack: the same module in two stacks, or twice in one, has two handles, and each connection
 * has its own. A handle lasts until disconnect_fn has returned and its data is freed; for a preloaded program's
 * service, for ever.
 */
typedef struct kaio_vfs_handle kaio_vfs_handle;

/*
 * A request. It belongs to the module from the call that delivers it until it is passed on or completed, and again
 * while aio_done_fn handles its completion. It is an opaque value, not an address: a function that is called too late,
 * or by a module that does not own the request, fails harmlessly.
 */
typedef struct kaio_request kaio_request;

/*
 * An open file: one object for each file and stack, from the first request (or a connection's open) on its first
 * descriptor until the last known descriptor is closed, or its number is found to belong to another file. Like a
 * request, it is an opaque value, not an address.
 */
#ifndef KAIO_FILE_IS_DECLARED
#define KAIO_FILE_IS_DECLARED
typedef struct kaio_file kaio_file;
#endif

/* aio_done_fn and joined_fn keep the request; see there. */
#define KAIO_VFS_KEEP ((ssize_t)LONG_MIN)

/* aio_read_now_fn and aio_write_now_fn: this module has no objection; the next one is asked. */
#define KAIO_VFS_GO_ON ((ssize_t)LONG_MIN + 1)
/* The same functions: a request is to be created, and passed to the module's other functions. */
#define KAIO_VFS_SLOW ((ssize_t)LONG_MIN + 2)

enum kaio_operation {
    KAIO_OPERATION_NONE = 0, /* the request is over */
    KAIO_OPERATION_READ = 1,
    KAIO_OPERATION_WRITE = 2,
    KAIO_OPERATION_FSYNC = 3,
    KAIO_OPERATION_FDATASYNC = 4
};

/* A transfer of one buffer on a file that might be performed at once, before a request is created. */
struct kaio_attempt {
    kaio_file *file; /* null if the module has no functions for files */
    int fd;
    void *buffer;
    size_t length;
    off_t offset;
};

/* On which side of `ordered` a module belongs, in a stack that has that module. A stack in another order is refused. */
enum kaio_vfs_side { KAIO_VFS_EITHER_SIDE = 0, KAIO_VFS_ABOVE_ORDERED = 1, KAIO_VFS_BELOW_ORDERED = 2 };

/* A module's functions. A null entry passes everything on to the module below. */
struct kaio_vfs_fns {
    /*
     * Connects the module for the service of this name: the place to read parameters and to allocate the handle's data.
     * Calls KAIO_VFS_NEXT_CONNECT, usually first. Returns 0, or -1 with errno: then the stack is not used, the handle's
     * data is freed, and the modules below that were connected are disconnected. Called once for each connection, or
     * service of a preloaded program; a handle may have been disconnected before.
     */
    int (*connect_fn)(kaio_vfs_handle *handle, const char *service);

    /* The counterpart, called once for each connect_fn that returned 0, when no request is left and no thread is in one
     * of the module's functions for requests; calls KAIO_VFS_NEXT_DISCONNECT. The handle's data is freed afterwards.
     * A preloaded program's services are never disconnected. */
    void (*disconnect_fn)(kaio_vfs_handle *handle);

    /* open(2) and close(2) of a connection's file: a descriptor or 0; or -1 with errno. The path may be changed. */
    int (*open_fn)(kaio_vfs_handle *handle, const char *path, int flags, mode_t mode);
    int (*close_fn)(kaio_vfs_handle *handle, int fd);

    /*
     * A request on its way down. Each does one of three things with it: - pass it on: KAIO_VFS_NEXT_AIO_READ(handle,
     * request); - complete it: kaio_vfs_complete(handle, request, result); - keep it, and do one of the two later, from
     * any thread. Until then its buffers may be read and, for a read request, changed. Its descriptor may be used only
     * before this function returns: later the program may have closed it. (dup(2) it here, if it is needed later.)
     */
    void (*aio_read_fn)(kaio_vfs_handle *handle, kaio_request *request);
    void (*aio_write_fn)(kaio_vfs_handle *handle, kaio_request *request);
    void (*aio_fsync_fn)(kaio_vfs_handle *handle, kaio_request *request);

    /*
     * The completion, on its way up, of a request that this module passed on. Returns the result to continue with,
     * usually the one it is given; or KAIO_VFS_KEEP, and calls kaio_vfs_complete(handle, request, result) later, from
     * any thread. The data that was read is in the buffers, which may be changed. -ECANCELED is only a notification:
     * somebody is waiting for it, and the return value is ignored.
     */
    ssize_t (*aio_done_fn)(kaio_vfs_handle *handle, kaio_request *request, ssize_t result);

    /*
     * Cancels a request that the module keeps on its way down. Returns 1 if the module has forgotten it and none of its
     * threads uses its buffers any more: the library ends it with ECANCELED. Returns 0 if it can't be cancelled now;
     * then aio_cancel returns AIO_NOTCANCELED. If its descriptor is being closed, `must` is 1, and after a 0 the
     * request ends with ECANCELED when the module passes it on. Null acts as a function that returns 0.
     */
    int (*aio_withdraw_fn)(kaio_vfs_handle *handle, kaio_request *request, int must);

    /*
     * The calls of a program that uses a connection (kaio.h), like the functions of <aio.h> with the same names; they
     * are not called for a preloaded program. aio_suspend_fn waits for all requests of its list, for at most `timeout`
     * from now (null: for ever), and fails with EAGAIN when the timeout expires.
     */
    int (*aio_error_fn)(kaio_vfs_handle *handle, const struct aiocb *control);
    ssize_t (*aio_return_fn)(kaio_vfs_handle *handle, struct aiocb *control);
    int (*aio_cancel_fn)(kaio_vfs_handle *handle, int fd, struct aiocb *control);
    int (*aio_suspend_fn)(kaio_vfs_handle *handle, const struct aiocb *const list[], int count,
                          const struct timespec *timeout);

    /*
     * Called in a forked child, at its first request, before anything else: every request that the module had belongs
     * to the parent, the parent's threads do not exist here, and locks may be held by one of them. The module must
     * forget everything.
     */
    void (*forked_fn)(kaio_vfs_handle *handle);

    enum kaio_vfs_side side;

    /*
     * The fast path: can the transfer be performed at once? Returns a count of bytes, if the module has performed it
     * (no other module sees it), or KAIO_VFS_GO_ON or KAIO_VFS_SLOW. Called in the program's own call with signals
     * unblocked, and a signal handler may call it again meanwhile: no lock, no allocation, no waiting. The descriptor
     * still belongs to the file. Only for services of preloaded and linked programs; a connection always creates
     * requests.
     */
    ssize_t (*aio_read_now_fn)(kaio_vfs_handle *handle, const struct kaio_attempt *attempt);
    ssize_t (*aio_write_now_fn)(kaio_vfs_handle *handle, const struct kaio_attempt *attempt);

    /*
     * All requests that the module made for one of the program's requests (kaio_vfs_own) are complete. `result` is
     * their combined result if each is a part of a transfer: the sum up to the first that failed or is short. Returns
     * the result to end the request with, or KAIO_VFS_KEEP, and calls kaio_vfs_complete later. Null acts as a function
     * that returns `result`.
     */
    ssize_t (*joined_fn)(kaio_vfs_handle *handle, kaio_request *request, ssize_t result);

    /* A request that the module made for none of the program's is complete; it is gone when this function returns. */
    void (*own_done_fn)(kaio_vfs_handle *handle, kaio_request *own, ssize_t result);

    /*
     * file_opened_fn: a file is seen for the first time, through this descriptor, before its first request comes. It is
     * called in the submitting call, with signals blocked, so it must not do anything that may wait for a server.
     * file_closes_fn: the file's last descriptor is about to be closed, or was closed unnoticed by the library. The
     * module does what it still has to do with the file, and may hold it until that is done (kaio_vfs_file_hold); after
     * that the file may come into use again. file_closed_fn: the file is gone, except for the modules' descriptors.
     */
    void (*file_opened_fn)(kaio_vfs_handle *handle, kaio_file *file, int fd);
    void (*file_closes_fn)(kaio_vfs_handle *handle, kaio_file *file);
    void (*file_closed_fn)(kaio_vfs_handle *handle, kaio_file *file);
};

/*
 * Registers a module. The version is KAIO_VFS_INTERFACE_VERSION. Name and table are copied. Returns 0, or -1 with a
 * message on stderr and
 *   EINVAL  a version other than the library's, no table, or a name that is empty or has blanks or one of / : = ; , "
 *   EEXIST  a module has that name, perhaps one of kaio's own
 *   ENOMEM
 * A module in a shared object calls it in a constructor, or in `int kaio_module_init(void)`, which is called after
 * loading if it exists (and returns 0 for success). A module that is part of the program is registered before the first
 * request. Thread-safe; not to be called in a signal handler.
 */
int kaio_vfs_register(int version, const char *name, const struct kaio_vfs_fns *fns);

/*
 * Pass a request on to the next module below. Return 0, or -1 if the request does not belong to the module (any more).
 * They may be called in any thread, at any time, even in a signal handler; and in one of the functions above for any
 * request of any handle, without nesting. errno is not changed.
 */
#define KAIO_VFS_NEXT_AIO_READ(handle, request) kaio_vfs_next_request((handle), (request))
#define KAIO_VFS_NEXT_AIO_WRITE(handle, request) kaio_vfs_next_request((handle), (request))
#define KAIO_VFS_NEXT_AIO_FSYNC(handle, request) kaio_vfs_next_request((handle), (request))
int kaio_vfs_next_request(kaio_vfs_handle *handle, kaio_request *request);

/* Completes a request with a count of bytes or a negated errno (-EIO if it is not a valid one). Otherwise as above. */
int kaio_vfs_complete(kaio_vfs_handle *handle, kaio_request *request, ssize_t result);

/*
 * The handle's queue, for a module that lets requests wait. kaio_vfs_hold puts a request into it that the module has on
 * its way down: it returns 0, or -1 if the request does not belong to the module. There the library can cancel it, also
 * when its descriptor is closed, without the module; a forked child's queue is empty. kaio_vfs_take takes out the next
 * request, which the module keeps from then on, or returns null if there is none. Below `ordered` the next one is that
 * of the highest priority (aio_reqprio) or, after 32 others have overtaken it, the oldest; elsewhere, the first that
 * came. Both functions are async-signal-safe, and do not change errno.
 */
int kaio_vfs_hold(kaio_vfs_handle *handle, kaio_request *request);
kaio_request *kaio_vfs_take(kaio_vfs_handle *handle);

/*
 * The module's own requests. They belong to no aiocb, are seen only by the modules below, and are counted separately in
 * the statistics. All of these functions are async-signal-safe, and do not change errno.
 */
struct kaio_own {
    enum kaio_operation operation;
    int fd;       /* in a request for one of the program's: -1 stands for that one's descriptor */
    void *buffer; /* valid until completion; in a transfer for one of the program's, null stands for all its buffers */
    size_t length;
    off_t offset;
    int priority; /* aio_reqprio */
    unsigned flags;
};

/* `ordered` lets it pass: the module makes sure that it does not conflict with anything in flight. */
#define KAIO_OWN_UNORDERED 1u

/* Makes a request for one of the program's that the module has or, if `request` is null, for none. Returns null if no more
 * can be made; then let the program's request go on without it. */
kaio_request *kaio_vfs_own(kaio_vfs_handle *handle, kaio_request *request, const struct kaio_own *what);

/* Passes on all requests that were made for one of the program's, which waits for them, can't be cancelled meanwhile, and is
 * then passed to joined_fn; or a request that was made for none. Returns 0, or -1 if it does not belong to the module, or if
 * none was made. */
int kaio_vfs_start(kaio_vfs_handle *handle, kaio_request *request);

/* Discards the requests that were made for one of the program's and not started. */
void kaio_vfs_drop(kaio_vfs_handle *handle, kaio_request *request);

/* In joined_fn: the request that was made as number `index`, from 0, to ask for its kaio_request_result; or null. */
kaio_request *kaio_request_own(kaio_request *request, int index);

/*
 * Open files, for a module with functions for them. kaio_request_file returns a request's file, or null if it is not a
 * file. Each file has a value for the module's use, initially null. kaio_vfs_file_open opens a descriptor that the
 * program can neither see nor close, for `path` or, if that is null, for the same file as `fd`; it is closed when the
 * file is gone, not before (a process loses its record locks on a file when any descriptor of it is closed). It returns
 * -1 with errno if it fails.
 */
kaio_file *kaio_request_file(kaio_request *request);
void kaio_vfs_set_file_data(kaio_vfs_handle *handle, kaio_file *file, void *data);
void *kaio_vfs_file_data(kaio_vfs_handle *handle, kaio_file *file);
int kaio_vfs_file_open(kaio_vfs_handle *handle, kaio_file *file, const char *path, int fd, int flags);

/* In file_closes_fn: keeps the file until it is released; closing the descriptor waits until then. */
void kaio_vfs_file_hold(kaio_vfs_handle *handle, kaio_file *file);
void kaio_vfs_file_release(kaio_vfs_handle *handle, kaio_file *file);

/* Memory from a pool that all modules share (KAIO_POOL), in whole pages, for functions that must not call malloc. Null: none
 * is left. Not to be called in aio_read_now_fn and aio_write_now_fn. */
void *kaio_vfs_pool_take(size_t size);
void kaio_vfs_pool_give(void *memory, size_t size);

/* The other functions of the next module below; results are those of the functions in the table. ENOTCONN before connect_fn. */
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
 * A value for the module's use for each handle, initially null. free_fn, if not null, is called with it when another is
 * set, after disconnect_fn, and after a connect_fn that failed. Reading it is async-signal-safe; it is usually set in
 * connect_fn.
 */
void kaio_vfs_set_data(kaio_vfs_handle *handle, void *data, void (*free_fn)(void *data));
void *kaio_vfs_data(kaio_vfs_handle *handle);

/* The same for each request: the address of a value that is initially null. Null if the request does not belong to the
 * module. The address is reused for another request when this one is completed. Async-signal-safe. */
void **kaio_vfs_request_data(kaio_vfs_handle *handle, kaio_request *request);

/*
 * Parameters of the module for this handle's service, with `name` without the module: "limit" is `mymodule:limit`. If a
 * parameter is not set, or bad, the default is returned. A bad one is reported on stderr, and if that is before
 * connect_fn has returned, the stack is not used. Sizes are in bytes, such as 512, 64k, 1M, 2G. A string belongs to the
 * library, and lasts as long as the handle. Not to be called in the functions for requests.
 */
long kaio_vfs_parm_int(kaio_vfs_handle *handle, const char *name, long standard);
size_t kaio_vfs_parm_size(kaio_vfs_handle *handle, const char *name, size_t standard);
int kaio_vfs_parm_bool(kaio_vfs_handle *handle, const char *name, int standard);
const char *kaio_vfs_parm_string(kaio_vfs_handle *handle, const char *name, const char *standard);

/*
 * The module's counters, for KAIO_STATS_FILE, the report of `stats` and `kaio top`. kaio_vfs_numbers, in connect_fn,
 * names up to 16 of them, separated by blanks, in at most 191 bytes; the name of a counter that may decrease is
 * preceded by =. It returns 0, or -1 if there is no memory. There is one set of counters for the module in each
 * service, and they begin with 0, also in a forked child. Counting is async-signal-safe.
 */
int kaio_vfs_numbers(kaio_vfs_handle *handle, const char *names);
void kaio_vfs_count(kaio_vfs_handle *handle, int number, long change);

/* The service's name ("global" if there is none), and the name under which the module was registered. They belong to the
 * library, and last as long as the handle. Async-signal-safe. */
const char *kaio_vfs_service(kaio_vfs_handle *handle);
const char *kaio_vfs_name(kaio_vfs_handle *handle);

/*
 * What a request asks for, while it belongs to the module; all of these are async-signal-safe.
 */
enum kaio_operation kaio_request_operation(const kaio_request *request);
int kaio_request_fd(const kaio_request *request);        /* -1: the request is over */
size_t kaio_request_length(const kaio_request *request); /* in bytes, of all buffers */
off_t kaio_request_offset(const kaio_request *request);  /* meaningless with O_APPEND, and for pipes and sockets */
ssize_t kaio_request_result(const kaio_request *request); /* in aio_done_fn and after KAIO_VFS_KEEP */

/* The buffer, or null if there are several (aio_readv). */
void *kaio_request_buffer(const kaio_request *request);

/* All buffers, even if there is only one: stores at most `most` in `vector`, and returns how many there are. */
int kaio_request_iovec(const kaio_request *request, struct iovec *vector, int most);

/*
 * The file's current path according to the kernel, terminated by a zero byte. Returns its length, or -1 with errno
 * EBADF: the request is over; ENOENT: the path is not available; ERANGE: it does not fit. It makes a system call, and
 * may be called only before aio_read_fn and its like return.
 */
ssize_t kaio_request_path(const kaio_request *request, char *buffer, size_t size);

#ifdef __cplusplus
}
#endif

#endif
