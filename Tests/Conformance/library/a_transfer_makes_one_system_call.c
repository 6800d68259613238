// holds: An O_DIRECT read makes no system call but io_submit and the wait, a cached one none but the read itself (but for some that are watched); also with modules that only observe it, or have nothing to do with reads.
// source: kaio
#include "../check.h"
#include <dirent.h>

enum { count = 200, size = 4096 };

static void work(int flags) {
    int descriptor = scratch_file(flags);
    write_pattern(descriptor, 16 * size, 1, 0);
    OK(fsync(descriptor));
    unsigned char *block = aligned_buffer(size);
    struct aiocb control = request(descriptor, block, size, 0);
    check_service();
    OK(aio_read(&control));
    EQUAL(FINISH(&control), size);
    int wrong = 0;
    start_counting();
    for (int i = 0; i < count; i++) {
        control = request(descriptor, block, size, i % 16 * size);
        const struct aiocb *list[1] = {&control};
        wrong += aio_read(&control) != 0;
        while (aio_error(&control) == EINPROGRESS) aio_suspend(list, 1, NULL);
        wrong += aio_return(&control) != size;
    }
    stop_counting();
    EQUAL(wrong, 0);
}

// What is known of the descriptor is looked at again when the clock ticks, which it does often under the tracer:
// some requests look; on an emulated machine it ticks between each two, and all do.
static void at_most_some(const int *calls, int number) {
    if (times_slower() == 1 && calls[number] > count * 9 / 10)
        failed(__FILE__, __LINE__, "%d times system call %d", calls[number], number);
}

// On a busy machine the clock ticks between a look at the descriptor and the request now and then, which then takes the slow path; on
// an emulated one, under the tracer, for many.
static void about(const int *calls, int number, int expected) {
    if (times_slower() == 1 && abs(calls[number] - expected) > count / 20)
        failed(__FILE__, __LINE__, "%d times system call %d, not %d", calls[number], number, expected);
}

static void count_calls(void) {
    int calls[call_numbers];
    trace_again("direct", calls);
    for (int number = 0; number < call_numbers; number++)
        if (calls[number]) printf("direct: %d times system call %d\n", calls[number], number);
    about(calls, SYS_io_submit, count);
    about(calls, SYS_preadv2, 0);
    at_most_some(calls, SYS_fcntl);
    at_most_some(calls, SYS_statx);
    trace_again("cached", calls);
    for (int number = 0; number < call_numbers; number++)
        if (calls[number]) printf("cached: %d times system call %d\n", calls[number], number);
    about(calls, SYS_preadv2, count);
    about(calls, SYS_io_submit, 0);
    about(calls, SYS_io_pgetevents, 0);
    about(calls, SYS_rt_sigprocmask, 0);
    at_most_some(calls, SYS_fcntl);
    at_most_some(calls, SYS_statx);
}

int main(int arguments, char **names) {
    if (arguments > 1) {
        work(strcmp(names[1], "direct") == 0 ? O_DIRECT : 0);
        return 0;
    }
    count_calls();

    char parameters[PATH_MAX + 128], directory[PATH_MAX], file[PATH_MAX], json[32768];
    snprintf(parameters, sizeof parameters,
             "stats:file=%s.%%p; stats:format=json; error_inject:rules=fsync EIO after 9", path_of(directory, "stats"));
    OK(setenv("KAIO_VFS_PARAMETERS", parameters, 1));
    OK(setenv("KAIO_VFS_OBJECTS", "stats time_audit error_inject ordered aio_linux aio_poll aio_pthread", 1));
    count_calls();
    // They did see the requests: these, one before, and that of check_service().
    int reports = 0;
    *strrchr(directory, '/') = '\0';
    DIR *stream = opendir(directory);
    CHECK(stream != NULL);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        if (strncmp(entry->d_name, "stats.", 6) != 0) continue;
        reports++;
        take_file(path_of(file, entry->d_name), json, sizeof json);
        EQUAL(stat_of(json, "read", "requests"), count + 2);
        EQUAL(stat_of(json, "read", "bytes"), (count + 2) * size);
        EQUAL(stat_of(json, "read", "errors"), 0);
    }
    closedir(stream);
    EQUAL(reports, 2);
}
