// What the programs about the page share that kaio top reads: looking at a process's own page, as kaio top does. They
// run with KAIO_LIVE_DIR=. in a directory of their own.
#ifndef KAIO_TESTS_LIVE_H
#define KAIO_TESTS_LIVE_H

#include "../check.h"

#include "../../../Sources/CKernel/live.h"

enum { live_read, live_write, live_fsync, block = 4096 };

static UNUSED void live_path_of(char path[PATH_MAX], pid_t process) {
    snprintf(path, PATH_MAX, "./%s%d", live_name(), (int)process);
}

// Maps the page of a process; it is there from the first request on.
static UNUSED void *open_page(pid_t process) {
    char path[PATH_MAX];
    live_path_of(path, process);
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) failed(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
    void *page = mmap(NULL, live_size(), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(page != MAP_FAILED);
    EQUAL(*live_word(page, LIVE_WORD_MAGIC), LIVE_MAGIC);
    EQUAL(*live_word(page, LIVE_WORD_VERSION), LIVE_VERSION);
    EQUAL(*live_word(page, LIVE_WORD_PROCESS), process);
    close(file);
    return page;
}

// The word until when somebody looks.
static UNUSED void look_for(void *page, double seconds) {
    __atomic_store_n(live_word(page, LIVE_WORD_UNTIL), (uint64_t)(nanoseconds() + (int64_t)(seconds * 1e9)),
                     __ATOMIC_RELEASE);
}

// Comes as the first one who looks.
static UNUSED void look(pid_t process, void *page, double seconds) {
    char path[PATH_MAX];
    live_path_of(path, process);
    int file = open(path, O_RDWR | O_CLOEXEC);
    *live_word(page, LIVE_WORD_WATCH) += 1;
    EQUAL(posix_fallocate(file, 0, (off_t)live_size()), 0);
    memset((char *)page + LIVE_HEAD, 0, live_size() - LIVE_HEAD);
    close(file);
    look_for(page, seconds);
}

static UNUSED void *looking_thread(void *page) {
    for (;;) {
        look_for(page, 3);
        sleep_for(0.5);
    }
    return page;
}

// Comes as the first one who looks, and goes on looking; gets none of the program's signals.
static UNUSED void keep_looking(pid_t process, void *page) {
    sigset_t all, before;
    pthread_t thread;
    look(process, page, 3);
    sigfillset(&all);
    OK(pthread_sigmask(SIG_BLOCK, &all, &before));
    OK(pthread_create(&thread, NULL, looking_thread, page));
    OK(pthread_sigmask(SIG_SETMASK, &before, NULL));
    OK(pthread_detach(thread));
}

static UNUSED uint64_t count_of(struct live_file *file, int operation, int counter) {
    return __atomic_load_n(live_counter(file, operation, counter), __ATOMIC_ACQUIRE);
}

// The sum of a counter over all files and operations.
static UNUSED uint64_t sum_of(void *page, int counter) {
    uint64_t sum = 0;
    for (int file = 0; file < LIVE_FILES; file++)
        for (int operation = 0; operation < LIVE_OPERATIONS; operation++)
            sum += count_of(live_file(page, file), operation, counter);
    return sum;
}

// The file whose path ends so.
static UNUSED struct live_file *file_of(void *page, const char *end) {
    for (int number = 0; number < LIVE_FILES; number++) {
        struct live_file *file = live_file(page, number);
        uint64_t length = *live_path_length(file);
        if (*live_key(file) == 0 || length == 0 || length == LIVE_PATH_WANTED) continue;
        size_t known = (size_t)length - 1, wanted = strlen(end);
        if (known >= wanted && memcmp(live_path(file) + known - wanted, end, wanted) == 0) return file;
    }
    failed(__FILE__, __LINE__, "no file %s in the page", end);
}

static UNUSED uint64_t latencies_of(struct live_file *file, int operation) {
    uint64_t sum = 0;
    for (int bucket = 0; bucket < LIVE_BUCKETS; bucket++) sum += *live_latency(file, operation, bucket);
    return sum;
}

static UNUSED int named_file(const char *name, int flags) {
    int file = open(name, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0600);
    if (file < 0) failed(__FILE__, __LINE__, "%s: %s", name, strerror(errno));
    write_pattern(file, 16 * block, 1, 0);
    OK(fsync(file));
    return file;
}

static UNUSED void read_block(int file, int number) {
    static void *buffer;
    if (!buffer) buffer = aligned_buffer(block);
    struct aiocb control = request(file, buffer, block, (off_t)(number % 16) * block);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), block);
}

#endif
