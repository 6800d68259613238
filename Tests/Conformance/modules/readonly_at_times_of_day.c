// holds: readonly with periods fails writes in them only, by the local time of day, also over midnight.
// source: kaio
// limit: 60
#include "../check.h"

static struct child child;

int main(int argc, char **argv) {
    if (argc > 1) {
        char byte = 7;
        struct aiocb control = request(scratch_file(0), &byte, 1, 0);
        OK(aio_write(&control));
        EQUAL(wait_for(&control, 10), atoi(argv[1]));
        return 0;
    }
    putenv("KAIO_VFS_OBJECTS=readonly ordered aio_linux aio_poll");
    const char *const zones[] = {"TZ=UTC0", "TZ=EAST-7:30", "TZ=WEST9"};
    const int shifts[] = {0, 7 * 60 + 30, -9 * 60};
    for (int zone = 0; zone < 3; zone++) {
        // A child that is started while a minute ends may see either.
        while (time(NULL) % 60 > 50) sleep_for(0.5);
        int minute = (int)(time(NULL) / 60 % 1440) + shifts[zone] + 1440;
        // From, to, in minutes from now, and a second period; what a write ends with.
        const struct { int from, to, from2, to2, error; } cases[] = {
            {-5, 5, 0, 0, EROFS}, {5, 65, 0, 0, 0}, {-65, -5, 0, 0, 0}, {-700, 700, 0, 0, EROFS},
            {5, -5, 0, 0, 0}, {5, 65, -5, 5, EROFS}, {5, 65, -65, -5, 0}, {0, 60, 0, 0, EROFS}, {-60, 0, 0, 0, 0}};
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            char parameters[128], role[16];
            int from = (minute + cases[i].from) % 1440, to = (minute + cases[i].to) % 1440;
            int length = snprintf(parameters, sizeof parameters, "KAIO_VFS_PARAMETERS=readonly:period=%02d:%02d-%02d:%02d",
                                  from / 60, from % 60, to / 60, to % 60);
            from = (minute + cases[i].from2) % 1440, to = (minute + cases[i].to2) % 1440;
            if (from != to)
                snprintf(parameters + length, sizeof parameters - (size_t)length, " %02d:%02d-%02d:%02d", from / 60, from % 60,
                         to / 60, to % 60);
            snprintf(role, sizeof role, "%d", cases[i].error);
            const char *const environment[] = {zones[zone], parameters, NULL};
            run_again(&child, role, environment, NULL);
            if (child.status != 0)
                failed(__FILE__, __LINE__, "%s %s: %s", zones[zone], parameters, child.errors);
        }
    }
}
