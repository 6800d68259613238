// holds: kaio_version() gives the version of kaio.h as "major.minor.patch".
// source: kaio (extension)
#include "../check.h"
#include "../../../include/kaio.h"

int main(void) {
    const char *(*version)(void) = (const char *(*)(void))dlsym(RTLD_DEFAULT, "kaio_version");
    CHECK(version != NULL);
    int major, minor, patch, length = 0;
    printf("%s\n", version());
    EQUAL(sscanf(version(), "%d.%d.%d%n", &major, &minor, &patch, &length), 3);
    EQUAL(version()[length], 0);
    CHECK(strcmp(version(), KAIO_VERSION) == 0);
    EQUAL(major << 16 | minor << 8 | patch, KAIO_VERSION_NUMBER);
    EQUAL(major, KAIO_VERSION_MAJOR);
    EQUAL(minor, KAIO_VERSION_MINOR);
    EQUAL(patch, KAIO_VERSION_PATCH);
}
