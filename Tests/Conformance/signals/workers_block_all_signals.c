// holds: Every thread that the library starts blocks all signals, so that the program's handlers run on its own threads only.
// source: kaio (extension)
#include "../slow.h"

static void nothing(union sigval value) { (void)value; }
static volatile sig_atomic_t elsewhere;
static pid_t own;
static void handler(int number) { (void)number, elsewhere += gettid() != own; }

static int check_threads(void) {
    int count = 0;
    DIR *directory = opendir("/proc/self/task");
    CHECK(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        char path[64], line[256];
        unsigned long long blocked = 0;
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == own) continue;
        snprintf(path, sizeof path, "/proc/self/task/%.20s/status", entry->d_name);
        FILE *file = fopen(path, "r");
        if (!file) continue;
        while (fgets(line, sizeof line, file))
            if (sscanf(line, "SigBlk: %llx", &blocked) == 1) break;
        fclose(file);
        // But for SIGKILL and SIGSTOP, which cannot be blocked, and the C library's own two.
        for (int number = 1; number <= 64; number++)
            if (number != SIGKILL && number != SIGSTOP && (number < 32 || number >= SIGRTMIN) &&
                !(blocked >> (number - 1) & 1))
                failed(__FILE__, __LINE__, "thread %s does not block signal %d", entry->d_name, number);
        count++;
    }
    closedir(directory);
    return count;
}

int main(void) {
    struct sigaction action = {.sa_handler = handler};
    own = gettid();
    OK(sigaction(SIGUSR1, &action, NULL));
    OK(sigaction(SIGUSR2, &action, NULL));
    int file = scratch_file(0), direct = scratch_file(O_DIRECT), ends[2];
    char byte;
    write_pattern(file, SLOW_SIZE, 1, 0);
    write_pattern(direct, 65536, 1, 0);
    OK(pipe(ends));
    struct slow slow = slow_memory();
    struct aiocb reading = request(file, slow.memory, SLOW_SIZE, 0), waiting = request(ends[0], &byte, 1, 0);
    struct aiocb called = request(direct, aligned_buffer(4096), 4096, 0), signalled = called;
    called.aio_sigevent.sigev_notify = SIGEV_THREAD;
    called.aio_sigevent.sigev_notify_function = nothing;
    signalled.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    signalled.aio_sigevent.sigev_signo = SIGUSR2;
    OK(aio_read(&called));
    EQUAL(FINISH(&called), 4096);
    OK(aio_read(&reading));
    OK(aio_read(&waiting));
    OK(aio_read(&signalled));
    EQUAL(FINISH(&signalled), 4096);
    SLOW_TOUCHED(&slow);
    CHECK(check_threads() > 0);
    for (int i = 0; i < 1000; i++) OK(kill(own, SIGUSR1));
    EQUAL(elsewhere, 0);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&reading), SLOW_SIZE);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&waiting), 1);
    return 0;
}
