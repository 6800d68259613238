// What `Benchmarks/bench mirror` measures with: one workload on one file. Prints one line of JSON.
//
//   mirror read|write|first FILE MILLISECONDS DEPTH [INTERVAL]    4 KiB, O_DIRECT, random; first: each write is the first of its
//                                                                 region of 4 KiB; INTERVAL: microseconds between two requests
//   mirror wait FILE LEG                                          until the leg has all that the file has: bytes a second

#define _GNU_SOURCE
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { size = 4096, most = 256 };

static void stop(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double processor(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int compare(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void await_copy(const char *path, const char *copy) {
    struct stat file, leg;
    int number = open(path, O_RDWR | O_CLOEXEC);
    char byte;
    struct aiocb request = {.aio_fildes = number, .aio_buf = &byte, .aio_nbytes = 1};
    const struct aiocb *list[1] = {&request};
    double begin = now();
    if (number < 0 || aio_read(&request) != 0) stop(path);
    aio_suspend(list, 1, NULL);
    do {
        usleep(1000);
        if (fstat(number, &file) != 0 || stat(copy, &leg) != 0) stop(copy);
    } while (leg.st_size < file.st_size);
    printf("{\"bytes_per_s\":%.0f}\n", (double)file.st_size / (now() - begin));
}

int main(int count, char **words) {
    if (count == 4 && strcmp(words[1], "wait") == 0) {
        await_copy(words[2], words[3]);
        return 0;
    }
    if (count < 5) return 2;
    int is_read = strcmp(words[1], "read") == 0, is_first = strcmp(words[1], "first") == 0, depth = atoi(words[4]);
    int pause = count > 5 ? atoi(words[5]) : 0;
    int file = open(words[2], O_RDWR | O_DIRECT | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0) stop(words[2]);
    long blocks = status.st_size / size, next = 0, done = 0;
    static struct aiocb requests[most];
    static double began[most], *times;
    const struct aiocb *list[most];
    uint64_t seed = (uint64_t)(now() * 1e9);
    void *memory;
    if (depth > most || posix_memalign(&memory, size, (size_t)depth * size) != 0) return 2;
    memset(memory, 7, (size_t)depth * size);
    times = malloc(sizeof *times * 4000000);
    double begin = 0, end = 0, cpu = 0;
    // The first 300 ms are not measured: files are opened and copied, and regions get dirty.
    for (int phase = 0; phase < 2; phase++) {
        begin = now();
        end = begin + (phase ? atof(words[3]) / 1e3 : 0.3);
        if (is_first && !phase) end = begin;
        cpu = processor();
        done = 0;
        int pending = 0;
        for (int i = 0; i < depth; i++) list[i] = NULL;
        while (now() < end || pending > 0) {
            for (int i = 0; i < depth; i++) {
                if (list[i] && aio_error(&requests[i]) != EINPROGRESS) {
                    if (aio_return(&requests[i]) != size) {
                        errno = aio_error(&requests[i]);
                        stop(words[1]);
                    }
                    if (done < 4000000) times[done] = now() - began[i];
                    done++;
                    pending--;
                    list[i] = NULL;
                }
                if (list[i] || now() >= end) continue;
                if (pause) usleep((useconds_t)pause);
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                long block = is_first ? next++ : (long)((seed >> 33) % (uint64_t)blocks);
                if (block >= blocks) {
                    end = now();
                    continue;
                }
                requests[i] = (struct aiocb){.aio_fildes = file, .aio_buf = (char *)memory + (size_t)i * size, .aio_nbytes = size,
                                             .aio_offset = block * size};
                began[i] = now();
                if ((is_read ? aio_read : aio_write)(&requests[i]) != 0) stop(words[1]);
                list[i] = &requests[i];
                pending++;
            }
            if (pending > 0) aio_suspend(list, depth, NULL);
        }
    }
    double took = now() - begin, used = processor() - cpu;
    close(file);
    qsort(times, (size_t)done, sizeof *times, compare);
    printf("{\"iops\":%.0f,\"cpu_us\":%.3f,\"p99_us\":%.1f}\n", (double)done / took, used * 1e6 / (double)done,
           done ? times[done * 99 / 100] * 1e6 : 0);
    return 0;
}
