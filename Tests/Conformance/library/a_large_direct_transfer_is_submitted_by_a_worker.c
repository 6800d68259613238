// holds: A direct transfer of more than 1 MiB, whose pages take the kernel long to pin, holds up neither aio_read, aio_write nor lio_listio, and runs in the kernel all the same.
// source: aio_read ("The function call shall return when the read request has been initiated or queued")
// limit: 60
#include "../slow.h"

enum { size = (1 << 20) + 4096 };

static void work(void) {
    int file = scratch_file(O_DIRECT);
    write_pattern(file, size, 1, 0);
    for (int way = 0; way < 3; way++) {
        struct slow slow = slow_memory_of((size + 4095) & -4096);
        struct aiocb control = request(file, slow.memory, size, 0), *list[1] = {&control};
        control.aio_lio_opcode = LIO_READ;
        OK(way == 0 ? lio_listio(LIO_NOWAIT, list, 1, NULL) : way == 1 ? aio_read(&control) : aio_write(&control));
        // The call is over, and the memory is not there yet.
        SLOW_TOUCHED(&slow);
        EQUAL(aio_error(&control), EINPROGRESS);
        slow_release(&slow, NULL);
        EQUAL(FINISH(&control), size);
        if (way < 2) VERIFY(slow.memory, size, 1, 0);
    }
    unsigned char *data = aligned_buffer(size);
    EQUAL(pread(file, data, size, 0), size);
    for (int i = 0; i < size; i++) EQUAL(data[i], 0);
}

int main(int arguments, char **names) {
    (void)names;
    deadline(50);
    if (arguments > 1) {
        work();
        return 0;
    }
    char json[4096];
    CHECK(statistics_of_work(json, sizeof json));
    EQUAL(stat_of(json, "modules", "aio_linux"), 3);
}
