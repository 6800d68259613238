// holds: In kaio_connect, and where no thread can be had, no file that a person named is opened or looked at with signals blocked: a request that a configuration or a module decides is refused with EAGAIN until there is a thread, others are made at once, and a log is written with the program's signals.
// source: kaio
// limit: 60
#include "trust.h"
#include "../syscalls.h"

// No threads: for this process, or for its child alone.
static atomic_int shortage;
enum { ours = 1, childs };

static int blocks_signals(pid_t thread) {
    char name[64], line[128];
    unsigned long long mask = 0;
    snprintf(name, sizeof name, "/proc/self/task/%d/status", thread);
    FILE *file = fopen(name, "re");
    while (file && fgets(line, sizeof line, file)) sscanf(line, "SigBlk: %llx", &mask);
    if (file) fclose(file);
    return mask >> (SIGALRM - 1) & 1;
}

// All that this test has named begins with "named". The library's own threads, and another process, may wait for it.
static int look(const struct seccomp_data *call, pid_t thread) {
    int is_clone = call->nr == SYS_clone || call->nr == SYS_clone3;
    if (is_clone) return shortage == ours || (shortage == childs && thread != getpid()) ? EAGAIN : 0;
    const char *name = (const char *)(uintptr_t)call->args[1];
    if (thread == getpid() && strstr(name, "named") && blocks_signals(thread)) {
        fprintf(stderr, "system call %d of %s with signals blocked\n", call->nr, name);
        _exit(3);
    }
    return 0;
}

static void no_threads(void) {
    const int calls[] = {SYS_clone,     SYS_clone3,     SYS_openat,  SYS_newfstatat,
                         SYS_faccessat, SYS_readlinkat, SYS_unlinkat};
    watch_calls(look, calls, sizeof calls / sizeof *calls);
    shortage = ours;
}

static int result_of_a_read(int file) {
    static unsigned char byte[16];
    struct aiocb control = request(file, byte, sizeof byte, 0);
    if (aio_read(&control) != 0) {
        int error = errno;
        FAILS(aio_error(&control), EINVAL);
        return -error;
    }
    return (int)FINISH(&control);
}

// What the environment says is not known before there is a thread, and counts then.
static void decided_later(int file) {
    no_threads();
    for (int i = 0; i < 3; i++) EQUAL(result_of_a_read(file), -EAGAIN);
    struct aiocb control = request(file, NULL, 0, 0), *list[] = {&control};
    control.aio_lio_opcode = LIO_READ;
    EQUAL(lio_listio(LIO_WAIT, list, 1, NULL), -1);
    EQUAL(errno, EAGAIN);
    shortage = 0;
    EQUAL(result_of_a_read(file), 16);
}

static void made_at_once(int file) {
    no_threads();
    for (int i = 0; i < 3; i++) EQUAL(result_of_a_read(file), 16);
}

static void connects(void) {
    void *(*connect)(const char *, const char *, const char *);
    *(void **)&connect = dlsym(RTLD_DEFAULT, "kaio_connect");
    no_threads();
    shortage = 0;
    errno = 0;
    CHECK(connect(NULL, getenv("MODULE"), NULL) == NULL);
    EQUAL(errno, ELIBBAD);
}

static void in_a_child(int file) {
    EQUAL(result_of_a_read(file), 16);
    no_threads();
    shortage = childs;
    pid_t child = fork();
    if (child == 0) {
        EQUAL(result_of_a_read(file), 16);
        _exit(0);
    }
    int status;
    EQUAL(waitpid(child, &status, 0), child);
    EQUAL(status, 0);
}

static const char *run(const char *role, const char *first, const char *second) {
    static struct child child;
    run_again(&child, role, (const char *[]){"KAIO_VERBOSE=1", first, second, NULL}, NULL);
    printf("%s %s %s: %s", role, first ? first : "", second ? second : "", child.errors);
    SUCCEEDED(&child);
    return child.errors;
}

int main(int count, char **arguments) {
    (void)count;
    if (strcmp(arguments[0], "again") == 0) {
        int file = scratch_file(0);
        write_pattern(file, 4096, 1, 0);
        if (strcmp(arguments[1], "later") == 0) decided_later(file);
        else if (strcmp(arguments[1], "at once") == 0) made_at_once(file);
        else if (strcmp(arguments[1], "connect") == 0) connects();
        else in_a_child(file);
        return 0;
    }
    char path[PATH_MAX], whole[PATH_MAX], first[2 * PATH_MAX], second[2 * PATH_MAX];
    CHECK(realpath(path_of(path, "."), whole));
    setenv("CHECK_DIRECTORY", whole, 1);
    make_file(path_of(path, "named.conf"), "[global]\nvfs objects = delay_inject ordered aio_linux\n", geteuid(), 0600);
    make_file(path_of(path, "named.so"), "no module\n", geteuid(), 0600);

    snprintf(first, sizeof first, "KAIO_CONFIG=%s", path_of(path, "named.conf"));
    EQUAL(count_lines(run("later", first, NULL), "kaio ", ": stack delay_inject ordered"), 1);
    snprintf(first, sizeof first, "KAIO_VFS_OBJECTS=%s ordered", path_of(path, "named.so"));
    EQUAL(count_lines(run("later", first, NULL), "kaio: KAIO_VFS_OBJECTS", "does not load"), 1);
    snprintf(first, sizeof first, "KAIO_MODULE_DIR=%s", path_of(path, "named"));
    const char *errors = run("later", first, "KAIO_VFS_OBJECTS=named ordered");
    // Once, however often it was tried.
    EQUAL(count_lines(errors, "kaio: KAIO_VFS_OBJECTS", "no module is named named"), 1);
    EQUAL(count_lines(errors, "kaio: ", NULL), 1);

    run("at once", "KAIO_VFS_OBJECTS=delay_inject ordered aio_linux", NULL);
    snprintf(first, sizeof first, "KAIO_STATS_FILE=%s", path_of(path, "named.json"));
    run("at once", first, NULL);
    // Written at exit all the same.
    struct stat status;
    OK(stat(path, &status));
    CHECK(status.st_size > 100);
    OK(mkdir(path_of(path, "named.live"), 0700));
    snprintf(first, sizeof first, "KAIO_LIVE_DIR=%s", path);
    run("at once", first, NULL);
    snprintf(second, sizeof second, "KAIO_VFS_PARAMETERS=full_audit:to=%s", path_of(path, "named.log"));
    run("at once", "KAIO_VFS_OBJECTS=full_audit ordered aio_linux", second);
    char text[4096] = "";
    int log = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(log >= 0 && read(log, text, sizeof text - 1) > 0);
    EQUAL(count_lines(text, " read ", NULL), 3);

    snprintf(first, sizeof first, "KAIO_CONFIG=%s", path_of(path, "named.conf"));
    snprintf(second, sizeof second, "KAIO_STATS_FILE=%s", path_of(path, "named.%p"));
    run("child", first, second);
    // What does not load is not tried again with signals blocked.
    snprintf(first, sizeof first, "MODULE=%s", path_of(path, "named.so"));
    EQUAL(count_lines(run("connect", first, NULL), "kaio: kaio_connect", "does not load"), 1);
}
