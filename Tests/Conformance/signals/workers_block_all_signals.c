// holds: Every thread of the library's own blocks all signals but those that a thread raises itself (SIGSEGV and its kin), so that the program's handlers run on the program's threads only.
// source: kaio (extension)
#include "../slow.h"
#include <semaphore.h>

static volatile sig_atomic_t elsewhere;
static sem_t called;
static pid_t own;
static void handler(int number) { (void)number, elsewhere += gettid() != own; }

// The program's own function: while it runs, its thread is like any other of the program.
static void callback(union sigval value) {
    (void)value;
    sem_post(&called);
}

static int is_raised_by_a_thread(int number) {
    return number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL || number == SIGTRAP ||
           number == SIGSYS;
}

// How many threads there are besides this one; -1 if one of them does not block a signal.
static int count_blocked(void) {
    int count = 0;
    DIR *directory = opendir("/proc/self/task");
    CHECK(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        char path[64], line[256];
        unsigned long long blocked = ~0ull;
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
                !is_raised_by_a_thread(number) &&
                !(blocked >> (number - 1) & 1))
                count = INT_MIN;
        count++;
    }
    closedir(directory);
    return count < 0 ? -1 : count;
}

int main(void) {
    struct sigaction action = {.sa_handler = handler};
    own = gettid();
    OK(sem_init(&called, 0, 0));
    OK(sigaction(SIGUSR1, &action, NULL));
    OK(sigaction(SIGUSR2, &action, NULL));
    int file = scratch_file(0), direct = scratch_file(O_DIRECT), ends[2];
    char byte;
    write_pattern(file, SLOW_SIZE, 1, 0);
    write_pattern(direct, 65536, 1, 0);
    OK(pipe(ends));
    struct slow slow = slow_memory();
    struct aiocb reading = request(file, slow.memory, SLOW_SIZE, 0), waiting = request(ends[0], &byte, 1, 0);
    struct aiocb with_call = request(direct, aligned_buffer(4096), 4096, 0), with_signal = with_call;
    with_call.aio_sigevent.sigev_notify = SIGEV_THREAD;
    with_call.aio_sigevent.sigev_notify_function = callback;
    with_signal.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    with_signal.aio_sigevent.sigev_signo = SIGUSR2;
    OK(aio_read(&with_call));
    OK(sem_wait(&called));
    OK(aio_read(&reading));
    OK(aio_read(&waiting));
    SLOW_TOUCHED(&slow);
    // The thread of the callback is on its way back, or ends.
    for (double end = now() + 5; count_blocked() < 0 && now() < end;) sleep_for(0.001);
    CHECK(count_blocked() > 0);
    OK(aio_read(&with_signal));
    EQUAL(FINISH(&with_signal), 4096);
    for (int i = 0; i < 1000; i++) OK(kill(own, SIGUSR1));
    EQUAL(elsewhere, 0);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&reading), SLOW_SIZE);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&waiting), 1);
    return 0;
}
