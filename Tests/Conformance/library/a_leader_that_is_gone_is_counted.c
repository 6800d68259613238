// holds: A wait that a signal handler jumped out of leaves a leader that is none; another thread's wait finds that out by itself, and the statistics count it as healed.
// source: kaio
#include "../check.h"
#include <setjmp.h>

static sigjmp_buf place;
static struct aiocb other_control;
static void handler(int number) { siglongjmp(place, number); }

static void *other(void *unused) {
    const struct aiocb *list[1] = {&other_control};
    OK(aio_suspend(list, 1, NULL));
    EQUAL(aio_return(&other_control), 1);
    return unused;
}

static void work(void) {
    int ends[2][2];
    char bytes[2];
    for (int i = 0; i < 2; i++) open_pipe(ends[i]);
    struct aiocb control = request(ends[0][0], &bytes[0], 1, 0);
    other_control = request(ends[1][0], &bytes[1], 1, 0);
    OK(aio_read(&control));
    OK(aio_read(&other_control));
    struct sigaction action = {.sa_handler = handler};
    OK(sigaction(SIGALRM, &action, NULL));
    const struct aiocb *list[1] = {&control};
    if (sigsetjmp(place, 1) == 0) {
        ualarm(20000, 0);
        aio_suspend(list, 1, NULL);
        failed(__FILE__, __LINE__, "aio_suspend returned");
    }
    pthread_t thread;
    OK(pthread_create(&thread, NULL, other, NULL));
    usleep(50000);
    EQUAL(write(ends[1][1], "x", 1), 1);
    OK(pthread_join(thread, NULL));
    EQUAL(write(ends[0][1], "x", 1), 1);
    EQUAL(FINISH(&control), 1);
}

int main(int count, char **arguments) {
    (void)arguments;
    deadline(20);
    if (count > 1) {
        work();
        return 0;
    }
    char path[PATH_MAX], setting[PATH_MAX + 32], json[4096];
    snprintf(setting, sizeof setting, "KAIO_STATS_FILE=%s", path_of(path, "healed"));
    struct child child;
    run_again(&child, "work", (const char *[]){setting, "KAIO_ABORT_HEALED=0", NULL}, NULL);
    SUCCEEDED(&child);
    take_file(path, json, sizeof json);
    CHECK(stat_of(json, NULL, "healed") >= 1);

    // As the tests run.
    run_again(&child, "work", (const char *[]){"KAIO_ABORT_HEALED=1", NULL}, NULL);
    CHECK(WIFSIGNALED(child.status) && WTERMSIG(child.status) == SIGABRT);
    EQUAL(count_lines(child.errors, "a wake-up was lost", "the leader was gone"), 1);
}
