// holds: With full_audit, time_audit and stats in the stack a handler may still call aio_error, aio_return and aio_suspend wherever it interrupts: 30 seconds of timer signals.
// source: aio_error, aio_return, aio_suspend (async-signal-safe)
// compare: no
// environment: KAIO_VFS_OBJECTS="full_audit time_audit stats ordered aio_linux aio_poll aio_pthread" KAIO_VFS_PARAMETERS="full_audit:to = /dev/null; time_audit:to = /dev/null; time_audit:limit = 0ns; stats:file = stats"
// limit: 90
#define NEEDS_KAIO
#include "../signals/storm_on_one_thread.c"
