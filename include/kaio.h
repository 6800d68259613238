/*
 * kaio.h - what libkaio.so has beyond <aio.h>.
 *
 * The library exports the functions of <aio.h> with the C library's own ABI; programs use that header for
 * them. This one declares the rest. Every function here may be called from any thread.
 */
#ifndef KAIO_H
#define KAIO_H

#define KAIO_VERSION_MAJOR 0
#define KAIO_VERSION_MINOR 1
#define KAIO_VERSION_PATCH 0

/* The version as one number, to compare: 0x000100 is 0.1.0. */
#define KAIO_VERSION_NUMBER \
    (KAIO_VERSION_MAJOR << 16 | KAIO_VERSION_MINOR << 8 | KAIO_VERSION_PATCH)

/* The version as text. */
#define KAIO_VERSION "0.1.0"

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
 * Vectored requests, with FreeBSD's names: aio_iov is an array of aio_iovcnt buffers (1 to IOV_MAX), filled or
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
 * taken yet, oldest completion first, and takes it, as aio_return does.
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
 * A value of sigev_notify: the completion signals an eventfd of the program's own, whose descriptor is in
 * sigev_value.sival_int, and which must stay open until then; what can't be one is EINVAL from the call. A list's
 * own sigevent may be one too. Where the kernel runs the request, the kernel
 * signals it, with no thread of the library's. A signal says "look": aio_error then tells, and may still say
 * EINPROGRESS (the request goes on another way, or another thread has its event in its hands); another signal
 * follows when the status can be seen, so there may be two for a request.
 */
#define KAIO_SIGEV_EVENTFD 0x6b61

#ifdef __cplusplus
}
#endif

#endif
