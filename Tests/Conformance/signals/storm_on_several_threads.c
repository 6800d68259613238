// holds: The storm of signals does no harm on four threads at once either.
// source: aio_error, aio_return, aio_suspend (async-signal-safe)
// limit: 90
#define THREADS 4
#include "storm_on_one_thread.c"
