// holds: Without vfs_objects the stack is that of the service in KAIO_CONFIG, and an error if that has one; the caller's parameters come before the file's.
// source: kaio
// modes: linked
#include "../connection.h"

static int outcome(const char *service, const char *parameters) {
    kaio_connection *connection = kaio_connect(service, NULL, parameters);
    CHECK(connection != NULL);
    kaio_file *file = opened(connection, "data", 0, 4096, 1);
    char buffer[512] = {0};
    struct aiocb control = request(-1, buffer, 512, 0);
    OK(kaio_aio_write(file, &control));
    OK(all_of(connection, &control, 10));
    int error = kaio_aio_error(file, &control);
    kaio_aio_return(file, &control);
    OK(kaio_disconnect(connection));
    return error;
}

int main(int count, char **arguments) {
    if (count > 0 && strcmp(arguments[0], "again") == 0 && strcmp(arguments[1], "error") == 0) {
        errno = 0;
        CHECK(kaio_connect("archive", NULL, NULL) == NULL);
        EQUAL(errno, EINVAL);
        OK(kaio_disconnect(connected("ordered aio_linux", NULL)));
        return 0;
    }
    if (count > 0 && strcmp(arguments[0], "again") == 0) {
        EQUAL(outcome("archive", NULL), EROFS);
        EQUAL(outcome("faulty", NULL), EIO);
        EQUAL(outcome("faulty", "error_inject:rules = \"write ENOSPC every 1\""), ENOSPC);
        EQUAL(outcome("another", NULL), 0);
        return 0;
    }
    FILE *file = fopen("kaio.conf", "we");
    fputs("[archive]\n path = /nowhere/*\n vfs objects = readonly ordered aio_linux aio_poll\n"
          "[faulty]\n path = /nowhere/*\n vfs objects = error_inject ordered aio_linux\n"
          " error_inject:rules = \"write EIO every 1\"\n", file);
    fclose(file);
    struct child child;
    run_again(&child, "x", (const char *const[]){"KAIO_CONFIG=kaio.conf", NULL}, NULL);
    SUCCEEDED(&child);
    // With an error in the file nobody knows what the service's stack is.
    file = fopen("wrong.conf", "we");
    fputs("[archive]\n path = /nowhere/*\n vfs objects = readonly oredred aio_linux aio_poll\n", file);
    fclose(file);
    run_again(&child, "error", (const char *const[]){"KAIO_CONFIG=wrong.conf", NULL}, NULL);
    SUCCEEDED(&child);
    EQUAL(count_lines(child.errors, "wrong.conf:3: vfs objects: no module is named oredred", NULL), 1);
    EQUAL(count_lines(child.errors, "kaio_connect: service archive: KAIO_CONFIG", NULL), 1);
}
