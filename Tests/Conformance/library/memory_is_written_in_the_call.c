// holds: A write over pages that are there is done in the call where nothing is behind the page cache (tmpfs), once such writes were quick; with the bytes, counts and errors of pwrite, and in order with what is in flight.
// source: kaio
#include "../check.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

enum { PAGE = 4096, PAGES = 64, LENGTH = PAGES * PAGE, WRITES = 20000, MOST = 3 * PAGE };

static char model[2 * LENGTH], there[2 * LENGTH], block[MOST];
static off_t size = LENGTH;

// The same with pwrite, on the model.
static void check_write(int file, size_t length, off_t offset, int i) {
    memset(block, 'a' + i % 26, length);
    struct aiocb control = request(file, block, length, offset);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), (ssize_t)length);
    memcpy(model + offset, block, length);
    if (offset + (off_t)length > size) size = offset + (off_t)length;
}

static void check_error(int file, size_t length, off_t offset, int error) {
    struct aiocb control = request(file, block, length, offset);
    OK(aio_write(&control));
    while (aio_error(&control) == EINPROGRESS) sleep_for(0.001);
    EQUAL(aio_error(&control), error);
    EQUAL(aio_return(&control), -1);
}

static int make_writes(void) {
    int file = memfd_create("memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK(file >= 0);
    EQUAL(pwrite(file, model, LENGTH, 0), LENGTH);
    for (int i = 0; i < WRITES; i++) check_write(file, PAGE, 0, i);
    unsigned seed = 1;
    for (int i = 0; i < WRITES; i++)
        check_write(file, 1 + (unsigned)rand_r(&seed) % MOST, rand_r(&seed) % (LENGTH + PAGE), i);
    EQUAL(pread(file, there, sizeof there, 0), size);
    CHECK(memcmp(there, model, (size_t)size) == 0);

    // Several in flight on the same bytes: the last one's stay.
    struct aiocb controls[32];
    static char blocks[32][PAGE];
    for (int i = 0; i < 32; i++) {
        memset(blocks[i], i, PAGE);
        controls[i] = request(file, blocks[i], PAGE, i * 64);
        OK(aio_write(&controls[i]));
    }
    for (int i = 0; i < 32; i++) EQUAL(FINISH(&controls[i]), PAGE);
    EQUAL(pread(file, there, PAGE, 31 * 64), PAGE);
    CHECK(memcmp(there, blocks[31], PAGE) == 0);

    // O_APPEND is set behind the library's back.
    OK(fcntl(file, F_SETFL, O_APPEND));
    struct aiocb control = request(file, block, PAGE, 0);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), PAGE);
    EQUAL(lseek(file, 0, SEEK_END), size + PAGE);
    OK(fcntl(file, F_SETFL, 0));

    // No SIGXFSZ, and no byte that is not there.
    struct rlimit limit, before;
    OK(getrlimit(RLIMIT_FSIZE, &limit));
    before = limit;
    limit.rlim_cur = PAGE;
    OK(setrlimit(RLIMIT_FSIZE, &limit));
    check_error(file, PAGE, PAGE, EFBIG);
    OK(setrlimit(RLIMIT_FSIZE, &before));
    void *missing = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    control = request(file, missing, PAGE, 0);
    OK(aio_write(&control));
    while (aio_error(&control) == EINPROGRESS) sleep_for(0.001);
    EQUAL(aio_error(&control), EFAULT);
    OK(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE));
    check_error(file, PAGE, 0, EPERM);
    // Linux 6.5 and later can say whether pages are there.
    unsigned long long range[2] = {0, PAGE}, pages[5];
    return syscall(451, file, range, pages, 0) == 0 && access("/sys/class/bdi", F_OK) == 0 ? 0 : NOT_HERE;
}

int main(int arguments, char **names) {
    (void)names;
    if (arguments > 1) return make_writes();
    char json[4096];
    if (!statistics_of_work(json, sizeof json)) return 0;
    // Quick is what takes 12 us at most; on an emulated machine that others keep busy memory is not.
    if (times_slower() == 1) CHECK(stat_of(json, "modules", "aio_linux") >= WRITES);
}
