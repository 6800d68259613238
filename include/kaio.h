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

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The version of the library that is loaded, which need not be the one compiled against, as
 * "major.minor.patch". The string is the library's own and lasts as long as it is loaded.
 * Async-signal-safe.
 */
const char *kaio_version(void);

#ifdef __cplusplus
}
#endif

#endif
