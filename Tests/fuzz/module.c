// A module in C that does everything wrong, by a script of bytes: requests that are completed twice, passed on after that,
// kept and forgotten, used when they are over; results and names that are none; calls with nothing, from everywhere. What is
// right in each call's arguments as C has them (a pointer to a string is one) stays so. At the end every request is over.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../include/kaio.h"
#include "../../include/kaio_vfs.h"

enum { known = 32 };

/* A copy, as a thread of the library's may call late. */
static unsigned char script[16384];
static _Atomic size_t at, end;
// Several threads call the module at once: a request that is not noted here would be forgotten by all.
static kaio_request *_Atomic requests[known];
static kaio_vfs_handle *_Atomic handles[4];
static _Atomic unsigned next_request, next_handle;

static unsigned take(void) {
    size_t place = atomic_fetch_add(&at, 1);
    return place < end ? script[place] : 0;
}

static const ssize_t results[] = {0, 1, -1, -EIO, -ECANCELED, -EINPROGRESS, LONG_MIN, LONG_MAX, LONG_MIN + 1, 4096, -4096, 1L << 40};
static ssize_t result(void) { return results[take() % (sizeof results / sizeof *results)]; }

static kaio_request *any_request(kaio_request *own) {
    unsigned which = take();
    kaio_request *request = which % 4 == 0 ? requests[which / 4 % known] : own;
    return request ? request : own;
}

static kaio_vfs_handle *any_handle(kaio_vfs_handle *own) {
    unsigned which = take();
    kaio_vfs_handle *handle = which % 8 == 0 ? handles[which / 8 % 4] : own;
    return handle ? handle : own;
}

static void misuse(kaio_vfs_handle *handle, kaio_request *own) {
    for (unsigned steps = take() % 8; steps > 0; steps--) {
        kaio_request *request = any_request(own);
        kaio_vfs_handle *place = any_handle(handle);
        struct iovec vector[4];
        char path[64];
        void **data;
        if (!request || !place) return;
        switch (take() % 12) {
        case 0: kaio_vfs_complete(place, request, result()); break;
        case 1: kaio_vfs_next_request(place, request); break;
        case 2: kaio_request_iovec(request, vector, (int)(take() % 5)); break;
        case 3: kaio_request_path(request, path, take() % sizeof path); break;
        case 4: kaio_request_buffer(request); break;
        case 5: (void)(kaio_request_length(request) + (size_t)kaio_request_offset(request)); break;
        case 6: (void)(kaio_request_operation(request) + (unsigned)kaio_request_fd(request)); break;
        case 7: kaio_request_result(request); break;
        case 8:
            data = kaio_vfs_request_data(place, request);
            if (data) *data = request;
            break;
        case 9: kaio_vfs_next_aio_error(place, NULL); break;
        case 10: kaio_vfs_data(place); break;
        default: kaio_vfs_next_aio_cancel(place, (int)take() - 2, NULL); break;
        }
    }
}

static void on_request(kaio_vfs_handle *handle, kaio_request *request) {
    requests[next_request++ % known] = request;
    misuse(handle, request);
    // Kept or not, and whether it still is the module's.
    if (take() % 4) kaio_vfs_next_request(handle, request);
}

static ssize_t on_done(kaio_vfs_handle *handle, kaio_request *request, ssize_t given) {
    misuse(handle, request);
    return take() % 4 ? given : take() % 4 ? result() : KAIO_VFS_KEEP;
}

static int on_withdraw(kaio_vfs_handle *handle, kaio_request *request, int must) {
    (void)must;
    misuse(handle, request);
    return (int)(take() % 3);
}

static int on_connect(kaio_vfs_handle *handle, const char *service) {
    if (take() % 16 == 1) {
        errno = (int)take();
        return -1;
    }
    kaio_vfs_parm_int(handle, service, (long)result());
    kaio_vfs_parm_size(handle, "size", (size_t)result());
    kaio_vfs_parm_bool(handle, "flag", (int)result());
    kaio_vfs_parm_string(handle, "text", NULL);
    int result = kaio_vfs_next_connect(handle, service);
    if (result == 0) handles[next_handle++ % 4] = handle;
    return result;
}

static void on_disconnect(kaio_vfs_handle *handle) {
    for (int i = 0; i < 4; i++) if (handles[i] == handle) handles[i] = NULL;
    kaio_vfs_next_disconnect(handle);
}

static void finish(kaio_file *file) {
    // Whatever is kept still: one of these is the module's, and the others are refused.
    for (int round = 0; round < 4; round++)
        for (int i = 0; i < known; i++)
            for (int h = 0; h < 4; h++) if (requests[i] && handles[h]) kaio_vfs_complete(handles[h], requests[i], 0);
    end = 0;
    kaio_aio_cancel(file, NULL);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void register_nonsense(void) {
    char name[40];
    size_t count = take() % sizeof name, i = 0;
    for (; i + 1 < count; i++) name[i] = (char)take();
    name[i] = 0;
    static const struct kaio_vfs_fns none;
    // A good name would stay for ever.
    name[0] = '/';
    kaio_vfs_register((int)take() - 2, take() % 4 ? name : NULL, take() % 4 ? &none : NULL);
}

void fuzz_module(int target, const unsigned char *bytes, size_t count) {
    static const struct kaio_vfs_fns fns = {
        .connect_fn = on_connect, .disconnect_fn = on_disconnect, .aio_read_fn = on_request, .aio_write_fn = on_request,
        .aio_fsync_fn = on_request, .aio_done_fn = on_done, .aio_withdraw_fn = on_withdraw,
    };
    static int is_registered;
    static char path[64];
    (void)target;
    if (!is_registered) {
        is_registered = 1;
        kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "wrong", &fns);
        snprintf(path, sizeof path, "/dev/shm/kaio-fuzz-module.%d", (int)getpid());
    }
    end = 0;
    memcpy(script, bytes, count < sizeof script ? count : sizeof script);
    at = 0;
    end = count < sizeof script ? count : sizeof script;
    for (int i = 0; i < known; i++) requests[i] = NULL;
    register_nonsense();
    static const char *const stacks[] = {
        "wrong ordered aio_linux aio_poll aio_pthread", "ordered wrong aio_linux aio_poll", "wrong wrong ordered aio_pthread",
        "stats wrong ordered wrong aio_linux", "wrong", "ordered wrong", "wrong ordered ordered", "wrong //", "",
    };
    kaio_connection *connection = kaio_connect("fuzz", stacks[take() % 9], take() % 8 ? NULL : "wrong:size=1; wrong:flag=maybe");
    if (!connection) return;
    kaio_file *file = kaio_open(connection, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    unlink(path);
    if (file) {
        static unsigned char buffer[8][64];
        struct aiocb blocks[8];
        int used = 0;
        memset(blocks, 0, sizeof blocks);
        for (unsigned steps = take() % 8; steps > 0 && used < 8; steps--) {
            struct aiocb *block = &blocks[used];
            block->aio_buf = buffer[used];
            block->aio_nbytes = take() % 64;
            block->aio_offset = (off_t)take() - 2;
            block->aio_sigevent.sigev_notify = SIGEV_NONE;
            unsigned kind = take() % 4;
            int error = kind == 0   ? kaio_aio_write(file, block)
                        : kind == 1 ? kaio_aio_fsync(file, take() % 2 ? O_SYNC : O_DSYNC, block)
                                    : kaio_aio_read(file, block);
            if (error == 0) used++;
            if (take() % 8 == 1) kaio_aio_cancel(file, take() % 2 ? block : NULL);
            if (take() % 8 == 1) kaio_connection_dispatch(connection, 1);
        }
        double start = now();
        for (int tries = 0;; tries++) {
            int waiting = 0;
            for (int i = 0; i < used; i++) waiting += kaio_aio_error(file, &blocks[i]) == EINPROGRESS;
            if (waiting == 0) break;
            if (tries > 2) finish(file);
            if (now() - start > 20) abort();  // One that is over for nobody.
            kaio_connection_dispatch(connection, 0);
            if (tries > 20) usleep(100);
        }
        for (int i = 0; i < used; i++) kaio_aio_return(file, &blocks[i]);
        end = 0;
        kaio_close(file);
    }
    end = 0;
    kaio_disconnect(connection);
}
