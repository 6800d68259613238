// holds: kaio_connect with an unknown module, an unknown parameter or a bad value gives NULL with EINVAL, and a line on stderr that names it.
// source: kaio
// modes: linked
#include "../connection.h"

static void refused(const char *objects, const char *parameters) {
    errno = 0;
    CHECK(kaio_connect("shop", objects, parameters) == NULL);
    EQUAL(errno, EINVAL);
}

int main(int count, char **arguments) {
    if (count > 0 && strcmp(arguments[0], "again") == 0) {
        switch (atoi(arguments[1])) {
            case 0: refused("ordered nonsense", NULL); break;
            case 1: refused(NULL, "aio_linux:aio num events = many"); break;
            case 2: refused(NULL, "aio_linux:colour = blue"); break;
            case 3: refused("delay_inject aio_linux", "delay_inject:delay = soon"); break;
            case 4: refused(NULL, "what is this"); break;
        }
        // A good one afterwards.
        OK(kaio_disconnect(connected(NULL, NULL)));
        return 0;
    }
    const char *const named[] = {"nonsense", "many", "colour", "soon", "what is this"};
    for (int i = 0; i < 5; i++) {
        struct child child;
        char role[2] = {(char)('0' + i), 0};
        run_again(&child, role, NULL, NULL);
        SUCCEEDED(&child);
        if (count_lines(child.errors, "kaio", named[i]) != 1)
            failed(__FILE__, __LINE__, "not one line about %s: %s", named[i], child.errors);
    }
}
