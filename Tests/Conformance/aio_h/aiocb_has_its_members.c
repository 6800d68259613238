// holds: struct aiocb has aio_fildes, aio_offset, aio_buf, aio_nbytes, aio_reqprio, aio_sigevent and aio_lio_opcode, with the standard's types.
// source: aio.h
#include "../check.h"

#define MEMBER(name, type)                                                                         \
    _Static_assert(__builtin_types_compatible_p(__typeof__(((struct aiocb *)0)->name), type),      \
                   #name " is not of type " #type)
MEMBER(aio_fildes, int);
MEMBER(aio_offset, off_t);
MEMBER(aio_buf, volatile void *);
MEMBER(aio_nbytes, size_t);
MEMBER(aio_reqprio, int);
MEMBER(aio_sigevent, struct sigevent);
MEMBER(aio_lio_opcode, int);

int main(void) { return 0; }
