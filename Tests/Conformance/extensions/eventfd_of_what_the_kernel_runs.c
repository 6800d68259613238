// holds: KAIO_SIGEV_EVENTFD: the kernel signals the eventfd of what it runs; an epoll loop gets all, and no thread of the library wakes up.
// source: kaio
#include "../check.h"
#include "../../../include/kaio.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum { count = 32, rounds = 50, size = 4096 };

// How often the other threads of this process slept.
static long count_sleeps(int *threads) {
    long sum = 0;
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks != NULL);
    *threads = 0;
    for (struct dirent *entry; (entry = readdir(tasks));) {
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == getpid()) continue;
        char path[300], line[200];
        long number;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
        FILE *file = fopen(path, "re");
        // It ended meanwhile.
        if (!file) continue;
        while (fgets(line, sizeof line, file))
            if (sscanf(line, "voluntary_ctxt_switches: %ld", &number) == 1) sum += number;
        fclose(file);
        ++*threads;
    }
    closedir(tasks);
    return sum;
}

int main(void) {
    int descriptor = scratch_file(O_DIRECT), event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), poll = epoll_create1(0);
    unsigned char *blocks = aligned_buffer(count * size);
    struct epoll_event interest = {.events = EPOLLIN, .data.fd = event}, ready;
    static struct aiocb controls[count];
    int threads, threads_after;
    write_pattern(descriptor, count * size, 1, 0);
    OK(fsync(descriptor));
    OK(epoll_ctl(poll, EPOLL_CTL_ADD, event, &interest));
    check_service();
    // What the start took is over when nobody sleeps any more often, and no worker is left.
    long sleeps = count_sleeps(&threads), before = -1;
    for (int i = 0; i < 50 && (sleeps != before || threads > 1); i++) {
        before = sleeps;
        sleep_for(0.1);
        sleeps = count_sleeps(&threads);
    }
    long signals = 0, by_kernel = 0;
    double began = now();
    for (int round = 0; round < rounds; round++) {
        int left = count;
        for (int i = 0; i < count; i++) {
            controls[i] = request(descriptor, blocks + i * size, size, i * size);
            controls[i].aio_sigevent.sigev_notify = KAIO_SIGEV_EVENTFD;
            controls[i].aio_sigevent.sigev_value.sival_int = event;
            OK(round % 2 ? aio_write(&controls[i]) : aio_read(&controls[i]));
        }
        static int finished[count];
        memset(finished, 0, sizeof finished);
        while (left > 0) {
            uint64_t value;
            EQUAL(epoll_wait(poll, &ready, 1, 10000), 1);
            EQUAL(ready.data.fd, event);
            EQUAL(read(event, &value, sizeof value), sizeof value);
            signals += (long)value;
            for (int i = 0; i < count; i++) {
                if (finished[i] || aio_error(&controls[i]) == EINPROGRESS) continue;
                EQUAL(aio_return(&controls[i]), size);
                finished[i] = 1;
                left--;
            }
        }
        if (round % 2 == 0) VERIFY(blocks, count * size, 1, 0);
    }
    double took = now() - began;
    // The last looks may have been faster than their signals.
    uint64_t value;
    if (read(event, &value, sizeof value) == sizeof value) signals += (long)value;
    by_kernel = count_sleeps(&threads_after) - sleeps;
    CHECK(signals >= count * rounds);
    // The kernel and who sees the completion signal it once each; and the kernel once more where it refuses one that it would have to wait
    // for. From Linux 7.3 on ext4 does that from a tick of the clock until the time stamp is written, which is when a worker has woken up and
    // given it the first of them a second time: 5 of 12 overwrites in each tick of an emulated machine. A worker sleeps before and after.
    long refused = signals > 2 * count * rounds ? signals - 2 * count * rounds : 0;
    printf("measured: of %d reads and overwrites, %d in flight, %ld were refused to a call that must not wait in %.2f s; the library's threads slept %ld times\n",
           count * rounds, count, refused, took, by_kernel);
    long most = count * rounds / 100 + 2 * refused;
    if (by_kernel > most) failed(__FILE__, __LINE__, "threads slept %ld times, expected %ld at most", by_kernel, most);
    return 0;
}
