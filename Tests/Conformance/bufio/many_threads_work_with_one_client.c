// holds: Threads that read, change, move and forget blocks of one client, beside requests of its file, find in each block what was last written to it.
// source: kaio
// modes: linked
// limit: 120
#include "bufio.h"

enum { blocks = 64, threads = 6, rounds = 1500 };
static kaio_connection *connection;
static kaio_file *file;
static kaio_bufio *client;

// A block says how often it was changed, by its owner alone: thread i has those whose number is i modulo `threads`.
static void *work(void *argument) {
    uint64_t me = (uint64_t)(uintptr_t)argument;
    uint64_t changes[blocks] = {0};
    unsigned int seed = (unsigned int)me + 1;
    for (int round = 0; round < rounds; round++) {
        uint64_t number = (uint64_t)rand_r(&seed) % blocks;
        number -= number % threads;
        number += me;
        if (number >= blocks) continue;
        kaio_bufio_buffer *buffer;
        uint64_t *data = READ(client, number, &buffer);
        EQUAL(data[0], number);
        EQUAL(data[1], changes[number]);
        EQUAL(data[511], changes[number]);
        switch (rand_r(&seed) % 8) {
        case 0: case 1: case 2:
            data[1] = data[511] = ++changes[number];
            OK(kaio_bufio_mark_dirty(buffer));
            break;
        case 3: OK(kaio_bufio_write_dirty_async(client)); break;
        case 4:
            if (rand_r(&seed) % 16 == 0) OK(kaio_bufio_write_dirty(client));
            break;
        case 5: {
            OK(kaio_bufio_release(buffer));
            OK(kaio_bufio_forget_run(client, 0, blocks));
            uint64_t block[512];
            struct aiocb control = request(-1, block, sizeof block, (off_t)(number * size));
            const struct aiocb *list[] = {&control};
            OK(kaio_aio_read(file, &control));
            OK(kaio_aio_suspend(connection, list, 1, NULL));
            EQUAL(kaio_aio_return(file, &control), sizeof block);
            EQUAL(block[1], changes[number]);
            continue;
        }
        case 6: {
            OK(kaio_bufio_release(buffer));
            uint64_t block[512] = {number, ++changes[number]};
            block[511] = block[1];
            struct aiocb control = request(-1, block, sizeof block, (off_t)(number * size));
            const struct aiocb *list[] = {&control};
            OK(kaio_aio_write(file, &control));
            OK(kaio_aio_suspend(connection, list, 1, NULL));
            EQUAL(kaio_aio_return(file, &control), sizeof block);
            continue;
        }
        default: {
            kaio_bufio_buffer *others[2];
            OK(kaio_bufio_prefetch(client, number, 8));
            if (kaio_bufio_get(client, number, &others[0])) OK(kaio_bufio_release(others[0]));
        }
        }
        OK(kaio_bufio_release(buffer));
    }
    OK(kaio_bufio_write_dirty(client));
    for (uint64_t number = me; number < blocks; number += threads) {
        uint64_t block[512];
        int plain = open("data", O_RDONLY);
        EQUAL(pread(plain, block, sizeof block, (off_t)(number * size)), sizeof block);
        EQUAL(block[1], changes[number]);
        close(plain);
    }
    return NULL;
}

int main(void) {
    deadline(100);
    connection = connected(STACK, "bufio:size = 200k");
    file = opened(connection, "data", 0, blocks * size, 1);
    int plain = open("data", O_RDWR);
    for (uint64_t i = 0; i < blocks; i++) {
        uint64_t block[512] = {i};
        EQUAL(pwrite(plain, block, sizeof block, (off_t)(i * size)), sizeof block);
    }
    close(plain);
    client = client_of(file);
    pthread_t all[threads];
    for (uintptr_t i = 0; i < threads; i++) OK(pthread_create(&all[i], NULL, work, (void *)i));
    for (int i = 0; i < threads; i++) OK(pthread_join(all[i], NULL));
    EQUAL(counts_of(client).held, 0);
    OK(kaio_bufio_destroy(client));
    OK(kaio_disconnect(connection));
}
