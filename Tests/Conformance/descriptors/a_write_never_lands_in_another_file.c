// holds: When the number of a closed descriptor is used again, by whichever call, no queued write lands in the other file.
// source: close
#include "../slow.h"
#include <linux/close_range.h>

int main(void) {
    for (int way = 0; way < 4; way++) {
        int file = scratch_file(0), kept = dup(file), other = scratch_file(0);
        struct slow slow = slow_memory();
        unsigned char *data = aligned_buffer(SLOW_SIZE);
        struct aiocb first = request(file, slow.memory, SLOW_SIZE, 0), queued = request(file, data, SLOW_SIZE, 4096);
        OK(aio_write(&first));
        SLOW_TOUCHED(&slow);
        OK(aio_write(&queued));
        switch (way) {
        case 0: OK(close(file)); EQUAL(dup(other), file); break;
        case 1: EQUAL(dup2(other, file), file); break;
        case 2: EQUAL(dup3(other, file, O_CLOEXEC), file); break;
        case 3: OK(close_range((unsigned)file, (unsigned)file, 0)); EQUAL(dup(other), file); break;
        }
        EQUAL(aio_error(&queued), ECANCELED);
        slow_release(&slow, NULL);
        EQUAL(FINISH(&first), SLOW_SIZE);
        FINISHES_WITH(&queued, ECANCELED);
        EQUAL(lseek(other, 0, SEEK_END), 0);
        EQUAL(lseek(kept, 0, SEEK_END), SLOW_SIZE);
        // The number, in its new meaning, serves as any other.
        fill(data, 4096, 3, 0);
        struct aiocb new = request(file, data, 4096, 0);
        OK(aio_write(&new));
        EQUAL(FINISH(&new), 4096);
        EQUAL(lseek(other, 0, SEEK_END), 4096);
        OK(close(file));
        OK(close(kept));
        OK(close(other));
        free(data);
    }
    return 0;
}
