// What the programs about modules in C share. The module is a part of the program, or a shared object that the program
// compiles itself. The functions of kaio_vfs.h are the library's also in a program that was not linked with it: it is
// linked with -z dynamic-undefined-weak, so that the loader finds them in what is preloaded.
#ifndef KAIO_TESTS_VFS_H
#define KAIO_TESTS_VFS_H

#include "../check.h"
#include "../../../include/kaio_vfs.h"

#pragma weak kaio_request_buffer
#pragma weak kaio_request_fd
#pragma weak kaio_request_file
#pragma weak kaio_request_iovec
#pragma weak kaio_request_length
#pragma weak kaio_request_offset
#pragma weak kaio_request_operation
#pragma weak kaio_request_own
#pragma weak kaio_request_path
#pragma weak kaio_request_result
#pragma weak kaio_vfs_complete
#pragma weak kaio_vfs_data
#pragma weak kaio_vfs_drop
#pragma weak kaio_vfs_file_data
#pragma weak kaio_vfs_file_hold
#pragma weak kaio_vfs_file_open
#pragma weak kaio_vfs_file_release
#pragma weak kaio_vfs_hold
#pragma weak kaio_vfs_name
#pragma weak kaio_vfs_next_aio_cancel
#pragma weak kaio_vfs_next_aio_error
#pragma weak kaio_vfs_next_aio_return
#pragma weak kaio_vfs_next_aio_suspend
#pragma weak kaio_vfs_next_close
#pragma weak kaio_vfs_next_connect
#pragma weak kaio_vfs_next_disconnect
#pragma weak kaio_vfs_next_open
#pragma weak kaio_vfs_next_request
#pragma weak kaio_vfs_own
#pragma weak kaio_vfs_parm_bool
#pragma weak kaio_vfs_parm_int
#pragma weak kaio_vfs_parm_size
#pragma weak kaio_vfs_parm_string
#pragma weak kaio_vfs_pool_give
#pragma weak kaio_vfs_pool_take
#pragma weak kaio_vfs_register
#pragma weak kaio_vfs_request_data
#pragma weak kaio_vfs_service
#pragma weak kaio_vfs_set_data
#pragma weak kaio_vfs_set_file_data
#pragma weak kaio_vfs_start
#pragma weak kaio_vfs_take

// What is written to stderr meanwhile goes to `text`.
struct said {
    int saved, file;
    char text[8192];
};

static UNUSED void listen_to_stderr(struct said *said) {
    said->file = scratch_file(0);
    said->saved = failures_to = dup(STDERR_FILENO);
    dup2(said->file, STDERR_FILENO);
}

static UNUSED void stop_listening(struct said *said) {
    dup2(said->saved, STDERR_FILENO);
    failures_to = STDERR_FILENO;
    close(said->saved);
    read_whole(said->file, said->text, sizeof said->text);
    fputs(said->text, stderr);
}

#define HAS(text, part)                                                                                      \
    do {                                                                                                     \
        if (!strstr((text), (part))) failed(__FILE__, __LINE__, "\"%s\" is not in: %s", (part), (text));     \
    } while (0)

// Sets path to that of a file of the package.
static UNUSED void source_path(char path[PATH_MAX], const char *name) {
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
    CHECK(length > 0);
    path[length] = 0;
    char *end = strstr(path, "/.build/tests/");
    CHECK(end);
    snprintf(end, (size_t)(path + PATH_MAX - end), "/%s", name);
}

// Compiles a file as a shared object NAME.so in the test's directory.
static UNUSED void compile_file(const char *name, const char *file) {
    char path[PATH_MAX], include[PATH_MAX], command[4 * PATH_MAX];
    source_path(include, "include");
    snprintf(command, sizeof command, "LD_PRELOAD= cc -Wall -Wextra -Werror -shared -fPIC -I'%s' -o '%s/%s.so' '%s'",
             include, path_of(path, "."), name, file);
    EQUAL(system(command), 0);
}

static UNUSED void compile_module(const char *name, const char *source) {
    char path[PATH_MAX], file[64];
    snprintf(file, sizeof file, "%s.c", name);
    FILE *text = fopen(path_of(path, file), "we");
    if (!text || fputs(source, text) < 0 || fclose(text) != 0) failed(__FILE__, __LINE__, "%s", path);
    compile_file(name, path);
}

// Requests that a module keeps: first in, first out; a ring.
struct kept {
    pthread_mutex_t lock;
    kaio_vfs_handle *handle;
    kaio_request *requests[16384];
    unsigned first, count;
};

static UNUSED kaio_request **kept_place(struct kept *kept, unsigned index) {
    return &kept->requests[(kept->first + index) % (sizeof kept->requests / sizeof kept->requests[0])];
}

static UNUSED void keep(struct kept *kept, kaio_vfs_handle *handle, kaio_request *request) {
    pthread_mutex_lock(&kept->lock);
    CHECK(kept->count < sizeof kept->requests / sizeof kept->requests[0]);
    kept->handle = handle;
    *kept_place(kept, kept->count++) = request;
    pthread_mutex_unlock(&kept->lock);
}

static UNUSED kaio_request *take_kept(struct kept *kept) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pthread_mutex_lock(&kept->lock);
    kaio_request *request = NULL;
    if (kept->count > 0) {
        request = *kept_place(kept, 0);
        kept->first++;
        kept->count--;
    }
    pthread_mutex_unlock(&kept->lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return request;
}

// Whether this one was there.
static UNUSED int forget_kept(struct kept *kept, kaio_request *request) {
    int found = 0;
    pthread_mutex_lock(&kept->lock);
    for (unsigned i = 0; i < kept->count; i++) {
        if (found) *kept_place(kept, i - 1) = *kept_place(kept, i);
        else found = *kept_place(kept, i) == request;
    }
    kept->count -= (unsigned)found;
    pthread_mutex_unlock(&kept->lock);
    return found;
}

#endif
