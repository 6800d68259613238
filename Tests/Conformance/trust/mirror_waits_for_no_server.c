// holds: Where the files' server of a mirror's leg, or of its log, or of the file itself does not answer, no call and no signal waits for it, nor do other requests: neither when the file is opened, nor while it is used, nor by the clock.
// source: kaio
// limit: 60
#include "../modules/device.h"
#include <sys/time.h>

enum { size = 4096 };
enum place { leg, journal, itself, places };

static const char *const names[] = {"a leg", "the log", "the file itself"};
static atomic_int alarms;

static void on_alarm(int signal) {
    (void)signal;
    alarms++;
}

static void *answer_again(void *unused) {
    sleep_for(0.3);
    device->stuck = 0;
    return unused;
}

// A call that waited would do so until the deadline.
static void submit_while_stuck(struct aiocb *control, int is_write) {
    double begin = now();
    struct itimerval time = {.it_value = {.tv_usec = 50000}};
    device->stuck = 1;
    alarms = 0;
    signal(SIGALRM, on_alarm);
    OK(setitimer(ITIMER_REAL, &time, NULL));
    OK(is_write ? aio_write(control) : aio_read(control));
    CHECK(now() - begin < 5);
    while (!alarms) sleep_for(0.01);
    // What needs the library's own thread goes on.
    int ends[2];
    char byte = 0;
    open_pipe(ends);
    struct aiocb other = request(ends[0], &byte, 1, 0);
    OK(aio_read(&other));
    EQUAL(aio_error(&other), EINPROGRESS);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&other), 1);
    close(ends[0]);
    close(ends[1]);
}

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
    // Here the kernel itself waits.
    pthread_t thread;
    device->stuck = 1;
    OK(pthread_create(&thread, NULL, answer_again, NULL));
    OK(close(file));
    EQUAL(device->stuck, 0);
    OK(pthread_join(thread, NULL));
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
