// holds: kaio_connect of a stack without fault succeeds while another thread checks files with errors.
// source: kaio
// modes: linked
#include "../connection.h"

static atomic_int isOver;

static void *check_file(void *path) {
    while (!isOver) FAILS(kaio_testparm(path), EINVAL);
    return NULL;
}

int main(void) {
    char path[PATH_MAX];
    FILE *text = fopen(path_of(path, "conf"), "we");
    CHECK(text && fputs("[global]\nvfs objects = delay_inject aio_pthread\ndelay_inject:delay = nonsense\n", text) > 0);
    OK(fclose(text));
    // What is said of the file.
    CHECK(freopen(path_of((char[PATH_MAX]){0}, "said"), "we", stderr));
    deadline(50);
    kaio_connection *first = connected(NULL, NULL);
    pthread_t thread;
    OK(pthread_create(&thread, NULL, check_file, path));
    int count = 0, bad = 0;
    for (double end = now() + 4; now() < end && !bad; count++) {
        char parameters[64];
        snprintf(parameters, sizeof parameters, "delay_inject:delay = %dus", count + 1);
        kaio_connection *connection = kaio_connect("test", "delay_inject aio_pthread", parameters);
        bad = connection ? 0 : errno;
        if (connection) OK(kaio_disconnect(connection));
    }
    isOver = 1;
    OK(pthread_join(thread, NULL));
    OK(kaio_disconnect(first));
    printf("%d of %d is refused: %s\n", bad != 0, count, strerror(bad));
    return bad != 0;
}
