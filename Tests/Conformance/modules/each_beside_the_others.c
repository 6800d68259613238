// holds: group_sync, aio_priority and follow do what they promise beside bufio and mirror in one stack: reads and the file have what was written, in the order of the calls, a write under group_sync is in the file (and every leg) when it is complete, and a read at the end has what a write adds.
// source: kaio
// links: -Wl,-z,dynamic-undefined-weak
// limit: 120
#include "mirror.h"

enum { size = 1 << 20, depth = 32, rounds = 600, most = 20000 };

static unsigned char model[size];
static uint64_t state = 1;

static unsigned number(unsigned below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % below;
}

struct stack {
    const char *objects, *parameters;
    int is_safe, has_mirror, follows;
};

// The file as it is without the library's stack: the program's own pread goes by it.
static void file_has_model(const char *path, off_t from, size_t length) {
    static unsigned char plain[size];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0);
    EQUAL(pread(file, plain, length, from), (ssize_t)length);
    OK(close(file));
    if (memcmp(plain, model + from, length) != 0) failed(__FILE__, __LINE__, "%s differs at %jd", path, (intmax_t)from);
}

static void change(const struct stack *stack, int file) {
    static unsigned char data[depth][most];
    struct aiocb requests[depth];
    unsigned char *expected[depth];
    for (int round = 0; round < rounds / depth; round++) {
        for (int i = 0; i < depth; i++) {
            size_t length = 1 + number(most - 1), offset = number(size - most);
            int is_read = number(3) == 0;
            requests[i] = request(file, data[i], length, (off_t)offset);
            requests[i].aio_reqprio = (int)number(2) * 10;
            expected[i] = NULL;
            if (is_read) {
                // What was written before it, and nothing of what comes after.
                expected[i] = malloc(length);
                memcpy(expected[i], model + offset, length);
                OK(aio_read(&requests[i]));
            } else {
                for (size_t at = 0; at < length; at++) data[i][at] = (unsigned char)number(256);
                memcpy(model + offset, data[i], length);
                OK(aio_write(&requests[i]));
            }
        }
        for (int i = 0; i < depth; i++) {
            EQUAL(FINISH(&requests[i]), requests[i].aio_nbytes);
            if (expected[i] && memcmp(expected[i], data[i], requests[i].aio_nbytes) != 0)
                failed(__FILE__, __LINE__, "a read in round %d has something else", round);
            free(expected[i]);
        }
        if (!stack->is_safe) continue;
        file_has_model(one, 0, size);
        if (stack->has_mirror) file_has_model(two, 0, size);
    }
    fsync_all(file);
    file_has_model(one, 0, size);
    if (stack->has_mirror) file_has_model(two, 0, size);
}

static void follow_the_end(int file) {
    char text[16];
    struct aiocb waiting = request(file, text, sizeof text, size), writing = request(file, "ten bytes.", 10, size);
    OK(aio_read(&waiting));
    sleep_for(0.02);
    EQUAL(aio_error(&waiting), EINPROGRESS);
    OK(aio_write(&writing));
    EQUAL(FINISH(&writing), 10);
    fsync_all(file);
    EQUAL(FINISH(&waiting), 10);
    CHECK(memcmp(text, "ten bytes.", 10) == 0);
}

static void use(void *argument) {
    const struct stack *stack = argument;
    char parameters[5 * PATH_MAX];
    mirror_paths();
    snprintf(parameters, sizeof parameters, "mirror:legs = %s; mirror:log = %s; bufio:files = all; bufio:size = 1M; %s", two, mirror_log,
             stack->parameters);
    setenv("KAIO_VFS_OBJECTS", stack->objects, 1);
    setenv("KAIO_VFS_PARAMETERS", parameters, 1);
    int file = open_mirror(0);
    for (int i = 0; i < size; i++) model[i] = (unsigned char)(i * 7);
    for (int at = 0; at < size; at += 65536) {
        struct aiocb control = request(file, model + at, 65536, at);
        OK(aio_write(&control));
        EQUAL(FINISH(&control), 65536);
    }
    change(stack, file);
    if (stack->follows) follow_the_end(file);
    OK(close(file));
    if (stack->has_mirror) legs_are_equal(2);
}

int main(void) {
    deadline(110);
    static struct stack stacks[] = {
        {"group_sync ordered bufio aio_linux aio_poll aio_pthread", "", 1, 0, 0},
        {"group_sync ordered bufio aio_linux aio_poll aio_pthread", "bufio:mode = writeback", 1, 0, 0},
        {"group_sync ordered mirror aio_linux aio_poll aio_pthread", "", 1, 1, 0},
        {"ordered bufio aio_priority aio_linux aio_poll aio_pthread", "bufio:mode = writeback; aio_priority:depth = 4", 0, 0, 0},
        {"ordered mirror aio_priority aio_linux aio_poll aio_pthread", "aio_priority:depth = 4", 0, 1, 0},
        {"follow ordered bufio aio_linux aio_poll aio_pthread", "bufio:mode = writeback", 0, 0, 1},
        {"follow ordered mirror aio_linux aio_poll aio_pthread", "", 0, 1, 1},
        {"follow group_sync ordered bufio mirror aio_priority aio_linux aio_poll aio_pthread", "", 1, 1, 1},
        {"follow group_sync ordered bufio mirror aio_priority aio_linux aio_poll aio_pthread", "bufio:mode = writeback", 1, 1, 1},
    };
    mirror_paths();
    for (size_t i = 0; i < sizeof stacks / sizeof stacks[0]; i++) {
        printf("%s; %s\n", stacks[i].objects, stacks[i].parameters);
        forget_mirror();
        in_child(use, &stacks[i], 0);
    }
    return 0;
}
