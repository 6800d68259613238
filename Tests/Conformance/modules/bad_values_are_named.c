// holds: What a module can't make sense of in its parameters is named on stderr; a stack that can't be made is not used, and the program works.
// source: kaio
// limit: 60
#include "../check.h"

static struct child child;

int main(int argc, char **argv) {
    if (argc > 1) {
        (void)argv;
        int file = scratch_file(0);
        char byte = 7;
        struct aiocb control = request(file, &byte, 1, 0);
        OK(aio_write(&control));
        EQUAL(FINISH(&control), 1);
        return 0;
    }
    const struct { const char *objects, *parameters, *first, *second; } bad[] = {
        {"error_inject", "error_inject:rules=\"read EIO; write ENOPSC after 5\"", "error_inject:rules", "ENOPSC after 5"},
        {"error_inject", "error_inject:rules=EIO", "error_inject:rules", "EIO"},
        {"error_inject", "error_inject:rules=any", "error_inject:rules", "any"},
        {"error_inject", "error_inject:rules=any EINPROGRESS", "error_inject:rules", "any EINPROGRESS"},
        {"error_inject", "error_inject:rules=any 115", "error_inject:rules", "any 115"},
        {"error_inject", "error_inject:rules=any EIO 101%", "error_inject:rules", "101%"},
        {"error_inject", "error_inject:rules=any EIO after", "error_inject:rules", "after"},
        {"error_inject", "error_inject:rules=any EIO nth 0", "error_inject:rules", "nth 0"},
        {"error_inject", "error_inject:rules=any EIO range 2M-1M", "error_inject:rules", "2M-1M"},
        {"error_inject", "error_inject:when=never; error_inject:rules=any EIO", "error_inject:when", "never"},
        {"delay_inject", "delay_inject:distribution=normal; delay_inject:delay=1h", "delay_inject:distribution", "normal"},
        {"delay_inject", "delay_inject:operations=write open; delay_inject:delay=1h", "delay_inject:operations", "open"},
        {"delay_inject", "delay_inject:minimum=2s; delay_inject:maximum=1s", "delay_inject:minimum", "2s"},
        {"readonly", "readonly:period=09:00-17", "readonly:period", "09:00-17"},
        {"readonly", "readonly:period=25:00-26:00", "readonly:period", "25:00-26:00"},
        {"readonly", "readonly:period=12:00-12:00", "readonly:period", "12:00-12:00"},
        {"aio_ratelimit", "aio_ratelimit:write_iops=many", "aio_ratelimit:write_iops", "many"},
        {"readahead", "readahead:window=1X", "readahead:window", "1X"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char objects[256], parameters[256];
        snprintf(objects, sizeof objects, "KAIO_VFS_OBJECTS=%s", bad[i].objects);
        snprintf(parameters, sizeof parameters, "KAIO_VFS_PARAMETERS=%s", bad[i].parameters);
        const char *const environment[] = {objects, parameters, NULL};
        run_again(&child, "work", environment, NULL);
        SUCCEEDED(&child);
        if (count_lines(child.errors, bad[i].first, bad[i].second) != 1)
            failed(__FILE__, __LINE__, "%s is not named once: %s", bad[i].parameters, child.errors);
    }
}
