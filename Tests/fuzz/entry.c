// Where a fuzzer begins: FUZZ_TARGET says by its name what it is for. libFuzzer calls the function; where there is none,
// main is here, and changes seeds without looking at what that reaches:
//
//   PROGRAM SECONDS CORPUS    runs for so long; an input that stops it is left as crash-PID

#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef OF_THE_COMMAND
void fuzz_command(int target, const unsigned char *bytes, size_t count);
static const char *const targets[] = {"elf", "json", "live", "log", NULL};
#else
void fuzz_library(int target, const unsigned char *bytes, size_t count);
void fuzz_module(int target, const unsigned char *bytes, size_t count);
void fuzz_mirror(const unsigned char *bytes, size_t count);
static const char *const targets[] = {"configuration", "parameters", "environment", "module", "mirror", NULL};
#endif
void fuzz_set_environment(char **variables);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

void fuzz_set_environment(char **variables) { environ = variables; }

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    static int target = -1;
    const char *name = target < 0 ? getenv("FUZZ_TARGET") : NULL;
    for (int i = 0; name && targets[i]; i++) if (strcmp(targets[i], name) == 0) target = i;
    if (target < 0) abort();
#ifdef OF_THE_COMMAND
    fuzz_command(target, bytes, count);
#else
    if (target == 3) fuzz_module(target, bytes, count);
    else if (target == 4) fuzz_mirror(bytes, count);
    else fuzz_library(target, bytes, count);
#endif
    return 0;
}

#ifdef OWN_MAIN
#include <dirent.h>

enum { most = 16384, most_seeds = 1024 };

static unsigned char input[most];
static size_t size;
static int report = -1;

static void keep(int number) {
    char name[64];
    snprintf(name, sizeof name, "crash-%d", (int)getpid());
    int file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (write(file, input, size) < 0) _exit(3);
    dprintf(report, "signal %d; the input is %s\n", number, name);
    _exit(1);
}

static uint64_t state = 0x9e3779b97f4a7c15;
static uint64_t roll(void) {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

int main(int count, char **arguments) {
    static unsigned char *seeds[most_seeds];
    static size_t sizes[most_seeds];
    int known = 0;
    if (count < 3) return 2;
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    state ^= (uint64_t)start.tv_nsec;
    DIR *corpus = opendir(arguments[2]);
    for (struct dirent *entry; corpus && (entry = readdir(corpus)) && known < most_seeds;) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", arguments[2], entry->d_name);
        int file = open(path, O_RDONLY);
        ssize_t length = read(file, input, most);
        close(file);
        if (length <= 0) continue;
        seeds[known] = malloc((size_t)length);
        memcpy(seeds[known], input, (size_t)length);
        sizes[known++] = (size_t)length;
    }
    report = dup(2);
    for (int number = 1; number < 32; number++)
        if (number == SIGILL || number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGABRT || number == SIGTRAP)
            signal(number, keep);
    unsigned long runs = 0;
    do {
        int seed = known ? (int)(roll() % (unsigned)known) : -1;
        size = seed < 0 ? roll() % 64 : sizes[seed];
        for (size_t i = 0; i < size; i++) input[i] = seed < 0 ? (unsigned char)roll() : seeds[seed][i];
        for (uint64_t changes = roll() % 8 + 1; changes > 0; changes--) {
            size_t at = size ? roll() % size : 0, length = roll() % 16;
            switch (roll() % 5) {
            case 0: if (size) input[at] = (unsigned char)roll(); break;
            case 1: if (size) input[at] ^= (unsigned char)(1u << roll() % 8); break;
            case 2: // a piece of another seed
                if (seed >= 0) {
                    int other = (int)(roll() % (unsigned)known);
                    size_t from = roll() % sizes[other];
                    for (size_t i = 0; i < length && at + i < size && from + i < sizes[other]; i++) input[at + i] = seeds[other][from + i];
                }
                break;
            case 3: size = at; break;
            default:
                if (size + length < most) {
                    memmove(input + at + length, input + at, size - at);
                    size += length;
                }
            }
        }
        LLVMFuzzerTestOneInput(input, size);
        runs++;
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - start.tv_sec < atol(arguments[1]));
    dprintf(report, "%lu inputs\n", runs);
    return 0;
}
#endif
