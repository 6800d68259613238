// holds: Wherever kaio_testparm asks for memory at the moment, another thread's first request is done.
// source: kaio
// modes: linked
#include "../connection.h"

static atomic_int left, isInside, goOn;
static _Thread_local int isCounted;
static int (*next)(void **, size_t, size_t);

// The thread that is counted stops in its call of this number.
static void count(void) {
    if (!isCounted || --left != 0) return;
    isInside = 1;
    while (!goOn) usleep(1000);
}

int posix_memalign(void **place, size_t alignment, size_t size) {
    count();
    return next(place, alignment, size);
}

static void *check_file(void *path) {
    isCounted = 1;
    OK(kaio_testparm(path));
    isCounted = 0;
    isInside = 1;
    return path;
}

int main(void) {
    char path[PATH_MAX];
    *(void **)&next = dlsym(RTLD_NEXT, "posix_memalign");
    CHECK(next);
    FILE *text = fopen(path_of(path, "conf"), "we");
    CHECK(text && fputs("[global]\nvfs objects = ordered aio_linux aio_poll aio_pthread\n", text) > 0);
    OK(fclose(text));
    int number = 0, isOver = 0;
    while (!isOver) {
        pid_t child = fork();
        if (child == 0) {
            pthread_t thread;
            left = ++number;
            dup2(STDERR_FILENO, STDOUT_FILENO);
            OK(pthread_create(&thread, NULL, check_file, path));
            while (!isInside) usleep(100);
            deadline(10);
            check_service();
            goOn = 1;
            OK(pthread_join(thread, NULL));
            _exit(left > 0 ? 77 : 0);
        }
        int status;
        EQUAL(waitpid(child, &status, 0), child);
        number++;
        isOver = WIFEXITED(status) && WEXITSTATUS(status) == 77;
        if (!isOver && status != 0) failed(__FILE__, __LINE__, "in call %d: status %#x", number, (unsigned)status);
    }
    printf("%d calls\n", number - 1);
    CHECK(number > 2);
}
