// A store of words in a file: `blocks FILE put WORD NUMBER`, `blocks FILE get WORD`, `blocks FILE list`.
//
// The file is a hash table of blocks, in each of which are up to 63 words of up to 55 bytes with their numbers; a word that finds its
// block full goes to the next. Each block has a checksum of its own, which is put in just before it is written, by a
// callback, and looked at when the block comes into memory. `put` is safe when the program says nothing: kaio_bufio_write_dirty has
// written and synced by then.
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <kaio_bufio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { blocks = 64, entries = 63 };

struct entry {
    char word[56];
    int64_t number;
};

struct block {
    uint64_t checksum, magic;
    char rest[48];
    struct entry entries[entries];
};
_Static_assert(sizeof(struct block) == 4096, "a block of 4 KiB");

static const uint64_t magic = 0x6b61696f626c6f63;

static uint64_t hash(const void *data, size_t length) {
    uint64_t value = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++) value = (value ^ ((const unsigned char *)data)[i]) * 0x100000001b3u;
    return value;
}

static uint64_t checksum_of(const struct block *block) {
    return hash(&block->magic, sizeof *block - sizeof block->checksum);
}

static void writing(kaio_bufio *client, uint64_t number, void *data, void *user, void *argument) {
    (void)client, (void)number, (void)user, (void)argument;
    struct block *block = data;
    block->magic = magic;
    block->checksum = checksum_of(block);
}

static _Noreturn void stop(const char *what) {
    perror(what);
    exit(1);
}

// A block, whose checksum is looked at when it comes into memory.
static struct block *get(kaio_bufio *client, uint64_t number, kaio_bufio_buffer **buffer) {
    struct block *block = kaio_bufio_read(client, number, buffer);
    if (!block) stop("kaio_bufio_read");
    int *isKnown = kaio_bufio_user(*buffer);
    if (!*isKnown && block->magic != 0 && (block->magic != magic || block->checksum != checksum_of(block))) {
        fprintf(stderr, "block %" PRIu64 " is damaged\n", number);
        exit(1);
    }
    *isKnown = 1;
    return block;
}

// The word's entry, or a free one; the block of it is held.
static struct entry *find(kaio_bufio *client, const char *word, kaio_bufio_buffer **buffer) {
    for (uint64_t i = 0; i < blocks; i++) {
        struct block *block = get(client, (hash(word, strlen(word)) + i) % blocks, buffer);
        for (int j = 0; j < entries; j++) {
            struct entry *entry = &block->entries[j];
            if (!*entry->word || strcmp(entry->word, word) == 0) return entry;
        }
        kaio_bufio_release(*buffer);
    }
    fprintf(stderr, "the store is full\n");
    exit(1);
}

int main(int argc, char **argv) {
    int isPut = argc == 5 && strcmp(argv[2], "put") == 0, isGet = argc == 4 && strcmp(argv[2], "get") == 0;
    if ((!isPut && !isGet && !(argc == 3 && strcmp(argv[2], "list") == 0)) ||
        ((isPut || isGet) && (!*argv[3] || strlen(argv[3]) >= sizeof((struct entry *)0)->word))) {
        fprintf(stderr, "usage: %s FILE put WORD NUMBER | FILE get WORD | FILE list\n", argv[0]);
        return 2;
    }
    kaio_connection *disk =
        kaio_connect("disk", "bufio ordered aio_linux aio_poll aio_pthread", "bufio:block = 4k; bufio:size = 1M");
    if (!disk) stop("kaio_connect");
    kaio_file *file = kaio_open(disk, argv[1], O_RDWR | O_CREAT, 0644);
    if (!file) stop(argv[1]);
    struct stat status;
    if (fstat(kaio_file_fd(file), &status) != 0) stop(argv[1]);
    if (status.st_size < blocks * 4096 && ftruncate(kaio_file_fd(file), blocks * 4096) != 0) stop(argv[1]);
    struct kaio_bufio_options options = {.size = sizeof options, .user_bytes = sizeof(int), .writing = writing};
    kaio_bufio *client = kaio_bufio_create(file, &options);
    if (!client) stop("kaio_bufio_create");

    int result = 0;
    kaio_bufio_buffer *buffer;
    if (isPut) {
        struct entry *entry = find(client, argv[3], &buffer);
        strcpy(entry->word, argv[3]);
        entry->number = strtoll(argv[4], NULL, 10);
        if (kaio_bufio_mark_dirty(buffer) != 0) stop("kaio_bufio_mark_dirty");
        kaio_bufio_release(buffer);
        if (kaio_bufio_write_dirty(client) != 0) stop(argv[1]);
    } else if (isGet) {
        struct entry *entry = find(client, argv[3], &buffer);
        if (*entry->word) printf("%" PRId64 "\n", entry->number);
        else result = 1;
        kaio_bufio_release(buffer);
    } else {
        kaio_bufio_prefetch(client, 0, blocks);
        for (uint64_t i = 0; i < blocks; i++) {
            struct block *block = get(client, i, &buffer);
            for (int j = 0; j < entries && *block->entries[j].word; j++)
                printf("%s %" PRId64 "\n", block->entries[j].word, block->entries[j].number);
            kaio_bufio_release(buffer);
        }
    }
    if (kaio_bufio_destroy(client) != 0) stop("kaio_bufio_destroy");
    if (kaio_disconnect(disk) != 0) stop("kaio_disconnect");
    return result;
}
