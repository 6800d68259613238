// holds: When the process exits, the log has every line, with several threads at work and two modules that share it.
// source: kaio
// limit: 60
#include "audit.h"

enum { threads = 4, each = 5000 };

static void *worker(void *argument) {
    unsigned char buffer[512];
    for (int i = 0; i < each; i++) {
        struct aiocb control = request(*(int *)argument, buffer, sizeof buffer, i % 8 * 512);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), sizeof buffer);
    }
    return NULL;
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        int file = named_file("file", block);
        pthread_t started[threads];
        for (int i = 0; i < threads; i++) OK(pthread_create(&started[i], NULL, worker, &file));
        for (int i = 0; i < threads; i++) OK(pthread_join(started[i], NULL));
        return 0;
    }
    char log[PATH_MAX], parameters[2 * PATH_MAX + 128];
    path_of(log, "log");
    snprintf(parameters, sizeof parameters,
             "full_audit:to=%s; full_audit:buffer=64M; time_audit:limit=0ns; time_audit:to=%s", log, log);
    struct child child;
    run_with(&child, "work", "full_audit time_audit", parameters);
    EQUAL(strlen(child.errors), 0);
    static char text[16 << 20];
    take_file(log, text, sizeof text);
    int all = 0, slow = 0, plain = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), all++) {
        const char *at = skip_time(line);
        CHECK(strstr(at, " offset=") && strstr(at, " length=512 result=512 us="));
        slow += strncmp(at, " slow read \"/", 13) == 0;
        plain += strncmp(at, " read \"/", 8) == 0;
    }
    EQUAL(all, 2 * threads * each);
    EQUAL(slow, threads * each);
    EQUAL(plain, threads * each);
}
