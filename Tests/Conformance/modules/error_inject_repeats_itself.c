// holds: With the same seed error_inject fails the same requests in each run, with another seed others; as many as the probability says.
// source: kaio
// limit: 60
#include "../check.h"

enum { count = 4000, size = 512 };

static void work(int depth) {
    int file = scratch_file(0);
    write_pattern(file, 65536, 1, 0);
    unsigned char *blocks = aligned_buffer((size_t)depth * size);
    struct aiocb controls[64];
    for (int done = 0; done < count; done += depth) {
        for (int i = 0; i < depth; i++) {
            controls[i] = request(file, blocks + i * size, size, (done + i) % 100 * size);
            OK(aio_read(&controls[i]));
        }
        for (int i = 0; i < depth; i++) {
            int error = wait_for(&controls[i], 10);
            if (error) {
                EQUAL(error, EIO);
                printf("%d ", done + i);
            } else {
                EQUAL(aio_return(&controls[i]), size);
            }
        }
    }
}

static struct child runs[4];

int main(int argc, char **argv) {
    if (argc > 1) {
        work(atoi(argv[1]));
        return 0;
    }
    putenv("KAIO_VFS_OBJECTS=error_inject ordered aio_linux aio_poll");
    const char *const one[] = {"KAIO_VFS_PARAMETERS=error_inject:rules=read EIO 10%; error_inject:seed=1", NULL};
    const char *const two[] = {"KAIO_VFS_PARAMETERS=error_inject:rules=read EIO 10%; error_inject:seed=2", NULL};
    const char *const roles[] = {"1", "40", "1", "8"};
    for (int i = 0; i < 4; i++) {
        run_again(&runs[i], roles[i], i == 2 ? two : one, NULL);
        SUCCEEDED(&runs[i]);
    }
    CHECK(strcmp(runs[0].output, runs[1].output) == 0);
    CHECK(strcmp(runs[0].output, runs[3].output) == 0);
    CHECK(strcmp(runs[0].output, runs[2].output) != 0);
    for (int i = 0; i < 4; i += 2) {
        int failures = 0;
        for (const char *at = runs[i].output; *at; at++) failures += *at == ' ';
        // 400 are expected; 5 standard deviations are 95.
        CHECK(failures > 300 && failures < 500);
    }
}
