// holds: The storm of signals does no harm on four threads at once either.
// source: aio_error, aio_return, aio_suspend (async-signal-safe)
// environment: KAIO_ABORT_HEALED=0
// compare: no
// limit: 90
#define THREADS 4
#define NEEDS_KAIO
#include "storm_on_one_thread.c"
