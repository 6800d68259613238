// holds: A read that would go beyond the greatest file offset ends with EOVERFLOW.
// source: FACTS choice (offset maximum)
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    write_pattern(file, 4096, 1, 0);
    char buffer[512];
    struct aiocb control = request(file, buffer, sizeof buffer, INT64_MAX - 100);
    OK(aio_read(&control));
    FINISHES_WITH(&control, EOVERFLOW);
    return 0;
}
