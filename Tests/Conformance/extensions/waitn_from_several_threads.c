// holds: aio_waitn in several threads at once: each request is in one of the lists, and who waits while the others take the last ones is not left behind.
// source: kaio
// modes: linked
// limit: 60
#include "../check.h"
#include "../../../include/kaio.h"

enum { threads = 4, rounds = 60, count = 256, size = 512 };

static struct aiocb controls[count];
static atomic_int given[count], total;
static pthread_barrier_t barrier;

static void *wait_and_take(void *argument) {
    unsigned int mine = (unsigned int)(intptr_t)argument;
    for (int round = 0; round < rounds; round++) {
        pthread_barrier_wait(&barrier);
        for (;;) {
            struct aiocb *list[count];
            unsigned int wanted = 1 + 5 * mine, least = wanted;
            int result = aio_waitn(list, 8 + 5 * mine, &wanted, NULL), error = errno;
            CHECK(wanted <= 8 + 5 * mine);
            for (unsigned int i = 0; i < wanted; i++) {
                EQUAL(atomic_fetch_add(&given[list[i] - controls], 1), 0);
                EQUAL(aio_return(list[i]), size);
                total++;
            }
            if (result == 0) {
                CHECK(wanted >= least);
            } else {
                EQUAL(error, EAGAIN);
                CHECK(wanted < least);
                break;
            }
        }
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

int main(void) {
    pthread_t waiters[threads];
    int descriptor = scratch_file(O_DIRECT);
    unsigned char *blocks = aligned_buffer(count * 4096);
    write_pattern(descriptor, 4096, 1, 0);
    OK(pthread_barrier_init(&barrier, NULL, threads + 1));
    deadline(50);
    for (int i = 0; i < threads; i++) OK(pthread_create(&waiters[i], NULL, wait_and_take, (void *)(intptr_t)i));
    for (int round = 0; round < rounds; round++) {
        memset(given, 0, sizeof given);
        total = 0;
        // In flight before anyone looks: a thread that found nothing would leave.
        for (int i = 0; i < count; i++) {
            controls[i] = request(descriptor, blocks + i * 4096, size, (i % 8) * size);
            OK(aio_read(&controls[i]));
        }
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
        EQUAL(total, count);
    }
    for (int i = 0; i < threads; i++) OK(pthread_join(waiters[i], NULL));
    return 0;
}
