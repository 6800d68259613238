// A module that is a disk for each file: it does DISK_WAYS requests at a time (1), in the order in which they came, each in DISK_US
// microseconds, however fast what is below. So disks are independent of each other, and the same on every machine.

#include <kaio_vfs.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

enum { disks = 4, room = 4096, most_ways = 64 };

static struct disk {
    pthread_mutex_t lock;
    pthread_cond_t more;
    ino_t file;
    struct {
        kaio_request *request;
        double came;
    } waiting[room];
    unsigned first, end;
} disk[disks];
static kaio_vfs_handle *handle;
static double service;
static unsigned ways = 1;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void *serve(void *argument) {
    struct disk *mine = argument;
    double free_at[most_ways] = {0};
    for (unsigned way = 0;; way = (way + 1) % ways) {
        pthread_mutex_lock(&mine->lock);
        while (mine->first == mine->end) pthread_cond_wait(&mine->more, &mine->lock);
        kaio_request *request = mine->waiting[mine->first % room].request;
        double came = mine->waiting[mine->first++ % room].came;
        pthread_mutex_unlock(&mine->lock);
        free_at[way] = (free_at[way] > came ? free_at[way] : came) + service;
        while (free_at[way] > now()) {
            struct timespec left = {0, (long)((free_at[way] - now()) * 1e9)};
            if (left.tv_nsec > 0) nanosleep(&left, NULL);
        }
        kaio_vfs_next_request(handle, request);
    }
    return NULL;
}

static void keep(kaio_vfs_handle *mine, kaio_request *request) {
    struct stat status;
    handle = mine;
    if (fstat(kaio_request_fd(request), &status) != 0) status.st_ino = 0;
    for (int i = 0; i < disks; i++) {
        pthread_mutex_lock(&disk[i].lock);
        if (disk[i].file == 0) disk[i].file = status.st_ino;
        if (disk[i].file == status.st_ino) {
            disk[i].waiting[disk[i].end % room].request = request;
            disk[i].waiting[disk[i].end++ % room].came = now();
            pthread_cond_signal(&disk[i].more);
            pthread_mutex_unlock(&disk[i].lock);
            return;
        }
        pthread_mutex_unlock(&disk[i].lock);
    }
    kaio_vfs_next_request(mine, request);
}

static const struct kaio_vfs_fns functions = {
    .aio_read_fn = keep, .aio_write_fn = keep, .aio_fsync_fn = keep, .side = KAIO_VFS_BELOW_ORDERED};

int kaio_module_init(void);
int kaio_module_init(void) {
    const char *time = getenv("DISK_US"), *count = getenv("DISK_WAYS");
    service = (time ? atof(time) : 400) / 1e6;
    if (count && atoi(count) > 0 && atoi(count) <= most_ways) ways = (unsigned)atoi(count);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 0; i < disks; i++) {
        pthread_t thread;
        pthread_mutex_init(&disk[i].lock, NULL);
        pthread_cond_init(&disk[i].more, NULL);
        if (pthread_create(&thread, NULL, serve, &disk[i]) != 0) return -1;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "disk", &functions);
}
