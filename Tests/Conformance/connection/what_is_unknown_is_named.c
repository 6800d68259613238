// holds: kaio_connect with an unknown module gives NULL with ENOENT, with one that does not load ELIBBAD, with an unknown parameter or a bad value EINVAL, and a line on stderr that names it.
// source: kaio
// modes: linked
#include "../connection.h"

static void refused(int error, const char *objects, const char *parameters) {
    errno = 0;
    CHECK(kaio_connect("shop", objects, parameters) == NULL);
    EQUAL(errno, error);
}

int main(int count, char **arguments) {
    if (count > 0 && strcmp(arguments[0], "again") == 0) {
        switch (atoi(arguments[1])) {
            case 0: refused(ENOENT, "ordered nonsense", NULL); break;
            case 1: refused(EINVAL, NULL, "aio_linux:aio num events = many"); break;
            case 2: refused(EINVAL, NULL, "aio_linux:colour = blue"); break;
            case 3: refused(EINVAL, "delay_inject aio_linux", "delay_inject:delay = soon"); break;
            case 4: refused(EINVAL, NULL, "what is this"); break;
            case 5: refused(EINVAL, "full_audit aio_linux", "full_audit:format = verse"); break;
            case 6: refused(EINVAL, "error_inject aio_linux", "error_inject:rules = read EDOOM"); break;
            case 7: refused(ENOENT, "/nowhere/mine.so aio_linux", NULL); break;
            case 9: refused(EINVAL, "ordered aio_linux", "stats:format = json"); break;
            case 10: refused(EINVAL, "stats full_audit ordered", "full_audit:to = %zone"); break;
            case 11: refused(EINVAL, "stats full_audit ordered", "full_audit:colour = blue"); break;
            case 8: refused(ELIBBAD, "/etc/passwd aio_linux", NULL); break;
        }
        // A good one afterwards.
        OK(kaio_disconnect(connected(NULL, NULL)));
        return 0;
    }
    const char *const named[] = {
        "nonsense",
        "many: not a number from 1 to 65536",
        "colour: the module has no such parameter; it has aio num events",
        "soon: not a time",
        "what is this",
        "verse: not one of: text json",
        "EDOOM",
        "/nowhere/mine.so",
        "/etc/passwd",
        "stats:format: the stack has no module of that name; it is ordered aio_linux",
        "%zone: unknown %z; known are %p",
        "full_audit:colour: the module has no such parameter; it has to, ",
    };
    for (int i = 0; i < 12; i++) {
        struct child child;
        char role[3];
        snprintf(role, sizeof role, "%d", i);
        run_again(&child, role, NULL, NULL);
        SUCCEEDED(&child);
        if (count_lines(child.errors, "kaio", named[i]) != 1)
            failed(__FILE__, __LINE__, "not one line about %s: %s", named[i], child.errors);
        // It is not the default that is used.
        EQUAL(count_lines(child.errors, "using", NULL), 0);
        // Nor is a connection that was never made in the report of stats.
        EQUAL(count_lines(child.errors, "service \"", NULL), 0);
    }
}
