// holds: An unknown KAIO_ variable is named on stderr once, with the known ones, and changes nothing.
// source: kaio
#include "../check.h"

static void *work(void *unused) {
    check_service();
    return unused;
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        pthread_t threads[4];
        for (int i = 0; i < 4; i++) OK(pthread_create(&threads[i], NULL, work, NULL));
        for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
        return 0;
    }
    struct child child;
    const char *const settings[] = {"KAIO_NONSENSE=1", "KAIO_VERBOS=1", "kaio_verbose=1", NULL};
    run_again(&child, "work", settings, NULL);
    SUCCEEDED(&child);
    printf("%s", child.errors);
    EQUAL(count_lines(child.errors, "KAIO_NONSENSE", "KAIO_VERBOSE"), 1);
    EQUAL(count_lines(child.errors, "KAIO_VERBOS:", "KAIO_IDLE_SECONDS"), 1);
    EQUAL(count_lines(child.errors, "kaio", NULL), 2);
}
