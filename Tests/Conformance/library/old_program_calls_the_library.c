// holds: A program linked long ago, against aio_read@GLIBC_2.2.5, calls libkaio's function all the same.
// source: kaio
#include "../check.h"

// The first version of each machine's C library.
#if defined(__x86_64__)
#define OLDEST "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define OLDEST "GLIBC_2.17"
#endif
__asm__(".symver old_aio_read, aio_read@" OLDEST);
__asm__(".symver old_aio_error, aio_error@" OLDEST);
__asm__(".symver old_aio_return, aio_return@" OLDEST);
int old_aio_read(struct aiocb *);
int old_aio_error(const struct aiocb *);
ssize_t old_aio_return(struct aiocb *);

static void work(void) {
    int descriptor = scratch_file(0);
    char block[4096];
    write_pattern(descriptor, sizeof block, 1, 0);
    for (int i = 0; i < 7; i++) {
        memset(block, 0, sizeof block);
        struct aiocb control = request(descriptor, block, sizeof block, 0);
        OK(old_aio_read(&control));
        for (double end = now() + 10; old_aio_error(&control) == EINPROGRESS && now() < end;) sleep_for(0.001);
        EQUAL(old_aio_error(&control), 0);
        EQUAL(old_aio_return(&control), sizeof block);
        VERIFY(block, sizeof block, 1, 0);
    }
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        work();
        return 0;
    }
    CHECK(is_from_library((void *)old_aio_read));
    CHECK(is_from_library((void *)old_aio_error));
    CHECK(is_from_library((void *)old_aio_return));
    char path[PATH_MAX], setting[PATH_MAX + 32], json[4096];
    snprintf(setting, sizeof setting, "KAIO_STATS_FILE=%s", path_of(path, "stats"));
    struct child child;
    run_again(&child, "work", (const char *[]){setting, NULL}, NULL);
    SUCCEEDED(&child);
    take_file(path, json, sizeof json);
    EQUAL(stat_of(json, "requests", "read"), 7);
}
