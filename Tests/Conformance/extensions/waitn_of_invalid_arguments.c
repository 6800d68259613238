// holds: aio_waitn fails with EINVAL without a list, for a *wanted of 0 or more than count, and for a timeout that is none; *wanted becomes 0, and nothing is taken.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"

int main(void) {
    struct timespec bad[] = {{0, -1}, {0, 1000000000}, {-1, 0}}, zero = {0, 0};
    int descriptor = scratch_file(0);
    char bytes[2];
    write_pattern(descriptor, 2, 1, 0);
    for (int round = 0; round < 2; round++) {
        struct aiocb controls[2] = {request(descriptor, &bytes[0], 1, 0), request(descriptor, &bytes[1], 1, 0)};
        struct aiocb *list[2] = {NULL, NULL};
        unsigned int wanted;
        if (round)
            for (int i = 0; i < 2; i++) {
                OK(aio_read(&controls[i]));
                EQUAL(wait_for(&controls[i], 10), 0);
            }
        struct {
            struct aiocb **list;
            unsigned int count, wanted;
            struct timespec *timeout;
        } cases[] = {{NULL, 2, 1, NULL}, {list, 2, 0, NULL}, {list, 2, 3, NULL}, {list, 0, 0, NULL},
                     {list, 0, 1, NULL}, {list, 2, UINT_MAX, &zero}, {list, 2, 1, &bad[0]},
                     {list, 2, 1, &bad[1]}, {list, 2, 1, &bad[2]}};
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            wanted = cases[i].wanted;
            FAILS(aio_waitn(cases[i].list, cases[i].count, &wanted, cases[i].timeout), EINVAL);
            EQUAL(wanted, 0);
        }
        FAILS(aio_waitn(list, 2, NULL, NULL), EINVAL);
        CHECK(list[0] == NULL && list[1] == NULL);
        if (round) {
            wanted = 2;
            OK(aio_waitn(list, 2, &wanted, NULL));
            EQUAL(wanted, 2);
            CHECK(list[0] == &controls[0] && list[1] == &controls[1]);
            for (int i = 0; i < 2; i++) EQUAL(aio_return(list[i]), 1);
        }
    }
    return 0;
}
