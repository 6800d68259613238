// holds: A call that meets an address that cannot be used, and whose SIGSEGV handler jumps away, has done nothing: no request is lost, no signal stays blocked, and the library still goes idle.
// source: kaio
// environment: KAIO_IDLE_SECONDS=1
// compare: no
// limit: 60
#define NEEDS_KAIO
#include "../check.h"
#include <kaio.h>
#include <setjmp.h>
#pragma weak aio_readv
#pragma weak aio_waitn
#pragma weak aio_waitcomplete

static sigjmp_buf back;
static void handler(int signal) { (void)signal, siglongjmp(back, 1); }

int main(void) {
    // The mask is not kept by the jump, so that one that the library leaves would show.
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_NODEFER};
    OK(sigaction(SIGSEGV, &action, NULL));
    unsigned char *page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    int file = scratch_file(0), direct = scratch_file(O_DIRECT);
    static char bytes[4096] __attribute__((aligned(4096)));
    write_pattern(file, 4096, 1, 0);
    write_pattern(direct, 4096, 1, 0);
    static volatile int jumps, round;
    struct aiocb *readable = (struct aiocb *)page;
    struct aiocb *nowhere = (struct aiocb *)(page + 2 * 4096), *half = (struct aiocb *)(page + 2 * 4096 - 128);
    *readable = request(file, bytes, 4096, 0);
    readable->aio_lio_opcode = LIO_READ;
    memcpy(half, readable, 128);
    struct aiocb vectored = request(file, page + 2 * 4096, 4, 0), good = request(file, bytes, 4096, 0);
    good.aio_lio_opcode = LIO_READ;
    struct aiocb *mixed[2] = {&good, nowhere}, *read_only[2] = {&good, readable};
    unsigned wanted;
    OK(mprotect(page, 4096, PROT_READ));
    OK(mprotect(page + 2 * 4096, 4096, PROT_NONE));
    check_service();
    // More often than requests may be in flight.
    for (round = 0; round < 16 * 70000; round++) {
        if (sigsetjmp(back, 0)) {
            jumps++;
            continue;
        }
        switch (round % 16) {
            case 0: aio_read(readable); break;
            case 1: aio_write(nowhere); break;
            case 2: aio_read(half); break;
            case 3: aio_fsync(O_SYNC, readable); break;
            case 4: aio_readv(&vectored); break;
            case 5: lio_listio(LIO_WAIT, mixed, 2, NULL); break;
            case 6: lio_listio(LIO_NOWAIT, read_only, 2, NULL); break;
            case 7: lio_listio(LIO_WAIT, (struct aiocb **)nowhere, 2, NULL); break;
            case 8: aio_suspend((const struct aiocb **)nowhere, 2, NULL); break;
            case 9: aio_suspend((const struct aiocb **)mixed + 1, 1, NULL); break;
            case 10: aio_error(nowhere); break;
            case 11: aio_return(nowhere); break;
            case 12: aio_cancel(file, nowhere); break;
            case 13: aio_waitcomplete((struct aiocb **)nowhere, NULL); break;
            case 14: wanted = 1, aio_waitn((struct aiocb **)nowhere, 1, &wanted, NULL); break;
            default: readable->aio_fildes = direct;
        }
    }
    EQUAL(jumps, round);
    sigset_t mask, none;
    sigemptyset(&none);
    OK(pthread_sigmask(SIG_SETMASK, NULL, &mask));
    EQUAL(memcmp(&mask, &none, 8), 0);
    check_service();
    for (double end = now() + 15; count_threads() > 1 && now() < end;) sleep_for(0.05);
    EQUAL(count_threads(), 1);
    return 0;
}
