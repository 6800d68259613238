// holds: A read of a file system that does not know RWF_NOWAIT (tmpfs) is done in the call once such reads were quick, where the kernel says that the pages are there; with the same bytes and counts as pread, in holes and at the end too.
// source: kaio
#include "../check.h"

#include <sys/mman.h>
#include <sys/syscall.h>

enum { PAGE = 4096, PAGES = 64, HOLE = 20, LENGTH = PAGES * PAGE - 1000 };

static char read_by_aio[3 * PAGE], read_by_pread[3 * PAGE];

static void check_read(int file, size_t length, off_t offset) {
    memset(read_by_aio, 1, sizeof read_by_aio);
    memset(read_by_pread, 1, sizeof read_by_pread);
    struct aiocb control = request(file, read_by_aio, length, offset);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), pread(file, read_by_pread, length, offset));
    CHECK(memcmp(read_by_aio, read_by_pread, sizeof read_by_aio) == 0);
}

enum { READS = 20000 };

static int make_reads(void) {
    int file = memfd_create("memory", MFD_CLOEXEC);
    CHECK(file >= 0);
    for (int i = 0; i < PAGES; i++) {
        char page[PAGE];
        memset(page, 'a' + i % 26, sizeof page);
        if (i != HOLE) EQUAL(pwrite(file, page, PAGE, (off_t)i * PAGE), PAGE);
    }
    OK(ftruncate(file, LENGTH));
    // A worker's time is taken until it was short often enough.
    for (int i = 0; i < READS; i++) check_read(file, PAGE, 0);
    unsigned seed = 1;
    for (int i = 0; i < READS; i++) {
        off_t offset = rand_r(&seed) % (LENGTH + PAGE);
        check_read(file, 1 + (unsigned)rand_r(&seed) % sizeof read_by_aio, offset);
    }
    // Linux 6.5 and later can say whether pages are there.
    unsigned long long range[2] = {0, PAGE}, pages[5];
    return syscall(451, file, range, pages, 0) == 0 ? 0 : NOT_HERE;
}

int main(int arguments, char **names) {
    (void)names;
    if (arguments > 1) return make_reads();
    char json[4096];
    if (!statistics_of_work(json, sizeof json)) return 0;
    // Quick is what takes 12 us at most; on an emulated machine that others keep busy memory is not.
    if (times_slower() == 1) CHECK(stat_of(json, "modules", "aio_linux") >= READS);
}
