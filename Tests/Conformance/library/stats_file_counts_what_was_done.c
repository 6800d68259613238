// holds: KAIO_STATS_FILE gets one JSON object at exit that counts exactly what the program did; %p is the process id.
// source: kaio
#include "../check.h"

enum { size = 4096 };

// 5 direct reads, 3 buffered writes, 2 fsyncs, 1 read of no descriptor, 3 reads of a pipe, 1 of them cancelled.
static void work(void) {
    int direct = scratch_file(O_DIRECT), buffered = scratch_file(0), ends[2];
    open_pipe(ends);
    write_pattern(direct, 5 * size, 1, 0);
    unsigned char *block = aligned_buffer(size);
    for (int i = 0; i < 5; i++) {
        struct aiocb control = request(direct, block, size, i * size);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), size);
    }
    for (int i = 0; i < 3; i++) {
        struct aiocb control = request(buffered, block, 1000, i * 1000);
        OK(aio_write(&control));
        EQUAL(FINISH(&control), 1000);
    }
    for (int i = 0; i < 2; i++) {
        struct aiocb control = request(buffered, NULL, 0, 0);
        OK(aio_fsync(i ? O_SYNC : O_DSYNC, &control));
        EQUAL(FINISH(&control), 0);
    }
    struct aiocb bad = request(-1, block, size, 0);
    OK(aio_read(&bad));
    FINISHES_WITH(&bad, EBADF);
    char bytes[3];
    struct aiocb piped[3];
    for (int i = 0; i < 3; i++) {
        piped[i] = request(ends[0], &bytes[i], 1, 0);
        OK(aio_read(&piped[i]));
    }
    EQUAL(aio_cancel(ends[0], &piped[2]), AIO_CANCELED);
    EQUAL(write(ends[1], "xy", 2), 2);
    EQUAL(FINISH(&piped[0]), 1);
    EQUAL(FINISH(&piped[1]), 1);
    printf("%d", getpid());
}

// One JSON value, by the rules that matter here. Returns what follows it.
static const char *skip_json(const char *at) {
    if (*at == '{') {
        do {
            at++;
            CHECK(*at == '"');
            at = skip_json(at);
            CHECK(*at == ':');
            at = skip_json(at + 1);
        } while (*at == ',');
        CHECK(*at == '}');
        return at + 1;
    }
    if (*at == '"') {
        size_t length = strcspn(at + 1, "\"\\\n");
        CHECK(at[1 + length] == '"');
        return at + length + 2;
    }
    size_t digits = strspn(at, "0123456789");
    CHECK(digits > 0 && (digits == 1 || *at != '0'));
    return at + digits;
}

static long sum_of(const char *json, const char *object) {
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":{", object);
    const char *at = strstr(json, quoted);
    CHECK(at != NULL);
    long sum = 0;
    for (at += strlen(quoted); *at && *at != '}'; at++)
        if (*at == ':') sum += strtol(at + 1, NULL, 10);
    return sum;
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        work();
        return 0;
    }
    char path[PATH_MAX], setting[PATH_MAX + 32], name[64], json[4096];
    snprintf(setting, sizeof setting, "KAIO_STATS_FILE=%s", path_of(path, "of-%p-here"));
    struct child child;
    run_again(&child, "work", (const char *[]){setting, NULL}, NULL);
    SUCCEEDED(&child);
    EQUAL(strlen(child.errors), 0);
    snprintf(name, sizeof name, "of-%ld-here", atol(child.output));
    take_file(path_of(path, name), json, sizeof json);
    printf("%s", json);
    EQUAL(strspn(skip_json(json), "\n"), strlen(skip_json(json)));

    EQUAL(stat_of(json, NULL, "pid"), atol(child.output));
    EQUAL(stat_of(json, "requests", "read"), 9);
    EQUAL(stat_of(json, "requests", "write"), 3);
    EQUAL(stat_of(json, "requests", "fsync"), 2);
    EQUAL(sum_of(json, "requests"), 14);
    EQUAL(sum_of(json, "modules"), 12);  // not the one without a descriptor, nor the cancelled one
    CHECK(stat_of(json, "modules", "aio_linux") >= 5);
    CHECK(stat_of(json, "modules", "aio_pthread") >= 0);
    EQUAL(stat_of(json, "bytes", "read"), 5 * size + 2);
    EQUAL(stat_of(json, "bytes", "written"), 3000);
    EQUAL(stat_of(json, NULL, "errors"), 1);
    EQUAL(stat_of(json, NULL, "cancelled"), 1);
    CHECK(stat_of(json, "harvested", "caller") >= 0);
    CHECK(stat_of(json, "harvested", "leader") >= 0);
    CHECK(stat_of(json, "harvested", "reactor") >= 0);
    CHECK(sum_of(json, "harvested") >= 5);
    EQUAL(stat_of(json, NULL, "most_in_flight"), 3);
    EQUAL(stat_of(json, NULL, "healed"), 0);
    char *version = strstr(json, "\"version\":\"");
    const char *(*loaded)(void) = (const char *(*)(void))dlsym(RTLD_DEFAULT, "kaio_version");
    CHECK(version && loaded && strncmp(version + 11, loaded(), strlen(loaded())) == 0);
}
