// holds: A thread that comes while another one starts the library waits for it asleep: it does not keep that one from the processor.
// source: kaio
#include "../check.h"
#include <sched.h>

static char fifo[PATH_MAX];
static double took;

// Ahead of every ordinary thread of its processor, where that is allowed: what it does not give up, nobody gets.
static void come_first(void) {
    struct sched_param parameters = {.sched_priority = 1};
    sched_setscheduler(0, SCHED_FIFO, &parameters);
}

static void *user(void *measures) {
    struct timespec start, end;
    if (measures) come_first();
    OK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start));
    check_service();
    OK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end));
    if (measures) took = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    return NULL;
}

int main(int argc, char **argv) {
    (void)argv;
    path_of(fifo, "fifo");
    if (argc == 1) {
        // The first who uses the library opens the file of the statistics, and a FIFO lets him wait for a reader.
        char variable[PATH_MAX + 32];
        struct child child;
        OK(mkfifo(fifo, 0600));
        snprintf(variable, sizeof variable, "KAIO_STATS_FILE=%s", fifo);
        run_again(&child, "child", (const char *[]){variable, NULL}, NULL);
        printf("%s", child.output);
        SUCCEEDED(&child);
        return 0;
    }
    pthread_t first, second;
    OK(pthread_create(&first, NULL, user, NULL));
    sleep_for(0.2);
    OK(pthread_create(&second, NULL, user, &took));
    sleep_for(1);
    int reader = open(fifo, O_RDWR | O_CLOEXEC);
    CHECK(reader >= 0);
    OK(pthread_join(first, NULL));
    OK(pthread_join(second, NULL));
    printf("%.3f s of processor time in one second\n", took);
    CHECK(took < 0.5);
    fflush(stdout);
    _exit(0);
}
