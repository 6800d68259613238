// holds: kaio_testparm leaves no memory, descriptor or thread behind, and may be called by many threads.
// source: kaio
// limit: 60
#include "configuration.h"

static char path[PATH_MAX];

static void *check_often(void *unused) {
    for (int i = 0; i < 100; i++) EQUAL(testparm(path), 0);
    return unused;
}

int main(void) {
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    CHECK(nothing >= 0);
    configuration_file(path, "small.conf",
                       "x:y = 1\n[a]\npath = /%u/%h/%p\nx:y = 2\n"
                       "vfs objects = full_audit time_audit stats error_inject delay_inject aio_ratelimit readonly "
                       "readahead ordered /bin/true\n"
                       "full_audit:to = never\ntime_audit:to = never\nstats:file = never\nstats:signal = USR1\n"
                       "error_inject:rules = read EIO nth 1; write EIO\nerror_inject:when = after\n"
                       "delay_inject:delay = 1h\nreadonly:period = 01:00-02:00\n");
    fflush(NULL);
    int output = dup(STDOUT_FILENO), errors = dup(STDERR_FILENO);
    dup2(nothing, STDOUT_FILENO);
    dup2(nothing, STDERR_FILENO);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) OK(pthread_create(&threads[i], NULL, check_often, NULL));
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    int descriptors = count_descriptors();
    long before = resident_memory();
    for (int i = 0; i < 5000; i++) testparm(path);
    long after = resident_memory();
    dup2(output, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    printf("memory %ld KiB, then %ld KiB\n", before, after);
    if (after - before > 512) failed(__FILE__, __LINE__, "memory grew from %ld to %ld KiB", before, after);
    EQUAL(count_descriptors(), descriptors);
    EQUAL(count_threads(), 1);
    EQUAL(access("never", F_OK), -1);
}
