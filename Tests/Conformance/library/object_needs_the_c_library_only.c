// holds: The library needs the C library (before 2.34 that is also libpthread and libdl) and the dynamic loader, nothing else, and is called libkaio.so.1.
// source: kaio
#include "../check.h"

int main(void) {
    char command[PATH_MAX + 32], line[512], name[256];
    snprintf(command, sizeof command, "readelf -dW '%s'", getenv("CHECK_LIBRARY"));
    FILE *entries = popen(command, "re");
    CHECK(entries != NULL);
    int libc = 0, soname = 0;
    while (fgets(line, sizeof line, entries)) {
        char *bracket = strchr(line, '[');
        if (!bracket || sscanf(bracket, "[%255[^]]", name) != 1) continue;
        if (strstr(line, "(SONAME)")) {
            soname = strcmp(name, "libkaio.so.1") == 0;
        } else if (strstr(line, "(NEEDED)")) {
            if (strcmp(name, "libc.so.6") == 0) libc = 1;
            else if (strcmp(name, "libpthread.so.0") != 0 && strcmp(name, "libdl.so.2") != 0 &&
                     strncmp(name, "ld-linux", 8) != 0) failed(__FILE__, __LINE__, "needs %s", name);
        } else if (strstr(line, "PATH)") && strchr(name, '/') == name) {
            failed(__FILE__, __LINE__, "names a directory of the machine that built it: %s", name);
        }
    }
    EQUAL(pclose(entries), 0);
    CHECK(libc);
    CHECK(soname);
}
