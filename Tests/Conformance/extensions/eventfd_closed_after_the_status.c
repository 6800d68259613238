// holds: An eventfd may be closed as soon as the status is seen: its number, which is another file's then, is not written to.
// source: kaio
#include "../check.h"
#include "../syscalls.h"
#include "../../../include/kaio.h"
#include <poll.h>
#include <sys/eventfd.h>

enum { size = 512, most = 2 };

static int event, file;
static atomic_int is_held, is_closed;
static struct aiocb controls[most], *list[most];
static unsigned char blocks[most][size];

// Who is about to signal the eventfd is stopped until the program has closed it, or for a while.
static int hold(const struct seccomp_data *call, pid_t thread UNUSED) {
    if ((int)call->args[0] != event || call->args[2] != 8) return 0;
    is_held = 1;
    for (double end = now() + 0.3; !is_closed && now() < end;) sleep_for(0.001);
    is_held = 0;
    return 0;
}

// Waits for the requests, closes the eventfd, and gives its number to a pipe.
static void *close_event(void *pipe) {
    for (int i = 0; i < most; i++)
        while (list[i] && aio_error(list[i]) != 0) sleep_for(0.0001);
    OK(close(event));
    EQUAL(dup2(*(int *)pipe, event), event);
    is_closed = 1;
    return NULL;
}

static struct sigevent notification(void) {
    return (struct sigevent){.sigev_notify = KAIO_SIGEV_EVENTFD, .sigev_value.sival_int = event};
}

static void begin(int count) {
    memset(list, 0, sizeof list);
    for (int i = 0; i < count; i++) {
        controls[i] = request(file, blocks[i], size, i * size);
        list[i] = &controls[i];
    }
    event = eventfd(0, EFD_CLOEXEC);
    is_closed = 0;
}

// The pipe got nothing.
static void end(int ends[2], int count) {
    while (is_held) sleep_for(0.001);
    struct pollfd ready = {ends[0], POLLIN, 0};
    EQUAL(poll(&ready, 1, 50), 0);
    for (int i = 0; i < count; i++) EQUAL(FINISH(&controls[i]), size);
    close(event);
}

int main(void) {
    int ends[2], calls[] = {SYS_write};
    pthread_t thread;
    deadline(15);
    file = scratch_file(0);
    write_pattern(file, most * size, 1, 0);
    open_pipe(ends);
    watch_calls(hold, calls, 1);

    // A worker's request.
    begin(1);
    OK(ftruncate(file, 0));
    controls[0].aio_sigevent = notification();
    OK(aio_write(&controls[0]));
    close_event(&ends[1]);
    end(ends, 1);

    // A list of such.
    begin(2);
    OK(ftruncate(file, 0));
    struct sigevent whole = notification();
    for (int i = 0; i < 2; i++) list[i]->aio_lio_opcode = LIO_WRITE;
    OK(lio_listio(LIO_NOWAIT, list, 2, &whole));
    close_event(&ends[1]);
    end(ends, 2);

    // A read and a list that are done in the call, while another thread looks.
    for (int is_list = 0; is_list < 2; is_list++) {
        begin(1);
        OK(pthread_create(&thread, NULL, close_event, &ends[1]));
        whole = notification();
        controls[0].aio_lio_opcode = LIO_READ;
        if (is_list) OK(lio_listio(LIO_NOWAIT, list, 1, &whole));
        else {
            controls[0].aio_sigevent = whole;
            OK(aio_read(&controls[0]));
        }
        OK(pthread_join(thread, NULL));
        end(ends, 1);
    }
}
