// holds: What other preloaded libraries have of close, dup2, dup3, close_range and closefrom is called, whether they come before the library or behind it, each once.
// source: kaio
// modes: preloaded
#include "../vfs/vfs.h"

// Counts the calls, and hands them on.
static const char hooks[] =
    "#define _GNU_SOURCE\n"
    "#include <dlfcn.h>\n"
    "int hook_close, hook_dup2, hook_dup3, hook_close_range, hook_closefrom;\n"
    "int close(int a) { hook_close++; return ((int (*)(int))dlsym(RTLD_NEXT, \"close\"))(a); }\n"
    "int dup2(int a, int b) { hook_dup2++; return ((int (*)(int, int))dlsym(RTLD_NEXT, \"dup2\"))(a, b); }\n"
    "int dup3(int a, int b, int c) { hook_dup3++; return ((int (*)(int, int, int))dlsym(RTLD_NEXT, \"dup3\"))(a, b, c); }\n"
    "int close_range(unsigned a, unsigned b, int c) {\n"
    "    hook_close_range++;\n"
    "    return ((int (*)(unsigned, unsigned, int))dlsym(RTLD_NEXT, \"close_range\"))(a, b, c);\n"
    "}\n"
    "void closefrom(int a) { hook_closefrom++; ((void (*)(int))dlsym(RTLD_NEXT, \"closefrom\"))(a); }\n";

static int count(const char *name) {
    int *counter = dlsym(RTLD_DEFAULT, name);
    CHECK(counter != NULL);
    int value = *counter;
    *counter = 0;
    return value;
}

static void child(void) {
    int file = scratch_file(0), ends[2];
    char byte;
    for (int round = 0; round < 2; round++) {
        count("hook_close");
        FAILS(close(-1), EBADF);
        EQUAL(count("hook_close"), 1);
        int copy = dup(file);
        OK(close(copy));
        EQUAL(count("hook_close"), 1);
        FAILS(close(copy), EBADF);
        EQUAL(dup2(file, 700), 700);
        FAILS(dup2(-1, 700), EBADF);
        EQUAL(count("hook_dup2"), 2);
        EQUAL(dup3(file, 701, O_CLOEXEC), 701);
        FAILS(dup3(701, 701, 0), EINVAL);
        EQUAL(count("hook_dup3"), 2);
        OK(close_range(700, 701, 0));
        FAILS(close_range(2, 1, 0), EINVAL);
        EQUAL(count("hook_close_range"), 2);
        FAILS(fcntl(700, F_GETFD), EBADF);
        if (round == 0) {
            check_service();
            open_pipe(ends);
            struct aiocb control = request(ends[0], &byte, 1, 0);
            OK(aio_read(&control));
            OK(close(ends[0]));
            FINISHES_WITH(&control, ECANCELED);
        }
    }
    EQUAL(dup2(file, 900), 900);
    closefrom(850);
    EQUAL(count("hook_closefrom"), 1);
    FAILS(fcntl(900, F_GETFD), EBADF);
    check_service();
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) {
        child();
        return 0;
    }
    char object[PATH_MAX], order[4 * PATH_MAX];
    compile_module("hooks", hooks);
    path_of(object, "hooks.so");
    const char *library = getenv("CHECK_LIBRARY");
    struct child result;
    for (int i = 0; i < 2; i++) {
        snprintf(order, sizeof order, "LD_PRELOAD=%s:%s", i ? library : object, i ? object : library);
        run_again(&result, "child", (const char *[]){order, NULL}, NULL);
        SUCCEEDED(&result);
    }
    return 0;
}
