// holds: aio_init takes any numbers and even a null pointer; the library works before and after.
// source: glibc (compatibility)
// compare: no
#define NEEDS_KAIO
#include "../check.h"

int main(void) {
    const int numbers[] = {0, 1, 64, -1, INT_MAX, INT_MIN, 1000000};
    static struct aioinit *volatile null;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct aioinit settings;
        memset(&settings, 0, sizeof settings);
        settings.aio_threads = settings.aio_num = settings.aio_idle_time = numbers[i];
        aio_init(&settings);
        check_service();
    }
    aio_init(null);
    check_service();
}
