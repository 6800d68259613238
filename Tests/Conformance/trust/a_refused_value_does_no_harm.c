// holds: A limit, delay or rule that a module refuses, and a parameter whose name is misspelt, gives the standard stack, and is said once: nothing is delayed, failed or limited by a value that nobody asked for.
// source: kaio
// limit: 60
#include "../configuration/configuration.h"
#include "trust.h"

static void refuses(const char *objects, const char *parameters, const char *named) {
    static struct child child;
    char first[256], second[512];
    snprintf(first, sizeof first, "KAIO_VFS_OBJECTS=%s", objects);
    snprintf(second, sizeof second, "KAIO_VFS_PARAMETERS=%s", parameters);
    run_again(&child, "work", (const char *[]){first, second, "KAIO_VERBOSE=1", NULL}, NULL);
    printf("%s", child.errors);
    SUCCEEDED(&child);
    EQUAL(count_lines(child.errors, "KAIO_VFS_PARAMETERS: ", named), 1);
    EQUAL(count_lines(child.errors, "kaio: KAIO_VFS_", "; using \"ordered aio_linux aio_poll aio_pthread\""), 1);
    EQUAL(count_lines(child.errors, "kaio " KAIO_VERSION ": stack ordered aio_linux aio_poll aio_pthread", NULL), 1);
    EQUAL(count_lines(child.errors, "kaio", NULL), 3);
}

int main(int count, char **arguments) {
    if (count > 1) {
        for (int i = 0; i < 20; i++) {
            if (strcmp(arguments[1], "pipe") == 0) write_to_a_pipe();
            else check_service();
        }
        return 0;
    }
    refuses("delay_inject ordered aio_linux", "delay_inject:maximum=61m", "delay_inject:maximum = 61m: not a time");
    refuses("delay_inject delay_inject ordered", "delay_inject:delay=1h; delay_inject:minimum=x", "delay_inject:minimum = x");
    refuses("delay_inject ordered", "delay_inject:delay=1h; delay_inject:seed=-1", "delay_inject:seed = -1: not a number");
    refuses("aio_ratelimit ordered aio_linux", "aio_ratelimit:write_iops=1; aio_ratelimit:burst=0", "aio_ratelimit:burst = 0");
    refuses("aio_ratelimit ordered aio_linux", "aio_ratelimit:write_iops=1; aio_ratelimit:read_bytes=1kb", "read_bytes = 1kb");
    refuses("error_inject ordered", "error_inject:rules=write EIO; error_inject:seed=x", "error_inject:seed = x");
    refuses("error_inject ordered", "error_inject:rules=write EIO sometimes", "error_inject:rules = write EIO sometimes");
    refuses("readonly ordered", "readonly:period=always", "readonly:period = always");
    // Nor by one whose limit was misspelt.
    refuses("delay_inject ordered", "delay_inject:delay=1h; delay_inject:maxmum=1ms", "delay_inject:maxmum: the module has no such");
    refuses("aio_ratelimit ordered aio_linux", "AIO_RateLimit:write iops=1", "AIO_RateLimit:write iops: the module has no such");
    refuses("readonly ordered", "aio_pthread:x=", "aio_pthread:x: the module has no such parameter; it has none");
    // What can't be read at all may have been the limit of the rest.
    refuses("delay_inject ordered", "delay_inject:delay=1h; delay_inject:operations read", "delay_inject:operations read: not");
    refuses("delay_inject ordered", "delay_inject:delay=1h; delay_inject:operations=%z", "unknown %z");

    // One value of [global] that a thousand services have is said once.
    char path[PATH_MAX], variable[PATH_MAX + 32];
    FILE *file = fopen(path_of(path, "many.conf"), "we");
    fputs("[global]\nvfs objects = delay_inject ordered aio_linux\ndelay_inject:delay = 1y\n", file);
    for (int i = 0; i < 1000; i++) fprintf(file, "[%d]\npath = /%d/*\n", i, i);
    fclose(file);
    static struct child child;
    snprintf(variable, sizeof variable, "KAIO_CONFIG=%s", path);
    run_again(&child, "work", (const char *[]){variable, NULL}, NULL);
    printf("%s", child.errors);
    SUCCEEDED(&child);
    EQUAL(count_lines(child.errors, "many.conf:3: ", "delay_inject:delay = 1y"), 1);
    EQUAL(count_lines(child.errors, "many.conf:2: ", "; using \"ordered"), 1);
    EQUAL(count_lines(child.errors, "kaio", NULL), 2);

    // A name that is misspelt in a service is that service's alone.
    file = fopen(path_of(path, "one.conf"), "we");
    fputs("[slow]\npath = /nowhere/*\nvfs objects = delay_inject ordered\ndelay_inject:dely = 1h\n"
          "[this]\npath = /*\nvfs objects = stats ordered\nstats:format = json\n", file);
    fclose(file);
    snprintf(variable, sizeof variable, "KAIO_CONFIG=%s", path);
    run_again(&child, "work", (const char *[]){variable, NULL}, NULL);
    printf("%s", child.errors);
    SUCCEEDED(&child);
    EQUAL(count_lines(child.errors, "one.conf:4: ", "delay_inject:dely: the module has no such parameter"), 1);
    EQUAL(count_lines(child.errors, "one.conf:3: ", "; using \"ordered"), 1);
    EQUAL(count_lines(child.errors, "{\"version\"", "\"service\":\"this\""), 1);
    EQUAL(count_lines(child.errors, "kaio: ", NULL), 2);

    // What root has put into the environment of another user's process.
    need_root();
    run_again(&child, "pipe", (const char *[]){"KAIO_VFS_OBJECTS=delay_inject ordered",
                                               "KAIO_VFS_PARAMETERS=delay_inject:delay=1h; delay_inject:maximum=61m", NULL},
              be_the_stranger);
    printf("%s", child.errors);
    SUCCEEDED(&child);
    EQUAL(count_lines(child.errors, "delay_inject:maximum = 61m", NULL), 1);
    EQUAL(count_lines(child.errors, "; using \"ordered", NULL), 1);
}
