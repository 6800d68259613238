// What the programs about `mirror` share: a file with two or three legs and a log, in the test's own directory, and a module below,
// `trap`, that fails requests of a leg or of the log, or dies in the middle of one.
#ifndef KAIO_TESTS_MIRROR_H
#define KAIO_TESTS_MIRROR_H

#include "../vfs/vfs.h"

static char one[PATH_MAX], two[PATH_MAX], three[PATH_MAX], mirror_log[PATH_MAX];

static struct trap {
    const char *path;               // of which file, if not all
    enum kaio_operation operation;
    int error;                      // 0: it dies
    int cut;                        // of a write: so many bytes are written first
    size_t least;                   // shorter ones are none of its business
    atomic_int after, most;         // so many are let through first; and so many are caught
    atomic_int seen, caught;
} traps[4];

static int is_trapped(struct trap *trap, kaio_request *request) {
    char path[PATH_MAX];
    enum kaio_operation operation = kaio_request_operation(request);
    if (operation == KAIO_OPERATION_FDATASYNC) operation = KAIO_OPERATION_FSYNC;
    if (!trap->most || operation != trap->operation || kaio_request_length(request) < trap->least) return 0;
    if (kaio_request_path(request, path, sizeof path) < 0 || (trap->path && strcmp(path, trap->path) != 0)) return 0;
    trap->seen++;
    if (trap->after-- > 0) return 0;
    if (trap->caught >= trap->most) return 0;
    trap->caught++;
    return 1;
}

static void trap_request(kaio_vfs_handle *handle, kaio_request *request) {
    for (int i = 0; i < 4; i++) {
        if (!is_trapped(&traps[i], request)) continue;
        if (traps[i].cut > 0)
            EQUAL(pwrite(kaio_request_fd(request), kaio_request_buffer(request), (size_t)traps[i].cut, kaio_request_offset(request)),
                  traps[i].cut);
        if (!traps[i].error) kill(getpid(), SIGKILL);
        kaio_vfs_complete(handle, request, -traps[i].error);
        return;
    }
    kaio_vfs_next_request(handle, request);
}

static UNUSED void set_trap(int number, const char *path, enum kaio_operation operation, int error, int after, int most) {
    traps[number] = (struct trap){.path = path, .operation = operation, .error = error, .after = after, .most = most};
}

static UNUSED void mirror_paths(void) {
    char directory[PATH_MAX], name[PATH_MAX];
    CHECK(realpath(path_of(name, "."), directory));
    snprintf(one, sizeof one, "%.4000s/one", directory);
    snprintf(two, sizeof two, "%.4000s/two", directory);
    snprintf(three, sizeof three, "%.4000s/three", directory);
    snprintf(mirror_log, sizeof mirror_log, "%.4000s/log", directory);
}

static UNUSED void forget_mirror(void) {
    unlink(one);
    unlink(two);
    unlink(three);
    unlink(mirror_log);
}

// Before the first request.
static UNUSED void use_mirror(int legs, const char *more) {
    static char parameters[5 * PATH_MAX];
    const struct kaio_vfs_fns fns = {.aio_fsync_fn = trap_request, .aio_write_fn = trap_request, .aio_read_fn = trap_request,
                                     .side = KAIO_VFS_BELOW_ORDERED};
    mirror_paths();
    snprintf(parameters, sizeof parameters, "mirror:legs = %s %s; mirror:log = %s; %s", two, legs > 2 ? three : "", mirror_log,
             more ? more : "");
    setenv("KAIO_VFS_OBJECTS", "mirror ordered trap aio_linux aio_poll aio_pthread", 1);
    setenv("KAIO_VFS_PARAMETERS", parameters, 1);
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "trap", &fns));
}

// In a process of its own, which must end well, or of a signal.
static UNUSED void in_child(void (*run)(void *), void *argument, int signal) {
    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        run(argument);
        fflush(NULL);
        _exit(0);
    }
    int status;
    EQUAL(waitpid(child, &status, 0), child);
    if (signal ? !WIFSIGNALED(status) || WTERMSIG(status) != signal : status != 0)
        failed(__FILE__, __LINE__, "the child's status is %#x", (unsigned)status);
}

static UNUSED int are_equal(const char *a, const char *b) {
    static char left[1 << 16], right[1 << 16];
    int first = open(a, O_RDONLY | O_CLOEXEC), second = open(b, O_RDONLY | O_CLOEXEC), equal = 1;
    if (first < 0 || second < 0) equal = 0;
    for (off_t offset = 0; equal;) {
        ssize_t count = pread(first, left, sizeof left, offset), other = pread(second, right, sizeof right, offset);
        equal = count == other && memcmp(left, right, (size_t)count) == 0;
        if (count <= 0) break;
        offset += count;
    }
    if (first >= 0) close(first);
    if (second >= 0) close(second);
    return equal;
}

static UNUSED void legs_are_equal(int legs) {
    if (!are_equal(one, two)) failed(__FILE__, __LINE__, "the second leg differs");
    if (legs > 2 && !are_equal(one, three)) failed(__FILE__, __LINE__, "the third leg differs");
}

static UNUSED void await_equal(int legs) {
    double end = now() + 30;
    while (!(are_equal(one, two) && (legs < 3 || are_equal(one, three))) && now() < end) sleep_for(0.02);
    legs_are_equal(legs);
}

// How many regions of the first 768 the log calls stale on some leg. (Tests do not tear what they ask this of.)
static UNUSED int stale_regions(void) {
    uint64_t record[2][64];
    int file = open(mirror_log, O_RDONLY | O_CLOEXEC), count = 0;
    CHECK(file >= 0);
    memset(record, 0, sizeof record);
    for (int place = 0; place < 2; place++)
        CHECK(pread(file, record[place], sizeof record[place], 16384 + place * 4096) >= 0);
    OK(close(file));
    const uint64_t *newer = record[0][1] > record[1][1] ? record[0] : record[1];
    // Behind four words and the map of what is dirty: one of 12 words for each leg.
    for (int word = 0; word < 12; word++)
        count += __builtin_popcountll(newer[16 + word] | newer[28 + word] | newer[40 + word] | newer[52 + word]);
    return count;
}

// Until the log says that nothing is dirty, and what the legs' files are.
static UNUSED void await_clean(void) {
    for (double end = now() + 30; now() < end; sleep_for(0.01)) {
        uint64_t header[2][8];
        int file = open(mirror_log, O_RDONLY | O_CLOEXEC);
        CHECK(file >= 0);
        for (int place = 0; place < 2; place++)
            EQUAL(pread(file, header[place], sizeof header[place], place * 4096), (ssize_t)sizeof header[place]);
        OK(close(file));
        if ((header[0][2] > header[1][2] ? header[0] : header[1])[7] & 1) return;
    }
    failed(__FILE__, __LINE__, "the log does not become clean");
}

static UNUSED void await_in_sync(int legs) {
    double end = now() + 30;
    while (stale_regions() > 0 && now() < end) sleep_for(0.01);
    EQUAL(stale_regions(), 0);
    await_equal(legs);
}

static UNUSED void write_at(int file, size_t size, uint64_t seed, off_t offset) {
    unsigned char *data = aligned_buffer(size);
    fill(data, size, seed, (uint64_t)offset);
    struct aiocb control = request(file, data, size, offset);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), size);
    free(data);
}

static UNUSED void read_at(int file, size_t size, uint64_t seed, off_t offset) {
    unsigned char *data = aligned_buffer(size);
    struct aiocb control = request(file, data, size, offset);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), size);
    VERIFY(data, size, seed, (uint64_t)offset);
    free(data);
}

static UNUSED void fsync_all(int file) {
    struct aiocb control = request(file, NULL, 0, 0);
    OK(aio_fsync(O_SYNC, &control));
    EQUAL(FINISH(&control), 0);
}

static UNUSED int open_mirror(int flags) {
    int file = open(one, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0600);
    if (file < 0) failed(__FILE__, __LINE__, "%s: %s", one, strerror(errno));
    return file;
}

#endif
