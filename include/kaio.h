/*
 * kaio.h - what libkaio.so offers beyond <aio.h>.
 *
 * The library exports the functions of <aio.h> with the C library's own ABI; programs include that header for them.
 * This header declares the rest. Every function here may be called by any thread.
 */
#ifndef KAIO_H
#define KAIO_H

#define KAIO_VERSION_MAJOR 0
#define KAIO_VERSION_MINOR 2
#define KAIO_VERSION_PATCH 0

/* The version as one number, to compare: 0x000200 is 0.2.0. */
#define KAIO_VERSION_NUMBER \
    (KAIO_VERSION_MAJOR << 16 | KAIO_VERSION_MINOR << 8 | KAIO_VERSION_PATCH)

/* The version as text. */
#define KAIO_VERSION "0.2.0"

#include <aio.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The version of the loaded library, which need not be the one compiled against, as "major.minor.patch". The string
 * belongs to the library and lasts as long as it is loaded. Async-signal-safe.
 */
const char *kaio_version(void);

/*
 * Checks a configuration file, as testparm does for Samba: errors and warnings are written to stderr, one per line,
 * with file and line number. If there are no errors, the configuration as the library reads it is written to stdout, as
 * an equivalent file. NULL means the file named by KAIO_CONFIG. Both are written with write(2): a program that uses
 * stdio should flush stdout first.
 *
 * The only environment variables used are KAIO_CONFIG and KAIO_MODULE_DIR. The file is checked but not applied. The
 * built-in modules check their parameters; an unknown parameter is an error, and so is a bad value. Other modules are
 * not loaded, so their parameters are not checked.
 *
 * Returns 0 if the file has no errors; warnings do not count. Returns -1 with EINVAL if it has errors, or there is no
 * file to check; ENOMEM if there is no memory; EFBIG if it is larger than 1 MiB; or with the errno of open(2), read(2)
 * or write(2). The caller has nothing to free. Any thread may call it at any time, but no signal handler.
 */
int kaio_testparm(const char *file);

/*
 * Vectored requests, with FreeBSD's names: aio_iov is an array of aio_iovcnt buffers (0 to IOV_MAX), filled or written
 * one after the other from aio_offset on. The array and the buffers must stay unchanged until the request is complete.
 * The call itself reads the array, so it must be readable memory. Return values and errors are those of aio_read and
 * aio_write; if a count or the total length is out of range, or the array is null, the request ends with EINVAL.
 */
#ifndef aio_iov
#define aio_iov aio_buf
#define aio_iovcnt aio_nbytes
#endif
int aio_readv(struct aiocb *control);
int aio_writev(struct aiocb *control);

/*
 * FreeBSD's aio_waitcomplete: waits until any of the process's requests is complete whose result has not been taken
 * yet, and returns its result, oldest completion first. It returns each result once; aio_error and aio_return for its
 * aiocb return the same result again.
 *
 * *control is the request's aiocb, or NULL if there was none. A null timeout waits for ever; a zero one polls. Returns
 * what aio_return would return; if that is -1, errno is the request's error.
 *
 * If there is no request (*control is NULL) it returns -1 with EWOULDBLOCK: the timeout expired, or nothing is in
 * flight; EINTR: a signal handler ran; EINVAL: the timeout is invalid.
 *
 * A program that uses this function, or aio_waitn, must take every result; an aiocb whose result has not been taken
 * must stay valid memory. The library remembers the latest 65536 completions. A cancellation point.
 */
ssize_t aio_waitcomplete(struct aiocb **control, struct timespec *timeout);

/*
 * illumos's aio_waitn: waits until at least *wanted of the process's requests are complete, and stores their aiocbs, at
 * most `count`, in `list`. Each is stored once; aio_error and aio_return then return its result.
 *
 * *wanted is set to the number of aiocbs in the list, even if the function fails or the thread is cancelled. Returns 0,
 * or -1 with ETIME: the timeout expired; EINTR: a signal handler ran; EAGAIN: fewer than *wanted are in flight or
 * complete, and all of them are in the list; EINVAL: the list, count, *wanted (0, or more than count) or the
 * timeout is invalid. A cancellation point.
 */
int aio_waitn(struct aiocb *list[], unsigned int count, unsigned int *wanted, const struct timespec *timeout);

/*
 * Releases at once everything that the library has in the process, its threads, descriptors and memory, instead of
 * KAIO_IDLE_SECONDS after the last request. It is meant for calls that only a single-threaded process may make, such as
 * unshare(CLONE_NEWUSER). When it returns 0, the threads are gone. The next request starts the library again.
 *
 * Returns -1 with EBUSY if a request is in flight, or if a thread runs a SIGEV_THREAD function or belongs to a module.
 * Must not be called in a signal handler.
 */
int kaio_release(void);

/*
 * A value of sigev_notify: the completion is signalled on the program's own eventfd, whose descriptor is in
 * sigev_value.sival_int and which must stay open until then; the call fails with EINVAL if it can't be one. A list's
 * sigevent may use it too. If the kernel runs the request, the kernel signals the eventfd, without a library thread. A
 * signal means that aio_error should be checked. It may still return EINPROGRESS (because the request continues in
 * another way, or another thread is just handling its completion event); then another signal follows when the status is
 * visible, so there may be several signals for a request.
 */
#define KAIO_SIGEV_EVENTFD 0x6b61

/*
 * Connections: for a program that uses the stack of modules itself.
 *
 * A connection is a service with its own stack, and the files that were opened through it. Requests are the C library's
 * struct aiocb, so the rules of <aio.h> apply: from the call that submits a request until it is complete, the aiocb and
 * its buffer belong to the library. None of these functions may be called in a signal handler; any thread may call
 * them, except as noted for kaio_connection_dispatch. Unless stated otherwise, a function that returns int returns -1
 * and sets errno if it fails. A forked child can only disconnect the parent's connections: everything else fails with
 * EINVAL.
 */
typedef struct kaio_connection kaio_connection;
/* kaio_vfs.h declares it too: C99 refuses a second typedef. */
#ifndef KAIO_FILE_IS_DECLARED
#define KAIO_FILE_IS_DECLARED
typedef struct kaio_file kaio_file;
#endif

/*
 * Connects to a service. NULL for the service's name means "global".
 *
 * vfs_objects are the names of the modules, top to bottom, separated by blanks; aio_pthread is added at the bottom if
 * it is not named. NULL means the modules of that service in KAIO_CONFIG, or of its [global] section if it has no such
 * service, or else the standard stack. parameters are "module:name = value; ..." or NULL; they override those of the
 * configuration, and %p, %u and %h in a value have the same meaning as there. One of them, "aio_linux:aio num events"
 * (1 to 65536, default 128), is how many requests of the connection may be in the kernel at a time; the others wait in
 * order.
 *
 * The caller ends the connection with kaio_disconnect. On failure the result is NULL. A line on stderr gives details if
 * errno is ENOENT: there is no such module, nor a file for it; ELIBBAD: its file does not load; EPERM: a path in a
 * process with another user's privileges; or EINVAL: the file is not a module, a parameter is unknown, a value is bad,
 * or vfs_objects is NULL and KAIO_CONFIG has an error. There is no such line for ENOMEM, EMFILE, ENFILE and ENOSPC: no
 * memory, no descriptor, or no room for another epoll watch (fs.epoll.max_user_watches); and for errors of a module's
 * connect_fn.
 */
kaio_connection *kaio_connect(const char *service, const char *vfs_objects, const char *parameters);

/*
 * Ends a connection and frees it. Files that are still open are closed, as by kaio_close; then the callbacks that are
 * due are called, in this thread, and none afterwards. Nothing can be submitted meanwhile (EBADF).
 *
 * When a process that used the library in no other way closes its last connection, everything is released at once,
 * which takes some 30 ms. EBUSY: called in a callback, or while another thread dispatches, or while a client has blocks
 * of a file (kaio_bufio.h).
 */
int kaio_disconnect(kaio_connection *connection);

/*
 * Opens a file through the connection's modules, as open(2) does, with O_CLOEXEC. The file stays open until kaio_close
 * or the end of its connection. On failure returns NULL with the errno of open(2). The descriptor of a FIFO or a
 * terminal is in non-blocking mode; without O_NONBLOCK in `flags`, requests wait all the same.
 */
kaio_file *kaio_open(kaio_connection *connection, const char *path, int flags, mode_t mode);

/* The file's descriptor, for fstat(2) and the like. It must not be closed. */
int kaio_file_fd(const kaio_file *file);

/*
 * Closes a file; EBUSY while a client has its blocks (kaio_bufio.h). Requests that can be cancelled end with ECANCELED,
 * and the function waits for the others: afterwards no aiocb and no buffer is in use. Callbacks that are due are still
 * called, by dispatch, with this handle, which they may use only for kaio_aio_error and kaio_aio_return; it is freed
 * after the last of them, or here if there are none. May be called in a callback. If it fails as close(2) does, the
 * file is closed nevertheless.
 */
int kaio_close(kaio_file *file);

/*
 * aio_read, aio_write, aio_fsync (operation: O_SYNC or O_DSYNC) on a file of a connection. The call sets aio_fildes.
 * aio_sigevent must be SIGEV_NONE, or as set by kaio_set_callback; anything else is EINVAL, because completions are
 * reported by the connection's descriptor. Errors are those of <aio.h>; if there is one, nothing was queued, and the
 * aiocb is the caller's. EBADF: the file or the connection is being closed.
 */
int kaio_aio_read(kaio_file *file, struct aiocb *control);
int kaio_aio_write(kaio_file *file, struct aiocb *control);
int kaio_aio_fsync(kaio_file *file, int operation, struct aiocb *control);

/*
 * aio_error, aio_return and aio_cancel (control NULL: all requests of the file), with the same results. AIO_CANCELED
 * means that the request will no longer touch its buffer. Cancelled requests have their callbacks called too.
 */
int kaio_aio_error(kaio_file *file, const struct aiocb *control);
ssize_t kaio_aio_return(kaio_file *file, struct aiocb *control);
int kaio_aio_cancel(kaio_file *file, struct aiocb *control);

/*
 * Waits until none of the list's requests is in progress: it waits for all of them, whereas aio_suspend waits for any.
 * Null entries are skipped. Completions of requests outside the list are not lost: their status is visible, and
 * kaio_connection_dispatch calls their callbacks, which this function never does. A null timeout waits for ever; a zero
 * timeout only checks.
 *
 * Returns 0 if all are complete, or -1 with EAGAIN: the timeout expired before all were complete; EINTR: a signal
 * handler ran, even with SA_RESTART; EINVAL: a negative count, or an invalid timeout. A cancellation point.
 */
int kaio_aio_suspend(kaio_connection *connection, const struct aiocb *const list[], int count,
                     const struct timespec *timeout);

/*
 * One descriptor for epoll, poll, select or libevent, readable when kaio_connection_dispatch has something to do, and
 * occasionally when it has not. It belongs to the connection and must not be closed or read. It is meant to be used
 * level-triggered.
 */
int kaio_connection_fd(const kaio_connection *connection);

/*
 * Collects completions and calls the callbacks, in the calling thread and with its signal mask; never waits. It handles
 * at most `most` requests; if that is 0 or less, all that are complete when it begins. If any are left, the descriptor
 * stays readable. Returns how many requests have completed since the last call, with or without a callback.
 *
 * Only one thread at a time may call it: a second one gets EBUSY, and so does a callback. As long as the kernel can
 * perform its requests, a program that uses the library only in this way has no library thread; this call releases
 * everything when nothing has been submitted for KAIO_IDLE_SECONDS (the descriptor becomes readable for that).
 */
int kaio_connection_dispatch(kaio_connection *connection, int most);

/* A value of sigev_notify for connections: see kaio_set_callback. */
#define KAIO_SIGEV_CALLBACK 0x6b62

/*
 * Makes kaio_connection_dispatch call `done` once when the request is complete, with the file, the aiocb and
 * `argument`. By then kaio_aio_error returns its status. The callback may submit the aiocb again, or free it; until
 * then it must stay valid, even if its result was taken before. The callback must return: no longjmp, no pthread_exit.
 */
static inline __attribute__((__unused__)) void kaio_set_callback(
    struct aiocb *control, void (*done)(kaio_file *, struct aiocb *, void *), void *argument) {
    control->aio_sigevent.sigev_notify = KAIO_SIGEV_CALLBACK;
    /* Without POSIX's names (-std=c11 and its kin) the members of sigval have others, and so has its type. */
    *(void **)&control->aio_sigevent.sigev_value = argument;
    control->aio_sigevent.sigev_notify_function =
        (__typeof__(control->aio_sigevent.sigev_notify_function))(void (*)(void))done;
}

#ifdef __cplusplus
}
#endif

#endif
