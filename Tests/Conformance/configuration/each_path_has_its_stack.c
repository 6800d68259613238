// holds: Files of two services pass different stacks in one process, and a number that is another file's passes that one's.
// source: kaio
#include "configuration.h"

#include <fcntl.h>

static int write_to(int file) {
    char buffer[512] = "x";
    struct aiocb control = request(file, buffer, sizeof buffer, 0);
    OK(aio_write(&control));
    wait_for(&control, 10);
    int error = aio_error(&control);
    aio_return(&control);
    return error;
}

static void work(void) {
    char path[PATH_MAX];
    int frozen = open(path_of(path, "frozen.data"), O_RDWR | O_CREAT, 0600);
    int plain = open(path_of(path, "plain.data"), O_RDWR | O_CREAT, 0600);
    int slow = open(path_of(path, "slow.data"), O_RDWR | O_CREAT, 0600);
    for (int round = 0; round < 3; round++) {
        EQUAL(write_to(frozen), EROFS);
        EQUAL(write_to(plain), 0);
        EQUAL(write_to(slow), EDQUOT);
    }
    // The number is looked at anew when it is another file's.
    OK(close(frozen));
    EQUAL(open(path_of(path, "plain.data"), O_RDWR), frozen);
    EQUAL(write_to(frozen), 0);
    EQUAL(dup2(slow, frozen), frozen);
    EQUAL(write_to(frozen), EDQUOT);
    // One list, three stacks.
    OK(close(frozen));
    EQUAL(open(path_of(path, "frozen.data"), O_RDWR), frozen);
    char buffer[512] = "y";
    struct aiocb members[3] = {request(frozen, buffer, sizeof buffer, 0), request(plain, buffer, sizeof buffer, 0),
                               request(slow, buffer, sizeof buffer, 0)};
    struct aiocb *list[3];
    for (int i = 0; i < 3; i++) {
        members[i].aio_lio_opcode = LIO_WRITE;
        list[i] = &members[i];
    }
    FAILS(lio_listio(LIO_WAIT, list, 3, NULL), EIO);
    EQUAL(aio_error(&members[0]), EROFS);
    EQUAL(aio_error(&members[1]), 0);
    EQUAL(aio_error(&members[2]), EDQUOT);
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        work();
        return 0;
    }
    char path[PATH_MAX], variable[PATH_MAX + 20];
    configuration_file(path, "smb.conf",
                       "[frozen]\n path = */frozen*\n vfs objects = readonly ordered aio_linux aio_poll aio_pthread\n"
                       "[slow]\n path = */slow*\n vfs objects = error_inject ordered aio_linux aio_poll aio_pthread\n"
                       " error_inject:rules = write EDQUOT\n");
    snprintf(variable, sizeof variable, "KAIO_CONFIG=%s", path);
    struct child child;
    run_again(&child, "work", (const char *[]){variable, NULL}, NULL);
    printf("%s", child.errors);
    SUCCEEDED(&child);
    SAYS(child.errors, "");
    return 0;
}
