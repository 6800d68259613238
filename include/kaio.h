/*
 * kaio.h - what libkaio.so has beyond <aio.h>.
 *
 * The library exports the functions of <aio.h> with the C library's own ABI; programs use that header for
 * them. This one declares the rest. Every function here may be called from any thread.
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
 * The version of the library that is loaded, which need not be the one compiled against, as
 * "major.minor.patch". The string is the library's own and lasts as long as it is loaded.
 * Async-signal-safe.
 */
const char *kaio_version(void);

/*
 * Checks a configuration file, as testparm does Samba's: errors and warnings are written to stderr, one on each line,
 * with the file and the line that they are about. If there are no errors, the configuration as it is understood is
 * written to stdout, in the form of such a file. NULL means the file that KAIO_CONFIG names. Both are written with
 * write(2): a program that uses stdio should flush stdout before.
 *
 * Of the environment only KAIO_CONFIG and KAIO_MODULE_DIR count here. Nothing of the file is put to use. The library's
 * own modules check their parameters, of which an unknown one is an error, like a bad value; no other module is loaded,
 * and of theirs nothing is known.
 *
 * Returns 0 if the file is good; warnings do no harm. -1 with EINVAL: it has errors, or there is no file to check;
 * ENOMEM: no memory; EFBIG: it is larger than 1 MiB; or with the errno of open(2), read(2) or write(2). The name is
 * only read, and nothing is left for the caller to free. Any thread may call it at any time, but no signal handler.
 */
int kaio_testparm(const char *file);

/*
 * Vectored requests, with FreeBSD's names: aio_iov is an array of aio_iovcnt buffers (0 to IOV_MAX), filled or
 * written one after the other from aio_offset on. The array, like the buffers, must stay as it is until the
 * request is complete. The call itself reads the array: it must be readable memory. Returns and errors are those
 * of aio_read and aio_write; a count or a total length out of range, or a null array, ends the request with EINVAL.
 */
#ifndef aio_iov
#define aio_iov aio_buf
#define aio_iovcnt aio_nbytes
#endif
int aio_readv(struct aiocb *control);
int aio_writev(struct aiocb *control);

/*
 * FreeBSD's aio_waitcomplete: waits for any request of the process that is complete and whose result was not
 * taken yet, oldest completion first. It is given once; aio_error and aio_return of its aiocb give the same again.
 *
 * *control is the request's aiocb, or NULL if there was none. A null timeout waits for ever; a zero one polls.
 * Returns what aio_return would; if that is -1, errno is the request's error.
 *
 * Without a request (*control is NULL) it returns -1 with EWOULDBLOCK: the time is up, or nothing is in flight;
 * EINTR: a signal handler ran; EINVAL: no valid timeout.
 *
 * A program that uses this, or aio_waitn, must take every result; an aiocb whose result was not taken must stay
 * valid memory. Remembered are the latest 65536 completions. A cancellation point.
 */
ssize_t aio_waitcomplete(struct aiocb **control, struct timespec *timeout);

/*
 * illumos's aio_waitn: waits until at least *wanted requests of the process are complete, and puts their aiocbs,
 * at most `count`, into `list`. Each is put there once; aio_error and aio_return then give its result.
 *
 * *wanted becomes the number of aiocbs in the list, also where it fails or the thread is cancelled. Returns 0, or -1 with ETIME: the time
 * is up; EINTR: a signal handler ran; EAGAIN: fewer than *wanted are in flight or complete, and all that were
 * are in the list; EINVAL: the list, count, *wanted (0, or more than count) or the timeout is none.
 * A cancellation point.
 */
int aio_waitn(struct aiocb *list[], unsigned int count, unsigned int *wanted, const struct timespec *timeout);

/*
 * Gives everything back at once that the library has in the process, its threads, descriptors and memory, instead of
 * KAIO_IDLE_SECONDS after the last request; for calls that a process with one thread only may make, such as
 * unshare(CLONE_NEWUSER). When it returns 0 the threads are gone. The next request starts the library again.
 *
 * Returns -1 with EBUSY: a request is in flight, or a thread is in a function of SIGEV_THREAD or is a
 * module's. Not to be called in a signal handler.
 */
int kaio_release(void);

/*
 * A value of sigev_notify: the completion signals an eventfd of the program's own, whose descriptor is in
 * sigev_value.sival_int, and which must stay open until then; what can't be one is EINVAL from the call. A list's
 * own sigevent may be one too. Where the kernel runs the request, the kernel
 * signals it, with no thread of the library's. A signal says "look": aio_error then tells, and may still say
 * EINPROGRESS (the request goes on another way, or another thread has its event in its hands); another signal
 * follows when the status can be seen, so there may be several for a request.
 */
#define KAIO_SIGEV_EVENTFD 0x6b61

/*
 * Connections: for a program that uses the stack of modules itself.
 *
 * A connection is a service with a stack of its own, and the files that were opened through it. Requests are the C
 * library's struct aiocb, so what is said of them in <aio.h> holds: from the call that submits one until it is
 * complete the aiocb and its buffer belong to the library. None of these functions may be called in a signal
 * handler; any thread may call them, but for what is said of kaio_connection_dispatch. A function that returns int
 * gives -1 and sets errno where nothing else is said. In the child of a fork a connection of the parent's can only
 * be disconnected: all else gives EINVAL.
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
 * vfs_objects are the names of the modules, top to bottom, with blanks between them; aio_pthread is put below them
 * if it is not named. NULL: those of the service in KAIO_CONFIG, or of its [global] if it has no such service; the
 * standard stack if nothing is said anywhere. parameters are "module:name = value; ..." or NULL; they come before
 * those of the configuration, and %p, %u and %h in a value mean what they mean there. Of these, "aio_linux:aio num
 * events" (1 to 65536, default 128) is how many requests of the connection may be in the kernel at a time; the others
 * wait in order.
 *
 * The strings are only read. The connection is the caller's, to be given to kaio_disconnect. NULL with, and a line on
 * stderr that says what is meant, ENOENT: there is no such module, nor a file for it; ELIBBAD: its file does not load;
 * EPERM: a path in a process with another user's rights; EINVAL: it is no module, or a parameter is unknown, or a value
 * bad, or vfs_objects is NULL and KAIO_CONFIG has an error. Without one, ENOMEM, EMFILE, ENFILE or ENOSPC: no memory,
 * no descriptor, no room for one that an epoll watches (fs.epoll.max_user_watches); or what a module's connect says.
 */
kaio_connection *kaio_connect(const char *service, const char *vfs_objects, const char *parameters);

/*
 * Ends a connection and frees it. Files that are still open are closed, as by kaio_close; then the callbacks that
 * are due are called, in this thread; after that no callback is. Nothing can be submitted meanwhile (EBADF).
 *
 * When the last connection of a process that used the library in no other way is closed, everything is given back to
 * the kernel at once, which takes some 30 ms. EBUSY: called in a callback, or while another thread dispatches, or a
 * client has blocks of a file (kaio_bufio.h).
 */
int kaio_disconnect(kaio_connection *connection);

/*
 * Opens a file through the connection's modules, as open(2) does, with O_CLOEXEC. The file is the caller's, to be
 * given to kaio_close or to its connection's end. NULL with the errno of open(2). The descriptor of a FIFO or a terminal
 * is in non-blocking mode; without O_NONBLOCK in `flags` requests wait all the same.
 */
kaio_file *kaio_open(kaio_connection *connection, const char *path, int flags, mode_t mode);

/* The file's descriptor, which is for looking at, not for closing. */
int kaio_file_fd(const kaio_file *file);

/*
 * Closes a file; EBUSY while a client has its blocks (kaio_bufio.h). Requests that can be cancelled end with ECANCELED, the others are waited for: afterwards no aiocb
 * and no buffer is in use. Callbacks that are due are still called, by dispatch, with this handle, which must not be
 * used for anything but kaio_aio_error and kaio_aio_return in them; it is freed behind the last of them, else here.
 * May be called in a callback. Fails as close(2) does, and the file is closed all the same.
 */
int kaio_close(kaio_file *file);

/*
 * aio_read, aio_write, aio_fsync (operation: O_SYNC or O_DSYNC) on a file of a connection. aio_fildes is set by the
 * call. aio_sigevent is SIGEV_NONE, or what kaio_set_callback made of it; anything else is EINVAL: the connection's
 * descriptor tells. Errors as those of <aio.h>; then nothing was queued, and the aiocb is the caller's. EBADF: the
 * file or the connection is being closed.
 */
int kaio_aio_read(kaio_file *file, struct aiocb *control);
int kaio_aio_write(kaio_file *file, struct aiocb *control);
int kaio_aio_fsync(kaio_file *file, int operation, struct aiocb *control);

/*
 * aio_error, aio_return and aio_cancel (control NULL: all requests of the file), with their results. AIO_CANCELED is
 * said only of what will not touch its buffer any more; a callback is called of what was cancelled, too.
 */
int kaio_aio_error(kaio_file *file, const struct aiocb *control);
ssize_t kaio_aio_return(kaio_file *file, struct aiocb *control);
int kaio_aio_cancel(kaio_file *file, struct aiocb *control);

/*
 * Waits until none of the list's requests is in progress: all of them, where aio_suspend waits for any. Null entries
 * are skipped. Completions of requests outside the list reach their owners: their status can be seen, and their
 * callbacks are called by kaio_connection_dispatch, which this function never does. A null timeout waits for ever,
 * one of zero only looks.
 *
 * 0: all are complete. -1 with EAGAIN: the time is up and not all are; those that are complete stay so. EINTR: a
 * signal handler ran, also with SA_RESTART. EINVAL: a negative count, or no valid timeout. A cancellation point.
 */
int kaio_aio_suspend(kaio_connection *connection, const struct aiocb *const list[], int count,
                     const struct timespec *timeout);

/*
 * One descriptor for epoll, poll, select or libevent, readable when kaio_connection_dispatch has something to do;
 * and now and then when it has not. It is the connection's: it must not be closed, nor read. Level-triggered use is
 * meant.
 */
int kaio_connection_fd(const kaio_connection *connection);

/*
 * Takes what is complete and calls the callbacks, in the calling thread, with its own signal mask; never waits. At
 * most `most` requests; 0 or less: all that are complete when it begins. What is left keeps the descriptor readable.
 * Returns how many requests were completed since the last call, with a callback or without one.
 *
 * One thread at a time: EBUSY for a second, and in a callback. As long as the kernel does its requests, a program
 * that uses the library in this way only has no thread of the library's; everything is given back when nothing was
 * asked for KAIO_IDLE_SECONDS, by this call (the descriptor becomes readable for that).
 */
int kaio_connection_dispatch(kaio_connection *connection, int most);

/* A value of sigev_notify for connections: see kaio_set_callback. */
#define KAIO_SIGEV_CALLBACK 0x6b62

/*
 * Has kaio_connection_dispatch call `done` once when the request is complete, with the file, the aiocb and
 * `argument`. By then kaio_aio_error gives its status. In the callback the aiocb may be submitted again, or freed;
 * until then it must stay valid, also if its result was taken before. The callback must return: no longjmp out of
 * it, no pthread_exit.
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
