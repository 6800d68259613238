// holds: A child that was forked while another thread opened the first log has a log of its own, and its requests.
// source: kaio
// modes: linked
#include "../connection.h"

// The library asks it once, with the list of all logs locked.
static atomic_int isInside, goOn;
struct tm *localtime_r(const time_t *restrict time, struct tm *restrict parts) {
    isInside = 1;
    while (!goOn) usleep(1000);
    return gmtime_r(time, parts);
}

static char parameters[PATH_MAX + 64];

static void use(void) {
    kaio_connection *connection = connected("full_audit ordered aio_linux aio_poll aio_pthread", parameters);
    kaio_file *file = opened(connection, "data", 0, 512, 1);
    char buffer[512];
    struct aiocb control = request(-1, buffer, 512, 0);
    OK(kaio_aio_read(file, &control));
    EQUAL(finished(connection, file, &control), 512);
    OK(kaio_disconnect(connection));
}

static void *use_in_thread(void *argument) {
    use();
    return argument;
}

int main(void) {
    char path[PATH_MAX];
    snprintf(parameters, sizeof parameters, "full_audit:to = %s", path_of(path, "log.%%p"));
    pthread_t thread;
    OK(pthread_create(&thread, NULL, use_in_thread, NULL));
    while (!isInside) usleep(1000);
    pid_t child = fork();
    if (child == 0) {
        goOn = 1;
        deadline(10);
        use();
        exit(0);
    }
    EXITS(child);
    goOn = 1;
    OK(pthread_join(thread, NULL));
}
