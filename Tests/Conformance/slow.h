// Memory that stops whoever touches it, the kernel included, until the program lets it go. A request whose
// buffer lies there is slow for exactly as long as a test wants, so that a test can look at what happens
// meanwhile instead of racing with a disk. It is userfaultfd(2): root, or vm.unprivileged_userfaultfd = 1.
//
// A request on it must be one that the library hands to a thread of its own: a buffered read of more than
// 64 KiB, or a buffered write, or a direct transfer of more than 1 MiB. Otherwise it is the caller who stops.

#ifndef KAIO_TESTS_SLOW_H
#define KAIO_TESTS_SLOW_H

#include "check.h"
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>

#define SLOW_SIZE ((size_t)1 << 20)

struct slow {
    int events;
    unsigned char *memory;
    size_t size;
};

static UNUSED struct slow slow_memory_of(size_t size) {
    struct slow slow = {.size = size};
    slow.events = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    if (slow.events < 0)
        failed(__FILE__, __LINE__, "userfaultfd: %s; run this as root or set vm.unprivileged_userfaultfd to 1",
               strerror(errno));
    struct uffdio_api api = {.api = UFFD_API};
    OK(ioctl(slow.events, UFFDIO_API, &api));
    slow.memory = mmap(NULL, slow.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(slow.memory != MAP_FAILED);
    struct uffdio_register range = {
        .range = {(uintptr_t)slow.memory, slow.size}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    OK(ioctl(slow.events, UFFDIO_REGISTER, &range));
    return slow;
}

static UNUSED struct slow slow_memory(void) { return slow_memory_of(SLOW_SIZE); }

// Whether somebody has stopped at the memory by now, or does within so many seconds.
static UNUSED int slow_touched(struct slow *slow, double seconds) {
    struct pollfd event = {slow->events, POLLIN, 0};
    double end = now() + seconds;
    do {
        int left = (int)((end - now()) * 1000);
        if (poll(&event, 1, left > 0 ? left : 0) == 1) return 1;
    } while (now() < end);
    return 0;
}

// Waits until somebody has stopped at the memory: from here on the transfer is under way.
#define SLOW_TOUCHED(slow) CHECK(slow_touched((slow), 10))

// Gives the memory its content (zeroes if there is none) and lets everybody go on.
static UNUSED void slow_release(struct slow *slow, const void *content) {
    unsigned char *zeroes = content ? NULL : aligned_buffer(slow->size);
    uintptr_t source = (uintptr_t)(content ? content : zeroes);
    for (size_t done = 0; done < slow->size;) {
        struct uffdio_copy copy = {.dst = (uintptr_t)slow->memory + done, .src = source + done,
                                   .len = slow->size - done};
        if (ioctl(slow->events, UFFDIO_COPY, &copy) != 0 && errno != EAGAIN)
            failed(__FILE__, __LINE__, "UFFDIO_COPY: %s", strerror(errno));
        if (copy.copy > 0) done += (size_t)copy.copy;
    }
    close(slow->events);
    free(zeroes);
}

#endif
