// holds: Every function that kaio.h declares is found by its name, in a program that was not linked with the library too, and works.
// source: kaio
#include "../check.h"
#include "../../../include/kaio.h"

static __typeof__(aio_readv) *vector_read;
static __typeof__(aio_writev) *vector_write;
static __typeof__(aio_waitcomplete) *wait_complete;
static __typeof__(aio_waitn) *wait_several;

static void *find(const char *name) {
    void *function = dlsym(RTLD_DEFAULT, name);
    if (!is_from_library(function)) failed(__FILE__, __LINE__, "%s is not the library's", name);
    return function;
}

int main(void) {
    find("kaio_version");
    find("kaio_testparm");
    vector_read = find("aio_readv");
    vector_write = find("aio_writev");
    wait_complete = find("aio_waitcomplete");
    wait_several = find("aio_waitn");

    unsigned char out[3000], in[3000] = {0};
    struct iovec from[2] = {{out, 1000}, {out + 1000, 2000}}, into[2] = {{in, 2500}, {in + 2500, 500}};
    int descriptor = scratch_file(0);
    fill(out, sizeof out, 1, 0);

    struct aiocb control = request(descriptor, from, 2, 0), *done = NULL, *list[1] = {NULL};
    OK(vector_write(&control));
    EQUAL(wait_complete(&done, NULL), 3000);
    CHECK(done == &control);

    control = request(descriptor, into, 2, 0);
    unsigned int wanted = 1;
    OK(vector_read(&control));
    OK(wait_several(list, 1, &wanted, NULL));
    EQUAL(wanted, 1);
    CHECK(list[0] == &control);
    EQUAL(aio_error(&control), 0);
    EQUAL(aio_return(&control), 3000);
    VERIFY(in, sizeof in, 1, 0);
    return 0;
}
