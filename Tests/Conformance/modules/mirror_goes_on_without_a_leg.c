// holds: A write, read or aio_fsync that fails on a leg is done by the others, is said once, and known to the next start, which makes the legs equal again; where no leg is left, or the log can't be written, the request has the error.
// source: kaio
// links: -Wl,-z,dynamic-undefined-weak
// limit: 120
#include "mirror.h"

enum { size = 65536, blocks = 8 };

static const char *const quick = "mirror:region size = 64k; mirror:resync rate = 1G";
static struct said said;

static void begin(void *legs) {
    use_mirror(*(int *)legs, quick);
    int file = open_mirror(0);
    for (int i = 0; i < blocks; i++) write_at(file, size, 1, (off_t)i * size);
    fsync_all(file);
    OK(close(file));
}

// What a later start makes of it.
static void recover(void *legs) {
    use_mirror(*(int *)legs, quick);
    int file = open_mirror(0);
    for (int i = 0; i < blocks; i++) read_at(file, size, i < 3 ? 2 : 1, (off_t)i * size);
    await_in_sync(*(int *)legs);
    OK(close(file));
    legs_are_equal(*(int *)legs);
}

static struct step {
    const char *path, *words;
    enum kaio_operation operation;
    int error, legs, dies;
} step;

static void fail_once(void *nothing) {
    (void)nothing;
    use_mirror(step.legs, quick);
    listen_to_stderr(&said);
    int file = open_mirror(0);
    // So that the trap is for what comes now.
    read_at(file, size, 1, 0);
    set_trap(0, step.path, step.operation, step.error, 0, 1);
    for (int i = 0; i < 3; i++) write_at(file, size, 2, (off_t)i * size);
    // Each leg is asked.
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < blocks; i++) read_at(file, size, i < 3 ? 2 : 1, (off_t)i * size);
    fsync_all(file);
    if (traps[0].caught != 1) failed(__FILE__, __LINE__, "the step was never reached");
    stop_listening(&said);
    HAS(said.text, step.words);
    CHECK(!strstr(strstr(said.text, step.words) + 1, step.words));
    if (step.dies) kill(getpid(), SIGKILL);
    OK(close(file));
}

// The only leg that is left fails too.
static void lose_all(void *nothing) {
    (void)nothing;
    static unsigned char data[size];
    use_mirror(2, quick);
    int file = open_mirror(0);
    read_at(file, size, 2, 0);
    set_trap(0, two, KAIO_OPERATION_WRITE, EIO, 0, 1 << 20);
    write_at(file, size, 2, 0);
    set_trap(1, one, KAIO_OPERATION_WRITE, ENOSPC, 0, 1);
    struct aiocb control = request(file, data, size, size);
    OK(aio_write(&control));
    FINISHES_WITH(&control, ENOSPC);
    set_trap(1, one, KAIO_OPERATION_READ, EIO, 0, 1);
    control = request(file, data, size, 0);
    OK(aio_read(&control));
    FINISHES_WITH(&control, EIO);
    // As before.
    write_at(file, size, 2, size);
    read_at(file, size, 2, 0);
    OK(close(file));
}

static void refuse_with_a_leg(void *nothing) {
    (void)nothing;
    static unsigned char data[size];
    fill(data, size, 2, 0);
    use_mirror(2, "mirror:region size = 64k; mirror:resync rate = 1G; mirror:on failure = fail");
    int file = open_mirror(0);
    read_at(file, size, 2, 0);
    set_trap(0, two, KAIO_OPERATION_WRITE, ENOSPC, 0, 1);
    struct aiocb control = request(file, data, size, 0);
    OK(aio_write(&control));
    FINISHES_WITH(&control, ENOSPC);
    OK(close(file));
}

// Without the log no data goes to a leg.
static void fail_in_the_log(void *operation) {
    static unsigned char data[size];
    use_mirror(2, quick);
    listen_to_stderr(&said);
    int file = open_mirror(0);
    read_at(file, size, 2, 0);
    set_trap(0, mirror_log, *(enum kaio_operation *)operation, EIO, 0, 1 << 20);
    for (int i = 0; i < 2; i++) {
        struct aiocb control = request(file, data, size, 0);
        OK(aio_write(&control));
        FINISHES_WITH(&control, EIO);
    }
    CHECK(traps[0].caught > 1);
    traps[0].most = 0;
    write_at(file, size, 2, 0);
    OK(close(file));
    stop_listening(&said);
    HAS(said.text, "the log can't be written: EIO");
    legs_are_equal(2);
}

// Recovery itself: of the copy, and of what is copied.
static void fail_in_recovery(void *nothing) {
    (void)nothing;
    use_mirror(step.legs, quick);
    // Not the program's reads, which have no other leg then.
    set_trap(0, step.path, step.operation, EIO, 2, 1);
    traps[0].least = size;
    int file = open_mirror(0);
    for (int i = 0; i < blocks; i++) read_at(file, 4096, i < 3 ? 2 : 1, (off_t)i * size);
    double end = now() + 20;
    while (traps[0].caught == 0 && now() < end) sleep_for(0.01);
    EQUAL(traps[0].caught, 1);
    for (int i = 0; i < blocks; i++) read_at(file, 4096, i < 3 ? 2 : 1, (off_t)i * size);
    OK(close(file));
}

int main(void) {
    mirror_paths();
    const char *const paths[] = {one, two, three};
    static const enum kaio_operation operations[] = {KAIO_OPERATION_WRITE, KAIO_OPERATION_FSYNC, KAIO_OPERATION_READ};
    for (int legs = 2; legs <= 3; legs++) {
        for (int leg = 0; leg < legs; leg++) {
            for (int operation = 0; operation < 3; operation++) {
                forget_mirror();
                in_child(begin, &legs, 0);
                step = (struct step){.path = paths[leg], .operation = operations[operation], .error = leg == 1 ? ENOSPC : EIO, .legs = legs,
                                     .words = operation == 2 ? "can't be read" : "it goes on with the others", .dies = (leg + operation) % 2};
                printf("%d legs, leg %d, operation %d\n", legs, leg, operation);
                in_child(fail_once, NULL, step.dies ? SIGKILL : 0);
                in_child(recover, &legs, 0);
            }
        }
    }
    int legs = 2;
    forget_mirror();
    in_child(begin, &legs, 0);
    step = (struct step){.path = two, .operation = KAIO_OPERATION_WRITE, .error = EIO, .legs = 2, .words = "it goes on with the others"};
    in_child(fail_once, NULL, 0);
    in_child(recover, &legs, 0);
    in_child(lose_all, NULL, 0);
    in_child(recover, &legs, 0);
    in_child(refuse_with_a_leg, NULL, 0);
    in_child(recover, &legs, 0);
    static enum kaio_operation write_log = KAIO_OPERATION_WRITE, sync_log = KAIO_OPERATION_FSYNC;
    in_child(fail_in_the_log, &write_log, 0);
    in_child(recover, &legs, 0);
    in_child(fail_in_the_log, &sync_log, 0);
    in_child(recover, &legs, 0);
    for (int i = 0; i < 2; i++) {
        OK(unlink(two));
        int file = open(two, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        CHECK(file >= 0);
        OK(close(file));
        step = (struct step){.path = i ? one : two, .operation = i ? KAIO_OPERATION_READ : KAIO_OPERATION_WRITE, .legs = 2};
        in_child(fail_in_recovery, NULL, 0);
        in_child(recover, &legs, 0);
    }
}
