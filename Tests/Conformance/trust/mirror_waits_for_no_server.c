// holds: Where the files' server of a mirror's leg, or of its log, or of the file itself does not answer, no call and no signal waits for it, nor do other requests: neither when the file is opened, nor while it is used, nor by the clock; and close lets signals in.
// source: kaio
// limit: 60
#include "server.h"

enum { size = 4096 };
enum place { leg, journal, itself, places };

static const char *const names[] = {"a leg", "the log", "the file itself"};
static void use_it(enum place place, int flags, const char *directory) {
    static char parameters[5 * PATH_MAX];
    char file_path[PATH_MAX], on_device[PATH_MAX], mine[PATH_MAX], other[PATH_MAX];
    snprintf(on_device, sizeof on_device, "%.3000s/device/data", directory);
    snprintf(mine, sizeof mine, "%.3000s/file.%d", directory, (int)place);
    snprintf(other, sizeof other, "%.3000s/other.%d", directory, (int)place);
    snprintf(file_path, sizeof file_path, "%s", place == itself ? on_device : mine);
    snprintf(parameters, sizeof parameters, "mirror:region size = 64k; mirror:legs = %s; mirror:log = %s",
             place == leg ? on_device : other, place == journal ? on_device : place == itself ? mine : "core");
    setenv("KAIO_VFS_OBJECTS", "mirror ordered aio_linux aio_poll aio_pthread", 1);
    setenv("KAIO_VFS_PARAMETERS", parameters, 1);
    device->size = 0;
    int file = open(file_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(file >= 0);
    unsigned char *data = aligned_buffer(size), *found = aligned_buffer(size);
    fill(data, size, 1, 0);
    // The first request opens all, and the first with O_DIRECT once more.
    struct aiocb control = request(file, data, size, 0), read = request(file, found, size, 0);
    submit_while_stuck(&control, 1);
    EQUAL(aio_error(&control), EINPROGRESS);
    device->stuck = 0;
    EQUAL(FINISH(&control), size);
    if (flags) OK(fcntl(file, F_SETFL, flags));
    submit_while_stuck(&control, 1);
    // The clock has come by.
    sleep_for(1);
    device->stuck = 0;
    EQUAL(FINISH(&control), size);
    sleep_for(0.7);
    submit_while_stuck(&read, 0);
    device->stuck = 0;
    EQUAL(FINISH(&read), size);
    VERIFY(found, size, 1, 0);
    // What the mirror's descriptors wait for at their end, and then the program's own.
    close_while(&device->held_flushes, file);
}

int main(void) {
    char directory[PATH_MAX], name[PATH_MAX];
    deadline(50);
    CHECK(realpath(path_of(name, "."), directory));
    device_make();
    for (int place = 0; place < places; place++) {
        for (int is_direct = 0; is_direct < 2; is_direct++) {
            printf("%s%s\n", names[place], is_direct ? ", with O_DIRECT" : "");
            fflush(stdout);
            pid_t child = fork();
            CHECK(child >= 0);
            if (child == 0) {
                deadline(20);
                use_it((enum place)place, is_direct ? O_DIRECT : 0, directory);
                _exit(0);
            }
            int status;
            EQUAL(waitpid(child, &status, 0), child);
            if (status != 0) failed(__FILE__, __LINE__, "%s: the child's status is %#x", names[place], (unsigned)status);
        }
    }
}
