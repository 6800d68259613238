// holds: A buffer that is not mapped, or not writable for a read: the call returns 0 and aio_error tells EFAULT.
// source: kernel
// limit: 60
#include "../check.h"

static char *unmapped, *read_only;
static int buffered, direct;

static void ask(int descriptor, char *bad) {
    struct aiocb reading = request(descriptor, bad, 4096, 0);
    OK(aio_read(&reading));
    FINISHES_WITH(&reading, EFAULT);
}

static void ask_write(int descriptor, char *bad, off_t offset) {
    struct aiocb writing = request(descriptor, bad, 4096, offset);
    OK(aio_write(&writing));
    FINISHES_WITH(&writing, EFAULT);
}

int main(void) {
    // Without any access rather than unmapped: nothing else can come to lie there later.
    unmapped = mmap(NULL, 1 << 16, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    read_only = mmap(NULL, 1 << 16, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(unmapped != MAP_FAILED && read_only != MAP_FAILED);
    buffered = scratch_file(0);
    direct = scratch_file(O_DIRECT);
    write_pattern(buffered, 8192, 1, 0);
    write_pattern(direct, 8192, 1, 0);
    char *wild[] = {unmapped, NULL, (char *)-4096, (char *)4096};
    for (int i = 0; i < 4; i++) {
        ask(buffered, wild[i]);
        ask(direct, wild[i]);
        ask_write(buffered, wild[i], 0);
        ask_write(direct, wild[i], 0);
        ask_write(direct, wild[i], 8192);
    }
    ask(buffered, read_only);
    ask(direct, read_only);

    // The files are what they were.
    char *block = aligned_buffer(8192);
    EQUAL(pread(buffered, block, 8192, 0), 8192);
    VERIFY(block, 8192, 1, 0);
    EQUAL(pread(direct, block, 8192, 0), 8192);
    VERIFY(block, 8192, 1, 0);

    WITHOUT_LEAK(ask(buffered, unmapped));
    check_service();
}
