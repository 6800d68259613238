// holds: The idle time counts from the last request, not from the first: a request now and then keeps everything.
// source: kaio
// environment: KAIO_IDLE_SECONDS=1
#include "../check.h"

int main(void) {
    enum { size = 4096 };
    int direct = scratch_file(O_DIRECT);
    write_pattern(direct, size, 1, 0);
    unsigned char *block = aligned_buffer(size);
    int looked = 0;
    for (double end = now() + 5; now() < end;) {
        struct aiocb control = request(direct, block, size, 0);
        int64_t last = nanoseconds();
        OK(aio_read(&control));
        EQUAL(FINISH(&control), size);
        for (int i = 0; i < 6; i++) {
            sleep_for(0.1);
            int contexts = count_contexts();
            // Judged only if the machine has let us look in time.
            if (nanoseconds() - last >= 1000000000) continue;
            EQUAL(contexts, 1);
            looked++;
        }
    }
    CHECK(looked > 0);
    for (double end = now() + 10; count_contexts() != 0 && now() < end;) sleep_for(0.05);
    EQUAL(count_contexts(), 0);
}
