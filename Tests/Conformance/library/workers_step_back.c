// holds: A worker that wakes up does not take the processor from the call that woke it (SCHED_BATCH), unless the program's threads have a policy of their own.
// source: kaio
#include "../check.h"

#include <dirent.h>
#include <sched.h>

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
    EQUAL(policy_of_a_worker(), count > 1 ? SCHED_RR : SCHED_BATCH);
    if (count == 1) {
        struct child child;
        run_again(&child, "round robin", NULL, NULL);
        SUCCEEDED(&child);
    }
    return 0;
}
