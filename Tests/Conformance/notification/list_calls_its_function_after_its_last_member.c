// holds: LIO_NOWAIT with SIGEV_THREAD: one call for the list, when every member is finished.
// source: lio_listio
#include "../check.h"

enum { lists = 30, count = 16 };
static struct batch {
    struct aiocb controls[count];
    char blocks[count][512];
    atomic_int calls;
} batches[lists];
static atomic_int done, wrong;

static void finished(union sigval value) {
    struct batch *batch = value.sival_ptr;
    for (int i = 0; i < count; i++)
        if (aio_error(&batch->controls[i]) != 0 || aio_return(&batch->controls[i]) != 512) wrong++;
    batch->calls++;
    done++;
}

int main(void) {
    int descriptor = scratch_file(0);
    write_pattern(descriptor, lists * count * 512, 8, 0);
    for (int which = 0; which < lists; which++) {
        struct batch *batch = &batches[which];
        struct aiocb *list[count];
        for (int i = 0; i < count; i++) {
            batch->controls[i] = request(descriptor, batch->blocks[i], 512, (which * count + i) * 512);
            batch->controls[i].aio_lio_opcode = LIO_READ;
            list[i] = &batch->controls[i];
        }
        struct sigevent event;
        memset(&event, 0, sizeof event);
        event.sigev_notify = SIGEV_THREAD;
        event.sigev_notify_function = finished;
        event.sigev_value.sival_ptr = batch;
        OK(lio_listio(LIO_NOWAIT, list, count, &event));
    }
    for (double end = now() + 15; done < lists && now() < end;) sleep_for(0.01);
    sleep_for(0.1);
    EQUAL(done, lists);
    EQUAL(wrong, 0);
    for (int which = 0; which < lists; which++) {
        EQUAL(batches[which].calls, 1);
        VERIFY(batches[which].blocks, count * 512, 8, (uint64_t)which * count * 512);
    }
}
