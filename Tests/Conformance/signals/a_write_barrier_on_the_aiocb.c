// holds: A program whose SIGSEGV handler lets the writes to protected pages through (a write barrier) may have its aiocbs there: in every call, and while a request is published, on whatever thread.
// source: kaio
// compare: no
#define NEEDS_KAIO
#include "../check.h"
#include <kaio.h>
#pragma weak aio_readv
#pragma weak aio_writev
#pragma weak aio_waitcomplete
#include <poll.h>

enum { PAGES = 8, PAGE = 4096 };
static unsigned char *pages;
static _Atomic int faults;
static _Atomic int notified;

static void handler(int signal, siginfo_t *information, void *unused) {
    (void)signal, (void)unused;
    uintptr_t address = (uintptr_t)information->si_addr & ~(uintptr_t)(PAGE - 1);
    if (address < (uintptr_t)pages || address >= (uintptr_t)pages + PAGES * PAGE) _exit(3);
    if (mprotect((void *)address, PAGE, PROT_READ | PROT_WRITE) != 0) _exit(4);
    faults++;
}

static void protect(void) { OK(mprotect(pages, PAGES * PAGE, PROT_READ)); }
static void function(union sigval unused) { (void)unused, notified++; }

int main(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    OK(sigaction(SIGSEGV, &action, NULL));
    pages = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    int file = scratch_file(0), direct = scratch_file(O_DIRECT), ends[2];
    write_pattern(file, 1 << 16, 1, 0);
    write_pattern(direct, 1 << 16, 1, 0);
    static char bytes[PAGE] __attribute__((aligned(4096)));
    struct iovec vector = {bytes, PAGE};
    OK(pipe(ends));
    // At places where the page ends within the aiocb, too.
    for (int offset = 0; offset < 192; offset += 8) {
        struct aiocb *control = (struct aiocb *)(pages + PAGE - offset);
        struct aiocb *list[1] = {control}, *done = NULL;
        for (int kind = 0; kind < 8; kind++) {
            *control = request(kind == 1 ? direct : file, bytes, PAGE, 0);
            control->aio_lio_opcode = kind % 2 ? LIO_WRITE : LIO_READ;
            if (kind == 4 || kind == 5) control->aio_buf = &vector, control->aio_nbytes = 1;
            protect();
            switch (kind) {
                case 0:
                case 1: OK(aio_read(control)); break;
                case 2: OK(aio_write(control)); break;
                case 3: OK(aio_fsync(O_SYNC, control)); break;
                case 4: OK(aio_readv(control)); break;
                case 5: OK(aio_writev(control)); break;
                case 6: OK(lio_listio(LIO_WAIT, list, 1, NULL)); break;
                default: OK(lio_listio(LIO_NOWAIT, list, 1, NULL));
            }
            protect();
            EQUAL(FINISH(control), kind == 3 ? 0 : PAGE);
            protect();
        }
        // Published by the thread that waits for another, by the library's own, and taken by whoever takes any.
        for (int kind = 0; kind < 4; kind++) {
            *control = request(ends[0], bytes, 1, 0);
            if (kind == 1) {
                control->aio_sigevent.sigev_notify = SIGEV_THREAD;
                control->aio_sigevent.sigev_notify_function = function;
            }
            OK(aio_read(control));
            notified = 0;
            int before = faults;
            protect();
            EQUAL(write(ends[1], "x", 1), 1);
            if (kind == 1) {
                while (!notified) sleep_for(0.0005);
                CHECK(faults > before);
            }
            if (kind == 2) {
                struct aiocb other = request(file, bytes, PAGE, 0);
                OK(aio_read(&other));
                EQUAL(FINISH(&other), PAGE);
            }
            if (kind == 3) {
                struct timespec limit = {10, 0};
                EQUAL(aio_waitcomplete(&done, &limit), 1);
            } else {
                EQUAL(FINISH(control), 1);
            }
            OK(mprotect(pages, PAGES * PAGE, PROT_READ | PROT_WRITE));
            while (kind != 3 && aio_waitcomplete(&done, &(struct timespec){0, 0}) >= 0) {}
        }
    }
    printf("%d faults\n", faults);
    CHECK(faults > 100);
    return 0;
}
