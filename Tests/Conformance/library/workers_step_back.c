// holds: A worker that wakes up does not take the processor from the call that woke it (SCHED_BATCH), unless the program's threads have a policy of their own; at work it is a thread like others, which the disk wakes in time on a busy machine.
// source: kaio
#include "../check.h"

#include <dirent.h>
#include <sched.h>

// Of the last one that the kernel names; -1 if there is none.
static int policy_of_a_worker(void) {
    int policy = -1;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *entry; (entry = readdir(tasks));) {
        char path[PATH_MAX], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *file = fopen(path, "re");
        if (!file) continue;
        if (fgets(name, sizeof name, file) && strcmp(name, "kaio-worker\n") == 0)
            policy = sched_getscheduler(atoi(entry->d_name));
        fclose(file);
    }
    closedir(tasks);
    return policy;
}

static void wait_for_policy(int wanted) {
    while (policy_of_a_worker() != wanted) usleep(1000);
}

// A worker that reads so much that it is seen at work.
static void check_at_work(int file) {
    size_t length = 64 << 20;
    char *buffer = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(buffer != MAP_FAILED);
    OK(ftruncate(file, (off_t)length));
    int seen = 0;
    for (int read = 0; read < 50 && !seen; read++) {
        struct aiocb control = request(file, buffer, length, 0);
        OK(aio_read(&control));
        do seen |= policy_of_a_worker() == SCHED_OTHER;
        while (!seen && aio_error(&control) == EINPROGRESS);
        EQUAL(FINISH(&control), (ssize_t)length);
    }
    CHECK(seen);
    wait_for_policy(SCHED_BATCH);
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        struct sched_param priority = {.sched_priority = 1};
        if (sched_setscheduler(0, SCHED_RR, &priority) != 0) return 0; // not permitted
    }
    int file = scratch_file(0);
    char buffer[4096] = "";
    // Past the end: a worker's.
    struct aiocb control = request(file, buffer, sizeof buffer, 0);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), sizeof buffer);
    wait_for_policy(count > 1 ? SCHED_RR : SCHED_BATCH);
    if (count == 1) check_at_work(file);
    if (count == 1) {
        struct child child;
        run_again(&child, "round robin", NULL, NULL);
        SUCCEEDED(&child);
    }
    return 0;
}
