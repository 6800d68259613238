// The page in which the library shows the requests of its process while somebody looks: its layout, known to who
// writes it (Sources/Kaio/Runtime/LivePage.swift) and to who reads it (`kaio top`, Sources/kaio-command).
//
// The page is a file, KAIO_LIVE_DIR/kaio-live.PID. First comes a head of LIVE_HEAD bytes, then LIVE_FILES files. The
// library makes the head alone, so that a program at which nobody looks pays 4 KiB; who looks makes room for the
// rest, and only then says until when it looks.

#ifndef KAIO_LIVE_H
#define KAIO_LIVE_H

#include <stddef.h>
#include <stdint.h>

// "kaiolive", and the number of this layout: whoever changes anything below changes it.
#define LIVE_MAGIC 0x6576696c6f69616bull
#define LIVE_VERSION 3
// How long somebody looks who says nothing more, in nanoseconds; and the longest that is believed.
#define LIVE_LOOK 3000000000ll
#define LIVE_LONGEST_LOOK 4000000000ll

enum { LIVE_HEAD = 4096, LIVE_FILES = 256, LIVE_OPERATIONS = 3, LIVE_BUCKETS = 216, LIVE_PATH = 240 };

// The words of the head.
enum {
    LIVE_WORD_MAGIC,
    LIVE_WORD_VERSION,
    LIVE_WORD_PROCESS, // as the process itself knows its number
    LIVE_WORD_RELEASE, // the library's version, as text
    LIVE_WORD_RELEASE_END = LIVE_WORD_RELEASE + 4,
    // On CLOCK_MONOTONIC: until when somebody looks. 0: nobody does. The only words that who looks writes to are this
    // one and the next two, and the files, which it clears when it comes.
    LIVE_WORD_UNTIL = LIVE_WORD_RELEASE_END,
    LIVE_WORD_WATCH, // counts those who came while nobody looked
    LIVE_WORD_BUFIO_SIZE, // what the cache of the module bufio may take, in bytes; 0: nobody said so
    LIVE_WORDS
};

// What the modules count themselves, in the head from this byte on, for as many as there is room. Nobody need look.
enum { LIVE_MODULES_AT = 256, LIVE_MODULES = 10, LIVE_TITLE = 64, LIVE_NAMES = 192, LIVE_NUMBERS = 16 };

struct live_module {
    char title[LIVE_TITLE]; // the module, and behind an @ its service; empty: nobody's
    char names[LIVE_NAMES]; // of the numbers, with blanks between; = before one that may fall
    uint64_t numbers[LIVE_NUMBERS];
};

// What is counted of one operation on one file, since somebody looks: requests that came by, that are over, and
// the sum of the times in between. Cancelled ones are in `over` and `cancelled` only.
enum {
    LIVE_BEGUN,
    LIVE_OVER,
    LIVE_BYTES,
    LIVE_FAILED,
    LIVE_CANCELLED,
    LIVE_NANOSECONDS,
    LIVE_COUNTERS
};

struct live_counts {
    uint64_t counters[LIVE_COUNTERS];
    uint32_t latencies[LIVE_BUCKETS];
};

struct live_file {
    uint64_t key;         // 0: free. The last file is all those for which there was no room
    uint64_t path_length; // 0: not known yet, LIVE_PATH_WANTED: being looked for, else one more than the length
    char path[LIVE_PATH]; // its end, if it is longer
    struct live_counts counts[LIVE_OPERATIONS]; // read, write, fsync
};

#define LIVE_PATH_WANTED (~0ull)

// What the file's name begins with; the process's number follows.
static inline const char *live_name(void) { return "kaio-live."; }

// The whole page, in bytes.
static inline size_t live_size(void) { return LIVE_HEAD + LIVE_FILES * sizeof(struct live_file); }

static inline uint64_t *live_word(void *page, int word) { return (uint64_t *)page + word; }

static inline struct live_file *live_file(void *page, int number) {
    return (struct live_file *)(void *)((char *)page + LIVE_HEAD) + number;
}

static inline struct live_module *live_module(void *page, int number) {
    return (struct live_module *)(void *)((char *)page + LIVE_MODULES_AT) + number;
}

static inline char *live_title(struct live_module *module) { return module->title; }
static inline char *live_names(struct live_module *module) { return module->names; }
static inline uint64_t *live_number(struct live_module *module, int number) { return module->numbers + number; }

static inline uint64_t *live_key(struct live_file *file) { return &file->key; }
static inline uint64_t *live_path_length(struct live_file *file) { return &file->path_length; }
static inline char *live_path(struct live_file *file) { return file->path; }

static inline uint64_t *live_counter(struct live_file *file, int operation, int counter) {
    return &file->counts[operation].counters[counter];
}

static inline uint32_t *live_latency(struct live_file *file, int operation, int bucket) {
    return &file->counts[operation].latencies[bucket];
}

// A latency's bucket: 128 ns each up to 1 us, from there on eight for each range up to the double. The last one has
// all from 64 seconds on.
static inline int live_bucket(uint64_t nanoseconds) {
    if (nanoseconds < 1024) return (int)(nanoseconds >> 7);
    int power = 63 - __builtin_clzll(nanoseconds);
    int bucket = (power - 9) * 8 + (int)(nanoseconds >> (power - 3) & 7);
    return bucket < LIVE_BUCKETS ? bucket : LIVE_BUCKETS - 1;
}

// The greatest latency in a bucket; it is above any other there by less than an eighth.
static inline uint64_t live_bound(int bucket) {
    if (bucket < 8) return ((uint64_t)bucket + 1) * 128 - 1;
    return ((uint64_t)(bucket % 8 + 9) << (bucket / 8 + 6)) - 1;
}

#endif
